//! Shares of images by group, with exact intervals, gaps and tests.

use clip_eval::results::{Figure, Unit};
use clip_eval::statistics::{clopper_pearson, holm};

use crate::disparity::disparity;
use crate::groups::Grouping;
use crate::options::GroupOptions;
use crate::section::{Body, Direction, Rate, RateRow, RateTable, Section, Test};

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
    if items < options.least_group() {
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
///
/// # Panics
/// When the numbers of items differ.
pub fn rate_table(
    counted: Counted<'_>,
    hits: &[bool],
    grouping: &Grouping,
    options: &GroupOptions,
) -> RateTable {
    let counts = hits_of_groups(hits, grouping);
    let row = |(group, &(hits, items)): (&Vec<String>, &(usize, usize))| RateRow {
        group: group.clone(),
        rate: rate(hits, items, options),
        published: None,
    };
    let (of_them, items) =
        counts.iter().fold((0, 0), |all, group| (all.0 + group.0, all.1 + group.1));
    RateTable {
        rate: counted.rate.to_owned(),
        good: counted.good,
        by: grouping.by.clone(),
        rows: grouping.names.iter().zip(&counts).map(row).collect(),
        all: rate(of_them, items, options),
        min_group: options.least_group(),
        disparity: disparity(counted.good, &grouping.names, &counts, options),
    }
}

/// The mean over groups of their shares, each counting the same however many images it has: what
/// the model is worth where all groups are equally frequent. Over the groups that are large enough.
///
/// Its interval draws images within their group; an unweighted mean has no closed form of one.
///
/// - `hits`: `[items]`, as many as the grouping has
///
/// # Panics
/// When the numbers of items differ.
pub fn mean_over_groups(hits: &[bool], grouping: &Grouping, options: &GroupOptions) -> Figure {
    const NAME: &str = "mean over groups";
    let counts: Vec<(u64, u64)> = hits_of_groups(hits, grouping)
        .into_iter()
        .filter(|&(_, items)| items >= options.least_group())
        .map(|(hits, items)| (hits as u64, items as u64))
        .collect();
    if counts.is_empty() {
        return Figure::undefined(NAME, Unit::Share, "no group is large enough");
    }
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    let shares: Vec<f64> = counts.iter().map(|&(hits, items)| hits as f64 / items as f64).collect();
    let interval = options.bootstrap().of_shares(&counts, mean);
    Figure::share(NAME, mean(&shares)).within(interval, "images within their group")
}

/// Hits and items of each group.
fn hits_of_groups(hits: &[bool], grouping: &Grouping) -> Vec<(usize, usize)> {
    assert_eq!(hits.len(), grouping.of_item.len(), "hits of as many items as are grouped");
    let mut counts = vec![(0, 0); grouping.names.len()];
    for (group, &hit) in grouping.of_item.iter().zip(hits) {
        if let Some(group) = group {
            let (of_them, items) = &mut counts[*group as usize];
            *items += 1;
            *of_them += usize::from(hit);
        }
    }
    counts
}

/// Corrects the tests of one family together, by Holm.
pub fn correct<'a>(tests: impl IntoIterator<Item = &'a mut Test>) {
    let mut tests: Vec<&mut Test> = tests.into_iter().collect();
    let adjusted = holm(&tests.iter().map(|test| test.p).collect::<Vec<f64>>());
    let family = tests.len();
    for (test, p_holm) in tests.iter_mut().zip(adjusted) {
        (test.p_holm, test.family) = (p_holm, family);
    }
}

/// Corrects every test of an audit as one family.
pub fn correct_sections(sections: &mut [Section]) {
    correct(sections.iter_mut().flat_map(|section| tests(&mut section.body)));
}

/// Every test of a table.
fn tests(body: &mut Body) -> Vec<&mut Test> {
    match body {
        Body::Rates(table) => {
            table.disparity.iter_mut().map(|disparity| &mut disparity.test).collect()
        }
        Body::Paired(table) => {
            let rows = table.rows.iter_mut().chain([&mut table.all]);
            rows.filter_map(|row| row.change.as_mut()).map(|change| &mut change.test).collect()
        }
        Body::Associations(table) => table.rows.iter_mut().map(|row| &mut row.test).collect(),
        Body::Figures(_)
        | Body::Flow(_)
        | Body::Confusions { .. }
        | Body::Reliability { .. }
        | Body::Curves(_) => Vec::new(),
    }
}
