//! The linear probe on a data set: features of its training, validation and test images, the paper's search, one
//! evaluation. PROTOCOL_EVAL 7.2.

use std::sync::Arc;
use std::time::Instant;

use clip_data::{Dataset, Item, Items, Metric, Presence, Split, Target, Validation};
use clip_rs::Features as Rows;
use clip_rs::model::ImageArchitecture;

use crate::EvalError;
use crate::context::{EncodedSplit, EvalContext};
use crate::features::content_fingerprint;
use crate::metrics::MeanAveragePrecision11;
use crate::options::ProbeFeatures;
use crate::probe::{
    self, Features, Fit, HOLD_OUT_SHARE, Options, PackedFeatures, Problem, Targets, TrainingSet,
};
use crate::progress::{Progress, Step};
use crate::results::predictions::{Prediction, top_5};
use crate::results::{Record, SearchPoint, SplitRead};
use crate::suite::{Job, Verb};
use crate::tasks::coverage;
use crate::tasks::learned_rows::{Collector, LearnedRows};
use crate::tasks::scoring::{ClassScores, enter_multi_label};
use crate::tasks::zero_shot::{metric_error, one_class};

/// Labels of rows, in the form that the fit and the metrics take.
pub(crate) enum Labels {
    /// One class for each row.
    Class(Vec<u32>),
    /// `[rows, classes]`
    Presence(Vec<Presence>),
}

/// Rows to learn from and to choose with: the training images, and the validation images behind them.
pub(crate) struct TrainValSplit {
    pub(crate) rows: LearnedRows,
    pub(crate) width: usize,
    pub(crate) labels: Labels,
    pub(crate) train: Vec<usize>,
    pub(crate) validation: Vec<usize>,
    /// How they were split, in words.
    pub(crate) note: String,
}

const NO_CHOICE: &str = "C is not chosen by a score: the validation items do not define the metric, they are of one kind alone";

/// Images whose rows are in memory at a time where a split has too many.
const BLOCK: usize = 16_384;

/// A fit and the points that led to it.
struct SelectedModel {
    fit: Fit,
    c: f64,
    search: Vec<SearchPoint>,
}

impl EvalContext {
    /// Fits a probe on the training images and scores it on `test`; of a data set with folds it is the mean over them,
    /// each searched and fitted alone (STL-10, UCF101).
    ///
    /// # Errors
    /// A split is missing, or no item of it can be used.
    pub fn probe(
        &mut self,
        job: &Job,
        test: Split,
        progress: &mut Progress<'_>,
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        self.over_folds(job, test, progress, |context, fold, test, progress| {
            context.probe_once(job, &fold.train, test, progress)
        })
    }

    fn probe_once(
        &mut self,
        job: &Job,
        train: &[String],
        test: Split,
        progress: &mut Progress<'_>,
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        let started = Instant::now();
        let names: Vec<String> =
            test.prompts.classes.iter().map(|names| names[0].clone()).collect();
        let test = self.encode_split(test, progress)?;
        let dataset = test.split.dataset.clone();
        let data = self.data(job, &dataset, train, progress)?;
        let mut record = self.record(Verb::Probe.task(), &test, None, started);
        record.notes.push(data.note.clone());
        let chosen = self.choose(&data, names.len(), dataset.metric, progress);
        if !chosen.fit.converged() {
            record
                .notes
                .push(format!("the fit stopped after {} iterations", chosen.fit.iterations));
        }
        record.notes.push(format!("C = {}", chosen.c));
        if chosen.search.iter().any(|point| point.score.is_none()) {
            record.notes.push(NO_CHOICE.to_owned());
        }
        record.details.search = chosen.search;
        let rows = self.probe_rows(&test);
        let everything: Vec<usize> = (0..rows.len()).collect();
        let scores =
            chosen.fit.model.scores(Features::new(rows.as_slice(), rows.embed_dim()), &everything);
        let targets: Vec<&Target> = test.targets().collect();
        if dataset.metric == Metric::MeanAveragePrecision11 {
            let labels = presences(&targets, &record)?;
            enter_multi_label(&mut record, &scores, &names, &labels, &self.options)
                .map_err(metric_error(&record))?;
        } else {
            let truth = one_class(&targets, &record)?;
            record.notes.extend(coverage::notes(&data, &truth, &names));
            let scores = ClassScores { scores: &scores, names: &names, truth: &truth };
            scores
                .enter(&mut record, dataset.metric, &self.options, false)
                .map_err(metric_error(&record))?;
        }
        let items = test.rows.usable.iter().map(|&item| &test.split.items[item]);
        let predictions = items
            .zip(scores.chunks_exact(names.len()))
            .zip(&targets)
            .map(|((item, scores), target): ((&Item, _), _)| top_5(item.id(), scores, target))
            .collect();
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok((record, predictions))
    }

