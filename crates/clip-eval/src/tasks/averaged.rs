//! Data sets whose score is the mean over several pairs of splits: UCF101's three, STL-10's ten. PROTOCOL_EVAL 6.1, 7.2.

use std::collections::{BTreeMap, BTreeSet};

use clip_data::{Dataset, Fold, Split};

use crate::EvalError;
use crate::context::EvalContext;
use crate::options::EvalOptions;
use crate::progress::Progress;
use crate::results::predictions::Prediction;
use crate::results::{Counts, Figure, Record, Unit};
use crate::robustness::corruption_figures;
use crate::statistics::Interval;
use crate::suite::{Job, Verb};
use crate::tasks::scoring::bootstrap;

/// The data set whose folds are corruptions.
const IMAGENET_C: &str = "imagenet_c";
const MEAN_OF_FOLDS: &str = "no interval: the mean over folds of a figure beside the score";
/// The data set whose clips are cut from recordings that they name.
const UCF101: &str = "ucf101";
const RECORDINGS: &str = "recordings with their clips, within their test split";
/// Splits that a record names one by one.
const NAMED: usize = 5;

/// The pairs whose scores are averaged, at least one. A split that a person asks for is scored alone, and where nothing
/// is fitted each test split counts once.
///
/// - `scored`: the split that stands for the data set where it has no folds
pub(crate) fn folds_of(
    dataset: &Dataset,
    scored: &str,
    verb: Verb,
    asked: Option<&str>,
) -> Vec<Fold> {
    let mut tests = BTreeSet::new();
    let counts = |fold: &&Fold| match verb {
        Verb::Zeroshot => tests.insert(fold.test.clone()),
        Verb::Probe => true,
        _ => false,
    };
    let meant = |fold: &&Fold| asked.is_none_or(|asked| fold.test == asked);
    let folds: Vec<Fold> = dataset.folds.iter().filter(meant).filter(counts).cloned().collect();
    if folds.is_empty() {
        return vec![Fold { train: dataset.train.clone(), test: scored.to_owned() }];
    }
    folds
}

/// Names of the splits that a record scores, as it has them under `split`.
pub(crate) fn split_name(folds: &[Fold]) -> String {
    let mut names: Vec<&str> = folds.iter().map(|fold| fold.test.as_str()).collect();
    names.dedup();
    match names.as_slice() {
        [first, .., last] if names.len() > NAMED => format!("{first}..{last} ({})", names.len()),
        names => names.join("+"),
    }
}

/// The split a task scores where nobody asks for another, as a record names it.
pub fn usual_split(dataset: &Dataset, verb: Verb) -> String {
    split_name(&folds_of(dataset, &dataset.test, verb, None))
}

impl EvalContext {
    /// Scores every fold by `one` and joins them; `test` is the first one's.
    ///
    /// # Errors
    /// As `one`, or a split of a fold cannot be read.
    pub(crate) fn over_folds(
        &mut self,
        job: &Job,
        test: Split,
        progress: &mut Progress<'_>,
        one: impl Fn(
            &mut EvalContext,
            &Fold,
            Split,
            &mut Progress<'_>,
        ) -> Result<(Record, Vec<Prediction>), EvalError>,
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        let folds = folds_of(&test.dataset, &test.info.name, job.verb, job.split.as_deref());
        if let [fold] = folds.as_slice() {
            let (mut record, predictions) = one(self, fold, test, progress)?;
            draw_recordings(&mut record, &predictions, &self.options);
            return Ok((record, predictions));
        }
        let mut scored = Vec::with_capacity(folds.len());
        for fold in &folds {
            let of_fold = match &*fold.test {
                name if name == test.info.name => one(self, fold, test.clone(), progress),
                name => {
                    Split::open(&job.dataset, &job.root, Some(name), &self.read_options(job.verb))
                        .map_err(EvalError::from)
                        .and_then(|split| one(self, fold, split, progress))
                }
            };
            let of_fold = of_fold.map(|(mut record, predictions)| {
                draw_recordings(&mut record, &predictions, &self.options);
                (record, predictions)
            });
            scored.push(of_fold.map_err(|error| {
                let reason = format!(
                    "its score is the mean over {}, of which {} cannot be scored: {error}; `--split {}` scores one",
                    split_name(&folds),
                    fold.test,
                    test.info.name
                );
                EvalError::task(job.verb.task(), &job.dataset, reason)
            })?);
        }
        Ok(join(&folds, scored, &self.options))
    }
}

