//! `clip-rs card`

use std::path::{Path, PathBuf};

use clip_report::card::{Card as Page, CardSummary, ModelFacts, Selection};
use clip_report::measured;
use clip_rs::open_checkpoint;

use crate::console::{Console, Usage};
use crate::exit::Exit;
use crate::settings::Settings;

/// Write a model card from measurements
///
/// Details and hash of the weights, training data as far as known, intended and out-of-scope use,
/// every measured table with its intervals, what the audits found, and what was not measured,
/// listed as such. Results count if they are of exactly these weights and as they were written;
/// nothing is filled in that no file says. Chapters follow Mitchell et al. (2019), the head is
/// Hugging Face's metadata: the file can be uploaded as README.md. The same results give the same
/// bytes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs card --model ViT-B/32 --results results --out CARD.md
  clip-rs card --model model.pt --results results | less

Exit code 3: some files could not be read, or are of other weights under the model's name; the card
names them.")]
pub(crate) struct Card {
    /// A name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Folder of results, as `clip-rs eval` and `clip-rs audit` write them
    #[arg(long, short, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// The card to write [default: print it]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the card in the place of another file
    #[arg(long, requires = "out")]
    replace: bool,
    /// Print a JSON object with the counts
    #[arg(long, requires = "out")]
    json: bool,
}

/// What was written, and what it says.
#[derive(serde::Serialize)]
struct Written<'a> {
    card: &'a Path,
    #[serde(flatten)]
    summary: &'a CardSummary,
}

impl Card {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        if !self.results.is_dir() {
            let message = format!("{}: there is no such folder", self.results.display());
            return Err(Usage::error(
                message,
                "`clip-rs eval` and `clip-rs audit` write results; --results names their folder",
            ));
        }
        let asked = self.model.as_deref().unwrap_or(&settings.model.value);
        let checkpoint = open_checkpoint(asked, &settings.load_options())?;
        let model = ModelFacts::of(asked, &checkpoint)?;
        let selection = Selection::read(&self.results, &model)?;
        for text in selection.refused.iter().chain(&selection.unreadable) {
            console.warn(&format!("not in the card: {text}"));
        }
        if selection.is_empty() {
            nothing_measured(&self.results, asked, &selection, console)?;
        }
        let card = Page { model: &model, selection: &selection, published: &measured };
        match &self.out {
            None => console.stream(&card.text().0)?,
            Some(out) => self.write(out, &card, console)?,
        }
        let is_whole = selection.refused.is_empty() && selection.unreadable.is_empty();
        Ok(if is_whole { Exit::Ok } else { Exit::Skipped })
    }

    /// A card that is there already is left as it is if it would be the same.
    fn write(&self, out: &Path, card: &Page<'_>, console: &Console) -> anyhow::Result<()> {
        let (text, summary) = card.text();
        let is_there = std::fs::symlink_metadata(out).is_ok();
        let is_same = std::fs::read(out).is_ok_and(|bytes| bytes == text.as_bytes());
        if is_there && !is_same && !self.replace {
            let message = format!("{}: there is another file of this name", out.display());
            return Err(Usage::error(message, "--replace writes the card in its place"));
        }
        if !is_same {
            card.write(out)?;
        }
        if self.json {
            return console.json(&Written { card: out, summary: &summary });
        }
        console.print(&said(out, &summary))
    }
}

/// A folder without any result makes an empty card; one with results of others is a mistake.
fn nothing_measured(
    folder: &Path,
    model: &str,
    selection: &Selection,
    console: &Console,
) -> anyhow::Result<()> {
    let folder = folder.display();
    if !selection.refused.is_empty() {
        let message = format!("{folder}: no result of these weights of {model}");
        let help = "its results there are of other weights or were changed; measure these with `clip-rs eval`";
        return Err(Usage::error(message, help));
    }
    if !selection.others.is_empty() {
        let message = format!("{folder}: no result of {model}");
        let help = format!("there are results of {}", selection.others.join(", "));
        return Err(Usage::error(message, &help));
    }
    console.warn(&format!("{folder}: no results: the card says that nothing was measured"));
    Ok(())
}

fn said(out: &Path, summary: &CardSummary) -> String {
    let mut text = format!(
        "{}: {} and {} of {}, {} kB\n",
        out.display(),
        counted(summary.results, "result"),
        counted(summary.audits, "audit"),
        summary.model,
        summary.bytes.div_ceil(1000)
    );
    text += &format!(
        "not measured: {} data sets of the model card, {} kinds of audits; the card lists them\n",
        summary.not_measured.len(),
        summary.not_audited.len()
    );
    text
}

/// `1 result`, `3 audits`
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
