//! Whether test images that resemble training images are easier. PROTOCOL_EVAL 7.10; the paper's
//! section 5.
//!
//! ```text
//! predictions ────────────────────┐ by id ┌─ Overlap: similarity ≥ threshold ─┐
//! a detector's file id,similarity ┴───────┴─ Clean:   below ──────────────────┴─▶ contamination, what it adds, test
//! ```
//!
//! Who resembles whom is the word of a detector outside: the paper trained one, and rejected CLIP's
//! own features for it (images of one meaning are near there too, and slight changes are far).

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};
use crate::results::predictions::Prediction;
use crate::statistics::{Bootstrap, Interval, binomial_greater, clopper_pearson};

/// One evaluation set, split by resemblance to training images. Accuracies are top-1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// What the set is called here.
    pub set: String,
    /// From here on an image overlaps.
    pub threshold: f64,
    /// All images.
    pub all: usize,
    /// Those that overlap.
    pub overlap: usize,
    /// Share of those.
    pub contamination: f64,
    /// Of all images.
    pub accuracy: f64,
    /// Of the images that do not overlap.
    pub accuracy_clean: f64,
    /// Of those that do; none where there is none.
    pub accuracy_overlap: Option<f64>,
    /// Of the latter, Clopper-Pearson.
    pub interval_overlap: Option<Interval>,
    /// Whether that interval leaves out the accuracy of the clean images.
    pub excludes_clean: bool,
    /// What the overlap adds: accuracy of all minus that of the clean images.
    pub added: f64,
    /// Of the latter, drawing images; none where nothing overlaps or all draws are alike.
    pub interval_added: Option<Interval>,
    /// One-sided binomial test: so many right or more of the overlapping ones, if each were right
    /// as often as clean ones.
    pub p: Option<f64>,
    /// The same times the number of sets that have one (Bonferroni).
    pub p_adjusted: Option<f64>,
    /// Rows of the detector about images that have no prediction.
    pub without_prediction: usize,
}

/// What a detector says of images, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Similarities(HashMap<String, f64>);

#[derive(Deserialize)]
struct Row {
    id: String,
    similarity: f64,
}

impl Similarities {
    /// Of a detector's file: 10 million rows.
    const LARGEST: u64 = 1 << 30;

    /// Reads a CSV file with the columns `id` and `similarity`; others are allowed.
    ///
    /// # Errors
    /// It cannot be read or is larger than 1 GiB, a column is missing, a similarity is no number,
    /// or an id is twice there.
    pub fn read(path: &Path) -> Result<Similarities> {
        let bytes = clip_files::read(path, Self::LARGEST).map_err(EvalError::io(path))?;
        let mut similarities = HashMap::new();
        for row in
            csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(&*bytes).deserialize()
        {
            let Row { id, similarity } = row.map_err(|error| EvalError::result(path, error))?;
            if !similarity.is_finite() {
                return Err(EvalError::result(
                    path,
                    format!("`{id}` has the similarity {similarity}"),
                ));
            }
            if similarities.insert(id.clone(), similarity).is_some() {
                return Err(EvalError::result(path, format!("`{id}` is there twice")));
            }
        }
        Ok(Similarities(similarities))
    }
}

impl Overlap {
    /// - `level`: of both intervals; the paper's is 0.995
    ///
    /// # Errors
    /// An image has no right class (retrieval) or no similarity, none is clean, or there are no
    /// images.
    pub fn of(
        set: &str,
        predictions: &[Prediction],
        similarities: &Similarities,
        threshold: f64,
        bootstrap: &Bootstrap,
    ) -> Result<Overlap> {
        let refused = |reason: String| EvalError::task("overlap", set, reason);
        let mut images = Vec::with_capacity(predictions.len());
        for prediction in predictions {
            if prediction.truth.is_empty() {
                let item = &prediction.item;
                return Err(refused(format!(
                    "`{item}` has no right class: this counts right classes alone"
                )));
            }
            let similarity = similarities.0.get(&prediction.item);
            let similarity = similarity
                .ok_or_else(|| refused(format!("`{}` has no similarity", prediction.item)))?;
            images.push((*similarity >= threshold, prediction.is_right()));
        }
        let sides = Sides::of(images.iter().map(|&image| (image, 1)));
        let (Some(clean), Some(accuracy)) = (sides.clean(), sides.all()) else {
            return Err(refused(format!(
                "no image is below the threshold {threshold}: nothing is clean"
            )));
        };
        let interval_added = (sides.overlap > 0).then(|| {
            bootstrap.interval(images.len(), |drawn| {
                let sides = Sides::of(images.iter().copied().zip(drawn.iter().copied()));
                sides.all().zip(sides.clean()).map_or(f64::NAN, |(all, clean)| all - clean)
            })
        });
        let (right, overlap) = (sides.overlap_right, sides.overlap);
        let interval_overlap =
            (overlap > 0).then(|| clopper_pearson(right, overlap, bootstrap.level));
        Ok(Overlap {
            set: set.to_owned(),
            threshold,
            all: images.len(),
            overlap: overlap as usize,
            contamination: overlap as f64 / images.len() as f64,
            accuracy,
            accuracy_clean: clean,
            accuracy_overlap: (overlap > 0).then(|| right as f64 / overlap as f64),
            excludes_clean: interval_overlap.is_some_and(|interval| !interval.contains(clean)),
            interval_overlap,
            added: accuracy - clean,
            interval_added: interval_added
                .flatten()
                .filter(|interval| interval.high - interval.low > 1e-12),
            p: (overlap > 0).then(|| binomial_greater(right, overlap, clean)),
            p_adjusted: None,
            without_prediction: similarities.0.len() - images.len(),
        })
    }
}