/// One record of several: means of the scores, metrics and figures, counts and predictions of all test splits; classes,
/// calibration and the search are the first's.
fn join(
    folds: &[Fold],
    scored: Vec<(Record, Vec<Prediction>)>,
    options: &EvalOptions,
) -> (Record, Vec<Prediction>) {
    let (records, predictions): (Vec<Record>, Vec<Vec<Prediction>>) = scored.into_iter().unzip();
    let interval = interval_of_mean(folds, &records, &predictions, options);
    let mut record = records[0].clone();
    let mean = |of: &dyn Fn(&Record) -> Option<f64>| {
        let values: Option<Vec<f64>> = records.iter().map(of).collect();
        values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
    };
    record.split = split_name(folds);
    record.metrics = BTreeMap::new();
    for name in records[0].metrics.keys() {
        let value = mean(&|record| record.metrics.get(name).copied().flatten());
        record.metrics.insert(name.clone(), value);
    }
    let score = match mean(&|record| record.score.value) {
        Some(mean) => Figure::share(&records[0].score.name, mean),
        None => {
            Figure::undefined(&records[0].score.name, Unit::Share, "undefined in one of the folds")
        }
    };
    let score = match interval {
        Some(interval) if records[0].dataset == UCF101 => score.within(Some(interval), RECORDINGS),
        Some(interval) => score.within(Some(interval), "items within their test split"),
        None => score.without("no interval: only shares of right answers have one over folds"),
    };
    record.figures.clear();
    for figure in &records[0].figures {
        let same = |record: &Record| record.figures.iter().find(|of| of.name == figure.name)?.value;
        let of_folds =
            |value| Figure::plain(&figure.name, figure.unit, value).without(MEAN_OF_FOLDS);
        record.figures.extend(mean(&same).map(of_folds));
    }
    let accuracies: Vec<(&str, f64)> = folds
        .iter()
        .zip(&records)
        .filter_map(|(fold, record)| Some((&*fold.test, record.score.value?)))
        .collect();
    if record.dataset == IMAGENET_C {
        record.figures.splice(0..0, corruption_figures(&accuracies));
    }
    let fitted_apart = folds[0].test == folds[1].test;
    for (number, of_fold) in records.iter().enumerate() {
        let which =
            if fitted_apart { format!("fold {number}") } else { folds[number].test.clone() };
        let name = format!("{} of {which}", of_fold.score.name);
        record.figures.push(Figure { name, ..of_fold.score.clone() });
    }
    for of_fold in &records[1..] {
        record.wall_seconds += of_fold.wall_seconds;
        let new: Vec<String> =
            of_fold.notes.iter().filter(|note| !record.notes.contains(note)).cloned().collect();
        record.notes.extend(new);
    }
    record.counts = Counts { expected: Some(0), ..Counts::default() };
    record.skipped.clear();
    for (position, of_fold) in records.iter().enumerate() {
        if folds[..position].iter().any(|before| before.test == folds[position].test) {
            continue;
        }
        record.counts.expected =
            record.counts.expected.zip(of_fold.counts.expected).map(|(sum, more)| sum + more);
        record.counts.found += of_fold.counts.found;
        record.counts.scored += of_fold.counts.scored;
        record.counts.skipped += of_fold.counts.skipped;
        record.skipped.extend(of_fold.skipped.iter().cloned());
    }
    record.notes.push(format!(
        "mean of {} folds; an interval draws other images of each test split, and takes splits and fits as they are; \
         classes, calibration and search are the first fold's",
        folds.len()
    ));
    record.enter_score(score);
    let mut known = BTreeSet::new();
    let all = predictions.into_iter().flatten();
    (record, all.filter(|prediction| known.insert(prediction.item.clone())).collect())
}

/// Of a mean of shares: items are drawn within the folds they are scored in, and an item of several folds counts in each.
/// One photo may be in every split (ImageNet-C): an item is known by its path below the folder of its split.
fn interval_of_mean(
    folds: &[Fold],
    records: &[Record],
    predictions: &[Vec<Prediction>],
    options: &EvalOptions,
) -> Option<Interval> {
    if records.iter().any(|record| record.score.name != "accuracy") {
        return None;
    }
    if records[0].dataset == UCF101 {
        return interval_of_recordings(predictions, options);
    }
    // What an item adds to the mean, and the folds it is in.
    let mut items: BTreeMap<&str, (f64, Vec<usize>)> = BTreeMap::new();
    for (fold, predictions) in predictions.iter().enumerate() {
        let share = 1.0 / (predictions.len() * records.len()) as f64;
        for prediction in predictions {
            let below = prediction.item.strip_prefix(&folds[fold].test);
            let photo = below.and_then(|below| below.strip_prefix('/')).unwrap_or(&prediction.item);
            let (worth, of_item) = items.entry(photo).or_default();
            *worth += if prediction.is_right() { share } else { 0.0 };
            of_item.push(fold);
        }
    }
    let groups: BTreeSet<&Vec<usize>> = items.values().map(|(_, folds)| folds).collect();
    let group_of =
        |folds| groups.iter().position(|group| *group == folds).unwrap_or_default() as u32;
    let strata: Vec<u32> = items.values().map(|(_, folds)| group_of(folds)).collect();
    let worth: Vec<f64> = items.values().map(|(worth, _)| *worth).collect();
    bootstrap(options).interval_within(&strata, |drawn| {
        drawn.iter().zip(&worth).map(|(&times, worth)| f64::from(times) * worth).sum()
    })
}

