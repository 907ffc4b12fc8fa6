//! Everything about one result, folded away until it is wanted.

use std::fmt::Display;

use crate::markup::Markup;
use crate::numbers::{
    capital, count, display_name, figure_interval, figure_value, how, metric_value,
};
use crate::suite::Suite;
use crate::widgets::{doubts, entry, numeric, soft, table, title};
use crate::{c_search, calibration, classes, confusion, wrong};
use clip_eval::results::{Figure, Record};

/// How much of each record is drawn, so that a page of hundreds stays small.
struct Room {
    /// Worst and best classes.
    classes: usize,
    /// Side of the square of confusions.
    confused: usize,
    pairs: usize,
    /// Bytes of pictures.
    pictures: usize,
}

impl Room {
    fn of(suite: &Suite<'_>) -> Room {
        let with_pictures =
            suite.records.iter().filter(|record| !record.details.wrong.is_empty()).count();
        let pictures = wrong::share(with_pictures);
        if suite.records.len() <= 60 {
            Room { classes: 15, confused: 10, pairs: 12, pictures }
        } else {
            Room { classes: 6, confused: 7, pairs: 5, pictures }
        }
    }
}

/// All records, by data set.
pub(super) fn section(page: &mut Markup, suite: &Suite<'_>) {
    let room = Room::of(suite);
    page.element("section", &[("id", &"cells")], |page| {
        page.leaf("h2", &[], "Every result");
        let mut records: Vec<&Record> = suite.records.clone();
        // Stable: tasks and models keep their order within a data set.
        records.sort_by_key(|record| {
            (title(record).to_lowercase(), record.dataset.as_str(), record.split.as_str())
        });
        for of_set in records.chunk_by(|a, b| set(a) == set(b)) {
            let (title, dataset, split) = set(of_set[0]);
            page.element("h3", &[], |page| {
                page.text(title);
                page.leaf("small", &[], format_args!(" {dataset} · {split}"));
            });
            for record in of_set {
                fold(page, suite, record, &room);
            }
        }
    });
    page.line();
}

/// What stands under one heading: title, data set and split.
fn set(record: &Record) -> (&str, &str, &str) {
    (title(record), &record.dataset, &record.split)
}

fn fold(page: &mut Markup, suite: &Suite<'_>, record: &Record, room: &Room) {
    page.element("details", &[], |page| {
        page.element("summary", &[], |page| {
            page.leaf("b", &[], &record.model);
            page.text(format_args!(" · {} · ", display_name(&record.task)));
            if !record.identity.variant.is_empty() {
                page.text(format_args!("{} · ", record.identity.variant));
            }
            page.text(figure_value(&record.score));
            if let Some(interval) = figure_interval(&record.score) {
                page.text(format_args!(" {interval}"));
            }
            page.text(format_args!(" · n = {} ", count(record.counts.scored)));
            doubts(page, record);
        });
        let anchor = format!("cell-{}", suite.number(record));
        page.element("div", &[("id", &anchor), ("class", &"cell")], |page| {
            notes(page, record);
            page.element("div", &[("class", &"figures")], |page| {
                figures(page, record);
                classes::draw(page, record, room.classes);
                confusion::draw(page, record, room.confused, room.pairs);
                calibration::draw(page, record);
                c_search::draw(page, record);
            });
            wrong::draw(page, record, room.pictures);
            provenance(page, record);
        });
    });
    page.line();
}

fn notes(page: &mut Markup, record: &Record) {
    if !record.notes.is_empty() {
        page.leaf("h4", &[], "Notes");
        page.element("ul", &[], |page| {
            for note in &record.notes {
                page.leaf("li", &[], note);
            }
        });
    }
    if record.skipped.is_empty() {
        return;
    }
    let all = record.counts.skipped.max(record.skipped.len());
    page.leaf("h4", &[], format_args!("Left out: {} inputs", count(all)));
    let caption = format!("the first {} of {}", count(record.skipped.len()), count(all));
    table(page, &caption, &["input", "stage", "why"], |page| {
        for skipped in &record.skipped {
            page.element("tr", &[], |page| {
                for text in [&skipped.input, &skipped.stage, &skipped.reason] {
                    entry(page, text);
                }
            });
        }
    });
}

/// All figures: those with intervals, then the rest.
fn figures(page: &mut Markup, record: &Record) {
    let known: Vec<&Figure> = std::iter::once(&record.score).chain(&record.figures).collect();
    page.element("figure", &[], |page| {
        page.leaf("h4", &[], "Figures");
        let caption = format!("n = {}", count(record.counts.scored));
        table(page, &caption, &["figure", "#value", "interval"], |page| {
            for figure in &known {
                let interval = match figure_interval(figure) {
                    Some(interval) => (interval, how(figure)),
                    None => (String::new(), figure.note.clone().unwrap_or_default()),
                };
                row(page, &figure.name, figure_value(figure), interval);
            }
            for (name, value) in &record.metrics {
                if known.iter().any(|figure| figure.name == *name) {
                    continue;
                }
                let text = value
                    .map_or_else(|| "undefined here".to_owned(), |value| metric_value(name, value));
                row(page, name, text, Default::default());
            }
        });
    });
    page.line();
}

/// - `interval`: its ends, and how it was made or why there is none
fn row(page: &mut Markup, name: &str, value: String, (interval, how): (String, String)) {
    page.element("tr", &[], |page| {
        page.leaf("th", &[("scope", &"row"), ("title", &name)], display_name(name));
        numeric(page, value);
        page.element("td", &[], |page| {
            if !interval.is_empty() {
                page.leaf("span", &[("class", &"tight")], interval);
                page.text(" ");
            }
            soft(page, how);
        });
    });
}

/// Everything needed to repeat it.
fn provenance(page: &mut Markup, record: &Record) {
    let from = &record.provenance;
    let none = || "none".to_owned();
    page.leaf("h4", &[], "To repeat it");
    page.element("dl", &[], |page| {
        let mut entry = |name: &str, value: &dyn Display| {
            page.leaf("dt", &[], name);
            page.leaf("dd", &[], value);
        };
        entry("weights, SHA-256", &from.weights_sha256);
        entry("trained by", &record.pretrained);
        entry("precision", &format_args!("{} on {}", from.precision, from.isa));
        entry("images to inputs", &from.recipe);
        entry("prompts", &from.prompts_source.clone().unwrap_or_else(none));
        entry("prompts, BLAKE3", &from.prompts_blake3.clone().unwrap_or_else(none));
        entry("items, BLAKE3", &from.split_blake3);
        entry("features", &from.features_key.clone().unwrap_or_else(none));
        entry("options", &from.options);
        entry("language", &record.language);
        let expected = record.counts.expected.map_or_else(|| "an unknown number".to_owned(), count);
        let counts = format!(
            "{expected} published, {} found, {} left out, {} scored",
            count(record.counts.found),
            count(record.counts.skipped),
            count(record.counts.scored)
        );
        entry("items", &counts);
        entry("program", &format_args!("clip-rs {}, schema {}", record.clip_rs, record.schema));
        entry("task", &capital(&display_name(&record.task)));
    });
}
