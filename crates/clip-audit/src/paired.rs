//! The same share before and after a change, on the same images.

use clip_eval::results::{Figure, Unit};
use clip_eval::statistics::{mcnemar_exact, paired_difference_interval};

use crate::groups::Grouping;
use crate::options::GroupOptions;
use crate::rates::{Counted, rate};
use crate::section::{Change, PairedRow, PairedTable, Test};

/// Shares by group before and after; the row of all images is of those in any group, and of every
/// image where nothing is grouped by. Tests are corrected by [`crate::rates::correct`].
///
/// - `names`: what it was before, and after
/// - `before`, `after`: `[items]`, as many as the grouping has; any number where nothing is grouped
///   by
///
/// # Panics
/// When the numbers of items differ.
pub fn paired_table(
    counted: Counted<'_>,
    names: [&str; 2],
    before: &[bool],
    after: &[bool],
    grouping: &Grouping,
    options: &GroupOptions,
) -> PairedTable {
    assert_eq!(before.len(), after.len(), "the same images before and after");
    let mut groups = vec![Counts::default(); grouping.names.len()];
    let mut all = Counts::default();
    if grouping.by.is_empty() {
        groups.clear();
        before.iter().zip(after).for_each(|(&before, &after)| all.count(before, after));
    } else {
        assert_eq!(before.len(), grouping.of_item.len(), "as many images as are grouped");
        for (group, (&before, &after)) in grouping.of_item.iter().zip(before.iter().zip(after)) {
            if let Some(group) = group {
                groups[*group as usize].count(before, after);
                all.count(before, after);
            }
        }
    }
    let rows = grouping.names.iter().zip(&groups);
    PairedTable {
        rate: counted.rate.to_owned(),
        good: counted.good,
        by: grouping.by.clone(),
        before: names[0].to_owned(),
        after: names[1].to_owned(),
        rows: rows.map(|(group, counts)| counts.row(group.clone(), options)).collect(),
        all: all.row(Vec::new(), options),
        min_group: options.least_group(),
    }
}

/// Images of a group by what became of them.
#[derive(Debug, Clone, Default)]
struct Counts {
    items: usize,
    both: usize,
    only_before: usize,
    only_after: usize,
}

impl Counts {
    fn count(&mut self, before: bool, after: bool) {
        self.items += 1;
        match (before, after) {
            (true, true) => self.both += 1,
            (true, false) => self.only_before += 1,
            (false, true) => self.only_after += 1,
            (false, false) => {}
        }
    }

    fn row(&self, group: Vec<String>, options: &GroupOptions) -> PairedRow {
        let enough = self.items >= options.least_group();
        PairedRow {
            group,
            before: rate(self.both + self.only_before, self.items, options),
            after: rate(self.both + self.only_after, self.items, options),
            change: enough.then(|| self.change(options.level)),
            published: None,
        }
    }

    fn change(&self, level: f64) -> Change {
        let [items, lost, gained] =
            [self.items, self.only_before, self.only_after].map(|count| count as u64);
        let interval = paired_difference_interval(lost, gained, items, level);
        let difference = (gained as f64 - lost as f64) / items as f64;
        Change {
            only_before: self.only_before,
            only_after: self.only_after,
            difference: Figure::plain("difference", Unit::Points, difference)
                .within(Some(interval), "images"),
            test: Test::alone("McNemar exact", mcnemar_exact(lost, gained)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Direction;

    const HARM: Counted<'_> = Counted { rate: "harmed", good: Direction::Lower };

    #[test]
    fn a_change_is_counted_by_group_and_over_all_images_of_a_group() {
        // 20 of the first group: 8 lose it, 2 gain it; 5 of the second; one of none.
        let kind = |item: usize| match item {
            0..8 => (true, false),
            8..10 => (false, true),
            10..14 | 25 => (true, true),
            _ => (false, false),
        };
        let (before, after): (Vec<bool>, Vec<bool>) = (0..26).map(kind).unzip();
        let of_item = (0..26)
            .map(|item| [Some(0), Some(1), None][(item >= 20) as usize + (item >= 25) as usize]);
        let grouping = Grouping {
            by: vec!["age".to_owned()],
            names: vec![vec!["young".to_owned()], vec!["old".to_owned()]],
            of_item: of_item.collect(),
        };
        let options = GroupOptions::default();
        let found = paired_table(HARM, ["a", "b"], &before, &after, &grouping, &options);
        assert_eq!((found.rows[0].before.hits, found.rows[0].after.hits), (Some(12), Some(6)));
        let change = found.rows[0].change.as_ref().expect("enough images");
        assert_eq!((change.only_before, change.only_after), (8, 2));
        assert_eq!(change.difference.value, Some(-0.3));
        assert!((change.test.p - 0.109_375).abs() < 1e-15, "{change:?}");
        let (low, high) = change.difference.interval().expect("an interval");
        assert!(low < -0.3 && -0.3 < high);
        let small = &found.rows[1];
        assert_eq!((small.before.items, small.before.hits, &small.change), (5, None, &None));
        assert_eq!((found.all.before.items, found.all.before.hits), (25, Some(12)));
    }

    #[test]
    fn without_groups_there_is_one_row() {
        let options = GroupOptions::default();
        let nothing = Grouping { by: vec![], names: vec![], of_item: vec![] };
        let found = paired_table(HARM, ["a", "b"], &[true; 30], &[true; 30], &nothing, &options);
        assert!(found.rows.is_empty());
        let change = found.all.change.expect("enough images");
        assert_eq!((change.difference.value, change.test.p), (Some(0.0), 1.0));
        assert!(change.difference.high.expect("an end") > 0.05, "30 images do not show no change");
        let none = paired_table(HARM, ["a", "b"], &[], &[], &nothing, &options);
        assert_eq!((none.all.before.items, none.all.change), (0, None));
    }
}
