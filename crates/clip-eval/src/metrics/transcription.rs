//! Words read off images (PROTOCOL_EVAL 7.6).

use super::error::MetricError;

/// Whether two words are the same but for case (IIIT5K).
pub fn same_word(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// Which images are read right, by the candidate with the highest score; of equal ones the first.
///
/// - `scores`: one row for each image, as long as its candidates
/// - `candidates`: one list for each image
/// - `truth`: `[images]`
///
/// # Errors
/// A score that is no number, an image without candidates.
///
/// # Panics
/// When the numbers of images, or of scores and candidates, differ.
pub fn word_hits<W: AsRef<str>>(
    scores: &[&[f32]],
    candidates: &[&[W]],
    truth: &[&str],
) -> Result<Vec<bool>, MetricError> {
    assert_eq!((scores.len(), candidates.len()), (truth.len(), truth.len()), "images");
    let hit = |image: usize| {
        let (scores, candidates) = (scores[image], candidates[image]);
        assert_eq!(scores.len(), candidates.len(), "candidates of image {image}");
        let best =
            super::predictions(scores, scores.len().max(1)).map_err(|error| match error {
                MetricError::NotAScore { class, value, .. } => {
                    MetricError::NotAScore { item: image, class, value }
                }
                other => other,
            })?;
        Ok(same_word(candidates[best[0] as usize].as_ref(), truth[image]))
    };
    (0..truth.len()).map(hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count() {
        let candidates = [["Exit", "TAXI"], ["exit", "taxi"]];
        let lists: Vec<&[&str]> = candidates.iter().map(<[_; 2]>::as_slice).collect();
        let hits = word_hits(&[&[0.1, 0.2], &[0.3, 0.2]], &lists, &["taxi", "TAXI"]);
        assert_eq!(hits, Ok(vec![true, false]));
    }

    #[test]
    fn the_image_whose_score_is_no_number_is_named() {
        let lists: [&[&str]; 2] = [&["a"], &["b"]];
        let error = word_hits(&[&[0.1], &[f32::NAN]], &lists, &["a", "b"]).unwrap_err();
        assert!(matches!(error, MetricError::NotAScore { item: 1, class: 0, .. }));
        assert_eq!(word_hits(&[&[]], &[&[] as &[&str]], &["a"]), Err(MetricError::NoItems));
    }
}
