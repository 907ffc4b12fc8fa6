//! Data sets whose score is the mean over several pairs of splits: UCF101's three, STL-10's ten.
//! PROTOCOL_EVAL 6.1, 7.2.

use std::collections::{BTreeMap, BTreeSet};

use clip_data::{Dataset, Fold, Split};

use super::outcome::{Metrics, Outcome};
use super::task::{Averages, Request, Task};
use crate::context::EvalContext;
use crate::error::{EvalError, Result};
use crate::options::IntervalOptions;
use crate::results::predictions::Prediction;
use crate::results::{Counts, Figure, Skipped, Unit};
use crate::robustness::corruption_figures;
use crate::statistics::Interval;

/// The data set whose folds are corruptions.
const IMAGENET_C: &str = "imagenet_c";
const MEAN_OF_FOLDS: &str = "no interval: the mean over folds of a figure beside the score";
/// The data set whose clips are cut from recordings that they name.
const UCF101: &str = "ucf101";
const RECORDINGS: &str = "recordings with their clips, within their test split";
/// Splits that a result names one by one.
const NAMED: usize = 5;

/// The pairs whose scores are averaged, at least one. A split that a person asks for is scored
/// alone.
///
/// - `scored`: the split that stands for the data set where nothing is averaged
fn pairs_of(dataset: &Dataset, scored: &str, averages: Averages, asked: Option<&str>) -> Vec<Fold> {
    let mut tests = BTreeSet::new();
    let counts = |pair: &&Fold| match averages {
        Averages::TestSplits => tests.insert(pair.test.clone()),
        Averages::Pairs => true,
        Averages::Nothing => false,
    };
    let meant = |pair: &&Fold| asked.is_none_or(|asked| pair.test == asked);
    let pairs: Vec<Fold> = dataset.folds.iter().filter(meant).filter(counts).cloned().collect();
    if pairs.is_empty() {
        return vec![Fold { train: dataset.train.clone(), test: scored.to_owned() }];
    }
    pairs
}

/// Names of the test splits, as a record has them under `split`.
fn split_name(pairs: &[Fold]) -> String {
    let mut names: Vec<&str> = pairs.iter().map(|pair| pair.test.as_str()).collect();
    names.dedup();
    match names.as_slice() {
        [first, .., last] if names.len() > NAMED => format!("{first}..{last} ({})", names.len()),
        names => names.join("+"),
    }
}

/// What a task scores of a data set, as a record names it.
///
/// - `scored`: the split that stands for the data set where nothing is averaged
pub(crate) fn scored_splits(
    dataset: &Dataset,
    scored: &str,
    task: &dyn Task,
    asked: Option<&str>,
) -> String {
    split_name(&pairs_of(dataset, scored, task.averages(), asked))
}

/// The split a task scores where nobody asks for another, as a record names it.
pub fn usual_split(dataset: &Dataset, task: &dyn Task) -> String {
    scored_splits(dataset, &dataset.test, task, None)
}

/// Scores every pair by `one` and joins them; `test` is the first one's.
///
/// # Errors
/// As `one`, or a split of a pair cannot be read.
pub(super) fn average(
    task: &dyn Task,
    context: &mut EvalContext,
    options: &IntervalOptions,
    request: &Request,
    test: Split,
    one: impl Fn(&mut EvalContext, &Fold, Split) -> Result<Outcome>,
) -> Result<Outcome> {
    let (dataset, scored) = (&test.dataset, &test.info.name);
    let pairs = pairs_of(dataset, scored, task.averages(), request.asked.as_deref());
    let mut score = |pair: &Fold, split: Split| {
        let mut outcome = one(context, pair, split)?;
        draw_recordings(&mut outcome, options);
        Ok::<Outcome, EvalError>(outcome)
    };
    if let [pair] = pairs.as_slice() {
        return score(pair, test);
    }
    let mut outcomes = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let outcome = match &*pair.test {
            name if name == test.info.name => score(pair, test.clone()),
            name => request
                .open(Some(name))
                .map_err(EvalError::from)
                .and_then(|split| score(pair, split)),
        };
        outcomes.push(outcome.map_err(|error| {
            let reason = format!(
                "its score is the mean over {}, of which {} cannot be scored: {error}; `--split {}` scores one",
                split_name(&pairs),
                pair.test,
                test.info.name
            );
            EvalError::task(task.result_name(), &request.dataset, reason)
        })?);
    }
    Ok(Several { pairs: &pairs, outcomes: &outcomes }.join(options))
}

