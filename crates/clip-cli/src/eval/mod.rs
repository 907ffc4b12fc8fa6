//! `clip-rs eval`

mod compare;
mod geolocation;
mod shared;
mod shown;

use std::path::PathBuf;

use anyhow::Context;
use clip_eval::suite::{self, Entry, Job, Outcome, Run, Shard, Suite, Verb};
use clip_eval::{Average, EvalOptions, Frames, ProbeFeatures, Progress, Step};
use indicatif::ProgressBar;

use self::shared::World;
use self::shown::{head_of_table, row_of_failure, row_of_table};
use crate::console::{Console, Unit};
use crate::exit::Exit;
use crate::settings::Settings;

/// Measure models on benchmark data sets, with intervals and everything needed to repeat a figure
///
/// Data sets are read in their authors' layout (`clip-rs datasets info NAME` says what to fetch and where to put it).
/// Every cell becomes OUT/MODEL/DATASET.TASK.json, with one line per image beside it; OUT/results.csv joins them.
/// Features are computed once and kept by content. A cell that is there already is not made again; a data set that is
/// missing or an image that is broken is listed, and stops nothing.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs eval zeroshot --dataset cifar10,oxford_pets --root data --model starter
  clip-rs eval probe --dataset all --root data --model ViT-B/32 --level 0.995
  clip-rs eval suite suite.toml --shard 0/2
  clip-rs report results -o report.html")]
pub(crate) struct Eval {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// Class names in sentences; no labelled image is looked at
    Zeroshot(Cells),
    /// Captions and images find each other
    Retrieval(Cells),
    /// Logistic regression on the features of all labelled images
    Probe(Cells),
    /// Logistic regression on a few labelled images per class
    Fewshot(Cells),
    /// Accuracy under natural shifts against accuracy on ImageNet
    Robustness(Cells),
    /// A list of models, data sets and tasks from a TOML file
    Suite(SuiteArgs),
    Geolocation(geolocation::Geolocation),
    /// Two models on the same images: McNemar's test and the difference with its interval
    Compare(compare::Compare),
}

