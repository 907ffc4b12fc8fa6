//! Labels, templates and texts as typed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::console::Usage;

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
    pub(crate) template: Vec<String>,
}

impl LabelArgs {
    /// All labels in the order of `--labels`, `--label`, `--labels-file`.
    pub(crate) fn labels(&self) -> anyhow::Result<Vec<String>> {
        let mut labels: Vec<String> = self
            .labels
            .iter()
            .flat_map(|list| list.split(','))
            .map(|label| label.trim().to_owned())
            .collect();
        labels.extend(self.label.iter().cloned());
        if let Some(path) = &self.labels_file {
            labels.extend(read_lines(path)?.into_iter().filter(|line| !line.trim().is_empty()));
        }
        if let Some(index) = labels.iter().position(|label| label.trim().is_empty()) {
            return Err(Usage::error(format!("label {} is empty", index + 1), "remove the extra comma"));
        }
        if let Some(label) = first_repeated(&labels) {
            let message = format!("label {label:?} is given twice; each would take half of the probability");
            return Err(Usage::error(message, "give every label once"));
        }
        if labels.is_empty() {
            return Err(clip_rs::Error::NoLabels.into());
        }
        Ok(labels)
    }
}

fn first_repeated(labels: &[String]) -> Option<&String> {
    let mut seen = std::collections::HashSet::new();
    labels.iter().find(|label| !seen.insert(label.as_str()))
}

/// Greatest text file read into memory.
const GREATEST_TEXT_BYTES: u64 = 1 << 30;

/// The lines of a UTF-8 file, without their ends.
pub(crate) fn read_lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = read_text(path)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).lines().map(str::to_owned).collect())
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
