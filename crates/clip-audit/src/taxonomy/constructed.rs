//! Images, lists and scores that tests make up.

use super::images::Images;
use super::lists::{Answer, LabelSet};
use super::scores::Scores;
use crate::groups::Grouping;
use crate::options::GroupOptions;

/// Images of these classes, which are called by their numbers; few resamples, groups of ten.
pub(super) fn images(truth: Vec<u32>, classes: u32) -> Images {
    grouped(truth, classes, Vec::new())
}

/// The same in groups.
pub(super) fn grouped(truth: Vec<u32>, classes: u32, groupings: Vec<Grouping>) -> Images {
    let options = GroupOptions { min_group: 10, resamples: 200, ..GroupOptions::default() };
    let names = (0..classes).map(|class| class.to_string()).collect();
    Images::new(truth, names, groupings, options)
}

/// An answer for each of these classes, in this order.
pub(super) fn list(classes: &[Option<u32>]) -> LabelSet {
    let name = |(at, class): (usize, &Option<u32>)| {
        class.map_or_else(|| format!("other {at}"), |class| class.to_string())
    };
    let names: Vec<String> = classes.iter().enumerate().map(name).collect();
    let answer = |(name, &class): (&String, &Option<u32>)| Answer { name: name.clone(), class };
    LabelSet {
        name: "v1".to_owned(),
        source: String::new(),
        is_hidden: false,
        labels: names.iter().map(|name| vec![name.clone()]).collect(),
        answer_of_label: (0..classes.len() as u32).collect(),
        answers: names.iter().zip(classes).map(answer).collect(),
        notes: Vec::new(),
    }
}

/// The answer that is right for every image.
pub(super) fn right_answers(images: &Images, list: &LabelSet) -> Vec<Option<u32>> {
    let of_class = list.answer_of_class(images.classes.len());
    images.truth.iter().map(|&class| of_class[class as usize]).collect()
}

/// Scores row by row.
pub(super) fn scores(answers: usize, rows: Vec<f32>) -> Scores {
    Scores { answers, rows }
}
