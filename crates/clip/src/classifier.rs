//! Zero-shot head: labels and templates -> one unit vector per label. PROTOCOL 4.

use std::path::Path;

use clip_model::joint_space::{EnsembleRounding, prompt_ensemble, softmax, top_k};

use crate::class_prompts::ClassPrompts;
use crate::error::Error;
use crate::features::{Embeddings, cosine};
use crate::{Clip, Overflow};

/// Where a label goes in a template.
pub(crate) const PLACEHOLDER: &str = "{}";

/// A label with what the model thinks of it for one image.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LabelScore {
    /// The label as it was given.
    pub label: String,
    /// Softmax over the labels given, 0..1. It says which of THESE labels fits best, not whether
    /// one is true.
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
    truncated: Vec<usize>,
}

impl Classifier {
    /// Encodes every label in every template; per label: rows normalised, averaged, normalised
    /// again (PROTOCOL 4.1). Without templates a label is its own prompt.
    ///
    /// # Errors
    /// No label; a template without `{}`; a prompt over the context length; two labels that are one
    /// text to the model, as `Cat` and `cat` are.
    pub fn new<L: AsRef<str>, T: AsRef<str>>(
        clip: &Clip,
        labels: &[L],
        templates: &[T],
    ) -> Result<Classifier, Error> {
        let labels = labels.iter().map(|label| label.as_ref().to_owned()).collect();
        Classifier::new_with(clip, labels, templates, Overflow::Refuse, |_| Ok(()))
    }

