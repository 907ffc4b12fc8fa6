//! Which race is taken for which.

use clip_eval::metrics::{ConfusedPair, worst_confusions};
use clip_eval::results::Confusion;

use super::faces::Faces;
use super::system::System;
use crate::options::GroupOptions;
use crate::phrases;
use crate::section::{Body, Conclusion, Section};

/// Wrong answers to the question for race; of races with fewer faces than the least group none.
pub(super) fn of_races(system: &System, faces: &Faces, options: &GroupOptions) -> Section {
    let races = faces.levels(0);
    let name = |race: u32| races[race as usize].clone();
    let all = worst_confusions(&system.answers[0], &faces.truth[0], usize::MAX);
    let pairs: Vec<_> = all.into_iter().filter(|pair| pair.of >= options.least_group()).collect();
    let wrong: usize = pairs.iter().map(|pair| pair.count).sum();
    let may = match pairs.first() {
        Some(pair) => format!(
            "Of {wrong} wrong answers to the question for race by {}, the most frequent is {} for {}: {} of its {} \
             images, {}.",
            system.kind.name(),
            name(pair.prediction),
            name(pair.truth),
            pair.count,
            pair.of,
            phrases::percent(pair.count as f64 / pair.of as f64)
        ),
        None => format!("By {} no race with a figure is taken for another.", system.kind.name()),
    };
    let pair = |pair: ConfusedPair| Confusion {
        truth: name(pair.truth),
        prediction: name(pair.prediction),
        count: pair.count,
    };
    Section::new(
        &format!("{}-race-confusions", system.kind.id()),
        format!("Races taken for others, {}", system.kind.name()),
        Body::Confusions { pairs: pairs.into_iter().map(pair).collect() },
        Conclusion::new(
            may,
            "That faces of these races are alike, or that one of them is more often meant, may not be concluded: \
             the counts depend on how many faces of each race there are and on the words that stand for them.",
        ),
    )
    .with_notes(vec![format!("races of fewer than {} images are left out", options.least_group())])
}
