//! From scores to figures: the data set's own metric with its interval, and what plots need.

use clip_data::{Metric, Presence};

use super::outcome::{Metrics, Scores};
use crate::metrics::{self, MeanAveragePrecision11, MetricError, Ranking};
use crate::options::IntervalOptions;
use crate::results::{ClassFigure, Confusion, Details, Figure, ReliabilityBin, Unit};
use crate::statistics::clopper_pearson;

/// Pairs of classes that a result keeps.
const CONFUSIONS_KEPT: usize = 200;
/// Top-k of the second accuracy.
const SECOND_K: usize = 5;
/// What most intervals draw.
pub(crate) const IMAGES: &str = "images";
/// Why the calibration error has no interval.
const NO_ECE_INTERVAL: &str = "no interval: resamples are less well calibrated than the items they are drawn from, their percentiles lie above it";
/// What is said of two figures that the paper does not tell apart.
const BY_LOGIT: &str = "map_11_point ranks images by the logit of a class, as taken for the paper's; \
    map_11_point_by_softmax by the softmax over the classes (the paper does not say)";

/// Scores of items that have one class each.
pub(crate) struct ClassScores<'a> {
    /// `[items, classes]`: logits, at the checkpoint's temperature where they are to be
    /// probabilities.
    pub(crate) scores: &'a [f32],
    /// First name of each class.
    pub(crate) names: &'a [String],
    /// `[items]`
    pub(crate) truth: &'a [u32],
}

/// Share of hits with its exact interval.
pub(crate) fn share_of_hits(name: &str, hits: &[bool], level: f64) -> Result<Figure, MetricError> {
    let right = hits.iter().filter(|&&hit| hit).count() as u64;
    let interval = clopper_pearson(right, hits.len() as u64, level);
    Ok(Figure::share(name, metrics::accuracy(hits)?).within(Some(interval), IMAGES))
}

/// Scores of items that are right or wrong.
pub(crate) fn of_hits(hits: &[bool], level: f64) -> Result<Scores, MetricError> {
    let score = share_of_hits("accuracy", hits, level)?;
    Ok(Scores { metrics: Metrics::from([("acc1".to_owned(), score.value)]), ..Scores::of(score) })
}