    /// [`Classifier::new`] with a rule for prompts over the context length. `progress` gets the
    /// number of prompts done since it was last called. Beside the labels and their vectors, memory
    /// does not grow with the number of either.
    ///
    /// # Errors
    /// As [`Classifier::new`]; a prompt over the context length only if `overflow` refuses it; the
    /// first error of `progress`.
    pub fn new_with<T: AsRef<str>, E: From<Error>>(
        clip: &Clip,
        labels: Vec<String>,
        templates: &[T],
        overflow: Overflow,
        progress: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Classifier, E> {
        if labels.is_empty() {
            return Err(Error::NoLabels.into());
        }
        let templates: Vec<&str> = templates.iter().map(AsRef::as_ref).collect();
        if let Some(template) = templates.iter().find(|template| !template.contains(PLACEHOLDER)) {
            let template = (*template).to_owned();
            return Err(Error::TemplateWithoutPlaceholder { template }.into());
        }
        let prompts_of = |label: usize| fill_templates(&labels[label], &templates);
        let plan = ClassPrompts::new(clip, labels.len(), overflow, prompts_of).map_err(
            |error| match error {
                Error::Text { index, source } => {
                    Error::Label { label: shown(&labels[index]), source }
                }
                other => other,
            },
        )?;
        if let [(first, second), others @ ..] = plan.same() {
            let (first, second, others) = (&labels[*first], &labels[*second], others.len());
            let same = if first == second {
                Error::RepeatedLabel { label: shown(first), others }
            } else {
                Error::SameLabels { first: shown(first), second: shown(second), others }
            };
            return Err(same.into());
        }
        let embed_dim = clip.embed_dim();
        let mut weights = vec![0.0; labels.len() * embed_dim];
        plan.for_each(progress, |label, rows| {
            let weights = &mut weights[label * embed_dim..(label + 1) * embed_dim];
            prompt_ensemble(rows, weights, EnsembleRounding::EachStep);
        })?;
        let weights = Embeddings::from_normalized(embed_dim, weights);
        let truncated = plan.truncated().to_vec();
        Ok(Classifier { labels, weights, scale: clip.scale(), truncated })
    }

    /// The labels, in the order given.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Their unit vectors, `[labels, embed_dim]`.
    pub fn embeddings(&self) -> &Embeddings {
        &self.weights
    }

    /// Positions of the labels of which a prompt lost its end.
    pub fn truncated(&self) -> &[usize] {
        &self.truncated
    }

    /// Scores of every label for one image embedding, most probable first (ties: label order).
    ///
    /// # Panics
    /// If `image` has not the model's `embed_dim`.
    pub fn scores(&self, image: &[f32]) -> Vec<LabelScore> {
        self.top(image, self.labels.len())
    }

    /// The first `count` of [`Classifier::scores`]: their probabilities are over all labels.
    ///
    /// # Panics
    /// If `image` has not the model's `embed_dim`.
    pub fn top(&self, image: &[f32], count: usize) -> Vec<LabelScore> {
        assert_eq!(image.len(), self.weights.embed_dim(), "an embedding of another model");
        let cosines: Vec<f32> = self.weights.rows().map(|weight| cosine(image, weight)).collect();
        top(&self.labels, &cosines, self.scale, count)
    }
}

impl Clip {
    /// Ranks `labels` for one image file, most probable first; each label is its own prompt.
    ///
    /// # Errors
    /// The image cannot be used, no label, or a label over the context length.
    ///
    /// # Examples
    /// ```
    /// let clip = clip_rs::Clip::starter()?;
    /// let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../photos/pizza.jpg");
    /// let ranking = clip.classify(photo, &["a pizza", "a rocket"])?;
    /// assert!(ranking[0].label == "a pizza" && ranking[0].probability > 0.9);
    /// # Ok::<(), clip_rs::Error>(())
    /// ```
    pub fn classify<L: AsRef<str>>(
        &self,
        image: impl AsRef<Path>,
        labels: &[L],
    ) -> Result<Vec<LabelScore>, Error> {
        let classifier = Classifier::new(self, labels, &[] as &[&str])?;
        let embedding = self.encode_images(&[image])?.normalize();
        Ok(classifier.scores(embedding.as_slice()))
    }
}

/// Softmax of `scale * cosine` over the labels, most probable first (ties: label order).
/// PROTOCOL 1.4, 4.2.
pub fn rank(labels: &[String], cosines: &[f32], scale: f32) -> Vec<LabelScore> {
    top(labels, cosines, scale, labels.len())
}

fn top(labels: &[String], cosines: &[f32], scale: f32, count: usize) -> Vec<LabelScore> {
    let probabilities = softmax(cosines.iter().map(|cosine| f64::from(scale * cosine)));
    let score = |label: usize| LabelScore {
        label: labels[label].clone(),
        probability: probabilities[label] as f32,
        cosine: cosines[label],
    };
    top_k(cosines, count).into_iter().map(score).collect()
}

/// The label in every template; without templates the label itself.
fn fill_templates(label: &str, templates: &[&str]) -> Vec<String> {
    if templates.is_empty() {
        return vec![label.to_owned()];
    }
    templates.iter().map(|template| template.replace(PLACEHOLDER, label)).collect()
}

/// The beginning of a label, for a message.
fn shown(label: &str) -> String {
    const CHARACTERS: usize = 60;
    let is_cut = label.chars().nth(CHARACTERS).is_some();
    label.chars().take(CHARACTERS).chain(is_cut.then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Features;

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
    fn template_has_the_label_in_every_place() {
        let prompts = fill_templates("cat", &["a {}.", "the {}, {}"]);
        assert_eq!(prompts, ["a cat.", "the cat, cat"]);
        assert_eq!(fill_templates("cat", &[]), ["cat"]);
    }

    #[test]
    fn classifier_has_the_vectors_of_its_definition() {
        let clip = Clip::starter().expect("built in");
        let (labels, templates) =
            (["zebra", "a cat", "Dog"], ["a photo of {}.", "{} in the snow", "{}"]);
        let classifier = Classifier::new(&clip, &labels, &templates).expect("a classifier");
        for (label, found) in labels.iter().zip(classifier.weights.rows()) {
            let rows: Vec<f32> = templates
                .iter()
                .flat_map(|template| {
                    let prompt = template.replace(PLACEHOLDER, label);
                    clip.encode_texts(&[prompt]).expect("features").normalize().as_slice().to_vec()
                })
                .collect();
            let mean = (0..clip.embed_dim()).map(|column| {
                let sum: f64 =
                    rows.iter().skip(column).step_by(clip.embed_dim()).map(|&v| f64::from(v)).sum();
                (sum / 3.0) as f32
            });
            let expected = Features::new(clip.embed_dim(), mean.collect()).normalize();
            assert_eq!(found, expected.as_slice(), "{label}");
        }
    }

    #[test]
    fn top_is_the_beginning_of_all_scores() {
        let clip = Clip::starter().expect("built in");
        let classifier =
            Classifier::new(&clip, &["a", "b", "c"], &[] as &[&str]).expect("a classifier");
        let image = clip.encode_texts(&["something"]).expect("features").normalize();
        let scores = classifier.scores(image.as_slice());
        assert_eq!(
            (scores.len(), &scores[..2]),
            (3, classifier.top(image.as_slice(), 2).as_slice())
        );
    }

    #[test]
    fn labels_that_are_one_text_to_the_model_are_refused_by_name() {
        let clip = Clip::starter().expect("built in");
        let refused = |labels: &[&str], templates: &[&str]| {
            Classifier::new(&clip, labels, templates).expect_err("refused").to_string()
        };
        let same = "labels \"Cat\" and \"cat\" are one text to the model; each would take half of the probability";
        assert_eq!(refused(&["Cat", "dog", "cat"], &[]), same);
        assert_eq!(refused(&["Cat", "dog", "cat"], &["a {}", "the {}"]), same);
        let twice =
            "label \"a\" is given twice; each would take half of the probability (and 2 more)";
        assert_eq!(refused(&["a", "b", "a", "b", "B"], &[]), twice);
        let long = "word ".repeat(90);
        let error = refused(&["a", &long], &[]);
        assert!(
            error.starts_with("label \"word word") && error.contains("has 92 tokens, limit 77"),
            "{error}"
        );
        assert!(matches!(
            Classifier::new(&clip, &["cat"], &["no hole"]),
            Err(Error::TemplateWithoutPlaceholder { .. })
        ));
        let cut = Classifier::new_with(
            &clip,
            vec!["a".into(), long],
            &[] as &[&str],
            Overflow::Truncate,
            |_| Ok::<_, Error>(()),
        );
        assert_eq!(cut.expect("cut").truncated(), [1]);
    }
}
