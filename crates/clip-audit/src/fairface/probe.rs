//! Logistic regression on features of labelled faces, for each attribute by itself: fitted on split
//! `train`, or in folds of `val` where it is not there. PROTOCOL_EVAL 7.2, 8.2.

use std::io::ErrorKind;
use std::path::Path;

use clip_data::{DataError, ReadOptions, Split, Target};
use clip_eval::probe::{
    self, Features, HOLD_OUT_SHARE, HoldOut, Options, PackedFeatures, Problem, Selected, Targets,
    hold_out,
};
use clip_eval::results::SplitRead;
use clip_eval::tasks::{RowCollector, probe_rows};
use clip_eval::{EncodedSplit, EvalContext, EvalError, Step, metrics};

use super::faces::{ASKED, ATTRIBUTES, DATASET, Faces};
use super::options::{FairfaceOptions, Strength};
use super::system::{System, SystemKind};

/// The split to learn from.
const TRAIN: &str = "train";
/// Parts of `val`, each answered by what the others taught.
const FOLDS: usize = 5;
/// C in folds: that of the example in CLIP's README.
const FOLD_C: f64 = 0.316;

/// The faces that are asked about.
pub(super) struct Data<'a> {
    /// Where `train` is looked for.
    pub(super) root: &'a Path,
    pub(super) encoded: &'a EncodedSplit,
    pub(super) faces: &'a Faces,
}

/// Answers for every face that could be used, and the splits that were read for it.
///
/// # Errors
/// `train` is there and cannot be used, or the device has no room for a fit.
pub(super) fn answers(
    context: &mut EvalContext,
    data: &Data<'_>,
    options: &FairfaceOptions,
) -> Result<(System, Vec<SplitRead>), EvalError> {
    let rows = probe_rows(context, &data.encoded.rows, options.rows.probe_features);
    let features = Features::new(rows.as_slice(), rows.embed_dim());
    match open_train(data.root)? {
        Ok(train) => of_train(context, train, data.faces, features, options),
        Err(absent) => {
            let system = of_folds(context, &absent, data.faces, features, options)?;
            Ok((system, Vec::new()))
        }
    }
}