impl ClassScores<'_> {
    fn classes(&self) -> usize {
        self.names.len()
    }

    /// The figure the paper reports: `metric`, with its interval.
    pub(crate) fn figure(
        &self,
        metric: Metric,
        options: &IntervalOptions,
    ) -> Result<Figure, MetricError> {
        let ranks = metrics::ranks(self.scores, self.classes(), self.truth)?;
        let hits = metrics::hits(&ranks, 1);
        let bootstrap = options.bootstrap();
        match metric {
            Metric::MeanPerClass => {
                let interval = bootstrap.mean_per_class(&hits, self.truth);
                let mean = metrics::mean_per_class(&hits, self.truth)?;
                Ok(Figure::share("mean_per_class", mean)
                    .within(interval, "images within their class"))
            }
            Metric::RocAuc => self.roc_auc(options),
            Metric::MeanTop1Top5 => {
                let value = |rank: &u32| {
                    (f64::from(u8::from(*rank < 1)) + f64::from(u8::from(*rank < 5))) / 2.0
                };
                let values: Vec<f64> = ranks.iter().map(value).collect();
                let mean = metrics::mean_top1_top5(&ranks)?;
                Ok(Figure::share("mean_top1_top5", mean).within(bootstrap.mean(&values), IMAGES))
            }
            Metric::Accuracy
            // Of items with other targets; of one class each they are what everybody calls
            // accuracy.
            | Metric::MeanAveragePrecision11
            | Metric::RetrievalRecall
            | Metric::MeanPm0Pm10
            | Metric::MeanWeightedAveragePrecision => {
                share_of_hits("accuracy", &hits, options.level)
            }
        }
    }

    fn roc_auc(&self, options: &IntervalOptions) -> Result<Figure, MetricError> {
        let ranking = self.ranking_of_two()?;
        let value = match ranking.roc_auc(None) {
            Err(error) if error.is_one_sided() => {
                let reason = format!("undefined: {error}");
                return Ok(Figure::undefined("roc_auc", Unit::Share, &reason));
            }
            value => value?,
        };
        let auc = |drawn: &[u32]| ranking.roc_auc(Some(drawn)).unwrap_or(f64::NAN);
        let interval = options.bootstrap().interval(self.truth.len(), auc);
        Ok(Figure::share("roc_auc", value).within(interval, IMAGES))
    }

    /// `metric` alone, for choosing among models.
    pub(crate) fn value(&self, metric: Metric) -> Result<f64, MetricError> {
        let ranks = metrics::ranks(self.scores, self.classes(), self.truth)?;
        match metric {
            Metric::MeanPerClass => metrics::mean_per_class(&metrics::hits(&ranks, 1), self.truth),
            Metric::RocAuc => self.ranking_of_two()?.roc_auc(None),
            Metric::MeanTop1Top5 => metrics::mean_top1_top5(&ranks),
            Metric::Accuracy
            // Of items with other targets; of one class each they are what everybody calls
            // accuracy.
            | Metric::MeanAveragePrecision11
            | Metric::RetrievalRecall
            | Metric::MeanPm0Pm10
            | Metric::MeanWeightedAveragePrecision => {
                metrics::accuracy(&metrics::hits(&ranks, 1))
            }
        }
    }

    /// Of two classes: the score is the difference of the logits, which ranks as the softmax does.
    fn ranking_of_two(&self) -> Result<Ranking, MetricError> {
        let differences: Vec<f32> =
            self.scores.as_chunks::<2>().0.iter().map(|[no, yes]| yes - no).collect();
        let positive: Vec<bool> = self.truth.iter().map(|&class| class == 1).collect();
        Ranking::new(&differences, &positive)
    }

    /// The figures under CLIP_benchmark's names. Top-5 of fewer classes is none.
    fn metrics(&self) -> Result<Metrics, MetricError> {
        let ranks = metrics::ranks(self.scores, self.classes(), self.truth)?;
        let hits = metrics::hits(&ranks, 1);
        let top_5 = (self.classes() >= SECOND_K)
            .then(|| metrics::accuracy(&metrics::hits(&ranks, SECOND_K)));
        Ok(Metrics::from([
            ("acc1".to_owned(), Some(metrics::accuracy(&hits)?)),
            ("acc5".to_owned(), top_5.transpose()?),
            ("mean_per_class_recall".to_owned(), Some(metrics::mean_per_class(&hits, self.truth)?)),
        ]))
    }

    /// Everything that one class per item allows. `calibrated`: the scores are logits of
    /// probabilities.
    pub(crate) fn all(
        &self,
        metric: Metric,
        options: &IntervalOptions,
        calibrated: bool,
    ) -> Result<Scores, MetricError> {
        let predictions = metrics::predictions(self.scores, self.classes())?;
        let hits: Vec<bool> = predictions.iter().zip(self.truth).map(|(a, b)| a == b).collect();
        let mut scores = Scores {
            metrics: self.metrics()?,
            details: self.details(&predictions, &hits),
            ..Scores::of(self.figure(metric, options)?)
        };
        if metric != Metric::Accuracy {
            scores.figures.push(share_of_hits("accuracy", &hits, options.level)?);
        }
        if calibrated {
            self.add_calibration(&mut scores, options)?;
        }
        Ok(scores)
    }

    fn details(&self, predictions: &[u32], hits: &[bool]) -> Details {
        let name = |class: u32| self.names[class as usize].clone();
        let counts = metrics::per_class(hits, self.truth, self.classes());
        let per_class = self.names.iter().zip(counts).filter(|(_, count)| count.items > 0);
        let confusions = metrics::worst_confusions(predictions, self.truth, CONFUSIONS_KEPT);
        Details {
            per_class: per_class
                .map(|(class, count)| ClassFigure {
                    class: class.clone(),
                    items: count.items,
                    correct: count.hits,
                })
                .collect(),
            confusions: confusions
                .iter()
                .map(|pair| Confusion {
                    truth: name(pair.truth),
                    prediction: name(pair.prediction),
                    count: pair.count,
                })
                .collect(),
            ..Details::default()
        }
    }

    /// What the probabilities are worth.
    fn add_calibration(
        &self,
        scores: &mut Scores,
        options: &IntervalOptions,
    ) -> Result<(), MetricError> {
        let calibration = metrics::calibration(self.scores, self.classes(), self.truth)?;
        let error =
            Figure::share("expected_calibration_error", calibration.expected_calibration_error);
        scores.figures.push(error.without(NO_ECE_INTERVAL));
        let bootstrap = options.bootstrap();
        for (name, value, of_items) in [
            ("negative_log_likelihood", calibration.negative_log_likelihood, &calibration.losses),
            ("brier", calibration.brier, &calibration.squares),
        ] {
            let figure = Figure::plain(name, Unit::Number, value);
            scores.figures.push(figure.within(bootstrap.mean(of_items), IMAGES));
        }
        let bin = |bin: &metrics::Bin| {
            Some(ReliabilityBin {
                low: bin.low,
                high: bin.high,
                items: bin.items,
                confidence: bin.confidence?,
                accuracy: bin.accuracy?,
            })
        };
        scores.details.reliability = calibration.bins.iter().filter_map(bin).collect();
        Ok(())
    }
}

