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