/// Split `train`, or why it is not there in words.
fn open_train(root: &Path) -> Result<Result<Split, String>, EvalError> {
    match Split::open(DATASET, root, Some(TRAIN), &ReadOptions::default()) {
        Ok(split) if split.items.is_empty() => {
            Ok(Err("the labels of split `train` are there, its images are not".to_owned()))
        }
        Ok(split) => Ok(Ok(split)),
        Err(DataError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(Err("split `train` is not there".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Fits on `train`, as the paper has it, and answers for the faces.
fn of_train(
    context: &mut EvalContext,
    train: Split,
    faces: &Faces,
    features: Features<'_>,
    options: &FairfaceOptions,
) -> Result<(System, Vec<SplitRead>), EvalError> {
    let listed = train.items.len() + train.missing.len() + train.left_out.len();
    let expected = train.info.expected;
    let mut labels: [Vec<u32>; 3] = Default::default();
    let mut rows = RowCollector::new(context, options.rows.probe_features);
    let learned = rows.add(context, train, &mut |target| match *target {
        Target::Person { race, gender, age } => {
            let of_face = labels.iter_mut().zip([race, gender, age]);
            of_face.for_each(|(labels, level)| labels.push(level));
            Ok(())
        }
        _ => Err("a face has no labels"),
    })?;
    let rows = rows.finish()?;
    let strength = options.c.unwrap_or(Strength::Search);
    let everyone: Vec<usize> = (0..features.rows()).collect();
    let mut notes = vec![format!("learned from {learned} of {listed} images of split `train`")];
    let mut answers: [Vec<u32>; 3] = Default::default();
    for (place, labels) in labels.iter().enumerate() {
        let classes = faces.levels(place).len();
        let training = Training {
            features: rows.features(),
            labels,
            classes,
            rows: &(0..learned).collect::<Vec<_>>(),
            seed: options.groups.seed,
        };
        let found = training.fit(context, strength)?;
        notes.push(how(ATTRIBUTES[place], &[&found]));
        let scores = found.fit.model.scores(features, &everyone)?;
        answers[place] = best(&scores, classes)?;
    }
    let part = "the probe learned from a part of FairFace's training images";
    let is_whole = expected.is_none_or(|expected| expected == learned);
    let not_comparable = (!is_whole).then_some(part);
    Ok((System { kind: SystemKind::Probe, answers, notes, not_comparable }, rows.read))
}

/// Fits in folds of the faces themselves; each is answered by the fit that did not see it.
fn of_folds(
    context: &mut EvalContext,
    absent: &str,
    faces: &Faces,
    features: Features<'_>,
    options: &FairfaceOptions,
) -> Result<System, EvalError> {
    let strength = options.c.unwrap_or(Strength::C(FOLD_C));
    let mut notes = vec![format!(
        "{absent}: in its place {FOLDS} folds of `val` (the k-th image of each level goes to fold k mod {FOLDS}), \
         each answered by the fit on the others; this is not comparable with the paper's probe, which learned \
         from 86,744 other images"
    )];
    let mut answers: [Vec<u32>; 3] = Default::default();
    for (place, labels) in faces.truth.iter().enumerate() {
        let classes = faces.levels(place).len();
        let folds = folds(labels);
        let mut fits = Vec::new();
        answers[place] = vec![0; faces.len()];
        context.tell(Step::Fits(FOLDS))?;
        for fold in 0..FOLDS {
            let (seen, unseen): (Vec<usize>, Vec<usize>) =
                (0..labels.len()).partition(|&face| folds[face] != fold);
            if unseen.is_empty() {
                continue;
            }
            if seen.is_empty() {
                let reason = "every image has a label of its own: there is nothing to learn from; \
                    `--without-probe` leaves the probe out";
                return Err(EvalError::task(ASKED, DATASET, reason));
            }
            let seed = options.groups.seed;
            let training = Training { features, labels, classes, rows: &seen, seed };
            let found = training.fit(context, strength)?;
            let scores = found.fit.model.scores(features, &unseen)?;
            for (face, answer) in unseen.into_iter().zip(best(&scores, classes)?) {
                answers[place][face] = answer;
            }
            fits.push(found);
            context.tell(Step::Done(1))?;
        }
        notes.push(how(ATTRIBUTES[place], &fits.iter().collect::<Vec<_>>()));
        notes.extend(alone(ATTRIBUTES[place], labels, faces.levels(place)));
    }
    let not_comparable = Some("the probe was fitted in folds of `val`, not on `train`");
    Ok(System { kind: SystemKind::Probe, answers, notes, not_comparable })
}

/// Rows that one fit learns from.
struct Training<'a> {
    features: Features<'a>,
    /// Of all rows of the features.
    labels: &'a [u32],
    classes: usize,
    rows: &'a [usize],
    /// Of the hold-out.
    seed: u64,
}

impl Training<'_> {
    fn fit(&self, context: &mut EvalContext, strength: Strength) -> Result<Selected, EvalError> {
        let held = match strength {
            Strength::C(_) => HoldOut { train: self.rows.to_vec(), validation: Vec::new() },
            Strength::Search => {
                let labels: Vec<u32> = self.rows.iter().map(|&row| self.labels[row]).collect();
                let HoldOut { train, validation } = hold_out(&labels, HOLD_OUT_SHARE, self.seed);
                let of_all = |rows: Vec<usize>| rows.into_iter().map(|at| self.rows[at]).collect();
                HoldOut { train: of_all(train), validation: of_all(validation) }
            }
        };
        let truth: Vec<u32> = held.validation.iter().map(|&row| self.labels[row]).collect();
        let problem = Problem {
            device: context.clip.instruction_set(),
            features: self.features,
            targets: Targets::Class { labels: self.labels, classes: self.classes },
            train: &held.train,
            validation: &held.validation,
            metric: &|scores| share_right(scores, self.classes, &truth),
            options: Options::default(),
            memory: PackedFeatures::MEMORY.min(context.probe_memory),
        };
        probe::select(&problem, strength.c(), &mut |_, _| context.tell(Step::Done(0)))
    }
}

/// Share of the rows whose best class is the true one; what is no number is worst.
fn share_right(scores: &[f32], classes: usize, truth: &[u32]) -> f64 {
    let Ok(answers) = metrics::predictions(scores, classes) else { return f64::NEG_INFINITY };
    let right = answers.iter().zip(truth).filter(|(answer, truth)| answer == truth).count();
    right as f64 / truth.len() as f64
}

fn best(scores: &[f32], classes: usize) -> Result<Vec<u32>, EvalError> {
    metrics::predictions(scores, classes)
        .map_err(|error| EvalError::task(ASKED, DATASET, error.to_string()))
}

/// `[rows]`: the k-th row of each class is in fold k mod [`FOLDS`].
fn folds(labels: &[u32]) -> Vec<usize> {
    let classes = labels.iter().max().map_or(0, |&last| last as usize + 1);
    let mut seen = vec![0; classes];
    let fold = |&label: &u32| {
        let at = &mut seen[label as usize];
        *at += 1;
        (*at - 1) % FOLDS
    };
    labels.iter().map(fold).collect()
}

/// The strengths of an attribute's fits, and whether one of them stopped before its end.
fn how(attribute: &str, fits: &[&Selected]) -> String {
    let mut strengths: Vec<String> = fits.iter().map(|found| found.c.to_string()).collect();
    strengths.dedup();
    let searched = if fits.iter().all(|found| found.evaluations.is_empty()) {
        ""
    } else {
        " (searched on images held out)"
    };
    let stopped = fits.iter().filter(|found| !found.fit.converged()).count();
    let stopped = match stopped {
        0 => String::new(),
        1 => "; 1 fit stopped before its end".to_owned(),
        count => format!("; {count} fits stopped before their end"),
    };
    format!("{attribute}: C = {}{searched}{stopped}", strengths.join(", "))
}

/// Levels of one image: the fit that answers for it has seen none.
fn alone(attribute: &str, labels: &[u32], levels: &[String]) -> Option<String> {
    let mut counts = vec![0; levels.len()];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let count = counts.iter().filter(|&&count| count == 1).count();
    (count > 0).then(|| {
        format!("{attribute}: {count} levels have one image, which cannot be right in folds")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_spread_over_the_folds_in_its_own_order() {
        let labels = [0, 1, 0, 0, 1, 0, 0, 0, 4];
        assert_eq!(folds(&labels), [0, 0, 1, 2, 1, 3, 4, 0, 0]);
        assert!(folds(&[]).is_empty());
    }

    #[test]
    fn shares_of_right_answers_choose_and_a_score_that_is_no_number_never_does() {
        let scores = [1.0, 0.0, 0.0, 1.0, 0.5, 0.25];
        assert!((share_right(&scores, 2, &[0, 1, 1]) - 2.0 / 3.0).abs() < 1e-12);
        assert!(share_right(&[f32::NAN, 0.0], 2, &[0]) == f64::NEG_INFINITY);
    }
}
