//! A part of the training images kept back to choose the strength, where no validation split is
//! published.

use clip_data::random::Seeded;

/// Share kept back (project rule, PROTOCOL_EVAL 7.2).
pub const HOLD_OUT_SHARE: f64 = 0.2;

/// Rows to learn from and rows to choose with, both ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOut {
    /// Learned from.
    pub train: Vec<usize>,
    /// Kept back.
    pub validation: Vec<usize>,
}

/// Keeps a share of every class back: the nearest number of images, at least one, but never the
/// last one of a class. The same images for the same labels and seed.
///
/// - `labels`: `[rows]`
/// - `share`: 0 to 1
pub fn hold_out(labels: &[u32], share: f64, seed: u64) -> HoldOut {
    let mut validation = Vec::new();
    for (class, rows) in rows_of_classes(labels).into_iter().enumerate() {
        if rows.is_empty() {
            continue;
        }
        let kept = ((rows.len() as f64 * share).round() as usize).max(1).min(rows.len() - 1);
        let chosen = Seeded::named(seed, &format!("hold-out/{class}")).sample(rows.len(), kept);
        validation.extend(chosen.into_iter().map(|place| rows[place]));
    }
    validation.sort_unstable();
    let train = (0..labels.len()).filter(|row| validation.binary_search(row).is_err()).collect();
    HoldOut { train, validation }
}

/// The rows of each class, ascending; as many classes as the greatest label needs.
pub(crate) fn rows_of_classes(labels: &[u32]) -> Vec<Vec<usize>> {
    let classes = labels.iter().max().map_or(0, |&greatest| greatest as usize + 1);
    let mut rows = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(row, &label)| rows[label as usize].push(row));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_every_class_is_kept_back_but_never_the_last_image() {
        // 50 of class 0, 7 of class 1, 2 of class 3, 1 of class 4, none of class 2.
        let labels: Vec<u32> =
            [(0, 50), (1, 7), (3, 2), (4, 1)].into_iter().flat_map(|(c, n)| vec![c; n]).collect();
        let found = hold_out(&labels, HOLD_OUT_SHARE, 7);
        let count = |class| found.validation.iter().filter(|&&row| labels[row] == class).count();
        assert_eq!([0, 1, 3, 4].map(count), [10, 1, 1, 0]);
        let mut all = [found.train.clone(), found.validation.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
        assert_eq!(found, hold_out(&labels, HOLD_OUT_SHARE, 7));
        assert_ne!(found, hold_out(&labels, HOLD_OUT_SHARE, 8));
    }
}
