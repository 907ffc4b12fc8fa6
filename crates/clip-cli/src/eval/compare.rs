//! `clip-rs eval compare`

use std::path::{Path, PathBuf};

use clip_eval::paired::{Comparison, Measure, Pairs};
use clip_eval::results::Record;
use clip_eval::results::predictions;

use crate::console::Console;
use crate::exit::Exit;

/// What the names of files of predictions end with; the result beside one ends with `.json`
/// instead.
const ENDING: &str = ".predictions.jsonl";

#[derive(clap::Args)]
pub(super) struct Compare {
    /// DATASET.TASK.predictions.jsonl of one model, its result beside it
    first: PathBuf,
    /// The same of another
    second: PathBuf,
    /// Level of the interval
    #[arg(long, default_value_t = 0.95, value_parser = clip_eval::options::level, value_name = "SHARE")]
    level: f64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub(super) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let (first, second) = (predictions::read(&self.first)?, predictions::read(&self.second)?);
        let pairs = Pairs::join(&first, &second).map_err(anyhow::Error::msg)?;
        let measure = self.measure(&pairs, console)?;
        let found = Comparison::of(&pairs, measure, self.level).map_err(anyhow::Error::msg)?;
        if self.json {
            console.json(&found)?;
        } else {
            console.print(&text(&found))?;
        }
        let Comparison { in_one_alone, other_truth, .. } = found;
        if other_truth > 0 {
            console.warn(&format!(
                "left out: {other_truth} images whose truth is not the same in both files"
            ));
        }
        if in_one_alone > 0 {
            console.warn(&format!(
                "left out: {in_one_alone} images that are in one of the files only"
            ));
        }
        Ok(if in_one_alone + other_truth == 0 { Exit::Ok } else { Exit::Skipped })
    }

    /// The metric of both results. Without a result beside the files, what the predictions
    /// themselves are of: and then it is said.
    fn measure(&self, pairs: &Pairs<'_>, console: &Console) -> anyhow::Result<Measure> {
        let names = [&self.first, &self.second].map(|path| metric_beside(path));
        let name = match names {
            [Some(first), Some(second)] if first != second => {
                anyhow::bail!("the two results have different metrics: {first} and {second}")
            }
            [Some(name), _] | [_, Some(name)] => name,
            [None, None] => {
                let guess =
                    if pairs.are_of_retrieval() { Measure::TextRecall1 } else { Measure::Accuracy };
                console.warn(&format!(
                    "no result lies beside the predictions: they are compared by {}",
                    guess.name()
                ));
                return Ok(guess);
            }
        };
        let unknown = || {
            anyhow::anyhow!(
                "predictions do not hold what {name} needs: two results of it cannot be compared"
            )
        };
        Measure::of_name(&name).ok_or_else(unknown)
    }
}

/// The metric of the result that a file of predictions belongs to.
fn metric_beside(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?;
    Some(Record::read(&path.with_file_name(format!("{name}.json"))).ok()?.score.name)
}

fn text(found: &Comparison) -> String {
    let mut text = String::new();
    for compared in std::iter::once(&found.score).chain(&found.also) {
        let per_cent = |value: f64| value * 100.0;
        let interval = match (&compared.interval, compared.note) {
            (Some(interval), _) => {
                format!(" ({:+.2} to {:+.2})", per_cent(interval.low), per_cent(interval.high))
            }
            (None, note) => note.map_or_else(String::new, |note| format!(" ({note})")),
        };
        text += &format!(
            "metric            {}\nimages            {}\nfirst             {:.2} %\nsecond            {:.2} %\n\
             difference        {:+.2} points{interval}\n",
            compared.metric,
            compared.items,
            per_cent(compared.first),
            per_cent(compared.second),
            per_cent(compared.difference),
        );
        if let Some(hits) = &compared.hits {
            text += &format!(
                "both right        {}\nonly first right  {}\nonly second right {}\nMcNemar exact     p = {:.3e}\n",
                hits.both, hits.only_first, hits.only_second, hits.p
            );
        }
    }
    text
}
