//! `clip-rs embed`

use std::path::PathBuf;

use anyhow::Context;
use clip_rs::embeddings::{self, Journal, beside};
use clip_rs::{
    Clip, Computation, Counts, Error, Features, ImageInput, Ledger, ModelProvenance, Overflow, Provenance,
};

use crate::console::{Console, Unit};
use crate::exit::Exit;
use crate::images::{Images, read_stdin};
use crate::labels::read_lines;
use crate::settings::Settings;

/// Texts encoded at a time. The more there are, the more of them begin alike and share rows (captions: a seventh of
/// the rows in a thousand, a quarter in five thousand); an interruption loses as many.
const BATCH: usize = 2048;

/// Write embeddings of images or texts to a file
///
/// Rows have norm 1 (or are the towers' raw outputs with --raw) and follow the order of the inputs. Beside FILE stand
/// FILE.json (model, recipe, counts), FILE.ids.jsonl (the input of each row; a .parquet holds them itself) and, where
/// inputs were skipped, FILE.skipped.jsonl; where texts were cut, FILE.truncated.jsonl. An interrupted run goes on where it stopped when it is repeated.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs embed images photos --out photos.npy
  clip-rs embed texts captions.txt --out captions.parquet --truncate")]
pub(crate) struct Embed {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// Embed images: files, folders, patterns, or `-`
    Images(ImagesArgs),
    /// Embed texts: files with one text a line, or `-`
    Texts(TextsArgs),
}

#[derive(clap::Args)]
struct ImagesArgs {
    /// Files, folders, patterns, or `-` (an image or a list of paths on standard input)
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args)]
struct TextsArgs {
    /// Files with one text a line, or `-` for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// Cut texts over the context length, and count them, instead of skipping them
    #[arg(long)]
    truncate: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args)]
struct OutputArgs {
    /// The file to write: .npy, .safetensors or .parquet
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The towers' outputs as they are, not normalised
    #[arg(long)]
    raw: bool,
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Print a JSON object with the counts
    #[arg(long)]
    json: bool,
}

/// What a run came to.
struct Outcome<'a> {
    ids: Vec<&'a str>,
    ledger: Ledger,
    total: usize,
    truncated: Vec<Truncated>,
}

/// A text that lost its end; a line of FILE.truncated.jsonl.
#[derive(serde::Serialize)]
struct Truncated {
    input: String,
    /// Content tokens cut off.
    lost: usize,
}

/// Texts sorted by what becomes of them.
struct Fitting<'a> {
    texts: Vec<&'a String>,
    truncated: Vec<Truncated>,
    ledger: Ledger,
}

impl Outcome<'_> {
    fn counts(&self) -> Counts {
        Counts { rows: self.ids.len(), skipped: self.ledger.skips().len(), truncated: self.truncated.len() }
    }
}

impl Embed {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        match self.kind {
            Kind::Images(args) => args.run(settings, console),
            Kind::Texts(args) => args.run(settings, console),
        }
    }
}

impl ImagesArgs {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let mut images = Images::from_arguments(&self.inputs)?;
        let clip = settings.load(self.output.model.as_deref(), console)?;
        let model = clip.provenance()?;
        let mut journal =
            self.output.journal(&clip, &model, "images", serde_json::to_value(clip.recipe())?)?;
        let inputs = std::mem::take(&mut images.inputs);
        let todo: Vec<_> = inputs.iter().filter(|input| !journal.contains(input.name())).collect();
        self.output.tell_resumed(inputs.len() - todo.len(), console);
        images.encode_these(&todo, &clip, console, |inputs, features| {
            self.output.append(&mut journal, inputs.iter().map(|image| image.name()), features)
        })?;
        let ids = inputs.iter().map(ImageInput::name).filter(|id| journal.contains(id)).collect();
        let outcome = Outcome { ids, ledger: images.ledger, total: images.total, truncated: Vec::new() };
        let provenance = Provenance::new("images", &clip, &model, !self.output.raw, outcome.counts());
        self.output.finish(&provenance, journal, outcome, console)
    }
}

