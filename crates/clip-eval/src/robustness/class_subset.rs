//! Data sets that use some of ImageNet's classes, or several of them as one.

use clip_data::PromptSet;
use serde::Deserialize;

use crate::error::EvalError;
use crate::metrics::{self, MetricError, check_scores};

/// ImageNet's classes behind each class of a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSubset {
    groups: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Indices {
    One(u32),
    Several(Vec<u32>),
}

impl ClassSubset {
    /// Classes of ImageNet.
    pub const IMAGENET: usize = 1000;

    /// As the prompt file has them under `imagenet_indices`: one class or a list of them for each
    /// of its own. Classes without any (five of YouTube-BB's) never win.
    ///
    /// # Errors
    /// The file has no such list, or an index in it is no class of ImageNet or occurs twice.
    pub fn of(prompts: &PromptSet) -> Result<ClassSubset, EvalError> {
        let refuse = |reason: &str| {
            EvalError::task("robustness", &prompts.id, format!("its prompt file {reason}"))
        };
        let list = prompts
            .rest
            .get("imagenet_indices")
            .ok_or_else(|| refuse("has no `imagenet_indices`"))?;
        let indices =
            Vec::<Indices>::deserialize(list).map_err(|error| refuse(&format!("has {error}")))?;
        let group = |indices| match indices {
            Indices::One(index) => vec![index],
            Indices::Several(indices) => indices,
        };
        let groups: Vec<Vec<u32>> = indices.into_iter().map(group).collect();
        let mut seen = [false; Self::IMAGENET];
        for &index in groups.iter().flatten() {
            let seen =
                seen.get_mut(index as usize).ok_or_else(|| refuse("names a class above 999"))?;
            if std::mem::replace(seen, true) {
                return Err(refuse(&format!("names class {index} of ImageNet twice")));
            }
        }
        Ok(ClassSubset { groups })
    }

    /// Classes of the shift.
    pub fn classes(&self) -> usize {
        self.groups.len()
    }

    /// Scores of the shift's classes, `[items, classes]`: the greatest among each one's, `-inf` for
    /// one without any.
    ///
    /// - `scores`: `[items, 1000]`, before any softmax
    ///
    /// # Errors
    /// A score that is no number, no items.
    pub fn project(&self, scores: &[f32]) -> Result<Vec<f32>, MetricError> {
        check_scores(scores, Self::IMAGENET)?;
        let greatest = |row: &[f32], group: &[u32]| {
            group.iter().map(|&class| row[class as usize]).fold(f32::NEG_INFINITY, f32::max)
        };
        let row = |row| self.groups.iter().map(move |group| greatest(row, group));
        Ok(scores.chunks_exact(Self::IMAGENET).flat_map(row).collect())
    }

    /// The shift's class of a class of ImageNet; none for one outside the subset.
    pub fn class_of(&self, imagenet_class: u32) -> Option<u32> {
        self.groups
            .iter()
            .position(|group| group.contains(&imagenet_class))
            .map(|class| class as u32)
    }

    /// The matching part of ImageNet: which of its images belong to the subset, and hits among them
    /// by the shift's classes.
    ///
    /// - `scores`: `[items, 1000]`
    /// - `truth`: `[items]`, classes of ImageNet
    ///
    /// # Errors
    /// A score that is no number, no items in the subset.
    ///
    /// # Panics
    /// When the numbers of items differ.
    pub fn matching_hits(&self, scores: &[f32], truth: &[u32]) -> Result<Vec<bool>, MetricError> {
        let (mut kept, mut classes) = (Vec::new(), Vec::new());
        assert_eq!(scores.len(), truth.len() * Self::IMAGENET, "scores of {} items", truth.len());
        for (row, &class) in scores.chunks_exact(Self::IMAGENET).zip(truth) {
            if let Some(class) = self.class_of(class) {
                kept.extend_from_slice(row);
                classes.push(class);
            }
        }
        metrics::top_k(&self.project(&kept)?, self.classes(), &classes, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subset(id: &str) -> ClassSubset {
        ClassSubset::of(&PromptSet::of(id).unwrap()).unwrap()
    }

    #[test]
    fn subsets_have_the_classes_of_the_testbed() {
        for (id, classes, imagenet) in [
            ("imagenet_a", 200, 200),
            ("imagenet_r", 200, 200),
            ("objectnet", 113, 125),
            ("imagenet_vid", 30, 288),
            ("ytbb", 24, 231),
        ] {
            let subset = subset(id);
            let of_imagenet = subset.groups.iter().map(Vec::len).sum::<usize>();
            assert_eq!((subset.classes(), of_imagenet), (classes, imagenet), "{id}");
        }
    }

    #[test]
    fn a_class_has_its_greatest_score_and_an_empty_one_never_wins() {
        let subset = ClassSubset { groups: vec![vec![], vec![0, 2], vec![3]] };
        let mut scores = vec![0.0; ClassSubset::IMAGENET];
        scores[..4].copy_from_slice(&[0.1, 0.9, 0.3, 0.4]);
        assert_eq!(subset.project(&scores), Ok(vec![f32::NEG_INFINITY, 0.3, 0.4]));
    }

    #[test]
    fn any_class_of_a_group_is_right_and_other_images_are_not_scored() {
        let subset = subset("objectnet"); // its first class, alarm clock, is 409 or 530 of ImageNet
        let mut scores = vec![0.0; 3 * ClassSubset::IMAGENET];
        scores[530] = 1.0;
        scores[1000 + 414] = 1.0; // backpack
        scores[2000] = 9.0;
        let hits = subset.matching_hits(&scores, &[409, 409, 0]);
        assert_eq!(hits, Ok(vec![true, false]));
        assert_eq!((subset.class_of(530), subset.class_of(0)), (Some(0), None));
    }

    #[test]
    fn a_prompt_file_without_indices_is_named() {
        let error = ClassSubset::of(&PromptSet::of("mnist").unwrap()).unwrap_err().to_string();
        assert!(error.contains("mnist") && error.contains("imagenet_indices"), "{error}");
        let twice =
            r#"{"classnames": ["a", "b"], "templates": ["{}"], "imagenet_indices": [[1, 2], 2]}"#;
        let error =
            ClassSubset::of(&PromptSet::parse("x", twice).unwrap()).unwrap_err().to_string();
        assert!(error.contains("class 2 of ImageNet twice"), "{error}");
    }
}
