//! `clip-rs eval selection`

use std::path::PathBuf;

use clip_eval::suite::Run;
use clip_eval::{EvalOptions, Step, suite};

use super::table::{Table, say_what_to_know};
use crate::console::{Console, Unit};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::table::columns;

/// Which caption belongs to which image, among a few made to be mistaken for each other
///
/// CLIP_benchmark's image_caption_selection. A CSV table with image_0, image_1, … and caption_0, caption_1, … (Winoground's
/// pairs), or file, caption and negative_caption (SugarCrepe's); paths from the table's folder. A row is right where every
/// image is nearest to its own caption and every caption to its own image; both directions stand beside it.
#[derive(clap::Args)]
#[command(after_help = "Example:
  clip-rs eval selection --table winoground.csv --model ViT-B/32")]
pub(super) struct Selection {
    /// The table
    #[arg(long, value_name = "FILE.csv")]
    table: PathBuf,
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Level of intervals
    #[arg(long, default_value_t = 0.95, value_parser = super::choices::level, value_name = "SHARE")]
    level: f64,
    /// Folder for results
    #[arg(long, short, default_value = "results", value_name = "DIR")]
    out: PathBuf,
    /// Folder for features [default: `features` in the cache folder]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Selection {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let load = settings.load_options();
        let cache = self.features.unwrap_or_else(|| load.cache_folders().own.join("features"));
        let run = Run { out: &self.out, cache: &cache, shard: Default::default(), load: &load };
        let options = EvalOptions { level: self.level, ..EvalOptions::default() };
        let model = self.model.unwrap_or_else(|| settings.model.value.clone());
        let bar = console.progress(0, Unit::Items("items"));
        let mut steps = |step| match step {
            Step::Done(count) => bar.inc(count as u64),
            Step::Texts(count) | Step::Images(count) | Step::Fits(count) => {
                bar.reset();
                bar.set_length(count as u64);
            }
        };
        let cell = run.selection(&model, &options, &self.table, &mut steps);
        bar.finish_and_clear();
        let cell = cell?;
        suite::merge(&self.out)?;
        if self.json {
            console.json(&cell)?;
        } else {
            let table = Table::new(columns());
            console.print(&(table.head(self.level) + &table.result(&cell, "selection")))?;
            for figure in &cell.figures {
                let value = match (figure.value, figure.interval()) {
                    (Some(value), Some((low, high))) => {
                        format!(
                            "{:.1} %  ({:.1} to {:.1} %)",
                            value * 100.0,
                            low * 100.0,
                            high * 100.0
                        )
                    }
                    _ => figure.note.clone().unwrap_or_default(),
                };
                console.print(&format!("  {:<20} {value}\n", figure.name))?;
            }
        }
        say_what_to_know(console, &cell);
        console.note(clip_rs::LIMITS);
        Ok(if cell.counts.skipped == 0 { Exit::Ok } else { Exit::Skipped })
    }
}
