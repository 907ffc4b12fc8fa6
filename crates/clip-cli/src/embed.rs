//! `clip-rs embed`

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clip_rs::embeddings::{self, Journal, RowPlace, beside};
use clip_rs::{
    Clip, ComputeEnv, ContentId, Counts, Error, Features, ImageInput, Ledger, ModelProvenance,
    Overflow, Provenance,
};
use rayon::prelude::*;

use crate::column::column_of;
use crate::console::{Console, Unit, Usage};
use crate::exit::Exit;
use crate::images::{Images, read_stdin, require};
use crate::labels::{lines_of, read_lines, read_text};
use crate::settings::Settings;

/// Texts encoded at a time. The more there are, the more of them begin alike and share rows
/// (captions: a seventh of the rows in a thousand, a quarter in five thousand); an interruption
/// loses as many.
const BATCH: usize = 2048;

/// Write embeddings of images or texts to a file
///
/// Rows have norm 1 (or are the towers' raw outputs with --raw) and follow the order of the inputs.
/// Beside FILE stand FILE.json (model, recipe, counts), FILE.ids.jsonl (the input of each row; a
/// .parquet holds them itself) and, where inputs were skipped, FILE.skipped.jsonl; where texts were
/// cut, FILE.truncated.jsonl. An interrupted run goes on where it stopped when it is repeated.
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
    #[command(after_help = "Examples:
  clip-rs embed images photos --out photos.npy
  find photos -name '*.jpg' | clip-rs embed images - --out photos.safetensors")]
    Images(ImagesArgs),
    /// Embed texts: files with one text a line, or `-`
    #[command(after_help = "Examples:
  clip-rs embed texts captions.txt --out captions.npy
  clip-rs embed texts captions.csv --column caption --out captions.parquet --truncate")]
    Texts(TextsArgs),
}

#[derive(clap::Args)]
struct ImagesArgs {
    /// Files, folders, patterns, or `-` (an image or a list of paths on standard input)
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<OsString>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args)]
struct TextsArgs {
    /// Files with one text a line, tables (.csv, .tsv, with --column), or `-` for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The column of the tables that holds the texts
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
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
    /// Where the row of each id is in the journal.
    places: Vec<RowPlace>,
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
        Counts {
            rows: self.ids.len(),
            skipped: self.ledger.skips().len(),
            truncated: self.truncated.len(),
        }
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
        let mut images = Images::from_arguments(&self.inputs, console)?;
        let clip = settings.load(self.output.model.as_deref(), console)?;
        let model = clip.provenance()?;
        let mut journal = self.output.journal(
            &clip,
            &model,
            "images",
            serde_json::to_value(clip.preprocess())?,
        )?;
        let inputs = std::mem::take(&mut images.inputs);
        let mut places = known(&journal, &inputs, &clip);
        let todo: Vec<usize> = (0..inputs.len()).filter(|&index| places[index].is_none()).collect();
        self.output.tell_resumed(inputs.len() - todo.len(), console);
        let new = todo.iter().map(|&index| &inputs[index]);
        images.encode_these(new, &clip, console, |images, features| {
            let contents = images.iter().map(|image| image.content);
            let appended = self.output.append(&mut journal, contents, features)?;
            images
                .iter()
                .zip(appended)
                .for_each(|(image, place)| places[todo[image.index]] = Some(place));
            Ok(())
        })?;
        drop(todo);
        let rows =
            inputs.iter().zip(places).filter_map(|(input, place)| Some((input.name(), place?)));
        let (ids, places) = rows.unzip();
        let outcome = Outcome {
            ids,
            places,
            ledger: images.ledger,
            total: images.total,
            truncated: Vec::new(),
        };
        let provenance =
            Provenance::new("images", &clip, &model, !self.output.raw, outcome.counts());
        self.output.finish(&provenance, journal, outcome, console)
    }
}

/// The rows that an earlier run left, by what the files hold now.
fn known(journal: &Journal, inputs: &[ImageInput], clip: &Clip) -> Vec<Option<RowPlace>> {
    if journal.is_empty() {
        return vec![None; inputs.len()];
    }
    let limits = &clip.options().image_limits;
    let place = |input: &ImageInput| journal.place(ContentId::of(&input.read(limits).ok()?));
    inputs.par_iter().map(place).collect()
}