    /// The search, or one fit at the C that was asked for; on training and validation rows together in the end.
    fn choose(
        &self,
        data: &TrainValSplit,
        classes: usize,
        metric: Metric,
        progress: &mut Progress<'_>,
    ) -> SelectedModel {
        let (features, memory) = (data.features(), self.packed_memory());
        let device = self.clip.instruction_set();
        let targets = data.labels.targets(classes);
        if let Some(c) = self.options.c {
            let order = [&*data.train, &*data.validation].concat();
            let packed = PackedFeatures::new(device, features, order, memory);
            let set = TrainingSet { features: &packed, rows: 0..packed.rows(), targets };
            return SelectedModel {
                fit: probe::fit(&set, c, &Options::default(), None),
                c,
                search: Vec::new(),
            };
        }
        let score = |scores: &[f32]| data.score(scores, classes, metric);
        let problem = Problem {
            device,
            features,
            targets,
            train: &data.train,
            validation: &data.validation,
            metric: &score,
            options: Options::default(),
            memory,
        };
        let mut begun = false;
        let search = probe::search(&problem, &mut |_, most| {
            if !begun {
                progress(Step::Fits(most));
                begun = true;
            }
            progress(Step::Done(1));
        });
        let point = |point: &probe::Evaluation| SearchPoint {
            index: point.index,
            c: point.c,
            score: Some(point.score).filter(|score| score.is_finite()),
            converged: point.converged,
        };
        SelectedModel {
            search: search.evaluations.iter().map(point).collect(),
            c: search.best.c,
            fit: search.fit_on_all(),
        }
    }

    /// Training and validation rows of a data set.
    pub(crate) fn data(
        &mut self,
        job: &Job,
        dataset: &Dataset,
        train: &[String],
        progress: &mut Progress<'_>,
    ) -> Result<TrainValSplit, EvalError> {
        let (mut width, mut labels) = (0, None);
        let folder = self.cache.folder().to_owned();
        let mut collector = Collector::new(&folder, self.probe_memory);
        let mut add = |context: &mut EvalContext, name: &str, progress: &mut Progress<'_>| {
            let split =
                Split::open(&job.dataset, &job.root, Some(name), &context.read_options(job.verb))?;
            let mut learned = 0;
            context.see_in_blocks(split, progress, &mut |context, encoded| {
                let rows = context.probe_rows(encoded);
                width = rows.embed_dim();
                learned += rows.len();
                Labels::extend(&mut labels, encoded)?;
                collector.push(rows.as_slice())
            })?;
            Ok::<usize, EvalError>(learned)
        };
        let mut learned = 0;
        for name in train {
            learned += add(self, name, progress)?;
        }
        let kept = match &dataset.validation {
            Validation::Split(name) => add(self, name, progress)?,
            Validation::HoldOut => 0,
        };
        let labels = labels
            .ok_or_else(|| EvalError::task(Verb::Probe.task(), &dataset.id, "no training split"))?;
        let (train, validation, note) = match &dataset.validation {
            Validation::Split(name) => {
                let note =
                    format!("C chosen on split `{name}` ({kept} images), {learned} to learn from");
                ((0..learned).collect(), (learned..learned + kept).collect(), note)
            }
            Validation::HoldOut => {
                let strata = labels.strata(learned);
                let held = probe::hold_out(&strata, HOLD_OUT_SHARE, self.options.seed);
                let (kept, seed) = (held.validation.len(), self.options.seed);
                let note = format!(
                    "C chosen on {kept} of {learned} training images held out (stratified, seed {seed})"
                );
                (held.train, held.validation, note)
            }
        };
        Ok(TrainValSplit { rows: collector.finish()?, width, labels, train, validation, note })
    }

    /// Shows a split whose rows fit in the memory of a probe at once, another block by block.
    fn see_in_blocks(
        &mut self,
        split: Split,
        progress: &mut Progress<'_>,
        look: &mut dyn FnMut(&mut EvalContext, &EncodedSplit) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let width = self.clip.embed_dim() + self.clip.architecture().image.penultimate_width();
        if size_of::<f32>() * width * split.items.len() <= self.probe_memory {
            let encoded = self.encode_split(split, progress)?;
            return look(self, &encoded);
        }
        progress(Step::Images(split.items.len()));
        let blake3 = content_fingerprint(&split);
        let read =
            SplitRead { dataset: split.dataset.id.clone(), split: split.info.name.clone(), blake3 };
        let Items { list: items, folder } = split.items;
        let frame = Split { items: Items::default(), ..split };
        let mut usable = 0;
        for block in items.chunks(BLOCK) {
            let block = Arc::new(Split {
                items: Items { list: block.to_vec(), folder: folder.clone() },
                ..frame.clone()
            });
            let rows =
                self.cache.features_of(&self.clip, &block, |done| progress(Step::Done(done)))?;
            usable += rows.usable.len();
            look(self, &EncodedSplit { split: block, rows })?;
        }
        if usable == 0 {
            return Err(EvalError::task(
                "features",
                &read.dataset,
                "no item of its split can be used",
            ));
        }
        if !self.read.contains(&read) {
            self.read.push(read);
        }
        Ok(())
    }

    /// Bytes that features packed for the products may take; the bits of a fit do not depend on it.
    fn packed_memory(&self) -> usize {
        PackedFeatures::MEMORY.min(self.probe_memory)
    }

    /// The rows a probe sees of a split.
    pub(crate) fn probe_rows(&self, encoded: &EncodedSplit) -> Rows {
        let is_vit =
            matches!(self.clip.architecture().image, ImageArchitecture::VisionTransformer { .. });
        let (penultimate, features) = (&encoded.rows.penultimate, &encoded.rows.features);
        match self.options.probe_features {
            ProbeFeatures::Paper if is_vit => penultimate.clone(),
            ProbeFeatures::PreProjection => penultimate.clone(),
            ProbeFeatures::Paper | ProbeFeatures::Projected => features.clone(),
            ProbeFeatures::Normalized => {
                let rows = features.clone().normalize();
                Rows::new(rows.embed_dim(), rows.as_slice().to_vec())
            }
        }
    }
}

