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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Conclusion, Disparity};

    const RIGHT: Counted<'_> = Counted { rate: "right", good: Direction::Higher };

    /// Groups of so many hits and items, and an item of no group that is a hit.
    fn groups(counts: &[(usize, usize)]) -> (Vec<bool>, Grouping) {
        let (mut hits, mut of_item) = (vec![true], vec![None]);
        for (group, &(of_group, items)) in counts.iter().enumerate() {
            hits.extend((0..items).map(|item| item < of_group));
            of_item.extend(vec![Some(group as u32); items]);
        }
        let names = (0..counts.len()).map(|group| vec![format!("{group}")]).collect();
        (hits, Grouping { by: vec!["group".to_owned()], names, of_item })
    }

    fn table(good: Direction, counts: &[(usize, usize)], options: &GroupOptions) -> RateTable {
        let (hits, grouping) = groups(counts);
        rate_table(Counted { good, ..RIGHT }, &hits, &grouping, options)
    }

    fn disparity(counts: &[(usize, usize)]) -> Disparity {
        let options = GroupOptions::default();
        table(Direction::Higher, counts, &options).disparity.expect("two groups")
    }

    #[test]
    fn groups_that_are_too_small_have_nothing_but_their_size() {
        let options = GroupOptions::default();
        let found =
            table(Direction::Higher, &[(1, 1), (0, 0), (19, 19), (10, 20), (0, 30)], &options);
        for row in &found.rows[..3] {
            assert_eq!((row.rate.hits, &row.rate.share), (None, &None), "{row:?}");
        }
        assert_eq!(found.rows[3].rate.hits, Some(10));
        assert_eq!(
            (found.all.items, found.all.hits),
            (70, Some(30)),
            "without the one of no group"
        );
        let disparity = found.disparity.expect("two are large enough");
        assert_eq!((disparity.worst, disparity.best), (vec!["4".to_owned()], vec!["3".to_owned()]));
        for alone in [&[][..], &[(5, 20)], &[(5, 20), (1, 19)], &[(0, 1), (1, 1)]] {
            assert_eq!(table(Direction::Higher, alone, &options).disparity, None);
        }
    }

    #[test]
    fn no_option_lets_a_group_of_nine_have_a_figure() {
        let options = GroupOptions { min_group: 1, ..GroupOptions::default() };
        let found = table(Direction::Higher, &[(3, 9), (3, 10)], &options);
        assert_eq!(found.min_group, 10);
        assert!(found.rows[0].rate.share.is_none() && found.rows[1].rate.share.is_some());
        assert_eq!(found.disparity, None);
    }

    #[test]
    fn whom_a_rate_serves_worst_depends_on_what_it_counts() {
        let options = GroupOptions::default();
        let of = |good| {
            let found = table(good, &[(5, 50), (25, 50), (10, 50)], &options);
            let Disparity { worst, best, gap, ratio, .. } = found.disparity.expect("three groups");
            (worst.concat(), best.concat(), gap.value, ratio.value)
        };
        let expected =
            |worst: &str, best: &str| (worst.to_owned(), best.to_owned(), Some(0.4), Some(0.2));
        assert_eq!(of(Direction::Higher), expected("0", "1"));
        assert_eq!(of(Direction::Lower), expected("1", "0"));
    }

    #[test]
    fn all_or_none_of_every_group_is_no_difference() {
        for hits in [0, 1] {
            let found = disparity(&[(hits * 30, 30), (hits * 2000, 2000), (hits * 20, 20)]);
            assert_eq!((found.test.p, found.test.name.as_str()), (1.0, "chi-squared"));
            assert_eq!((found.gap.value, found.gap.low), (Some(0.0), Some(0.0)));
            assert!(found.gap.high.expect("an end") > 0.1, "a small group may well differ");
            assert_ne!(found.worst, found.best);
            let undefined = (None, None, Some("no group has any"));
            let ratio = (found.ratio.value, found.ratio.interval(), found.ratio.note.as_deref());
            match hits {
                0 => assert_eq!(ratio, undefined),
                _ => assert!(found.ratio.value == Some(1.0) && found.ratio.high == Some(1.0)),
            }
        }
    }

    #[test]
    fn the_test_fits_the_counts() {
        let name = |counts: &[(usize, usize)]| disparity(counts).test.name;
        assert_eq!(name(&[(10, 40), (20, 40)]), "chi-squared");
        assert_eq!(name(&[(1, 40), (5, 40)]), "Fisher exact");
        assert_eq!(name(&[(1, 40), (5, 40), (3, 40)]), "chi-squared, 10000 permutations");
        let apart = disparity(&[(0, 40), (20, 40), (0, 20), (0, 20)]).test;
        assert_eq!(apart.name, "chi-squared, 100000 permutations");
        assert!(apart.p < 1e-4 && apart.statistic.is_some() && apart.degrees_of_freedom.is_none());
    }

    #[test]
    fn a_gap_has_one_interval_for_all_pairs() {
        let (two, seven) = (
            disparity(&[(150, 200), (180, 200)]),
            disparity(&[[(150, 200)].repeat(6), vec![(180, 200)]].concat()),
        );
        assert_eq!((two.gap.value, two.ratio.value), (seven.gap.value, seven.ratio.value));
        let width = |figure: &Figure| figure.high.expect("an end") - figure.low.expect("an end");
        assert!(width(&seven.gap) > 1.3 * width(&two.gap), "{two:?} {seven:?}");
        assert_eq!(seven.gap.over.as_deref(), Some("images, all pairs of groups at once"));
        assert_eq!((two.gap.level, seven.gap.level), (Some(0.95), Some(0.95)));
        // A great group beside a small one: as unsure as the small one.
        let uneven = disparity(&[(18, 20), (1_800_000, 2_000_000)]);
        let (low, high) = uneven.gap.interval().expect("an interval");
        assert!(low == 0.0 && (0.2..0.25).contains(&high), "{uneven:?}");
    }

    #[test]
    fn a_higher_level_is_never_narrower() {
        let strict = GroupOptions { level: 0.995, ..GroupOptions::default() };
        let counts = [(15, 20), (300, 310), (88, 120)];
        let (one, other) = (
            disparity(&counts),
            table(Direction::Higher, &counts, &strict).disparity.expect("three groups"),
        );
        for (one, other) in [(one.gap, other.gap), (one.ratio, other.ratio)] {
            let ((low, high), (least, most)) = (one.interval().unwrap(), other.interval().unwrap());
            assert!(least <= low && high < most, "{one:?} {other:?}");
            assert_eq!(other.level, Some(0.995));
        }
    }

    #[test]
    fn every_test_of_an_audit_is_of_one_family() {
        let options = GroupOptions::default();
        let conclusion = || Conclusion::new("may", "may not");
        let of = |counts: &[(usize, usize)]| {
            let table = table(Direction::Higher, counts, &options);
            Section::new("id", "title", Body::Rates(table), conclusion())
        };
        let mut sections = [
            of(&[(10, 40), (24, 40)]),
            of(&[(3, 4)]),
            of(&[(20, 40), (20, 40)]),
            of(&[(5, 40), (25, 40)]),
        ];
        correct_sections(&mut sections);
        let tests: Vec<Test> = sections
            .iter_mut()
            .flat_map(|section| tests(&mut section.body))
            .map(|test| test.clone())
            .collect();
        assert!(tests.iter().all(|test| test.family == 3));
        assert_eq!(tests[0].p_holm, 2.0 * tests[0].p);
        assert_eq!(tests[1].p_holm, 1.0);
        assert_eq!(tests[2].p_holm, 3.0 * tests[2].p);
    }

    #[test]
    fn the_mean_over_groups_counts_each_group_once() {
        let options = GroupOptions::default();
        let of = |counts: &[(usize, usize)]| {
            let (hits, grouping) = groups(counts);
            mean_over_groups(&hits, &grouping, &options)
        };
        let found = of(&[(10, 20), (1800, 2000), (3, 3)]);
        assert_eq!(found.value, Some(0.7));
        let (low, high) = found.interval().expect("an interval");
        assert!((0.56..0.62).contains(&low) && (0.78..0.84).contains(&high), "{found:?}");
        assert_eq!(
            (found.method.as_deref(), &found),
            (Some("bootstrap"), &of(&[(10, 20), (1800, 2000), (3, 3)]))
        );
        assert_eq!(of(&[(3, 3), (0, 0)]).value, None);
        assert_eq!(of(&[(20, 20), (30, 30)]).interval(), None, "every draw is alike");
    }
}