/// Outcomes of pairs, at least two.
struct Several<'a> {
    pairs: &'a [Fold],
    outcomes: &'a [Outcome],
}

impl Several<'_> {
    /// Means of the scores, metrics and figures, counts and predictions of all test splits;
    /// classes, calibration and the search are the first's.
    fn join(&self, options: &IntervalOptions) -> Outcome {
        let (counts, skipped) = self.counts();
        let mut known = BTreeSet::new();
        let predictions = self.outcomes.iter().flat_map(|outcome| &outcome.predictions);
        let mut joined = Outcome {
            split: split_name(self.pairs),
            metrics: self.metrics(),
            figures: self.figures(),
            notes: self.notes(),
            predictions: predictions
                .filter(|prediction| known.insert(&prediction.item))
                .cloned()
                .collect(),
            counts,
            skipped,
            ..self.outcomes[0].clone()
        };
        for outcome in &self.outcomes[1..] {
            joined.add_read(outcome.read.clone());
        }
        joined.set_score(self.score(options));
        joined
    }

    /// None where one of the outcomes has none.
    fn mean(&self, of: impl Fn(&Outcome) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.outcomes.iter().map(of).collect();
        values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn score(&self, options: &IntervalOptions) -> Figure {
        let name = &self.outcomes[0].score.name;
        let score = match self.mean(|outcome| outcome.score.value) {
            Some(mean) => Figure::share(name, mean),
            None => Figure::undefined(name, Unit::Share, "undefined in one of the folds"),
        };
        match self.interval(options) {
            Some(interval) if self.outcomes[0].dataset == UCF101 => {
                score.within(Some(interval), RECORDINGS)
            }
            Some(interval) => score.within(Some(interval), "items within their test split"),
            None => score.without("no interval: only shares of right answers have one over folds"),
        }
    }

    fn metrics(&self) -> Metrics {
        let of = |name: &String| self.mean(|outcome| outcome.metrics.get(name).copied().flatten());
        self.outcomes[0].metrics.keys().map(|name| (name.clone(), of(name))).collect()
    }

    /// Those of corruptions, the means of what stands beside the scores, and the score of each
    /// pair.
    fn figures(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        if self.outcomes[0].dataset == IMAGENET_C {
            let accuracies: Vec<(&str, f64)> = (self.pairs.iter().zip(self.outcomes))
                .filter_map(|(pair, outcome)| Some((&*pair.test, outcome.score.value?)))
                .collect();
            figures.extend(corruption_figures(&accuracies));
        }
        for figure in &self.outcomes[0].figures {
            let mean = self
                .mean(|outcome| outcome.figures.iter().find(|of| of.name == figure.name)?.value);
            let of_pairs =
                |value| Figure::plain(&figure.name, figure.unit, value).without(MEAN_OF_FOLDS);
            figures.extend(mean.map(of_pairs));
        }
        let fitted_apart = self.pairs[0].test == self.pairs[1].test;
        for (number, (pair, outcome)) in self.pairs.iter().zip(self.outcomes).enumerate() {
            let which = if fitted_apart { format!("fold {number}") } else { pair.test.clone() };
            let score = outcome.score.clone();
            let name = format!("{} of {which}", score.name);
            figures.push(score.named(&name));
        }
        figures
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for outcome in self.outcomes {
            let is_new = |note: &&String| !notes.contains(note);
            let new: Vec<String> = outcome.notes.iter().filter(is_new).cloned().collect();
            notes.extend(new);
        }
        notes.push(format!(
            "mean of {} folds; an interval draws other images of each test split, and takes splits and fits as they are; \
             classes, calibration and search are the first fold's",
            self.pairs.len()
        ));
        notes
    }

    /// Of all test splits, each once.
    fn counts(&self) -> (Counts, Vec<Skipped>) {
        let mut counts = Counts { expected: Some(0), ..Counts::default() };
        let mut skipped = Vec::new();
        for (position, outcome) in self.outcomes.iter().enumerate() {
            let test = &self.pairs[position].test;
            if self.pairs[..position].iter().any(|before| before.test == *test) {
                continue;
            }
            let of = &outcome.counts;
            counts.expected = counts.expected.zip(of.expected).map(|(sum, more)| sum + more);
            counts.found += of.found;
            counts.scored += of.scored;
            counts.skipped += of.skipped;
            skipped.extend(outcome.skipped.iter().cloned());
        }
        (counts, skipped)
    }

    /// Of a mean of shares: items are drawn within the folds they are scored in, and an item of
    /// several folds counts in each. One photo may be in every split (ImageNet-C): an item is known
    /// by its path below the folder of its split.
    fn interval(&self, options: &IntervalOptions) -> Option<Interval> {
        if self.outcomes.iter().any(|outcome| outcome.score.name != "accuracy") {
            return None;
        }
        if self.outcomes[0].dataset == UCF101 {
            let predictions: Vec<&[Prediction]> =
                self.outcomes.iter().map(|outcome| &*outcome.predictions).collect();
            return interval_of_recordings(&predictions, options);
        }
        // What an item adds to the mean, and the folds it is in.
        let mut items: BTreeMap<&str, (f64, Vec<usize>)> = BTreeMap::new();
        for (fold, outcome) in self.outcomes.iter().enumerate() {
            let share = 1.0 / (outcome.predictions.len() * self.outcomes.len()) as f64;
            for prediction in &outcome.predictions {
                let below = prediction.item.strip_prefix(&self.pairs[fold].test);
                let photo =
                    below.and_then(|below| below.strip_prefix('/')).unwrap_or(&prediction.item);
                let (worth, of_item) = items.entry(photo).or_default();
                *worth += if prediction.is_right() { share } else { 0.0 };
                of_item.push(fold);
            }
        }
        let folds: Vec<&Vec<usize>> = items.values().map(|(_, folds)| folds).collect();
        let worth: Vec<f64> = items.values().map(|(worth, _)| *worth).collect();
        options.bootstrap().interval_within(&strata_of(&folds), |drawn| {
            drawn.iter().zip(&worth).map(|(&times, worth)| f64::from(times) * worth).sum()
        })
    }
}

