//! Chapters "Metrics" and "Quantitative analyses": every result with its interval, beside published
//! values where it is of the same items.

use std::collections::{BTreeMap, BTreeSet};

use clip_audit::AuditRecord;
use clip_eval::results::{Figure, Record};

use super::further;
use super::markdown::Markdown;
use crate::numbers::{
    MISSING, capital, count, display_name, figure_interval, figure_text, figure_value, how, points,
};
use crate::plain::{Column, PlainTable};
use crate::published::Origin;
use crate::standing::Standing;
use crate::suite::Suite;

pub(super) fn metrics(page: &mut Markdown, suite: &Suite<'_>, audits: &[AuditRecord]) {
    let figures = suite.records.iter().flat_map(|record| figures(record));
    let (mut names, mut methods) = (BTreeSet::new(), BTreeSet::new());
    for figure in figures {
        names.insert(display_name(&figure.name));
        methods.extend(figure.low.map(|_| how(figure)));
    }
    if names.is_empty() && audits.is_empty() {
        page.own("None: nothing was measured.");
        return;
    }
    if !names.is_empty() {
        page.text(&format!("Figures: {}.", names.into_iter().collect::<Vec<_>>().join("; ")));
    }
    if !methods.is_empty() {
        let methods = methods.into_iter().collect::<Vec<_>>().join("; ");
        page.text(&format!("Intervals: {methods}. A figure without one says why."));
    }
    if !audits.is_empty() {
        page.own(
            "Audits: shares of images with their Clopper-Pearson intervals, gaps and ratios between groups, and tests of \
             no difference, corrected by Holm over all tests of an audit. Groups that are too small have no figure.",
        );
    }
}

fn figures(record: &Record) -> impl Iterator<Item = &Figure> {
    let others = record.figures.iter().filter(|figure| figure.name != record.score.name);
    std::iter::once(&record.score).chain(others)
}

pub(super) fn write(page: &mut Markdown, suite: &Suite<'_>) {
    if suite.records.is_empty() {
        page.own("No result of `clip-rs eval` is of these weights.");
    }
    for task in suite.tasks() {
        page.heading(3, &capital(&display_name(task)));
        page.table(&table(suite, task));
        further::write(page, &suite.of_task(task).collect::<Vec<_>>());
        notes(page, suite, task);
    }
}

fn table(suite: &Suite<'_>, task: &str) -> PlainTable {
    let rows = suite
        .of_task(task)
        .flat_map(|record| figures(record).map(move |figure| row(suite, record, figure)));
    let rows: Vec<Vec<String>> = rows.collect();
    let sentences = match rows.iter().any(|row| row[5] != MISSING) {
        true => vec!["Difference: ours minus the paper's value, with our interval.".to_owned()],
        false => Vec::new(),
    };
    PlainTable {
        columns: vec![
            Column::text("data set"),
            Column::text("split"),
            Column::number("n"),
            Column::text("figure"),
            Column::number("measured"),
            Column::number("published"),
            Column::number("difference, points"),
            Column::text("standing"),
        ],
        rows,
        sentences,
    }
}

fn row(suite: &Suite<'_>, record: &Record, figure: &Figure) -> Vec<String> {
    let dataset = match record.identity.variant.as_str() {
        "" => record.dataset_title.clone(),
        variant => format!("{} ({variant})", record.dataset_title),
    };
    let n = match record.counts.expected {
        Some(expected) if expected != record.counts.scored => {
            format!("{} of {}", count(record.counts.scored), count(expected))
        }
        _ => count(record.counts.scored),
    };
    let difference = suite.difference(record, figure, Origin::Paper).map(|difference| {
        let interval = difference.interval.map_or_else(String::new, |(low, high)| {
            format!(" [{}, {}]", points(low), points(high))
        });
        points(difference.value) + &interval
    });
    let standing = Standing::of(record);
    vec![
        dataset,
        record.split.clone(),
        n,
        display_name(&figure.name),
        figure_text(figure),
        published(suite, record, figure).unwrap_or_else(|| MISSING.to_owned()),
        difference.unwrap_or_else(|| MISSING.to_owned()),
        match standing.warnings() {
            warnings if warnings.is_empty() => "as published".to_owned(),
            warnings => warnings.join(", "),
        },
    ]
}

/// `63.2 % (paper), 63.3 % (open_clip)`
fn published(suite: &Suite<'_>, record: &Record, figure: &Figure) -> Option<String> {
    let sources = [
        (Origin::Paper, "paper"),
        (Origin::OpenClip, "open_clip"),
        (Origin::ClipBenchmark, "CLIP_benchmark"),
    ];
    let values = sources.into_iter().filter_map(|(origin, name)| {
        let value = suite.published(record, figure, origin)?.value;
        let value = figure_value(&Figure::plain("", figure.unit, value));
        Some(format!("{value} ({name})"))
    });
    Some(values.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
}

/// What a result says beside its figures; of several the same once.
fn notes(page: &mut Markdown, suite: &Suite<'_>, task: &str) {
    let mut said: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for record in suite.of_task(task) {
        let of_figures = figures(record).filter(|figure| figure_interval(figure).is_none());
        let of_figures = of_figures.filter_map(|figure| {
            Some(format!("{}: {}", display_name(&figure.name), figure.note.as_ref()?))
        });
        for note in record.notes.iter().cloned().chain(of_figures) {
            said.entry(note).or_default().insert(&record.dataset_title);
        }
    }
    page.list(said.into_iter().map(|(note, datasets)| {
        format!("{}: {note}", datasets.into_iter().collect::<Vec<_>>().join(", "))
    }));
}
