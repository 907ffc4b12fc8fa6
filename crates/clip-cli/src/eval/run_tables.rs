//! Tasks on a user's own tables: the flags that they share, and how one runs.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clip_eval::results::{Figure, Record};
use clip_eval::suite::{self, Run};
use clip_eval::tasks::TableTask;
use clip_eval::{EvalOptions, Step};

use super::table::{Table, say_what_to_know};
use crate::console::{Console, Unit};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::table::columns;

/// Flags of every task on tables.
#[derive(clap::Args)]
pub(super) struct TableFlags {
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Level of intervals
    #[arg(long, default_value_t = 0.95, value_parser = clip_eval::options::level, value_name = "SHARE")]
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

impl TableFlags {
    /// Does a task and prints its result.
    ///
    /// - `unit`: what its bar counts
    /// - `text`: value and interval of a figure beside the score
    pub(super) fn run(
        self,
        task: &dyn TableTask,
        name: &str,
        unit: &'static str,
        text: impl Fn(&Figure) -> String,
        (settings, console): (&Settings, &Console),
    ) -> anyhow::Result<Exit> {
        let load = settings.load_options();
        let cache = self.features.unwrap_or_else(|| load.cache_folders().own.join("features"));
        let run = Run { out: &self.out, cache: &cache, shard: Default::default(), load: &load };
        let mut options = EvalOptions::default();
        options.intervals.level = self.level;
        let model = self.model.unwrap_or_else(|| settings.model.value.clone());
        let bar = console.progress(0, Unit::Items(unit));
        let of_steps = bar.clone();
        let steps = Box::new(move |step| {
            match step {
                Step::Done(count) => of_steps.inc(count as u64),
                Step::Texts(count) | Step::Images(count) | Step::Fits(count) => {
                    of_steps.reset();
                    of_steps.set_length(count as u64);
                }
            }
            ControlFlow::Continue(())
        });
        let record = run.tables(&model, &options, task, steps);
        bar.finish_and_clear();
        let record: Record = record?;
        suite::merge(&self.out)?;
        if self.json {
            console.json(&record)?;
        } else {
            let table = Table::new(columns());
            console.print(&(table.head(self.level) + &table.result(&record, name)))?;
            for figure in &record.figures {
                console.print(&format!("  {:<20} {}\n", figure.name, text(figure)))?;
            }
        }
        say_what_to_know(console, &record);
        console.note(clip_rs::LIMITS);
        Ok(if record.counts.skipped == 0 { Exit::Ok } else { Exit::Skipped })
    }
}
