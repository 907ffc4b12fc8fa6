//! Zero-shot head: labels and templates -> one unit vector per label. PROTOCOL 4.

use crate::error::Error;
use crate::features::{Embeddings, Features, dot};
use crate::{Clip, Overflow};

/// Where a label goes in a template.
pub(crate) const PLACEHOLDER: &str = "{}";

/// A label with what the model thinks of it for one image.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LabelScore {
    /// The label as it was given.
    pub label: String,
    /// Softmax over the labels given, 0..1. It says which of THESE labels fits best, not whether one is true.
    pub probability: f32,
    /// Cosine of image and label, -1..1.
    pub cosine: f32,
}

/// Labels as unit vectors of the joint space, `[labels, embed_dim]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    labels: Vec<String>,
    weights: Embeddings,
    scale: f32,
}

impl Classifier {
    /// Encodes every label in every template; per label: rows normalised, averaged, normalised again (PROTOCOL 4.1).
    /// Without templates a label is its own prompt.
    ///
    /// # Errors
    /// No label; a template without `{}`; a prompt over the context length.
    pub fn new<L: AsRef<str>, T: AsRef<str>>(
        clip: &Clip,
        labels: &[L],
        templates: &[T],
    ) -> Result<Classifier, Error> {
        let labels: Vec<String> = labels.iter().map(|label| label.as_ref().to_owned()).collect();
        if labels.is_empty() {
            return Err(Error::NoLabels);
        }
        let prompts = fill_templates(&labels, templates)?;
        let per_label = prompts.len() / labels.len();
        let embeddings = clip.encode_texts_with(&prompts, Overflow::Refuse)?.0.normalize();
        let weights = if per_label == 1 { embeddings } else { mean_of_groups(&embeddings, per_label) };
        Ok(Classifier { labels, weights, scale: clip.scale() })
    }

    /// The labels, in the order given.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Scores of every label for one image embedding, most probable first (ties: label order).
    ///
    /// # Panics
    /// If `image` has not the model's `embed_dim`.
    pub fn scores(&self, image: &[f32]) -> Vec<LabelScore> {
        assert_eq!(image.len(), self.weights.embed_dim(), "an embedding of another model");
        let cosines: Vec<f32> = self.weights.rows().map(|weight| dot(image, weight)).collect();
        rank(&self.labels, &cosines, self.scale)
    }
}

/// Softmax of `scale * cosine` over the labels, most probable first (ties: label order). PROTOCOL 1.4, 4.2.
pub fn rank(labels: &[String], cosines: &[f32], scale: f32) -> Vec<LabelScore> {
    let logits: Vec<f64> = cosines.iter().map(|&cosine| f64::from(scale * cosine)).collect();
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - greatest).exp()).sum();
    let mut scores: Vec<LabelScore> = labels
        .iter()
        .zip(cosines)
        .zip(&logits)
        .map(|((label, &cosine), logit)| LabelScore {
            label: label.clone(),
            probability: ((logit - greatest).exp() / sum) as f32,
            cosine,
        })
        .collect();
    scores.sort_by(|a, b| b.cosine.total_cmp(&a.cosine)); // stable: equal cosines keep the label order
    scores
}

/// All prompts of the first label, then of the second, ...: `[labels * templates]`.
fn fill_templates<T: AsRef<str>>(labels: &[String], templates: &[T]) -> Result<Vec<String>, Error> {
    if let Some(template) = templates.iter().find(|template| !template.as_ref().contains(PLACEHOLDER)) {
        return Err(Error::TemplateWithoutPlaceholder { template: template.as_ref().to_owned() });
    }
    if templates.is_empty() {
        return Ok(labels.to_vec());
    }
    let fill = |label: &String| {
        templates.iter().map(|t| t.as_ref().replace(PLACEHOLDER, label)).collect::<Vec<String>>()
    };
    Ok(labels.iter().flat_map(fill).collect())
}

/// Mean of each `size` successive rows, normalised: `[rows, embed_dim] -> [rows / size, embed_dim]`.
fn mean_of_groups(rows: &Embeddings, size: usize) -> Embeddings {
    let embed_dim = rows.embed_dim();
    let means = rows.as_slice().chunks_exact(size * embed_dim).flat_map(|group| {
        (0..embed_dim).map(move |column| {
            let sum: f64 = group.iter().skip(column).step_by(embed_dim).map(|&v| f64::from(v)).sum();
            (sum / size as f64) as f32
        })
    });
    Features::new(embed_dim, means.collect()).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn probabilities_are_the_softmax_of_scaled_cosines() {
        let scores = rank(&labels(&["a", "b"]), &[0.2, 0.3], 10.0);
        assert_eq!(scores[0].label, "b");
        assert!((scores[0].probability - 0.731_058_6).abs() < 1e-6, "{}", scores[0].probability);
        assert!((scores.iter().map(|s| s.probability).sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn equal_cosines_keep_the_order_of_the_labels() {
        let scores = rank(&labels(&["a", "b", "c"]), &[0.5, 0.5, 0.5], 100.0);
        assert_eq!(scores.iter().map(|s| s.label.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn templates_are_filled_label_by_label() {
        let prompts = fill_templates(&labels(&["cat", "dog"]), &["a {}.", "the {}, {}"]).expect("valid");
        assert_eq!(prompts, ["a cat.", "the cat, cat", "a dog.", "the dog, dog"]);
        assert!(matches!(
            fill_templates(&labels(&["cat"]), &["no hole"]),
            Err(Error::TemplateWithoutPlaceholder { .. })
        ));
    }

    #[test]
    fn ensemble_is_the_normalized_mean_of_normalized_rows() {
        let rows = Embeddings::from_normalized(2, vec![1.0, 0.0, 0.0, 1.0]);
        let mean = mean_of_groups(&rows, 2);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert!(mean.as_slice().iter().all(|v| (v - half).abs() < 1e-6));
    }
}
