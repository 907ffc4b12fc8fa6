//! Labels, templates and texts as typed.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clip_rs::{Classifier, Clip, Overflow};

use crate::console::{Console, Unit, Usage};

/// The labels to choose from, and the sentences to put them in.
#[derive(clap::Args)]
#[command(next_help_heading = "Labels")]
pub(crate) struct LabelArgs {
    /// Labels, separated by commas: "a cat,a dog"
    #[arg(long, value_name = "LIST")]
    labels: Vec<String>,
    /// One label, commas and all; may be repeated
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,
    /// File with one label a line
    #[arg(long, value_name = "FILE")]
    labels_file: Option<PathBuf>,
    /// Sentence with {} for the label; several are averaged [default: the label itself]
    #[arg(long, value_name = "TEXT")]
    template: Vec<String>,
    /// Cut labels over the context length, and say which, instead of refusing them
    #[arg(long)]
    truncate: bool,
}

/// Fewer prompts than this are done before a bar could be read.
const PROMPTS_WORTH_A_BAR: usize = 1 << 14;

impl LabelArgs {
    /// All labels in the order of `--labels`, `--label`, `--labels-file`.
    pub(crate) fn labels(&self, console: &Console) -> anyhow::Result<Vec<String>> {
        let mut labels: Vec<String> = self
            .labels
            .iter()
            .flat_map(|list| list.split(','))
            .map(|label| label.trim().to_owned())
            .collect();
        labels.extend(self.label.iter().cloned());
        if let Some(path) = &self.labels_file {
            labels.extend(read_filled_lines(path, console)?);
        }
        if let Some(index) = labels.iter().position(|label| label.trim().is_empty()) {
            return Err(Usage::error(
                format!("label {} is empty", index + 1),
                "remove the extra comma",
            ));
        }
        if labels.is_empty() {
            return Err(clip_rs::Error::NoLabels.into());
        }
        if labels.len() == 1 {
            console.warn(
                "one label: its probability is 100 % whatever the image shows; give others to choose from",
            );
        }
        Ok(labels)
    }

    /// The labels in their templates, encoded.
    pub(crate) fn classifier(
        &self,
        clip: &Clip,
        labels: Vec<String>,
        console: &Console,
    ) -> anyhow::Result<Classifier> {
        if let Some(template) = first_repeated(&self.template) {
            console.note(&format!(
                "template {template:?} is given twice: it counts twice in the mean"
            ));
        }
        let prompts = labels.len() * self.template.len().max(1);
        let bar = (prompts >= PROMPTS_WORTH_A_BAR)
            .then(|| console.progress(prompts as u64, Unit::Items("prompts")));
        let progress = |done: usize| {
            if let Some(bar) = &bar {
                bar.inc(done as u64);
            }
            Ok::<_, clip_rs::Error>(())
        };
        let classifier =
            Classifier::new_with(clip, labels, &self.template, overflow(self.truncate), progress);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let classifier = classifier?;
        let cut = classifier.truncated().iter().map(|&label| classifier.labels()[label].as_str());
        warn_of_cut("label", cut, console);
        Ok(classifier)
    }
}

/// What `--truncate` asks for.
pub(crate) fn overflow(truncate: bool) -> Overflow {
    if truncate { Overflow::Truncate } else { Overflow::Refuse }
}

/// Says how many texts lost their end, and names the first.
pub(crate) fn warn_of_cut<'a>(
    what: &str,
    mut cut: impl ExactSizeIterator<Item = &'a str>,
    console: &Console,
) {
    let count = cut.len();
    if let Some(first) = cut.next() {
        let first = crate::table::fit(first, 40);
        let first = first.trim_end();
        console.warn(&format!(
            "cut to the context length: {count} {what}{}, the first \"{first}\"",
            plural(count)
        ));
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn first_repeated(texts: &[String]) -> Option<&String> {
    let mut seen = std::collections::HashSet::new();
    texts.iter().find(|text| !seen.insert(text.as_str()))
}

/// The lines of a file that hold something, without spaces around it; how many hold nothing is
/// said.
pub(crate) fn read_filled_lines(path: &Path, console: &Console) -> anyhow::Result<Vec<String>> {
    let mut lines = read_lines(path)?;
    let all = lines.len();
    lines.retain(|line| !line.trim().is_empty());
    match all - lines.len() {
        0 => {}
        1 => console.note(&format!("{}: 1 empty line passed over", path.display())),
        empty => console.note(&format!("{}: {empty} empty lines passed over", path.display())),
    }
    Ok(lines.iter().map(|line| line.trim().to_owned()).collect())
}

/// Greatest text file read into memory.
const GREATEST_TEXT_BYTES: u64 = 1 << 30;

/// The lines of a UTF-8 file, without their ends. A table and JSON are refused by their endings:
/// their lines are no texts.
pub(crate) fn read_lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    if let "csv" | "tsv" | "json" | "jsonl" | "ndjson" = ending.as_str() {
        let message = format!("{}: a line of .{ending} is no plain text", path.display());
        return Err(Usage::error(message, "give a file with one text a line, ending in .txt"));
    }
    Ok(lines_of(&read_text(path)?))
}

/// The lines of a text, whatever ends them: a line feed, a carriage return, or both. A byte order
/// mark is no text.
pub(crate) fn lines_of(text: &str) -> Vec<String> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    lines.flat_map(|line| line.trim_end_matches('\r').split('\r')).map(str::to_owned).collect()
}

/// A UTF-8 file of at most 1 GiB.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    clip_files::read_text(path, GREATEST_TEXT_BYTES).map_err(|error| {
        let message = format!("{}: cannot read: {error}", path.display());
        match error.kind() {
            ErrorKind::FileTooLarge => Usage::error(message, "split it"),
            ErrorKind::InvalidData => Usage::error(message, "save it as UTF-8"),
            ErrorKind::InvalidInput => Usage::error(message, "give a file"),
            _ => anyhow::Error::msg(message),
        }
    })
}
