//! Classes with too few images to learn from or to choose with, in words: a figure does not show
//! them.

use super::train_val_split::{Labels, TrainValSplit};
use crate::probe::rows_of_classes;

/// Classes that are named; the others are counted.
const NAMED: usize = 5;

/// What a probe cannot learn of the classes it is tested on, and which it was not chosen by.
///
/// - `truth`: classes of the test items
pub(crate) fn notes(data: &TrainValSplit, truth: &[u32], names: &[String]) -> Vec<String> {
    let Labels::Class(labels) = &data.labels else { return Vec::new() };
    let of = |rows: &[usize]| {
        counts(&rows.iter().map(|&row| labels[row]).collect::<Vec<u32>>(), names.len())
    };
    let (tested, all) = (counts(truth, names.len()), counts(labels, names.len()));
    let mut notes = Vec::new();
    let unknown = listed(names, |class| tested[class] > 0 && all[class] == 0);
    if let Some(unknown) = unknown {
        notes.push(format!(
            "{unknown}: no training image, so that none of their test images can be right"
        ));
    }
    let (learned, kept) = (of(&data.train), of(&data.validation));
    let missing = listed(names, |class| learned[class] > 0 && kept[class] == 0);
    if let Some(missing) = missing.filter(|_| !data.validation.is_empty()) {
        notes.push(format!(
            "{missing}: no validation image, so that C was chosen by the other classes"
        ));
    }
    notes
}

/// Numbers of shots that could not be drawn as they were asked for.
///
/// - `labels`: classes of the training images
pub(crate) fn shortage(labels: &[u32], names: &[String], shots: &[usize]) -> Vec<String> {
    let counts = counts(labels, names.len());
    let largest = counts.iter().max().copied().unwrap_or_default();
    let mut notes = Vec::new();
    for &shots in shots {
        if shots > largest {
            notes.push(format!(
                "{shots} shots: not drawn, no class has more than {largest} training images"
            ));
        } else if let Some(fewer) = listed(names, |class| (1..shots).contains(&counts[class])) {
            notes.push(format!(
                "{shots} shots: fewer training images, all of which are drawn: {fewer}"
            ));
        }
    }
    notes
}

fn counts(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut counts: Vec<usize> = rows_of_classes(labels).iter().map(Vec::len).collect();
    counts.resize(classes.max(counts.len()), 0);
    counts
}

/// The classes that are meant, in words; none if there is none.
fn listed(names: &[String], is_meant: impl Fn(usize) -> bool) -> Option<String> {
    let meant: Vec<&str> =
        (0..names.len()).filter(|&class| is_meant(class)).map(|class| &*names[class]).collect();
    let named = meant.get(..NAMED).unwrap_or(&meant).join(", ");
    match meant.len() {
        0 => None,
        count if count > NAMED => Some(format!("{named} and {} more classes", count - NAMED)),
        _ => Some(named),
    }
}

#[cfg(test)]
mod tests {
    use super::super::learned_rows::LearnedRows;
    use super::super::probe_rows::ProbeRows;
    use super::*;

    fn names() -> Vec<String> {
        ["cat", "dog", "cow", "owl"].map(str::to_owned).to_vec()
    }

    #[test]
    fn classes_that_cannot_be_learned_or_chosen_by_are_named() {
        let data = |train: &[usize], validation: &[usize]| TrainValSplit {
            rows: ProbeRows { values: LearnedRows::Memory(Vec::new()), width: 1, read: Vec::new() },
            labels: Labels::Class(vec![0, 1, 2, 0]),
            train: train.to_vec(),
            validation: validation.to_vec(),
            note: String::new(),
        };
        let found = notes(&data(&[0, 1, 2], &[3]), &[0, 1, 3], &names());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("owl: no training image"), "{found:?}");
        assert!(found[1].starts_with("dog, cow: no validation image"), "{found:?}");
        assert!(notes(&data(&[0, 1, 2, 3], &[]), &[0, 1], &names()).is_empty());
    }

    #[test]
    fn shots_that_cannot_be_drawn_are_told() {
        let found = shortage(&[0, 0, 0, 1, 2, 2], &names(), &[1, 2, 3, 128]);
        assert_eq!(
            found,
            [
                "2 shots: fewer training images, all of which are drawn: dog",
                "3 shots: fewer training images, all of which are drawn: dog, cow",
                "128 shots: not drawn, no class has more than 3 training images",
            ]
        );
    }
}
