//! `clip-rs similarity`

use std::ffi::OsString;
use std::path::PathBuf;

use clip_rs::{Clip, ComputeEnv, embeddings};

use crate::console::{Console, Usage};
use crate::exit::Exit;
use crate::images::{Images, LedgerArgs, require};
use crate::labels::{overflow, read_filled_lines, warn_of_cut};
use crate::settings::Settings;
use crate::table::{columns, fit, fit_end, width};

/// Print the cosine of every image with every text
///
/// Rows are images, columns are texts. Cosines of matching pairs are often only 0.2 to 0.3 with the
/// released models: compare them with each other, not with 1.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  clip-rs similarity photos/cat.jpg photos/pizza.jpg --text 'a cat' --text 'a pizza'"
)]
pub(crate) struct Similarity {
    /// Files, folders, patterns, or `-` (an image or a list of paths on standard input)
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<OsString>,
    /// A text; may be repeated
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// File with one text a line
    #[arg(long, value_name = "FILE")]
    texts_file: Option<PathBuf>,
    /// Cut texts over the context length, and say which, instead of refusing them
    #[arg(long)]
    truncate: bool,
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// One JSON object: {model, images, texts, cosines: [[..], ..]}
    #[arg(long)]
    json: bool,
    /// Write the matrix to FILE (.npy, .safetensors, .parquet), one row per image
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArgs,
}

impl Similarity {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let mut texts = self.text.clone();
        if let Some(path) = &self.texts_file {
            texts.extend(read_filled_lines(path, console)?);
        }
        require(&texts, "text", "give `--text TEXT` or `--texts-file FILE`")?;
        if let Some(index) = texts.iter().position(|text| text.trim().is_empty()) {
            return Err(Usage::error(format!("text {} is empty", index + 1), "leave it out"));
        }
        let mut images = Images::from_arguments(&self.images, console)?;
        let clip = settings.load(self.model.as_deref(), console)?;
        let (text_features, cut) = clip.encode_texts_with(&texts, overflow(self.truncate))?;
        let text_embeddings = text_features.normalize();
        warn_of_cut("text", cut.iter().map(|text| texts[text.index].as_str()), console);
        let (mut names, mut cosines) = (Vec::new(), Vec::new());
        images.encode(&clip, console, |inputs, features| {
            let similarity = features.normalize().cosines(&text_embeddings);
            names.extend(inputs.iter().map(|image| image.input.name().to_owned()));
            cosines.extend((0..similarity.images).map(|image| similarity.row(image).to_vec()));
            Ok(())
        })?;
        if let Some(out) = &self.out {
            write(out, &clip, &names, &texts, &cosines)?;
        } else if self.json {
            let (model, images) = (clip.name(), &names);
            console.json(
                &serde_json::json!({ "model": model, "images": images, "texts": texts, "cosines": cosines }),
            )?;
        } else {
            console.print(&table(&names, &texts, &cosines, columns()))?;
        }
        self.ledger.finish(&images, console)
    }
}

fn write(
    out: &std::path::Path,
    clip: &Clip,
    images: &[String],
    texts: &[String],
    rows: &[Vec<f32>],
) -> anyhow::Result<()> {
    let (model, computation) = (clip.name(), ComputeEnv::of(clip));
    let run = serde_json::json!({
        "kind": "similarity", "model": model, "texts": texts, "computation": computation,
    });
    let ids: Vec<&str> = images.iter().map(String::as_str).collect();
    Ok(embeddings::write_rows(out, &ids, rows, texts.len(), &run)?)
}

/// As many texts side by side as fit the columns, then the next ones below; columns are numbered,
/// texts listed first.
fn table(images: &[String], texts: &[String], cosines: &[Vec<f32>], columns: usize) -> String {
    const CELL: usize = 9;
    let name_width = images.iter().map(|name| width(name)).max().unwrap_or(0).clamp(5, 30);
    let per_block = (columns - name_width) / CELL;
    let mut table: String = texts
        .iter()
        .enumerate()
        .map(|(i, text)| {
            fit(&format!("{:>5}  {text}", i + 1), columns).trim_end().to_owned() + "\n"
        })
        .collect();
    for start in (0..texts.len()).step_by(per_block) {
        let block = start..texts.len().min(start + per_block);
        table += &format!("\n{}", " ".repeat(name_width));
        block.clone().for_each(|column| table += &format!("{:>CELL$}", column + 1));
        table.push('\n');
        for (image, row) in images.iter().zip(cosines) {
            table += &fit_end(image, name_width);
            block.clone().for_each(|column| table += &format!("{:>+CELL$.4}", row[column]));
            table.push('\n');
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_matrix_is_broken_into_blocks_that_fit() {
        let images = vec!["a/very/long/path/to/some/folder/photo.jpg".to_owned()];
        let mut texts: Vec<String> = (0..19).map(|i| format!("text {i}")).collect();
        texts.push("猫".repeat(200));
        for columns in [60, 80, 200] {
            let table = table(&images, &texts, &[vec![0.25; 20]], columns);
            assert!(table.lines().all(|line| width(line) <= columns), "{table}");
            assert_eq!(table.matches("+0.2500").count(), 20);
        }
    }
}