/// Mean over classes of the 11-point average precision (VOC2007), and each class's own, drawing
/// images.
pub(crate) fn multi_label(
    scores: &[f32],
    names: &[String],
    labels: &[&[Presence]],
    options: &IntervalOptions,
) -> Result<Scores, MetricError> {
    let precision = MeanAveragePrecision11::new(scores, names.len(), labels)?;
    let bootstrap = options.bootstrap();
    let mean_of = |values: &[Option<f64>]| {
        let values: Vec<f64> = values.iter().copied().flatten().collect();
        values.iter().sum::<f64>() / values.len() as f64 // NaN where no class is drawn
    };
    let resamples = bootstrap.figures(labels.len(), |drawn| {
        let per_class = precision.per_class(Some(drawn));
        let mean = mean_of(&per_class);
        per_class.into_iter().map(|value| value.unwrap_or(f64::NAN)).chain([mean]).collect()
    });
    let interval =
        |place: usize| bootstrap.percentiles(resamples.iter().map(|of| of[place]).collect());
    let mean = precision.mean(None)?;
    let of_class = |(place, (class, value)): (usize, (&String, Option<f64>))| {
        let name = format!("average_precision: {class}");
        match value {
            Some(value) => Figure::share(&name, value).within(interval(place), IMAGES),
            None => Figure::undefined(&name, Unit::Share, "undefined: no image shows the class"),
        }
    };
    Ok(Scores {
        metrics: Metrics::from([("mean_average_precision".to_owned(), Some(mean))]),
        figures: names.iter().zip(precision.per_class(None)).enumerate().map(of_class).collect(),
        ..Scores::of(Figure::share("map_11_point", mean).within(interval(names.len()), IMAGES))
    })
}

/// [`multi_label`] of logits, and the same mean where the softmax over the classes ranks images and
/// not the logit: the paper does not say which it took, so both are there by name.
pub(crate) fn multi_label_of_logits(
    logits: &[f32],
    names: &[String],
    labels: &[&[Presence]],
    options: &IntervalOptions,
) -> Result<Scores, MetricError> {
    let mut all = multi_label(logits, names, labels, options)?;
    // The logarithm ranks as the probability does, and has no equal ones where this is tiny.
    let logarithms = |row: &[f32]| {
        let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&logit| f64::from(logit - greatest).exp()).sum();
        let whole = f64::from(greatest) + sum.ln();
        row.iter().map(|&logit| (f64::from(logit) - whole) as f32).collect::<Vec<f32>>()
    };
    let scores: Vec<f32> = logits.chunks_exact(names.len()).flat_map(logarithms).collect();
    let precision = MeanAveragePrecision11::new(&scores, names.len(), labels)?;
    let interval = options
        .bootstrap()
        .interval(labels.len(), |drawn| precision.mean(Some(drawn)).unwrap_or(f64::NAN));
    let figure = Figure::share("map_11_point_by_softmax", precision.mean(None)?);
    all.figures.insert(0, figure.within(interval, IMAGES));
    all.notes.push(BY_LOGIT.to_owned());
    Ok(all)
}
