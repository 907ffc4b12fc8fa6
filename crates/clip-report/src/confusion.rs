//! Which classes are taken for which.

use std::collections::BTreeMap;

use crate::markup::Markup;
use crate::numbers::count;
use crate::plot::{Matrix, figure, matrix};
use crate::widgets::{entry, numeric, table};
use clip_eval::results::Record;

/// A square of the classes that are confused most, and the worst pairs.
pub(super) fn draw(page: &mut Markup, record: &Record, classes: usize, pairs: usize) {
    let confusions = &record.details.confusions;
    if confusions.is_empty() {
        return;
    }
    let names = worst(record, classes);
    if names.len() >= 2 {
        let square = square(record, &names);
        let title = format!("Confusions of {} classes", names.len());
        let said: Vec<String> = confusions
            .iter()
            .take(5)
            .map(|pair| format!("{} taken for {}: {}", pair.truth, pair.prediction, pair.count))
            .collect();
        let caption = format!(
            "The classes with most items in the confused pairs. Columns have the numbers of the rows; shade: share of \
             the row's class; diagonal: right. Counts of single items, no interval; n = {}.",
            count(record.counts.scored)
        );
        figure(page, &title, |page| matrix(page, &title, &said.join("; "), &square), &caption);
    }
    page.element("figure", &[], |page| {
        page.leaf("h4", &[], "Most frequent confusions");
        let columns = ["is", "taken for", "#items"];
        table(page, "items of one class taken for another", &columns, |page| {
            for pair in confusions.iter().take(pairs) {
                page.element("tr", &[], |page| {
                    entry(page, &pair.truth);
                    entry(page, &pair.prediction);
                    numeric(page, count(pair.count));
                });
            }
        });
    });
    page.line();
}

/// Names of the classes with most confused items, either way.
fn worst(record: &Record, most: usize) -> Vec<&str> {
    let mut weights: BTreeMap<&str, usize> = BTreeMap::new();
    for pair in &record.details.confusions {
        for name in [&pair.truth, &pair.prediction] {
            let weight = weights.entry(name).or_default();
            *weight = weight.saturating_add(pair.count);
        }
    }
    let mut names: Vec<(&str, usize)> = weights.into_iter().collect();
    names.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    names.into_iter().take(most).map(|(name, _)| name).collect()
}

fn square(record: &Record, names: &[&str]) -> Matrix {
    let of_class = |name: &str| record.details.per_class.iter().find(|class| class.class == name);
    let between = |truth: &str, prediction: &str| {
        let same = |pair: &&clip_eval::results::Confusion| {
            pair.truth == truth && pair.prediction == prediction
        };
        record.details.confusions.iter().find(same).map(|pair| pair.count)
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
