//! Which classes are taken for which.

use std::collections::BTreeMap;

use crate::markup::Markup;
use crate::numbers::count;
use crate::plot::{Matrix, figure, matrix};
use crate::widgets::{entry, numeric, table};
use clip_eval::results::{ClassFigure, Confusion, Record};

/// A square of the classes that are confused most, and the worst pairs.
pub(super) fn draw(page: &mut Markup, record: &Record, classes: usize, pairs: usize) {
    let details = &record.details;
    if details.confusions.is_empty() {
        return;
    }
    let square = Square::new(&details.confusions, &details.per_class, classes);
    if square.is_possible() {
        let caption = format!("{}; n = {}.", square.caption(), count(record.counts.scored));
        figure(page, &square.title(), |page| square.picture(page), &caption);
    }
    page.element("figure", &[], |page| {
        page.leaf("h4", &[], "Most frequent confusions");
        pairs_table(page, &details.confusions, pairs);
    });
    page.line();
}

/// The first of the pairs.
pub(super) fn pairs_table(page: &mut Markup, confusions: &[Confusion], most: usize) {
    let columns = ["is", "taken for", "#items"];
    table(page, "items of one class taken for another", &columns, |page| {
        for pair in confusions.iter().take(most) {
            page.element("tr", &[], |page| {
                entry(page, &pair.truth);
                entry(page, &pair.prediction);
                numeric(page, count(pair.count));
            });
        }
    });
}

/// The classes that are confused most, each against each.
pub(super) struct Square<'a> {
    confusions: &'a [Confusion],
    classes: &'a [ClassFigure],
    names: Vec<&'a str>,
}

impl<'a> Square<'a> {
    /// - `classes`: what is known of how many are right, of some or none of the classes
    /// - `most`: classes that it shows
    pub(super) fn new(
        confusions: &'a [Confusion],
        classes: &'a [ClassFigure],
        most: usize,
    ) -> Square<'a> {
        Square { confusions, classes, names: worst(confusions, most) }
    }

    pub(super) fn is_possible(&self) -> bool {
        self.names.len() >= 2
    }

    fn title(&self) -> String {
        format!("Confusions of {} classes", self.names.len())
    }

    /// What there is to know about it, without the end of the sentence.
    pub(super) fn caption(&self) -> &'static str {
        if self.classes.is_empty() {
            "The classes with most items in the confused pairs. Columns have the numbers of the rows; shade: share of \
             the largest count. Counts of single items, no interval"
        } else {
            "The classes with most items in the confused pairs. Columns have the numbers of the rows; shade: share of \
             the row's class; diagonal: right. Counts of single items, no interval"
        }
    }

    pub(super) fn picture(&self, page: &mut Markup) {
        let said: Vec<String> = self.confusions.iter().take(5).map(said).collect();
        matrix(page, &self.title(), &said.join("; "), &self.matrix());
    }

    fn matrix(&self) -> Matrix {
        let of_class = |name: &str| self.classes.iter().find(|class| class.class == name);
        let between = |truth: &str, prediction: &str| {
            let same = |pair: &&Confusion| pair.truth == truth && pair.prediction == prediction;
            self.confusions.iter().find(same).map(|pair| pair.count)
        };
        let row = |truth: &&str| {
            let right = of_class(truth).map(|class| class.correct);
            let cell = |name: &&str| if name == truth { right } else { between(truth, name) };
            self.names.iter().map(cell).collect()
        };
        Matrix {
            counts: self.names.iter().map(row).collect(),
            totals: self.names.iter().map(|name| of_class(name).map(|class| class.items)).collect(),
            names: self.names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

/// A pair in words.
pub(super) fn said(pair: &Confusion) -> String {
    format!("{} taken for {}: {}", pair.truth, pair.prediction, count(pair.count))
}

/// Names of the classes with most confused items, either way.
fn worst(confusions: &[Confusion], most: usize) -> Vec<&str> {
    let mut weights: BTreeMap<&str, usize> = BTreeMap::new();
    for pair in confusions {
        for name in [&pair.truth, &pair.prediction] {
            let weight = weights.entry(name).or_default();
            *weight = weight.saturating_add(pair.count);
        }
    }
    let mut names: Vec<(&str, usize)> = weights.into_iter().collect();
    names.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    names.into_iter().take(most).map(|(name, _)| name).collect()
}
