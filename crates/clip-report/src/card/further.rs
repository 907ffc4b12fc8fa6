//! What a task measures beside its score: accuracy by number of examples, effective robustness,
//! figures without an interval.

use std::collections::BTreeSet;

use clip_eval::results::{Record, ShotPoint};

use super::markdown::Markdown;
use crate::numbers::{display_name, interval, metric_value, percent, points};
use crate::plain::{Column, PlainTable};

/// Tables of one task's records.
pub(super) fn write(page: &mut Markdown, records: &[&Record]) {
    for table in [shots(records), robustness(records), metrics(records)].into_iter().flatten() {
        page.table(&table);
    }
}

/// Accuracy against labelled examples per class.
fn shots(records: &[&Record]) -> Option<PlainTable> {
    let all = || records.iter().flat_map(|record| &record.details.shots);
    // Without a number: the whole training split, after all numbers.
    let order = |point: &ShotPoint| point.shots.unwrap_or(usize::MAX);
    let numbers: BTreeSet<usize> = all().map(order).collect();
    let name = |number: &usize| match *number {
        usize::MAX => "all examples".to_owned(),
        1 => "1 example".to_owned(),
        number => format!("{number} examples"),
    };
    let cell = |record: &Record, number: usize| {
        let point = record.details.shots.iter().find(|point| order(point) == number);
        point.map_or_else(String::new, |point| match point.interval {
            Some((low, high)) => format!("{} {}", percent(point.mean), interval(low, high)),
            None => percent(point.mean),
        })
    };
    let row = |record: &&Record| {
        let cells = numbers.iter().map(|&number| cell(record, number));
        std::iter::once(record.dataset_title.clone()).chain(cells).collect()
    };
    let columns = numbers.iter().map(|number| Column::number(name(number)));
    (!numbers.is_empty()).then(|| PlainTable {
        columns: std::iter::once(Column::text("data set, %")).chain(columns).collect(),
        rows: records.iter().map(row).collect(),
        sentences: vec!["Examples per class; means over draws with their intervals.".to_owned()],
    })
}

/// Accuracy under a shift against what ordinary models of the same accuracy have.
fn robustness(records: &[&Record]) -> Option<PlainTable> {
    let row = |record: &&Record| {
        let point = record.details.robustness.as_ref()?;
        Some(vec![
            record.dataset_title.clone(),
            percent(point.x),
            percent(point.y),
            percent(point.predicted),
            points(point.effective),
        ])
    };
    let rows: Vec<Vec<String>> = records.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| PlainTable {
        columns: vec![
            Column::text("shift"),
            Column::number("on ImageNet, %"),
            Column::number("under the shift, %"),
            Column::number("expected, %"),
            Column::number("effective robustness, points"),
        ],
        rows,
        sentences: vec![
            "Expected: of ordinary ImageNet models with the same accuracy on the same classes of ImageNet.".to_owned(),
        ],
    })
}

/// Figures that have no interval, by the names of CLIP_benchmark.
fn metrics(records: &[&Record]) -> Option<PlainTable> {
    let is_shown = |record: &Record, name: &str| {
        let is_score = name == "acc1" && record.score.name == "accuracy";
        is_score || record.score.name == name || record.figures.iter().any(|f| f.name == name)
    };
    let further = |record: &Record| {
        let shown = record.metrics.iter().filter(|(name, _)| !is_shown(record, name));
        shown.filter_map(|(name, value)| Some((name.clone(), (*value)?))).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = records
        .iter()
        .flat_map(|record| {
            further(record).into_iter().map(|(name, value)| {
                let text = metric_value(&name, value);
                vec![record.dataset_title.clone(), display_name(&name), text]
            })
        })
        .collect();
    (!rows.is_empty()).then(|| PlainTable {
        columns: vec![
            Column::text("data set"),
            Column::text("further figure"),
            Column::number("measured, without interval"),
        ],
        rows,
        sentences: Vec::new(),
    })
}
