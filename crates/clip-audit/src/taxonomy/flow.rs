//! Where images go when the labels change, and what is taken for what.

use std::collections::HashMap;

use clip_eval::results::Confusion;

use super::images::Images;
use super::lists::LabelSet;
pub(super) use crate::flow::{flow, moved, widest};

/// Pairs of classes that are shown.
const MOST_CONFUSIONS: usize = 100;

/// What is taken for what, the most frequent first; of classes that are large enough.
pub(super) fn confusions(images: &Images, list: &LabelSet, answers: &[u32]) -> Vec<Confusion> {
    let is_large = images.are_large();
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    for (&truth, &answer) in images.truth.iter().zip(answers) {
        if list.answers[answer as usize].class != Some(truth) && is_large[truth as usize] {
            *counts.entry((truth, answer)).or_default() += 1;
        }
    }
    let mut pairs: Vec<((u32, u32), usize)> = counts.into_iter().collect();
    pairs.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    pairs.truncate(MOST_CONFUSIONS);
    let pair = |((truth, answer), count): ((u32, u32), usize)| Confusion {
        truth: images.classes[truth as usize].clone(),
        prediction: list.name(answer).to_owned(),
        count,
    };
    pairs.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::constructed::{images, list};

    #[test]
    fn classes_that_are_too_small_are_taken_for_nothing() {
        let truth = [vec![0; 10], vec![1; 9]].concat();
        let images = images(truth, 2); // groups of ten
        let pairs = confusions(&images, &list(&[Some(0), Some(1), None]), &[2; 19]);
        let said: Vec<(&str, usize)> =
            pairs.iter().map(|pair| (&*pair.truth, pair.count)).collect();
        assert_eq!(said, [("0", 10)]);
    }
}
