//! Which classes are taken for which.

use std::collections::BTreeMap;

use crate::markup::Markup;
use crate::numbers::count;
use crate::plot::{Matrix, figure, matrix};
use crate::run::head;
use crate::table::scrolled;
use clip_eval::results::Record;

/// A square of the classes that are confused most, and the worst pairs.
pub(super) fn draw(page: &mut Markup, cell: &Record, classes: usize, pairs: usize) {
    let confusions = &cell.details.confusions;
    if confusions.is_empty() {
        return;
    }
    let names = worst(cell, classes);
    if names.len() >= 2 {
        let square = square(cell, &names);
        let title = format!("Confusions of {} classes", names.len());
        let said: Vec<String> = confusions
            .iter()
            .take(5)
            .map(|pair| format!("{} taken for {}: {}", pair.truth, pair.prediction, pair.count))
            .collect();
        let caption = format!(
            "The classes with most items in the confused pairs. Columns have the numbers of the rows; shade: share of \
             the row's class; diagonal: right. Counts of single items, no interval; n = {}.",
            count(cell.counts.scored)
        );
        figure(page, &title, |page| matrix(page, &title, &said.join("; "), &square), &caption);
    }
    page.element("figure", &[], |page| {
        page.leaf("h4", &[], "Most frequent confusions");
        scrolled(page, "items of one class taken for another", |page| {
            head(page, &["is", "taken for", "#items"]);
            page.element("tbody", &[], |page| {
                for pair in confusions.iter().take(pairs) {
                    page.element("tr", &[], |page| {
                        page.leaf("td", &[], &pair.truth);
                        page.leaf("td", &[], &pair.prediction);
                        page.leaf("td", &[("class", &"num")], count(pair.count));
                    });
                }
            });
        });
    });
    page.line();
}

/// Names of the classes with most confused items, either way.
fn worst(cell: &Record, most: usize) -> Vec<&str> {
    let mut weights: BTreeMap<&str, usize> = BTreeMap::new();
    for pair in &cell.details.confusions {
        for name in [&pair.truth, &pair.prediction] {
            let weight = weights.entry(name).or_default();
            *weight = weight.saturating_add(pair.count);
        }
    }
    let mut names: Vec<(&str, usize)> = weights.into_iter().collect();
    names.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    names.into_iter().take(most).map(|(name, _)| name).collect()
}

fn square(cell: &Record, names: &[&str]) -> Matrix {
    let of_class = |name: &str| cell.details.per_class.iter().find(|class| class.class == name);
    let between = |truth: &str, prediction: &str| {
        let same = |pair: &&clip_eval::results::Confusion| {
            pair.truth == truth && pair.prediction == prediction
        };
        cell.details.confusions.iter().find(same).map(|pair| pair.count)
    };
    let row = |truth: &&str| {
        let right = of_class(truth).map(|class| class.correct);
        names.iter().map(|name| if name == truth { right } else { between(truth, name) }).collect()
    };
    Matrix {
        counts: names.iter().map(row).collect(),
        totals: names.iter().map(|name| of_class(name).map(|class| class.items)).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}
