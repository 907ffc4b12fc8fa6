//! The few-shot curve of a data set, and the number of labelled images worth as much as a sentence. PROTOCOL_EVAL 7.3.

use std::collections::BTreeMap;
use std::time::Instant;

use clip_data::{Split, Target};

use crate::EvalError;
use crate::context::EvalContext;
use crate::few_shot::{self, Point, Study};
use crate::probe::{Features, Options};
use crate::progress::{Progress, Step};
use crate::results::{Figure, Record, ShotPoint};
use crate::suite::{Job, Verb};
use crate::tasks::coverage;
use crate::tasks::linear_probe::Labels;
use crate::tasks::scoring::ClassScores;
use crate::tasks::zero_shot::{metric_error, one_class};

/// What the interval of a mean over draws draws.
const DRAWS: &str = "draws of the labelled images";
const NO_DRAWS: &str = "no interval: all labelled images are used, there is nothing to draw";

/// Ends of a point's interval, as a figure has them.
fn interval_of(point: &Point) -> Option<(f64, f64)> {
    Figure::share("mean", point.mean).within(point.interval, DRAWS).interval()
}

impl EvalContext {
    /// Accuracy with k labelled images per class, for every k asked for and for all images, beside zero-shot.
    ///
    /// # Errors
    /// A split is missing, or its items have no single class.
    pub fn few_shot(
        &mut self,
        job: &Job,
        test: Split,
        progress: &mut Progress<'_>,
    ) -> Result<Record, EvalError> {
        let started = Instant::now();
        let prompts = self.prompts(&test)?;
        let names: Vec<String> = prompts.classes.iter().map(|names| names[0].clone()).collect();
        let head = self.head(&prompts, progress)?;
        let test = self.encode_split(test, progress)?;
        let dataset = test.split.dataset.clone();
        let data = self.data(job, &dataset, &dataset.train, progress)?;
        let mut record = self.record(Verb::Fewshot.task(), &test, Some(&prompts), started);
        let targets: Vec<&Target> = test.targets().collect();
        let truth = one_class(&targets, &record)?;
        let Labels::Class(labels) = &data.labels else {
            return Err(EvalError::task(
                Verb::Fewshot.task(),
                &dataset.id,
                "its items have several classes",
            ));
        };
        record.notes.extend(coverage::notes(&data, &truth, &names));
        record.notes.extend(coverage::shortage(labels, &names, &self.options.shots));
        let embeddings = test.rows.features.clone().normalize();
        let logits = head.logits(embeddings.as_slice(), self.clip.scale());
        let zero_shot = ClassScores { scores: &logits, names: &names, truth: &truth }
            .figure(dataset.metric, &self.options)
            .map_err(metric_error(&record))?;
        let Some(of_names) = zero_shot.value else {
            record.enter_score(zero_shot);
            return Ok(record);
        };
        let metric = |scores: &[f32], truth: &[u32]| {
            ClassScores { scores, names: &names, truth }
                .value(dataset.metric)
                .unwrap_or(f64::NEG_INFINITY)
        };
        let rows = self.probe_rows(&test);
        let study = Study {
            device: self.clip.instruction_set(),
            features: data.features(),
            labels,
            classes: names.len(),
            test_features: Features::new(rows.as_slice(), rows.embed_dim()),
            test_labels: &truth,
            metric: &metric,
            options: Options::default(),
            shots: &self.options.shots,
            draws: self.options.draws,
            seed: self.options.seed,
            level: self.options.level,
        };
        let mut begun = false;
        let points = study.curve(&mut |_, draws| {
            if !begun {
                progress(Step::Fits(draws));
                begun = true;
            }
            progress(Step::Done(1));
        });
        let Some(last) = points.last() else {
            return Err(EvalError::task(
                Verb::Fewshot.task(),
                &dataset.id,
                "no class has a labelled image",
            ));
        };
        let all_images = last.mean;
        let best_of_few = points.iter().rev().find(|point| point.shots.is_some());
        if let Some(point) = best_of_few {
            let shots = point.shots.unwrap_or_default();
            let score = Figure::share(&format!("{}_at_{shots}_shots", zero_shot.name), point.mean);
            record.enter_score(if point.scores.len() > 1 {
                score.within(point.interval, DRAWS)
            } else {
                score.without("no interval: one draw says nothing of others")
            });
        } else {
            let score = Figure::share(&format!("{}_with_all", zero_shot.name), all_images);
            record.enter_score(score.without(NO_DRAWS));
        }
        let curve: Vec<(f64, f64)> =
            points.iter().map(|point| (point.labels_per_class, point.mean)).collect();
        if let Some(worth) = few_shot::labels_to_match(&curve, of_names) {
            record.notes.push(format!("zero-shot is worth {worth} labelled images per class"));
        }
        record.metrics = BTreeMap::from([
            ("zero_shot".to_owned(), zero_shot.value),
            ("all_images".to_owned(), Some(all_images)),
        ]);
        record.figures.push(zero_shot.named("zero_shot"));
        record.figures.push(Figure::share("all_images", all_images).without(NO_DRAWS));
        record.details.shots = points
            .into_iter()
            .map(|point| ShotPoint {
                shots: point.shots,
                mean: point.mean,
                sd: point.deviation.unwrap_or_default(),
                interval: interval_of(&point),
                values: point.scores,
            })
            .collect();
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok(record)
    }
}
