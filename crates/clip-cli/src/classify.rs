//! `clip-rs classify`

use std::ffi::OsString;
use std::num::NonZero;

use clip_rs::LabelScore;

use crate::console::Console;
use crate::exit::Exit;
use crate::images::{Images, LedgerArgs};
use crate::labels::LabelArgs;
use crate::settings::Settings;
use crate::table::{bar, columns, fit, fit_end, percent, width};

/// Rank labels for images
///
/// Prints one row per label: a bar, the probability over the labels given, and the cosine. The
/// probability says which of THESE labels fits best, not whether any of them is true. Images that
/// cannot be used are skipped and listed when there are several.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs classify photos/cat.jpg --labels 'a cat,a dog,a pizza'
  clip-rs classify 'photos/*.jpg' --labels-file labels.txt --template 'a photo of a {}.' --json")]
pub(crate) struct Classify {
    /// Files, folders, patterns, or `-` (an image or a list of paths on standard input)
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<OsString>,
    #[command(flatten)]
    labels: LabelArgs,
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Show the K most probable labels only
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    top: Option<NonZero<usize>>,
    /// One JSON object per image and line: {image, model, labels: [{label, probability, cosine}]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ledger: LedgerArgs,
}

#[derive(serde::Serialize)]
struct Ranking<'a> {
    image: &'a str,
    model: &'a str,
    labels: &'a [LabelScore],
}

impl Classify {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let labels = self.labels.labels(console)?;
        let mut images = Images::from_arguments(&self.images, console)?;
        let clip = settings.load(self.model.as_deref(), console)?;
        let classifier = self.labels.classifier(&clip, labels, console)?;
        let top = self.top.map_or(usize::MAX, NonZero::get);
        let several = images.total > 1;
        images.encode(&clip, console, |inputs, features| {
            for (image, embedding) in inputs.iter().zip(features.normalize().rows()) {
                let scores = classifier.top(embedding, top);
                let text = if self.json {
                    let ranking =
                        Ranking { image: image.input.name(), model: clip.name(), labels: &scores };
                    serde_json::to_string(&ranking)? + "\n"
                } else {
                    table(several.then_some(image.input.name()), &scores, columns())
                };
                match self.ledger.errors {
                    Some(_) => console.print(&text)?, // the ledger is still to be written
                    None => console.stream(&text)?,
                }
            }
            Ok(())
        })?;
        self.ledger.finish(&images, console)
    }
}

/// Label, bar, probability, cosine.
fn table(image: Option<&str>, scores: &[LabelScore], columns: usize) -> String {
    const NUMBERS: usize = 24 + 2 + 7 + 2 + 7;
    let longest = scores.iter().map(|score| width(&score.label)).max().unwrap_or(0);
    let label_width = longest.min(columns - NUMBERS - 2);
    let mut text =
        image.map_or_else(String::new, |name| format!("{}\n", fit_end(name, columns).trim_end()));
    for score in scores {
        text += &format!(
            "{}  {}  {:>7}  {:>+7.4}\n",
            fit(&score.label, label_width),
            bar(score.probability),
            percent(score.probability),
            score.cosine
        );
    }
    if image.is_some() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_the_columns_whatever_the_label() {
        for label in ["x", "猫"] {
            let score = LabelScore { label: label.repeat(300), probability: 1.0, cosine: -0.1234 };
            for columns in [60, 80, 200] {
                let image = "folder/".repeat(40) + "cat.jpg";
                let table = table(Some(&image), std::slice::from_ref(&score), columns);
                assert!(table.lines().all(|line| width(line) <= columns), "{table}");
                assert!(table.contains("/cat.jpg\n") && table.matches('…').count() == 2, "{table}");
            }
        }
    }
}
