//! One list of labels in one set of sentences, measured on all images.

use clip_eval::results::{Figure, Unit};

use super::calibration::Answered;
use super::images::Images;
use super::lists::LabelSet;
use super::scores::Look;
use crate::groups::Grouping;
use crate::rates::{Counted, rate, rate_table};
use crate::section::{Direction, Rate, RateTable};

/// What is counted.
pub(super) const RIGHT: Counted<'static> =
    Counted { rate: "answered with the right class", good: Direction::Higher };

/// What there is to compare of it.
pub(super) struct Cell {
    /// Position of the list.
    pub(super) list: usize,
    /// Of the list, and of the sentences where there are several sets.
    pub(super) name: String,
    /// `[images]`: position among the answers of the list.
    pub(super) answers: Vec<u32>,
    /// `[images]`: whether it is right.
    pub(super) hits: Vec<bool>,
    /// Over all images.
    pub(super) figures: Vec<Figure>,
    /// By class.
    pub(super) classes: Vec<(String, Rate)>,
    /// By group, a table for each column.
    pub(super) groups: Vec<RateTable>,
}

impl Cell {
    /// Measures what a model said.
    pub(super) fn of(
        images: &Images,
        (at, list): (usize, &LabelSet),
        name: &str,
        looks: &[Look],
    ) -> Cell {
        let answers: Vec<u32> = looks.iter().map(|look| look.answer).collect();
        let hits = hits(images, list, &answers);
        let classes = rates_by(&images.by_class, &hits, images);
        let mut figures = vec![
            images.share_of("accuracy", hits.iter().copied()),
            mean_of_classes(images, &hits),
            worst("worst_class", &classes),
        ];
        figures.extend(Answered::of(looks, &hits).figures(images));
        let table = |by: &Grouping| rate_table(RIGHT, &hits, by, &images.options);
        let groups: Vec<RateTable> = images.groupings.iter().map(table).collect();
        for table in &groups {
            figures.extend(of_groups(table));
        }
        Cell { list: at, name: name.to_owned(), answers, hits, figures, classes, groups }
    }