/// Enters Bonferroni's p-values, min(1, m p), of the m sets that were looked at together.
pub fn adjust(sets: &mut [Overlap]) {
    let tests = sets.iter().filter(|set| set.p.is_some()).count() as f64;
    for set in sets {
        set.p_adjusted = set.p.map(|p| (p * tests).min(1.0));
    }
}

/// Images and hits on both sides of the threshold.
#[derive(Default)]
struct Sides {
    overlap: u64,
    overlap_right: u64,
    clean: u64,
    clean_right: u64,
}

impl Sides {
    /// - `images`: whether it overlaps and is right, and how often it is drawn
    fn of(images: impl Iterator<Item = ((bool, bool), u32)>) -> Sides {
        let mut sides = Sides::default();
        for ((overlaps, is_right), times) in images {
            let (items, right) = match overlaps {
                true => (&mut sides.overlap, &mut sides.overlap_right),
                false => (&mut sides.clean, &mut sides.clean_right),
            };
            *items += u64::from(times);
            *right += if is_right { u64::from(times) } else { 0 };
        }
        sides
    }

    fn clean(&self) -> Option<f64> {
        (self.clean > 0).then(|| self.clean_right as f64 / self.clean as f64)
    }

    fn all(&self) -> Option<f64> {
        let (items, right) = (self.overlap + self.clean, self.overlap_right + self.clean_right);
        (items > 0).then(|| right as f64 / items as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap { level: 0.995, resamples: 1000, seed: 0 };

    /// 100 clean images of which `clean` are right, 20 overlapping ones of which `overlap` are.
    fn set(clean: usize, overlap: usize) -> (Vec<Prediction>, Similarities) {
        let right = |item: usize| if item < 100 { item < clean } else { item - 100 < overlap };
        let prediction = |item: usize| Prediction {
            item: format!("{item}.jpg"),
            truth: vec![u32::from(right(item))],
            best: vec![1],
            ..Prediction::default()
        };
        let similarity = |item: usize| (format!("{item}.jpg"), if item < 100 { 0.3 } else { 0.9 });
        ((0..120).map(prediction).collect(), Similarities((0..120).map(similarity).collect()))
    }

    #[test]
    fn overlap_is_tested_against_the_clean_images() {
        let (predictions, similarities) = set(60, 19);
        let found =
            Overlap::of("x", &predictions, &similarities, 0.9, &BOOTSTRAP).expect("a result");
        assert_eq!((found.all, found.overlap, found.accuracy_clean), (120, 20, 0.6));
        assert_eq!(found.accuracy_overlap, Some(0.95));
        // The paper's identity: all − clean = contamination · (overlap − clean).
        assert!((found.added - found.contamination * (0.95 - 0.6)).abs() < 1e-12);
        // P(X ≥ 19) of 20 at 0.6: 20 · 0.6^19 · 0.4 + 0.6^20.
        let expected = 20.0 * 0.6_f64.powi(19) * 0.4 + 0.6_f64.powi(20);
        assert!((found.p.expect("a test") / expected - 1.0).abs() < 1e-10);
        assert!(
            found.excludes_clean && found.interval_added.is_some_and(|of| of.contains(found.added))
        );
        let mut sets = [found.clone(), Overlap { p: None, ..found.clone() }, found];
        adjust(&mut sets);
        assert!((sets[0].p_adjusted.expect("adjusted") / expected - 2.0).abs() < 1e-9);
        assert_eq!(sets[1].p_adjusted, None);
    }

    #[test]
    fn sets_without_overlap_have_no_test_and_sets_without_clean_images_are_refused() {
        let (predictions, mut similarities) = set(60, 19);
        let none =
            Overlap::of("x", &predictions, &similarities, 0.95, &BOOTSTRAP).expect("a result");
        assert_eq!(
            (none.overlap, none.p, none.accuracy_overlap, none.interval_added),
            (0, None, None, None)
        );
        assert_eq!(none.added, 0.0);
        let all = Overlap::of("x", &predictions, &similarities, 0.1, &BOOTSTRAP);
        assert!(all.is_err_and(|error| error.to_string().contains("nothing is clean")));
        let mut captions = predictions.clone();
        captions[5].truth.clear();
        let captions = Overlap::of("x", &captions, &similarities, 0.9, &BOOTSTRAP);
        assert!(
            captions.is_err_and(|error| error.to_string().contains("`5.jpg` has no right class"))
        );
        similarities.0.remove("7.jpg");
        let unknown = Overlap::of("x", &predictions, &similarities, 0.9, &BOOTSTRAP);
        assert!(
            unknown.is_err_and(|error| error.to_string().contains("`7.jpg` has no similarity"))
        );
    }
}