/// Recordings are drawn in place of their clips.
fn draw_recordings(record: &mut Record, predictions: &[Prediction], options: &EvalOptions) {
    if record.dataset == UCF101 && record.score.name == "accuracy" {
        let interval = interval_of_recordings(&[predictions.to_vec()], options);
        let value = record.score.value.unwrap_or(f64::NAN);
        record.enter_score(Figure::share("accuracy", value).within(interval, RECORDINGS));
    }
}

/// Of the mean over folds of the share of clips that are right. Clips cut from one recording are right and wrong together:
/// recordings are drawn, among those of the same folds, each with all its clips.
fn interval_of_recordings(
    predictions: &[Vec<Prediction>],
    options: &EvalOptions,
) -> Option<Interval> {
    // For each recording and fold: clips that are right, and clips.
    let mut recordings: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for (fold, predictions) in predictions.iter().enumerate() {
        for prediction in predictions {
            let of_folds = recordings.entry(recording(&prediction.item)).or_default();
            of_folds.resize(of_folds.len().max(fold + 1), (0.0, 0.0));
            of_folds[fold].0 += f64::from(u8::from(prediction.is_right()));
            of_folds[fold].1 += 1.0;
        }
    }
    let recordings: Vec<Vec<(f64, f64)>> = recordings.into_values().collect();
    let folds_of =
        |of: &Vec<(f64, f64)>| of.iter().map(|(_, clips)| *clips > 0.0).collect::<Vec<bool>>();
    let groups: BTreeSet<Vec<bool>> = recordings.iter().map(folds_of).collect();
    let group_of =
        |of| groups.iter().position(|group| *group == folds_of(of)).unwrap_or_default() as u32;
    let strata: Vec<u32> = recordings.iter().map(group_of).collect();
    bootstrap(options).interval_within(&strata, |drawn| {
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
        let options = EvalOptions::default();
        let width = |of: &[Vec<Prediction>]| {
            let interval = interval_of_recordings(of, &options).expect("an interval");
            assert!(interval.contains(0.5), "{interval:?}");
            interval.high - interval.low
        };
        let together = width(std::slice::from_ref(&clips));
        let apart: Vec<Prediction> =
            (0..70).map(|number| clip(number, 0, number % 2 == 0)).collect();
        assert!(together > 2.0 * width(&[apart]), "√7 as wide");
        // The same clips in two folds are no further knowledge.
        assert_eq!(width(&[clips.clone(), clips]), together);
    }

    fn folds(id: &str, verb: Verb, asked: Option<&str>) -> Vec<Fold> {
        let dataset = clip_data::find(id).expect("of the catalogue");
        folds_of(dataset, asked.unwrap_or(&dataset.test), verb, asked)
    }

    #[test]
    fn each_test_split_counts_once_where_nothing_is_fitted_and_one_asked_for_stands_alone() {
        assert_eq!(split_name(&folds("ucf101", Verb::Zeroshot, None)), "test-1+test-2+test-3");
        assert_eq!(split_name(&folds("ucf101", Verb::Probe, None)), "test-1+test-2+test-3");
        assert_eq!(split_name(&folds("ucf101", Verb::Fewshot, None)), "test-1");
        let second = folds("ucf101", Verb::Probe, Some("test-2"));
        assert_eq!((second.len(), second[0].train[0].as_str()), (1, "train-2"));
        let (named, fitted) =
            (folds("stl10", Verb::Zeroshot, None), folds("stl10", Verb::Probe, None));
        assert_eq!((named.len(), fitted.len(), split_name(&fitted)), (1, 10, "test".to_owned()));
        assert_eq!(folds("dtd", Verb::Probe, None).len(), 1);
    }
}