/// Numbers of equal values, in their order.
fn strata_of<T: Ord>(values: &[T]) -> Vec<u32> {
    let distinct: BTreeSet<&T> = values.iter().collect();
    let numbers: BTreeMap<&T, u32> = distinct.into_iter().zip(0..).collect();
    values.iter().map(|value| numbers[value]).collect()
}

/// Recordings are drawn in place of their clips.
fn draw_recordings(outcome: &mut Outcome, options: &IntervalOptions) {
    if let (UCF101, "accuracy", Some(value)) =
        (&*outcome.dataset, &*outcome.score.name, outcome.score.value)
    {
        let interval = interval_of_recordings(&[&outcome.predictions], options);
        outcome.set_score(Figure::share("accuracy", value).within(interval, RECORDINGS));
    }
}

/// Of the mean over folds of the share of clips that are right. Clips cut from one recording are
/// right and wrong together: recordings are drawn, among those of the same folds, each with all its
/// clips.
fn interval_of_recordings(
    predictions: &[&[Prediction]],
    options: &IntervalOptions,
) -> Option<Interval> {
    // For each recording and fold: clips that are right, and clips.
    let mut recordings: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for (fold, predictions) in predictions.iter().enumerate() {
        for prediction in *predictions {
            let of_folds = recordings.entry(recording(&prediction.item)).or_default();
            of_folds.resize(of_folds.len().max(fold + 1), (0.0, 0.0));
            of_folds[fold].0 += f64::from(u8::from(prediction.is_right()));
            of_folds[fold].1 += 1.0;
        }
    }
    let recordings: Vec<Vec<(f64, f64)>> = recordings.into_values().collect();
    let folds_of =
        |of: &Vec<(f64, f64)>| of.iter().map(|(_, clips)| *clips > 0.0).collect::<Vec<bool>>();
    let strata = strata_of(&recordings.iter().map(folds_of).collect::<Vec<_>>());
    options.bootstrap().interval_within(&strata, |drawn| {
        let mut sums = vec![(0.0, 0.0); predictions.len()];
        for (of, &times) in recordings.iter().zip(drawn) {
            for ((right, all), (of_right, of_all)) in sums.iter_mut().zip(of) {
                *right += of_right * f64::from(times);
                *all += of_all * f64::from(times);
            }
        }
        sums.iter().map(|(right, all)| right / all).sum::<f64>() / sums.len() as f64
    })
}

