//! `clip-rs eval compare`

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clip_eval::predictions::{self, Prediction};
use clip_eval::statistics::{Bootstrap, compare};

use crate::console::Console;
use crate::exit::Exit;

#[derive(clap::Args)]
pub(super) struct Compare {
    /// DATASET.TASK.predictions.jsonl of one model
    first: PathBuf,
    /// The same of another
    second: PathBuf,
    /// Level of the interval
    #[arg(long, default_value_t = 0.95, value_parser = super::choices::level, value_name = "SHARE")]
    level: f64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub(super) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let first = right_by_item(&self.first)?;
        let second: HashMap<String, bool> = right_by_item(&self.second)?.into_iter().collect();
        let paired: Vec<(bool, bool)> =
            first.iter().filter_map(|(item, right)| Some((*right, *second.get(item)?))).collect();
        anyhow::ensure!(!paired.is_empty(), "the two files have no image in common");
        let left_out = first.len() + second.len() - 2 * paired.len();
        let (a, b): (Vec<bool>, Vec<bool>) = paired.into_iter().unzip();
        let comparison = compare(&a, &b, &Bootstrap::new(self.level));
        if self.json {
            console.json(&comparison)?;
        } else {
            let interval = comparison.interval.map_or_else(String::new, |interval| {
                format!(" ({:+.2} to {:+.2})", interval.low * 100.0, interval.high * 100.0)
            });
            console.print(&format!(
                "images            {}\nboth right        {}\nonly first right  {}\nonly second right {}\n\
                 difference        {:+.2} points{interval}\nMcNemar exact     p = {:.3e}\n",
                comparison.items,
                comparison.both,
                comparison.only_first,
                comparison.only_second,
                comparison.difference * 100.0,
                comparison.p,
            ))?;
        }
        if left_out > 0 {
            console.warn(&format!("{left_out} images are in one of the files only and were left out"));
            return Ok(Exit::Skipped);
        }
        Ok(Exit::Ok)
    }
}

fn right_by_item(path: &Path) -> anyhow::Result<Vec<(String, bool)>> {
    let right = |prediction: Prediction| (prediction.item.clone(), prediction.is_right());
    Ok(predictions::read(path)?.into_iter().map(right).collect())
}
