//! What a model said of every image: kept beside a result, so that tests and audits need no model.

use std::path::Path;

use clip_data::{Presence, Target};
use clip_rs::joint_space;
use serde::{Deserialize, Serialize};

use super::write::write_whole;
use crate::error::{EvalError, Result};
use crate::metrics;

/// Bytes of a file of predictions that are read.
const LARGEST: u64 = 4 << 30;

/// Classes kept for each image.
const KEPT: usize = 5;

/// One image.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Prediction {
    /// Its id in the split.
    pub item: String,
    /// Positions of the right classes; empty for texts.
    pub truth: Vec<u32>,
    /// Positions of the best classes, best first; equal scores by the lower position.
    pub best: Vec<u32>,
    /// Their softmax over all classes.
    pub probabilities: Vec<f32>,
    /// Softmax of the true class, where there is one.
    pub truth_probability: Option<f32>,
    /// The text that is right and the text chosen, for tasks without classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<(String, String)>,
    /// Of every class, where the metric ranks images by them (two classes, or several in one
    /// image).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Vec<f32>>,
    /// Classes that are neither in the image nor not, for metrics that leave it out then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub difficult: Vec<u32>,
    /// What retrieval found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieved: Option<Retrieved>,
}

/// How a photo and its captions found each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Retrieved {
    /// BLAKE3 of its captions, each ending with a line feed.
    pub captions_blake3: String,
    /// Rank of its best caption among all captions, from 1.
    pub text_rank: u32,
    /// For each of its captions the rank of the photo among all photos.
    pub image_ranks: Vec<u32>,
}

impl Prediction {
    /// Whether the first choice is right.
    pub fn is_right(&self) -> bool {
        match &self.words {
            Some((truth, chosen)) => metrics::same_word(truth, chosen),
            None => self.best.first().is_some_and(|best| self.truth.contains(best)),
        }
    }

    /// Whether the same is true of the image in both.
    pub(crate) fn has_truth_of(&self, other: &Prediction) -> bool {
        let words = |of: &Prediction| of.words.as_ref().map(|(truth, _)| truth.clone());
        let captions =
            |of: &Prediction| of.retrieved.as_ref().map(|found| found.captions_blake3.clone());
        self.truth == other.truth
            && self.difficult == other.difficult
            && words(self) == words(other)
            && captions(self) == captions(other)
    }

    /// `[classes]`: which of them are in the image.
    pub(crate) fn presences(&self, classes: usize) -> Vec<Presence> {
        let presence = |class: u32| match class {
            class if self.truth.contains(&class) => Presence::Present,
            class if self.difficult.contains(&class) => Presence::Difficult,
            _ => Presence::Absent,
        };
        (0..classes as u32).map(presence).collect()
    }

    /// A text chosen among candidates with these scores.
    pub(crate) fn of_word(
        item: String,
        truth: &str,
        chosen: &str,
        scores: &[f32],
        best: usize,
    ) -> Prediction {
        Prediction {
            item,
            probabilities: vec![softmax(scores)[best] as f32],
            words: Some((truth.to_owned(), chosen.to_owned())),
            ..Prediction::default()
        }
    }
}

/// The best classes of one image.
pub(crate) fn top_5(item: String, logits: &[f32], target: &Target) -> Prediction {
    let probabilities = softmax(logits);
    let truth = match target {
        Target::Class(class) | Target::Segment { class, annotation: 1, .. } => vec![*class],
        Target::OneOf(classes) | Target::Frame { labels: classes, .. } => classes.to_vec(),
        Target::Labels(labels) => {
            let present = (0..).zip(labels).filter(|(_, presence)| **presence == Presence::Present);
            present.map(|(class, _)| class).collect()
        }
        _ => Vec::new(),
    };
    let difficult = match target {
        Target::Labels(labels) => {
            let unclear =
                (0..).zip(labels).filter(|(_, presence)| **presence == Presence::Difficult);
            unclear.map(|(class, _)| class).collect()
        }
        _ => Vec::new(),
    };
    let ranks_images = matches!(target, Target::Labels(_)) || logits.len() == 2;
    let best = joint_space::top_k(logits, KEPT);
    Prediction {
        item,
        probabilities: best.iter().map(|&class| probabilities[class] as f32).collect(),
        truth_probability: match truth[..] {
            [class] => probabilities.get(class as usize).map(|&probability| probability as f32),
            _ => None,
        },
        truth,
        best: best.into_iter().map(|class| class as u32).collect(),
        difficult,
        scores: ranks_images.then(|| logits.to_vec()),
        ..Prediction::default()
    }
}

/// Softmax of f32 scores, the greatest taken off in f32.
pub(crate) fn softmax(scores: &[f32]) -> Vec<f64> {
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    joint_space::softmax(scores.iter().map(|score| f64::from(score - greatest)))
}

/// Writes one JSON line for each image, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn write(predictions: &[Prediction], path: &Path) -> Result<()> {
    let mut text = Vec::new();
    for prediction in predictions {
        serde_json::to_writer(&mut text, prediction)
            .map_err(|error| EvalError::result(path, error))?;
        text.push(b'\n');
    }
    write_whole(path, &text)
}

/// Reads them back.
///
/// # Errors
/// It cannot be read, or a line is no prediction.
pub fn read(path: &Path) -> Result<Vec<Prediction>> {
    let text = clip_files::read_text(path, LARGEST).map_err(EvalError::io(path))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| EvalError::result(path, format!("line {}: {error}", number + 1)))
    };
    text.lines().enumerate().map(line).collect()
}