impl Labels {
    /// Appends the labels of a split's usable items.
    fn extend(labels: &mut Option<Labels>, encoded: &EncodedSplit) -> Result<(), EvalError> {
        for target in encoded.targets() {
            match (labels.as_mut(), target) {
                (None, Target::Class(class)) => *labels = Some(Labels::Class(vec![*class])),
                (None, Target::Labels(presence)) => {
                    *labels = Some(Labels::Presence(presence.to_vec()))
                }
                (Some(Labels::Class(labels)), Target::Class(class)) => labels.push(*class),
                (Some(Labels::Presence(labels)), Target::Labels(presence)) => {
                    labels.extend_from_slice(presence);
                }
                _ => {
                    let reason = "a probe needs items with classes";
                    return Err(EvalError::task(
                        Verb::Probe.task(),
                        &encoded.split.dataset.id,
                        reason,
                    ));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn targets(&self, classes: usize) -> Targets<'_> {
        match self {
            Labels::Class(labels) => Targets::Class { labels, classes },
            Labels::Presence(labels) => Targets::Presence { labels, classes },
        }
    }

    /// What a hold-out is stratified by: the class, or the first class that is present.
    fn strata(&self, rows: usize) -> Vec<u32> {
        match self {
            Labels::Class(labels) => labels.clone(),
            Labels::Presence(labels) => {
                let classes = labels.len() / rows.max(1);
                let first = |row: &[Presence]| {
                    row.iter().position(|&presence| presence == Presence::Present)
                };
                labels
                    .chunks_exact(classes.max(1))
                    .map(|row| first(row).unwrap_or(classes) as u32)
                    .collect()
            }
        }
    }
}

impl TrainValSplit {
    /// All rows, in memory or mapped.
    pub(crate) fn features(&self) -> Features<'_> {
        Features::new(self.rows.values(), self.width)
    }

    /// The data set's metric on the validation rows; what cannot be computed is worst.
    pub(crate) fn score(&self, scores: &[f32], classes: usize, metric: Metric) -> f64 {
        let value = match &self.labels {
            Labels::Class(labels) => {
                let truth: Vec<u32> = self.validation.iter().map(|&row| labels[row]).collect();
                let names = vec![String::new(); classes];
                ClassScores { scores, names: &names, truth: &truth }.value(metric)
            }
            Labels::Presence(labels) => {
                let rows: Vec<&[Presence]> = self
                    .validation
                    .iter()
                    .map(|&row| &labels[row * classes..][..classes])
                    .collect();
                MeanAveragePrecision11::new(scores, classes, &rows)
                    .and_then(|precision| precision.mean(None))
            }
        };
        value.unwrap_or(f64::NEG_INFINITY)
    }
}

fn presences<'a>(
    targets: &[&'a Target],
    record: &Record,
) -> Result<Vec<&'a [Presence]>, EvalError> {
    crate::tasks::zero_shot::all(targets, record, |target| match target {
        Target::Labels(labels) => Some(&**labels),
        _ => None,
    })
}
