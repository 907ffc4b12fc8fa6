//! Where images go when the labels change, and what is taken for what.

use std::collections::HashMap;

use clip_eval::results::Confusion;

use super::images::Images;
use super::lists::LabelSet;
pub(super) use crate::flow::{flow, moved, widest};

/// Pairs of classes that are shown.
const MOST_CONFUSIONS: usize = 100;

/// What is taken for what, the most frequent first.
pub(super) fn confusions(images: &Images, list: &LabelSet, answers: &[u32]) -> Vec<Confusion> {
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    for (&truth, &answer) in images.truth.iter().zip(answers) {
        if list.answers[answer as usize].class != Some(truth) {
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