    /// A figure by its name.
    pub(super) fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

/// Which images are answered with their class; those whose class has no label never are.
///
/// - `answers`: `[images]`
pub(super) fn hits(images: &Images, list: &LabelSet, answers: &[u32]) -> Vec<bool> {
    let is_right =
        |(&truth, &answer): (&u32, &u32)| list.answers[answer as usize].class == Some(truth);
    images.truth.iter().zip(answers).map(is_right).collect()
}

/// The mean over classes of the share that is right, drawing images within their class.
fn mean_of_classes(images: &Images, hits: &[bool]) -> Figure {
    let name = "mean_per_class";
    if hits.len() < images.options.least_group() {
        return Figure::undefined(name, Unit::Share, &images.too_few(hits.len()));
    }
    let counts = counts(&images.by_class, hits).into_iter();
    let counts: Vec<(u64, u64)> = counts.map(|(hits, items)| (hits as u64, items as u64)).collect();
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    let shares: Vec<f64> = counts.iter().map(|&(hits, items)| hits as f64 / items as f64).collect();
    let interval = images.options.bootstrap().of_shares(&counts, mean);
    Figure::share(name, mean(&shares)).within(interval, "images within their class")
}

/// Hits and items of each group.
fn counts(by: &Grouping, hits: &[bool]) -> Vec<(usize, usize)> {
    let mut counts = vec![(0, 0); by.names.len()];
    for (group, &hit) in by.of_item.iter().zip(hits) {
        if let Some(group) = group {
            let (of_them, items) = &mut counts[*group as usize];
            *items += 1;
            *of_them += usize::from(hit);
        }
    }
    counts
}

/// Shares of hits by group, without tests between the groups: there are many classes, and that
/// they differ is no news.
pub(super) fn rates_by(by: &Grouping, hits: &[bool], images: &Images) -> Vec<(String, Rate)> {
    let named = by.names.iter().map(|names| names.join(", ")).zip(counts(by, hits));
    named.map(|(name, (hits, items))| (name, rate(hits, items, &images.options))).collect()
}

/// The lowest share of those that have one.
fn worst(name: &str, rates: &[(String, Rate)]) -> Figure {
    let of = |(_, rate): &(String, Rate)| rate.share.clone();
    let value = |figure: &Figure| figure.value.unwrap_or(f64::INFINITY);
    let least = rates.iter().filter_map(of).min_by(|a, b| value(a).total_cmp(&value(b)));
    match least {
        Some(figure) => figure.named(name),
        None => Figure::undefined(name, Unit::Share, "no class or group has enough images"),
    }
}

/// The lowest share of a group, the greatest gap and its ratio.
fn of_groups(table: &RateTable) -> Vec<Figure> {
    let by = table.by.join(" x ");
    let rates: Vec<(String, Rate)> =
        table.rows.iter().map(|row| (row.group.join(", "), row.rate.clone())).collect();
    let mut figures = vec![worst(&format!("worst_group: {by}"), &rates)];
    let named = |figure: &Figure, what: &str| figure.clone().named(&format!("{what}: {by}"));
    if let Some(disparity) = &table.disparity {
        figures.push(named(&disparity.gap, "gap"));
        figures.push(named(&disparity.ratio, "ratio"));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::constructed::{grouped, images, list, right_answers, scores};

    /// Two cameras, of which the second is wrong on every other image of class 1.
    fn cell() -> Cell {
        let truth: Vec<u32> = (0..80).map(|item| item / 40).collect();
        let cameras = Grouping {
            by: vec!["camera".to_owned()],
            names: vec![vec!["a".to_owned()], vec!["b".to_owned()], vec!["c".to_owned()]],
            of_item: (0..80).map(|item| Some(if item == 79 { 2 } else { item % 2 })).collect(),
        };
        let images = grouped(truth, 2, vec![cameras]);
        let list = list(&[Some(0), Some(1)]);
        let wrong = |item: usize| item >= 40 && item % 4 == 1;
        let row = |item: usize| if (item < 40) != wrong(item) { [2.0, 0.0] } else { [0.0, 2.0] };
        let scores = scores(2, (0..80).flat_map(row).collect());
        let looks = scores.looks(&right_answers(&images, &list), 1.0).expect("numbers");
        Cell::of(&images, (0, &list), "v1", &looks)
    }

    #[test]
    fn figures_are_those_of_the_answers() {
        let cell = cell();
        let value = |name: &str| cell.figure(name).and_then(|figure| figure.value);
        assert_eq!(value("accuracy"), Some(70.0 / 80.0));
        assert_eq!(value("mean_per_class"), Some(0.875));
        assert_eq!(value("worst_class"), Some(0.75));
        let b = cell.groups[0].rows[1].rate.hits.expect("39 images");
        assert_eq!(value("worst_group: camera"), Some(b as f64 / 39.0));
        assert_eq!(cell.groups[0].rows[2].rate.hits, None, "one image");
        let gap = value("gap: camera").expect("two groups are large enough");
        assert!((gap - (1.0 - b as f64 / 39.0)).abs() < 1e-12);
        assert_eq!(cell.classes[1].1.hits, Some(30));
    }

    #[test]
    fn a_list_of_which_no_class_occurs_is_wrong_everywhere_and_breaks_nothing() {
        use crate::taxonomy::absent;
        use crate::taxonomy::none_of_these::Fitted;
        use crate::taxonomy::subsets::SubsetCurves;
        let images = images(vec![0; 30], 3);
        let list = list(&[Some(1), None, Some(2)]);
        let scores = scores(3, [0.0, 1.0, 2.0].repeat(30));
        let right = right_answers(&images, &list);
        let looks = scores.looks(&right, 1.0).expect("numbers");
        let cell = Cell::of(&images, (0, &list), "v1", &looks);
        assert_eq!(cell.figure("accuracy").and_then(|figure| figure.value), Some(0.0));
        let loss = cell.figure("negative_log_likelihood").expect("there");
        assert!(loss.value.is_none() && loss.note.is_some(), "{loss:?}");
        let figures = absent::figures(&images, &list, &right, &looks);
        let auroc = figures.iter().find(|figure| figure.name == absent::AUROC).expect("there");
        assert!(auroc.value.is_none() && auroc.note.is_some(), "{auroc:?}");
        SubsetCurves::of(&images, &scores, &right, &cell.answers, 2);
        let fitted = Fitted::of(&images, &list, (&scores, &looks), &right, (0.9, 1.0));
        assert!(fitted.is_ok());
    }
}