impl TextsArgs {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let texts = self.texts()?;
        let empty = texts.iter().filter(|text| text.trim().is_empty()).count();
        if empty > 0 {
            console.warn(&format!("empty texts: {empty}; each has the embedding of no words"));
        }
        let clip = settings.load(self.output.model.as_deref(), console)?;
        clip.check_texts()?;
        let model = clip.provenance()?;
        let mut journal = self.output.journal(&clip, &model, "texts", self.form(&clip))?;
        let fitting = self.fitting(&clip, &texts);
        let contents: Vec<_> =
            fitting.texts.iter().map(|text| ContentId::of(text.as_bytes())).collect();
        self.output.tell_resumed(
            contents.iter().filter_map(|&content| journal.place(content)).count(),
            console,
        );
        let bar = console.progress(fitting.texts.len() as u64, Unit::Items("texts"));
        for (texts, contents) in fitting.texts.chunks(BATCH).zip(contents.chunks(BATCH)) {
            let (new, contents): (Vec<&String>, Vec<ContentId>) = texts
                .iter()
                .zip(contents)
                .filter(|(_, content)| journal.place(**content).is_none())
                .unzip();
            let (features, _) = clip.encode_texts_with(&new, Overflow::Truncate)?;
            self.output.append(&mut journal, contents.into_iter(), features)?;
            bar.inc(texts.len() as u64);
        }
        bar.finish_and_clear();
        let rows = fitting.texts.iter().zip(contents);
        let rows =
            rows.filter_map(|(text, content)| Some((text.as_str(), journal.place(content)?)));
        let (ids, places) = rows.unzip();
        let outcome = Outcome {
            ids,
            places,
            ledger: fitting.ledger,
            total: texts.len(),
            truncated: fitting.truncated,
        };
        let provenance =
            Provenance::new("texts", &clip, &model, !self.output.raw, outcome.counts());
        self.output.finish(&provenance, journal, outcome, console)
    }

    /// What the rows depend on besides model and text.
    fn form(&self, clip: &Clip) -> serde_json::Value {
        let cleaning = format!("{:?}", clip.tokenizer().cleaning());
        serde_json::json!({ "truncate": self.truncate, "cleaning": cleaning })
    }

    /// The texts that fit the context, or may be cut to it; the others go to the ledger.
    fn fitting<'a>(&self, clip: &Clip, texts: &'a [String]) -> Fitting<'a> {
        let context_length = clip.architecture().text.context_length;
        let mut fitting =
            Fitting { texts: Vec::new(), truncated: Vec::new(), ledger: Ledger::default() };
        for (index, text) in texts.iter().enumerate() {
            match clip.tokenizer().tokenize(text, context_length, Overflow::Refuse) {
                Ok(_) => fitting.texts.push(text),
                Err(_) if self.truncate => {
                    let lost =
                        (clip.tokenizer().encode(text).len() + 2).saturating_sub(context_length);
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
            texts.extend(if input.as_os_str() == "-" {
                let text = clip_files::text_of(read_stdin()?).context("standard input")?;
                match &self.column {
                    Some(column) => {
                        column_of(&text, b',', column).map_err(|reason| no_column("-", reason))?
                    }
                    None => lines_of(&text),
                }
            } else {
                self.texts_in(input)?
            });
        }
        require(&texts, "text", "give a file with one text a line")?;
        Ok(texts)
    }

    /// The lines of a file, or a column of a table.
    fn texts_in(&self, path: &Path) -> anyhow::Result<Vec<String>> {
        let ending =
            path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        let separator = match ending.as_str() {
            "csv" => b',',
            "tsv" => b'\t',
            _ if self.column.is_none() => return read_lines(path),
            _ => b',',
        };
        let text = read_text(path)?;
        let name = path.display().to_string();
        match &self.column {
            Some(column) => {
                column_of(&text, separator, column).map_err(|reason| no_column(&name, reason))
            }
            None => {
                let message = format!("{name}: a table; its lines are rows, not texts");
                let columns = text.lines().next().unwrap_or_default();
                Err(Usage::error(
                    message,
                    format!("name the column with --column; the header is: {columns}"),
                ))
            }
        }
    }
}

fn no_column(name: &str, reason: String) -> anyhow::Error {
    Usage::error(format!("{name}: {reason}"), "name a column of the header with --column")
}

impl OutputArgs {
    fn journal(
        &self,
        clip: &Clip,
        model: &ModelProvenance,
        kind: &str,
        form: serde_json::Value,
    ) -> anyhow::Result<Journal> {
        // What the model is called, and where it lies, changes no row.
        let run = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"), "kind": kind, "tensors": model.tensors_sha256,
            "architecture": format!("{:?}", clip.architecture()), "form": form, "raw": self.raw,
            "computation": ComputeEnv::of(clip),
        });
        Ok(Journal::open(&self.out, &run, clip.embed_dim())?)
    }

    /// Rows of norm 1, or as the tower gave them.
    fn append(
        &self,
        journal: &mut Journal,
        contents: impl Iterator<Item = ContentId>,
        features: Features,
    ) -> anyhow::Result<Vec<RowPlace>> {
        if self.raw {
            return Ok(journal.append(contents.zip(features.rows()))?);
        }
        Ok(journal.append(contents.zip(features.normalize().rows()))?)
    }

    fn tell_resumed(&self, rows: usize, console: &Console) {
        if rows > 0 {
            console.note(&format!("going on after an interruption: {rows} rows are there already"));
        }
    }

    fn finish(
        &self,
        provenance: &Provenance<'_>,
        mut journal: Journal,
        outcome: Outcome<'_>,
        console: &Console,
    ) -> anyhow::Result<Exit> {
        let Outcome { ids, places, ledger, total, truncated } = outcome;
        journal.finish(&ids, &places, provenance)?;
        self.write_list("skipped.jsonl", ledger.skips())?;
        self.write_list("truncated.jsonl", &truncated)?;
        drop(journal); // another run may write here now
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

    /// Writes `items` as JSON lines beside the output; an empty list removes that of an earlier
    /// run.
    fn write_list(&self, suffix: &str, items: &[impl serde::Serialize]) -> anyhow::Result<()> {
        let path = beside(&self.out, suffix);
        if items.is_empty() {
            return Ok(embeddings::remove(&path)?);
        }
        Ok(embeddings::write_json_lines(&path, items)?)
    }
}
