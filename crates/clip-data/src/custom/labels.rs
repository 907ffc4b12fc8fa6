//! The classes of a user's labels: which labels are one class, and in which order they stand.

use std::collections::{BTreeMap, HashMap};

use unicode_normalization::UnicodeNormalization;

use crate::names::named;

/// Classes by position, and the position of every label.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    /// One spelling of each class.
    classes: Vec<String>,
    positions: HashMap<String, u32>,
    spelling: Spelling,
    /// What was made one, in words.
    pub(super) notes: Vec<String>,
}

/// Which labels are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are written, but for the two ways to write an accent.
    Exact,
    /// Whatever their case and their blanks: CLIP reads no case, and `_` is a blank in a name.
    Loose,
    /// By value: `2`, `2.0` and `02`.
    Numbers,
}

impl Labels {
    /// Numbers in the order of their values, other labels by bytes. Labels that say the same in
    /// `spelling` are one; if all are whole numbers, those of one value are.
    pub(super) fn new<'a>(labels: impl Iterator<Item = &'a str>, spelling: Spelling) -> Labels {
        let spellings: BTreeMap<String, ()> = labels.map(|label| (composed(label), ())).collect();
        let whole =
            !spellings.is_empty() && spellings.keys().all(|label| whole_number(label).is_some());
        let spelling = if whole { Spelling::Numbers } else { spelling };
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (label, ()) in spellings {
            groups.entry(key(&label, spelling)).or_default().push(label);
        }
        let mut groups: Vec<(String, Vec<String>)> = groups.into_iter().collect();
        groups.sort_by_cached_key(|(_, spellings)| spellings.first().cloned());
        let numbers: Option<Vec<f64>> = groups.iter().map(|(key, _)| key.parse().ok()).collect();
        if numbers.is_some() {
            // Whole numbers of more digits than a double has still keep their order by value.
            let value = |key: &str| (key.parse().unwrap_or(f64::MAX), whole_number(key));
            groups.sort_by(|(a, _), (b, _)| {
                let ((a, a_whole), (b, b_whole)) = (value(a), value(b));
                a.total_cmp(&b).then(a_whole.cmp(&b_whole))
            });
        }
        let mut labels =
            Labels { classes: Vec::new(), positions: HashMap::new(), spelling, notes: Vec::new() };
        let mut joined = Vec::new();
        for (position, (key, spellings)) in (0..).zip(groups) {
            if spellings.len() > 1 {
                joined.push(spellings.join(" = "));
            }
            labels.positions.insert(key, position);
            labels.classes.extend(spellings.into_iter().next());
        }
        if !joined.is_empty() {
            labels.notes.push(format!("labels that are read as one class: {}", named(&joined)));
        }
        labels
    }

    /// The classes 0, 1, … called by their numbers.
    pub(super) fn numbered(count: u32) -> Labels {
        let classes: Vec<String> = (0..count).map(|class| class.to_string()).collect();
        let positions = classes.iter().cloned().zip(0..).collect();
        Labels { classes, positions, spelling: Spelling::Numbers, notes: Vec::new() }
    }

    /// Spellings by position.
    pub(super) fn classes(&self) -> &[String] {
        &self.classes
    }

    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    pub(super) fn are_numbers(&self) -> bool {
        self.spelling == Spelling::Numbers
    }

    /// The class of a label.
    pub(super) fn position(&self, label: &str) -> Option<u32> {
        self.positions.get(&key(label, self.spelling)).copied()
    }

    /// Their values, if all are whole numbers.
    pub(super) fn values(&self) -> Option<Vec<i128>> {
        self.classes.iter().map(|label| whole_number(label)).collect()
    }

    /// A note for every split that lacks classes, from the split and the label of each item.
    pub(super) fn what_splits_lack<'a>(
        &self,
        items: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<String> {
        let mut present: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
        for (split, label) in items {
            let of_split = present.entry(split).or_insert_with(|| vec![false; self.len()]);
            let place = self.position(label).and_then(|class| of_split.get_mut(class as usize));
            place.into_iter().for_each(|place| *place = true);
        }
        let note = |(split, present): (&str, Vec<bool>)| {
            let lacking = self.classes.iter().zip(&present).filter(|(_, present)| !**present);
            let lacking: Vec<String> = lacking.map(|(label, _)| label.clone()).collect();
            let (count, of) = (lacking.len(), self.len());
            (count > 0).then(|| {
                format!(
                    "split {split} has no picture of {count} of {of} classes: {}",
                    named(&lacking)
                )
            })
        };
        present.into_iter().filter_map(note).collect()
    }
}

/// What labels are compared by. Signs count, unlike in names of copies (`comparable`): `C` and
/// `C++` of a user are two classes.
pub(super) fn key(label: &str, spelling: Spelling) -> String {
    match spelling {
        Spelling::Exact => composed(label),
        Spelling::Loose => {
            let words = composed(label).replace('_', " ").to_lowercase();
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        Spelling::Numbers => {
            whole_number(label).map_or_else(|| composed(label), |number| number.to_string())
        }
    }
}

/// Trimmed, and each accent with its letter: macOS writes names the other way.
pub(super) fn composed(label: &str) -> String {
    label.trim().nfc().collect()
}

/// `7`, `07`, `7.0`.
pub(super) fn whole_number(label: &str) -> Option<i128> {
    let label = label.trim();
    let whole = match label.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return None,
        None => label,
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(labels: &[&str], spelling: Spelling) -> Vec<String> {
        Labels::new(labels.iter().copied(), spelling).classes
    }

    #[test]
    fn numbers_are_not_sorted_as_text() {
        assert_eq!(classes(&["10", "2", "0", "2"], Spelling::Loose), ["0", "2", "10"]);
        assert_eq!(classes(&["10.0", "2.0", "-1.0"], Spelling::Loose), ["-1.0", "2.0", "10.0"]);
        assert_eq!(classes(&["10.5", "2.5"], Spelling::Loose), ["2.5", "10.5"]);
        assert_eq!(classes(&["b", "10", "a"], Spelling::Loose), ["10", "a", "b"]);
    }

    #[test]
    fn labels_that_say_the_same_are_one_class_and_said() {
        let labels =
            Labels::new(["cat", "Cat ", "red_fox", "Red  fox"].into_iter(), Spelling::Loose);
        assert_eq!(labels.classes, ["Cat", "Red  fox"]);
        assert_eq!(labels.position("CAT"), Some(0));
        assert_eq!(labels.position("dog"), None);
        assert!(labels.notes[0].contains("Cat = cat"), "{:?}", labels.notes);
        let numbers = Labels::new(["1", "01", "1.0"].into_iter(), Spelling::Loose);
        assert_eq!((numbers.len(), numbers.position("1.00")), (1, Some(0)));
        let accents = Labels::new(["caf\u{e9}", "cafe\u{301}"].into_iter(), Spelling::Exact);
        assert_eq!((accents.len(), accents.notes.len()), (1, 0));
        assert_eq!(classes(&["a", "A"], Spelling::Exact), ["A", "a"]);
    }
}
