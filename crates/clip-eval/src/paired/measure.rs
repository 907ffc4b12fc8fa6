//! The metrics that two models can be compared by.

use clip_data::Presence;

use crate::metrics::{MeanAveragePrecision11, Ranking};
use crate::results::predictions::Prediction;

/// A metric that predictions hold all of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Share of images that are right.
    Accuracy,
    /// Mean over classes of that share.
    MeanPerClass,
    /// Mean of top-1 and top-5 accuracy.
    MeanTop1Top5,
    /// Area under the receiver's curve, of two classes.
    RocAuc,
    /// Mean over classes of the 11-point average precision.
    Map11,
    /// Share of photos of which a caption is first among all captions.
    TextRecall1,
    /// Share of captions of which the photo is first among all photos.
    ImageRecall1,
}

impl Measure {
    /// By the name of a result's score; none for one that needs more than predictions hold.
    pub fn of_name(name: &str) -> Option<Measure> {
        use Measure::{
            Accuracy, ImageRecall1, Map11, MeanPerClass, MeanTop1Top5, RocAuc, TextRecall1,
        };
        [Accuracy, MeanPerClass, MeanTop1Top5, RocAuc, Map11, TextRecall1, ImageRecall1]
            .into_iter()
            .find(|measure| measure.name() == name)
    }

    /// As results have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MeanPerClass => "mean_per_class",
            Self::MeanTop1Top5 => "mean_top1_top5",
            Self::RocAuc => "roc_auc",
            Self::Map11 => "map_11_point",
            Self::TextRecall1 => "text_retrieval_recall@1",
            Self::ImageRecall1 => "image_retrieval_recall@1",
        }
    }

    /// The figure of these images in any resample of them.
    ///
    /// # Errors
    /// The predictions lack what the metric needs.
    pub(super) fn of(self, predictions: &[&Prediction]) -> Result<FigureOf, String> {
        match self {
            Self::Accuracy => {
                Ok(weighted(predictions.iter().map(|one| (share(one.is_right()), 1.0))))
            }
            Self::MeanTop1Top5 => Ok(weighted(predictions.iter().map(|one| {
                let among_five = one.best.iter().any(|best| one.truth.contains(best));
                (f64::midpoint(share(one.is_right()), share(among_five)), 1.0)
            }))),
            Self::MeanPerClass => mean_per_class(predictions),
            Self::RocAuc => self.roc_auc(predictions),
            Self::Map11 => self.mean_average_precision(predictions),
            Self::TextRecall1 | Self::ImageRecall1 => self.recall(predictions),
        }
    }

    fn lacking(self, what: &str) -> String {
        format!("the predictions lack {what}: evaluate again to compare {}", self.name())
    }

    fn roc_auc(self, predictions: &[&Prediction]) -> Result<FigureOf, String> {
        let two = |one: &&Prediction| <[f32; 2]>::try_from(one.scores.as_deref()?).ok();
        let scores: Option<Vec<[f32; 2]>> = predictions.iter().map(two).collect();
        let scores = scores.ok_or_else(|| self.lacking("the scores of both classes"))?;
        let positive: Vec<bool> = predictions.iter().map(|one| one.truth == [1]).collect();
        let differences: Vec<f32> = scores.iter().map(|[no, yes]| yes - no).collect();
        let ranking = Ranking::new(&differences, &positive).map_err(|error| error.to_string())?;
        Ok(Box::new(move |weights| ranking.roc_auc(Some(weights)).unwrap_or(f64::NAN)))
    }

    fn mean_average_precision(self, predictions: &[&Prediction]) -> Result<FigureOf, String> {
        let scores: Option<Vec<&[f32]>> =
            predictions.iter().map(|one| one.scores.as_deref()).collect();
        let scores = scores.ok_or_else(|| self.lacking("the scores of all classes"))?;
        let classes = scores.first().map_or(0, |row| row.len());
        if classes == 0 || scores.iter().any(|row| row.len() != classes) {
            return Err("the predictions are not all of the same classes".to_owned());
        }
        let labels: Vec<_> = predictions.iter().map(|one| one.presences(classes)).collect();
        let labels: Vec<&[Presence]> = labels.iter().map(Vec::as_slice).collect();
        let precision = MeanAveragePrecision11::new(&scores.concat(), classes, &labels)
            .map_err(|error| error.to_string())?;
        Ok(Box::new(move |weights| precision.mean(Some(weights)).unwrap_or(f64::NAN)))
    }

    fn recall(self, predictions: &[&Prediction]) -> Result<FigureOf, String> {
        let found: Option<Vec<_>> = predictions.iter().map(|one| one.retrieved.as_ref()).collect();
        let found = found.ok_or_else(|| self.lacking("ranks"))?;
        Ok(weighted(found.into_iter().map(|found| match self {
            Self::TextRecall1 => (share(found.text_rank == 1), 1.0),
            _ => {
                let first = found.image_ranks.iter().filter(|&&rank| rank == 1).count();
                (first as f64, found.image_ranks.len() as f64)
            }
        })))
    }
}

/// A figure of a resample, which counts each image so many times.
pub(super) type FigureOf = Box<dyn Fn(&[u32]) -> f64 + Sync>;

fn share(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// Σ of what images are worth over Σ of what they count.
fn weighted(of_images: impl Iterator<Item = (f64, f64)>) -> FigureOf {
    let of_images: Vec<(f64, f64)> = of_images.collect();
    Box::new(move |weights| {
        let sum = |of: fn(&(f64, f64)) -> f64| -> f64 {
            of_images.iter().zip(weights).map(|(image, &times)| of(image) * f64::from(times)).sum()
        };
        sum(|image| image.0) / sum(|image| image.1)
    })
}

pub(super) fn classes(predictions: &[&Prediction]) -> Result<Vec<u32>, String> {
    let class = |one: &&Prediction| match one.truth[..] {
        [class] => Ok(class),
        _ => Err(format!("`{}` has no single class", one.item)),
    };
    predictions.iter().map(class).collect()
}

fn mean_per_class(predictions: &[&Prediction]) -> Result<FigureOf, String> {
    let truth = classes(predictions)?;
    let hits: Vec<bool> = predictions.iter().map(|one| one.is_right()).collect();
    let count = truth.iter().max().map_or(0, |&last| last as usize + 1);
    Ok(Box::new(move |weights| {
        let mut of_class = vec![(0_u32, 0_u32); count];
        for ((&class, &hit), &times) in truth.iter().zip(&hits).zip(weights) {
            let (items, right) = &mut of_class[class as usize];
            *items += times;
            *right += if hit { times } else { 0 };
        }
        let occurring: Vec<f64> = of_class
            .iter()
            .filter(|(items, _)| *items > 0)
            .map(|&(items, right)| f64::from(right) / f64::from(items))
            .collect();
        occurring.iter().sum::<f64>() / occurring.len() as f64
    }))
}
