//! `clip-rs eval overlap`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clip_eval::overlap::{Overlap, Similarities, adjust};
use clip_eval::results::predictions;
use clip_eval::statistics::{Bootstrap, Interval};

use crate::console::Console;
use crate::exit::Exit;

/// Whether test images that resemble training images are easier: contamination, what it adds, a
/// test
///
/// A detector's file says for each image how near its nearest training image is: CSV with the
/// columns id and similarity, ids as in the predictions. From the threshold on an image overlaps.
/// For each set: the share that overlaps, accuracy of all, clean and overlapping images, what the
/// overlap adds with its interval, and the one-sided binomial test of the overlapping ones against
/// the clean accuracy, with Bonferroni over the sets (the paper's section 5).
#[derive(clap::Args)]
#[command(after_help = "Example:
  clip-rs eval overlap --set results/starter/cifar10.zeroshot_classification.predictions.jsonl,similar.csv,0.95")]
pub(super) struct OverlapArgs {
    /// Predictions, a detector's file and a threshold; once for each evaluation set
    #[arg(long, required = true, value_name = "PREDICTIONS,SIMILARITIES,THRESHOLD")]
    set: Vec<Set>,
    /// Level of the intervals; the paper has 0.995
    #[arg(long, default_value_t = 0.995, value_parser = clip_eval::options::level, value_name = "SHARE")]
    level: f64,
    /// One JSON object per set and line
    #[arg(long)]
    json: bool,
}

/// One evaluation set as it is named.
#[derive(Debug, Clone)]
struct Set {
    predictions: PathBuf,
    similarities: PathBuf,
    threshold: f64,
}

impl FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Set, String> {
        let [predictions, similarities, threshold] = text.split(',').collect::<Vec<_>>()[..] else {
            return Err(
                "a set is three things between commas: predictions, similarities, threshold"
                    .to_owned(),
            );
        };
        let number = threshold.parse().ok().filter(|threshold: &f64| threshold.is_finite());
        let threshold =
            number.ok_or_else(|| format!("the threshold `{threshold}` is no number"))?;
        Ok(Set { predictions: predictions.into(), similarities: similarities.into(), threshold })
    }
}

impl OverlapArgs {
    pub(super) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let bootstrap = Bootstrap::new(self.level);
        let mut found = Vec::with_capacity(self.set.len());
        for set in &self.set {
            let (predictions, similarities) =
                (predictions::read(&set.predictions)?, Similarities::read(&set.similarities)?);
            let name = name_of(&set.predictions);
            found.push(Overlap::of(&name, &predictions, &similarities, set.threshold, &bootstrap)?);
        }
        adjust(&mut found);
        for set in &found {
            if self.json {
                console.json(set)?;
            } else {
                console.print(&text(set))?;
            }
            if set.without_prediction > 0 {
                let count = set.without_prediction;
                console.warn(&format!(
                    "{}: {count} rows of the detector are about images without a prediction",
                    set.set
                ));
            }
        }
        let whole = found.iter().all(|set| set.without_prediction == 0);
        Ok(if whole { Exit::Ok } else { Exit::Skipped })
    }
}

/// `MODEL/DATASET.TASK` of a file of predictions.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".predictions.jsonl").unwrap_or(&name);
    match path.parent().and_then(Path::file_name) {
        Some(model) => format!("{}/{name}", model.to_string_lossy()),
        None => name.to_owned(),
    }
}

fn text(set: &Overlap) -> String {
    let per_cent = |value: f64| format!("{:.2} %", value * 100.0);
    let within = |interval: &Option<Interval>, sign: bool| match interval {
        None => " (no interval: every draw of the images has the same)".to_owned(),
        Some(of) if sign => format!(" ({:+.2} to {:+.2})", of.low * 100.0, of.high * 100.0),
        Some(of) => format!(" ({:.2} to {:.2})", of.low * 100.0, of.high * 100.0),
    };
    let mut text = format!(
        "{}, overlap from {} on\n  images           {}\n  overlap          {} ({})\n  accuracy         {}\n  \
         clean            {}\n",
        set.set,
        set.threshold,
        set.all,
        set.overlap,
        per_cent(set.contamination),
        per_cent(set.accuracy),
        per_cent(set.accuracy_clean),
    );
    match (set.accuracy_overlap, set.p, set.p_adjusted) {
        (Some(accuracy), Some(p), Some(adjusted)) => {
            let excludes = if set.excludes_clean { "does not hold" } else { "holds" };
            text += &format!(
                "  overlapping      {}{}, its interval {excludes} the clean accuracy\n  the overlap adds {:+.2} points{}\n  \
                 binomial test    p = {p:.3e}, {adjusted:.3e} for all sets together\n",
                per_cent(accuracy),
                within(&set.interval_overlap, false),
                set.added * 100.0,
                within(&set.interval_added, true),
            );
        }
        _ => text += "  nothing overlaps: no test and no interval\n",
    }
    text
}
