//! `clip-rs eval geolocation`

use std::path::PathBuf;

use clip_eval::results::{Figure, Unit};
use clip_eval::tasks;

use super::run_tables::TableFlags;
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// Place of the nearest reference photo: IM2GPS's protocol, on tables of one's own
///
/// Both tables are CSV with the columns file, lat and lon (degrees); paths from the table's folder.
/// The result has the shares within 1, 25, 200, 750 and 2500 km and the median distance, and no
/// answer for a photo. A test of features, for research: locating people is surveillance, which the
/// model card rules out.
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
    #[command(flatten)]
    flags: TableFlags,
}

impl Geolocation {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let task = tasks::Geolocation { references: self.references, queries: self.queries };
        let text = |figure: &Figure| {
            let one = |value: f64| match figure.unit {
                Unit::Kilometre => format!("{value:.1} km"),
                _ => format!("{:.1} %", value * 100.0),
            };
            let interval = figure.interval();
            let interval = interval.map_or_else(String::new, |(low, high)| {
                format!("  ({} to {})", one(low), one(high))
            });
            figure.value.map_or_else(|| "undefined".to_owned(), one) + &interval
        };
        self.flags.run(&task, "geolocation", "images", text, (settings, console))
    }
}