/// `…/v_Archery_g03` of `…/v_Archery_g03_c02.avi`.
fn recording(clip: &str) -> &str {
    clip.rfind("_c").map_or(clip, |end| &clip[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_of_one_recording_are_drawn_together() {
        let clip = |recording: usize, clip: usize, right: bool| Prediction {
            item: format!("UCF-101/Archery/v_Archery_g{recording:02}_c{clip:02}.avi"),
            truth: vec![0],
            best: vec![u32::from(!right)],
            ..Prediction::default()
        };
        // Ten recordings of seven clips, all right or all wrong.
        let clips: Vec<Prediction> =
            (0..70).map(|number| clip(number / 7, number % 7, number / 7 < 5)).collect();
        let options = IntervalOptions::default();
        let width = |of: &[&[Prediction]]| {
            let interval = interval_of_recordings(of, &options).expect("an interval");
            assert!(interval.contains(0.5), "{interval:?}");
            interval.high - interval.low
        };
        let together = width(&[&clips]);
        let apart: Vec<Prediction> =
            (0..70).map(|number| clip(number, 0, number % 2 == 0)).collect();
        assert!(together > 2.0 * width(&[&apart]), "√7 as wide");
        // The same clips in two folds are no further knowledge.
        assert_eq!(width(&[&clips, &clips]), together);
    }

    fn pairs(id: &str, averages: Averages, asked: Option<&str>) -> Vec<Fold> {
        let dataset = clip_data::find(id).expect("of the catalogue");
        pairs_of(dataset, asked.unwrap_or(&dataset.test), averages, asked)
    }

    #[test]
    fn each_test_split_counts_once_where_nothing_is_fitted_and_one_asked_for_stands_alone() {
        use Averages::{Nothing, Pairs, TestSplits};
        assert_eq!(split_name(&pairs("ucf101", TestSplits, None)), "test-1+test-2+test-3");
        assert_eq!(split_name(&pairs("ucf101", Pairs, None)), "test-1+test-2+test-3");
        assert_eq!(split_name(&pairs("ucf101", Nothing, None)), "test-1");
        let second = pairs("ucf101", Pairs, Some("test-2"));
        assert_eq!((second.len(), second[0].train[0].as_str()), (1, "train-2"));
        let (named, fitted) = (pairs("stl10", TestSplits, None), pairs("stl10", Pairs, None));
        assert_eq!((named.len(), fitted.len(), split_name(&fitted)), (1, 10, "test".to_owned()));
        assert_eq!(pairs("dtd", Pairs, None).len(), 1);
    }
}
