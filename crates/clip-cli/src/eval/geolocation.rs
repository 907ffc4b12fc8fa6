//! `clip-rs eval geolocation`

use std::path::PathBuf;

use clip_eval::suite::Run;
use clip_eval::{EvalOptions, Step, results, suite};

use super::table::{Table, say_what_to_know};
use crate::console::{Console, Unit};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::table::columns;

/// Place of the nearest reference photo: IM2GPS's protocol, on tables of one's own
///
/// Both tables are CSV with the columns file, lat and lon (degrees); paths from the table's folder. The result has the
/// shares within 1, 25, 200, 750 and 2500 km and the median distance, and no answer for a photo. A test of features, for
/// research: locating people is surveillance, which the model card rules out.
#[derive(clap::Args)]
#[command(after_help = "Example:
  clip-rs eval geolocation --references places.csv --queries photos.csv")]
pub(super) struct Geolocation {
    /// Photos whose places are known to the search
    #[arg(long, value_name = "FILE.csv")]
    references: PathBuf,
    /// Photos that are looked for
    #[arg(long, value_name = "FILE.csv")]
    queries: PathBuf,
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

impl Geolocation {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let load = settings.load_options();
        let cache = self.features.unwrap_or_else(|| load.cache_folders().own.join("features"));
        let run = Run { out: &self.out, cache: &cache, shard: Default::default(), load: &load };
        let options = EvalOptions { level: self.level, ..EvalOptions::default() };
        let model = self.model.unwrap_or_else(|| settings.model.value.clone());
        let bar = console.progress(0, Unit::Items("images"));
        let mut steps = |step| match step {
            Step::Done(count) => bar.inc(count as u64),
            Step::Texts(count) | Step::Images(count) | Step::Fits(count) => {
                bar.reset();
                bar.set_length(count as u64);
            }
        };
        let cell = run.geolocation(&model, &options, &self.references, &self.queries, &mut steps);
        bar.finish_and_clear();
        let cell = cell?;
        suite::merge(&self.out)?;
        if self.json {
            console.json(&cell)?;
        } else {
            let table = Table::new(columns());
            console.print(&(table.head(self.level) + &table.result(&cell, "geolocation")))?;
            for figure in &cell.figures {
                let text = |value: f64| match figure.unit {
                    results::Unit::Kilometre => format!("{value:.1} km"),
                    _ => format!("{:.1} %", value * 100.0),
                };
                let interval = figure.interval().map_or_else(String::new, |(low, high)| {
                    format!("  ({} to {})", text(low), text(high))
                });
                let value = figure.value.map_or_else(|| "undefined".to_owned(), text);
                console.print(&format!("  {:<20} {value}{interval}\n", figure.name))?;
            }
        }
        say_what_to_know(console, &cell);
        console.note(clip_rs::LIMITS);
        Ok(if cell.counts.skipped == 0 { Exit::Ok } else { Exit::Skipped })
    }
}