#[derive(clap::Args)]
struct Cells {
    /// Data sets by id, separated by commas, or `all` (see `clip-rs datasets list`)
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAME")]
    dataset: Vec<String>,
    /// Folder of the data sets, each in a folder of its own, or of one data set
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Models, separated by commas: names, `hf:owner/name`, or paths [default: starter]
    #[arg(long, short, value_delimiter = ',', value_name = "MODEL")]
    model: Vec<String>,
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct SuiteArgs {
    /// `models`, `tasks`, `datasets`, `root`, `[options]`
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Output {
    /// Folder for results
    #[arg(long, short, default_value = "results", value_name = "DIR")]
    out: PathBuf,
    /// Folder for features [default: `features` in the cache folder]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Do every n-th cell only, beginning with the i-th; the last process to end joins all
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// One JSON object per cell and line, as it is written to the file
    #[arg(long)]
    json: bool,
}

/// What changes a figure; part of every result.
#[derive(clap::Args)]
struct Choices {
    /// Level of intervals; the paper has 0.995
    #[arg(long, default_value_t = 0.95, value_parser = level, value_name = "SHARE")]
    level: f64,
    /// Split to score, in place of the data set's test split
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Ids of the items of a split that is drawn at random, one a line
    #[arg(long, value_name = "FILE")]
    split_file: Option<PathBuf>,
    /// Class names in place of ours: a JSON list, or CLIP_benchmark's file
    #[arg(long, value_name = "FILE")]
    classnames: Option<PathBuf>,
    /// Templates in place of ours: a JSON list, or CLIP_benchmark's file
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
    /// Of everything drawn at random
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Resamples of a bootstrap
    #[arg(long, default_value_t = 1000, value_name = "N")]
    resamples: usize,
    /// Rows that a probe sees: paper, projected, pre-projection or normalized
    #[arg(long, default_value = "paper", value_parser = probe_features, value_name = "KIND")]
    probe_features: ProbeFeatures,
    /// Regularisation strength C of a probe, in place of the paper's search
    #[arg(long, value_name = "C")]
    c: Option<f64>,
    /// Labelled images per class of the few-shot task
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16", value_name = "K")]
    shots: Vec<usize>,
    /// Draws of each number of shots
    #[arg(long, default_value_t = 3, value_name = "N")]
    draws: usize,
    /// Sentence with {} for a caption; "{}" is the bare caption, as CLIP_benchmark has it
    #[arg(long, default_value = "a photo of {}", value_name = "TEXT")]
    caption_template: String,
    /// Captions of an image that count [default: all]
    #[arg(long, value_name = "N")]
    captions: Option<usize>,
    /// Frames of a clip that zero-shot looks at: middle or all; other tasks take the middle one
    #[arg(long, default_value = "middle", value_parser = frames, value_name = "WHICH")]
    frames: Frames,
    /// So many of all frames a second [default: each frame]
    #[arg(long, requires = "frames", value_parser = rate, value_name = "N")]
    fps: Option<f64>,
    /// What is averaged over all frames: probabilities or logits
    #[arg(long, default_value = "probabilities", value_parser = average, value_name = "WHAT")]
    average: Average,
    /// Cut the copyright line off the photos of FGVC Aircraft
    #[arg(long)]
    strip_banner: bool,
}

impl Eval {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let (verb, cells) = match self.kind {
            Kind::Compare(compare) => return compare.run(console),
            Kind::Geolocation(geolocation) => return geolocation.run(settings, console),
            Kind::Suite(suite) => {
                return measure(&Suite::read(&suite.file)?, &suite.output, settings, console);
            }
            Kind::Zeroshot(cells) => (Verb::Zeroshot, cells),
            Kind::Retrieval(cells) => (Verb::Retrieval, cells),
            Kind::Probe(cells) => (Verb::Probe, cells),
            Kind::Fewshot(cells) => (Verb::Fewshot, cells),
            Kind::Robustness(cells) => (Verb::Robustness, cells),
        };
        let models = if cells.model.is_empty() { vec![settings.model.value.clone()] } else { cells.model };
        let suite = Suite {
            models,
            tasks: vec![verb],
            datasets: cells.dataset.into_iter().map(Entry::Id).collect(),
            root: cells.root,
            options: cells.choices.into(),
        };
        measure(&suite, &cells.output, settings, console)
    }
}

/// Does the jobs of this process, and joins what is in the folder.
fn measure(suite: &Suite, output: &Output, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    let world = World::join(output.shard)?;
    let jobs = suite.jobs()?;
    anyhow::ensure!(!jobs.is_empty(), "no data set fits the task");
    let load = settings.load_options();
    let cache = output.features.clone().unwrap_or_else(|| load.cache_folders().own.join("features"));
    let run = Run { out: &output.out, cache: &cache, shard: world.shard(), load: &load };
    let everything = suite.datasets.iter().any(|entry| matches!(entry, Entry::Id(id) if id == "all"));
    let (mut made, mut incomplete, mut failed) = (0, 0, Vec::new());
    if !output.json {
        console.print(&head_of_table(suite.options.level))?;
    }
    let mut printed = Ok(());
    run.jobs(
        &jobs,
        &suite.options,
        |job| steps(console, job),
        |job, outcome| {
            let line = match &outcome {
                Outcome::Made(cell) | Outcome::Kept(cell) => {
                    made += 1;
                    incomplete += usize::from(cell.counts.skipped > 0);
                    if output.json {
                        serde_json::to_string(cell).unwrap_or_default() + "\n"
                    } else {
                        row_of_table(cell)
                    }
                }
                // `all` means all that are there.
                Outcome::Failed(error) if everything && error.is_not_found() => String::new(),
                Outcome::Failed(error) => {
                    failed.push(format!(
                        "{} on {} with {}: {error}",
                        job.verb.name(),
                        job.dataset,
                        job.model
                    ));
                    if output.json { String::new() } else { row_of_failure(job) }
                }
            };
            if printed.is_ok() {
                printed = console.print(&line);
            }
        },
    )?;
    printed?;
    if made == 0 && world.is_alone() {
        anyhow::bail!("no cell could be measured; {}", failed.first().map_or("no data set was found", |f| f));
    }
    world.wait();
    let (_, broken) = suite::merge(&output.out).context("joining the results")?;
    for error in &broken {
        console.warn(&error.to_string());
    }
    for failure in &failed {
        console.warn(failure);
    }
    if !world.speaks() {
        return Ok(Exit::Ok);
    }
    console.note(clip_rs::LIMITS);
    Ok(if failed.is_empty() && broken.is_empty() && incomplete == 0 { Exit::Ok } else { Exit::Skipped })
}

/// A bar for each step of a job.
fn steps(console: &Console, job: &Job) -> Box<Progress<'static>> {
    console.detail(&format!("{} on {} with {}", job.verb.name(), job.dataset, job.model));
    let bars = [Unit::Items("texts"), Unit::Items("images"), Unit::Items("fits")];
    let [texts, images, fits] = bars.map(|unit| console.progress(0, unit));
    let mut current: Option<ProgressBar> = None;
    Box::new(move |step| {
        let mut begin = |bar: &ProgressBar, count: usize| {
            if let Some(bar) = current.take() {
                bar.finish_and_clear();
            }
            bar.reset();
            bar.set_length(count as u64);
            current = Some(bar.clone());
        };
        match step {
            Step::Texts(count) => begin(&texts, count),
            Step::Images(count) => begin(&images, count),
            Step::Fits(count) => begin(&fits, count),
            Step::Done(count) => current.iter().for_each(|bar| bar.inc(count as u64)),
        }
    })
}

impl From<Choices> for EvalOptions {
    fn from(choices: Choices) -> Self {
        EvalOptions {
            level: choices.level,
            seed: choices.seed,
            resamples: choices.resamples,
            probe_features: choices.probe_features,
            c: choices.c,
            shots: choices.shots,
            draws: choices.draws,
            caption_template: choices.caption_template,
            captions: choices.captions,
            strip_banner: choices.strip_banner,
            frames: choices.frames,
            fps: choices.fps,
            average: choices.average,
            split: choices.split,
            split_file: choices.split_file,
            classnames: choices.classnames,
            templates: choices.templates,
            ..EvalOptions::default()
        }
    }
}

fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(level) if level > 0.0 && level < 1.0 => Ok(level),
        _ => Err("a level is a share between 0 and 1, such as 0.95".to_owned()),
    }
}

fn frames(text: &str) -> Result<Frames, String> {
    match text {
        "middle" => Ok(Frames::Middle),
        "all" => Ok(Frames::All),
        _ => Err("there are middle and all".to_owned()),
    }
}

fn average(text: &str) -> Result<Average, String> {
    match text {
        "probabilities" => Ok(Average::Probabilities),
        "logits" => Ok(Average::Logits),
        _ => Err("there are probabilities and logits".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("a rate is a number of frames a second above 0, such as 2 or 0.5".to_owned()),
    }
}

fn probe_features(text: &str) -> Result<ProbeFeatures, String> {
    match text {
        "paper" => Ok(ProbeFeatures::Paper),
        "projected" => Ok(ProbeFeatures::Projected),
        "pre-projection" | "pre-cproj" => Ok(ProbeFeatures::PreProjection),
        "normalized" => Ok(ProbeFeatures::Normalized),
        _ => Err("there are paper, projected, pre-projection and normalized".to_owned()),
    }
}