impl TextsArgs {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let texts = self.texts()?;
        let clip = settings.load(self.output.model.as_deref(), console)?;
        let model = clip.provenance()?;
        let mut journal = self.output.journal(&clip, &model, "texts", self.truncate.into())?;
        let fitting = self.fitting(&clip, &texts);
        let done = fitting.texts.iter().filter(|text| journal.contains(text)).count();
        self.output.tell_resumed(done, console);
        let bar = console.progress(fitting.texts.len() as u64, Unit::Items("texts"));
        for batch in fitting.texts.chunks(BATCH) {
            let new: Vec<&String> = batch.iter().copied().filter(|text| !journal.contains(text)).collect();
            let (features, _) = clip.encode_texts_with(&new, Overflow::Truncate)?;
            self.output.append(&mut journal, new.iter().map(|text| text.as_str()), features)?;
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        let ids = fitting.texts.into_iter().map(String::as_str).collect();
        let outcome =
            Outcome { ids, ledger: fitting.ledger, total: texts.len(), truncated: fitting.truncated };
        let provenance = Provenance::new("texts", &clip, &model, !self.output.raw, outcome.counts());
        self.output.finish(&provenance, journal, outcome, console)
    }

    /// The texts that fit the context, or may be cut to it; the others go to the ledger.
    fn fitting<'a>(&self, clip: &Clip, texts: &'a [String]) -> Fitting<'a> {
        let context_length = clip.architecture().text.context_length;
        let mut fitting = Fitting { texts: Vec::new(), truncated: Vec::new(), ledger: Ledger::default() };
        for (index, text) in texts.iter().enumerate() {
            match clip.tokenizer().tokenize(text, context_length, Overflow::Refuse) {
                Ok(_) => fitting.texts.push(text),
                Err(_) if self.truncate => {
                    let lost = (clip.tokenizer().encode(text).len() + 2).saturating_sub(context_length);
                    fitting.truncated.push(Truncated { input: text.clone(), lost });
                    fitting.texts.push(text);
                }
                Err(source) => fitting.ledger.skip(text, &Error::Text { index, source }),
            }
        }
        fitting
    }

    fn texts(&self) -> anyhow::Result<Vec<String>> {
        let mut texts = Vec::new();
        for input in &self.inputs {
            if input == "-" {
                let text = String::from_utf8(read_stdin()?).context("standard input is not UTF-8")?;
                texts.extend(text.lines().map(str::to_owned));
            } else {
                texts.extend(read_lines(input.as_ref())?);
            }
        }
        Ok(texts)
    }
}

impl OutputArgs {
    fn journal(
        &self,
        clip: &Clip,
        model: &ModelProvenance,
        kind: &str,
        form: serde_json::Value,
    ) -> anyhow::Result<Journal> {
        let computation = Computation::of(clip);
        let run = serde_json::json!({
            "kind": kind, "model": model, "form": form, "raw": self.raw, "computation": computation,
        });
        Ok(Journal::open(&self.out, &run, clip.embed_dim())?)
    }

    /// Rows of norm 1, or as the tower gave them.
    fn append<'a>(
        &self,
        journal: &mut Journal,
        ids: impl Iterator<Item = &'a str>,
        features: Features,
    ) -> anyhow::Result<()> {
        if self.raw {
            return Ok(journal.append(ids.zip(features.rows()))?);
        }
        Ok(journal.append(ids.zip(features.normalize().rows()))?)
    }

    fn tell_resumed(&self, rows: usize, console: &Console) {
        if rows > 0 {
            console.note(&format!("going on after an interruption: {rows} rows are there already"));
        }
    }

    fn finish(
        &self,
        provenance: &Provenance<'_>,
        journal: Journal,
        outcome: Outcome<'_>,
        console: &Console,
    ) -> anyhow::Result<Exit> {
        let Outcome { ids, ledger, total, truncated } = outcome;
        journal.finish(&ids, provenance)?;
        self.write_list("skipped.jsonl", ledger.skips())?;
        self.write_list("truncated.jsonl", &truncated)?;
        console.skipped(&ledger, total);
        if !truncated.is_empty() {
            let list = beside(&self.out, "truncated.jsonl");
            console.warn(&format!(
                "{} texts were cut to the context length: {}",
                truncated.len(),
                list.display()
            ));
        }
        if self.json {
            console.json(provenance)?;
        } else {
            let shape = format!("{} x {}", ids.len(), provenance.embed_dim);
            console.print(&format!("{}: {shape} f32\n", self.out.display()))?;
        }
        Ok(if ledger.is_empty() { Exit::Ok } else { Exit::Skipped })
    }
    /// Writes `items` as JSON lines beside the output; an empty list removes that of an earlier run.
    fn write_list(&self, suffix: &str, items: &[impl serde::Serialize]) -> anyhow::Result<()> {
        let path = beside(&self.out, suffix);
        if items.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        Ok(embeddings::write_json_lines(&path, items)?)
    }
}
