//! How fast the text tower encodes captions and prompts with and without sharing what they have in
//! common, on the threads of rayon's pool, with weights by formula.
//!
//! `cargo bench -p clip --bench texts -- captions.txt [prompts.json]`: a file of captions, one a
//! line (`picture<TAB>caption` as in Flickr30k's lists, or the caption alone), and a JSON of
//! `classnames` and `templates` with `{}` in them. Without arguments only prompts of its own. Of
//! prompts those of [`TIMED_NAMES`] names are timed, of captions one a picture; figures are medians
//! of interleaved rounds.

use std::collections::HashSet;
use std::time::Instant;

use clip_kernels::{Cpu, Precision};
use clip_model::{ClipModel, Shortcuts, registry, synthetic};
use clip_tokenizer::{CONTEXT_LENGTH, Overflow, Tokenizer};

const ROUNDS: usize = 3;
/// Names that prompts are timed for: enough for several trees.
const TIMED_NAMES: usize = 25;
const NAMES: [&str; 8] = [
    "cat",
    "dog",
    "tench",
    "great white shark",
    "electric guitar",
    "castle",
    "espresso",
    "toilet paper",
];
const TEMPLATES: [&str; 5] = [
    "a photo of a {}.",
    "a photo of the {}.",
    "a bad photo of a {}.",
    "a photo of a large {}.",
    "a {} in a video game.",
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    // `cargo bench` adds flags of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let architecture = &registry::find("ViT-B/32")?.architecture;
    let weights = synthetic::state_dict(architecture, 1);
    let model = |shortcuts| {
        let model = ClipModel::new(Cpu::new(), Precision::F32, architecture, &weights);
        model.map(|model| model.with_shortcuts(shortcuts))
    };
    let apart = Shortcuts { prefixes: false, duplicates: false, ..Shortcuts::ALL };
    let bench =
        Bench { tokenizer: Tokenizer::new(), apart: model(apart)?, shared: model(Shortcuts::ALL)? };
    println!("ViT-B/32, {}, {} threads", Cpu::new().isa().name(), rayon::current_num_threads());
    println!("texts/s: shared (apart)");
    let own = prompts(&NAMES.map(str::to_owned), &TEMPLATES.map(str::to_owned));
    bench.report("prompts of this file", &own)?;
    for path in arguments {
        let file = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        if path.ends_with(".json") {
            bench.report_prompts(&serde_json::from_str(&file)?)?;
        } else {
            bench.report_captions(&file)?;
        }
    }
    Ok(())
}

struct Bench {
    tokenizer: Tokenizer,
    /// Neither prefixes nor duplicates shared.
    apart: ClipModel<Cpu>,
    shared: ClipModel<Cpu>,
}

impl Bench {
    fn report_captions(&self, file: &str) -> Result<()> {
        let lines = || file.lines().map(|line| line.split_once('\t').unwrap_or(("", line)));
        let all: Vec<String> = lines().map(|(_, caption)| caption.to_owned()).collect();
        let mut seen = HashSet::new();
        let first = lines().filter(|(picture, _)| seen.insert(picture.split('#').next()));
        let first: Vec<String> = first.map(|(_, caption)| caption.to_owned()).collect();
        match first.len() {
            1 => self.report("captions", &all),
            _ => self.report("one caption a picture", &first),
        }
    }

    fn report_prompts(&self, set: &PromptSet) -> Result<()> {
        let PromptSet { classnames, templates } = set;
        let every = classnames.len().div_ceil(TIMED_NAMES).max(1);
        let some: Vec<String> = classnames.iter().step_by(every).cloned().collect();
        let case = format!("{} names x {}", classnames.len(), templates.len());
        self.report(&case, &prompts(&some, templates))
    }

    fn report(&self, case: &str, timed: &[String]) -> Result<()> {
        let ids = self.tokenize(timed)?;
        let texts: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let models = [&self.shared, &self.apart];
        let mut seconds = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (model, seconds) in models.iter().zip(&mut seconds) {
                let start = Instant::now();
                model.encode_texts(&texts)?;
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        let [shared, apart] = seconds.map(median);
        let speed = |seconds: f64| texts.len() as f64 / seconds;
        println!(
            "{case:<24} {:>6} texts {:>7.0} texts/s ({:.0}), {:.2} times",
            texts.len(),
            speed(shared),
            speed(apart),
            apart / shared,
        );
        Ok(())
    }

    fn tokenize(&self, texts: &[String]) -> Result<Vec<Vec<u32>>> {
        let ids = |text: &String| {
            self.tokenizer
                .tokenize(text, CONTEXT_LENGTH, Overflow::Truncate)
                .map(|tokens| tokens.ids)
        };
        Ok(texts.iter().map(ids).collect::<std::result::Result<_, _>>()?)
    }
}

#[derive(serde::Deserialize)]
struct PromptSet {
    classnames: Vec<String>,
    templates: Vec<String>,
}

fn prompts(names: &[String], templates: &[String]) -> Vec<String> {
    names
        .iter()
        .flat_map(|name| templates.iter().map(|template| template.replace("{}", name)))
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
