//! Everything about one result, folded away until it is wanted.

use std::fmt::Display;

use crate::markup::Markup;
use crate::numbers::{count, figure_interval, figure_value, how, metric_value, words};
use crate::run::{head, state, title};
use crate::standing::Standing;
use crate::suite::Suite;
use crate::table::scrolled;
use crate::{calibration, capital, classes, confusion, search, wrong};
use clip_eval::results::{Figure, Record};

/// How much of each cell is drawn, so that a page of hundreds stays small.
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
            suite.cells.iter().filter(|cell| !cell.details.wrong.is_empty()).count();
        let pictures = wrong::share(with_pictures);
        if suite.cells.len() <= 60 {
            Room { classes: 15, confused: 10, pairs: 12, pictures }
        } else {
            Room { classes: 6, confused: 7, pairs: 5, pictures }
        }
    }
}

/// All cells, by data set.
pub(super) fn section(page: &mut Markup, suite: &Suite<'_>) {
    let room = Room::of(suite);
    page.element("section", &[("id", &"cells")], |page| {
        page.leaf("h2", &[], "Every result");
        let mut cells: Vec<&Record> = suite.cells.clone();
        // Stable: tasks and models keep their order within a data set.
        cells.sort_by_key(|cell| {
            (title(cell).to_lowercase(), cell.dataset.as_str(), cell.split.as_str())
        });
        let mut before: Option<&Record> = None;
        for cell in cells {
            let of =
                |cell: &Record| (title(cell).to_owned(), cell.dataset.clone(), cell.split.clone());
            if before.is_none_or(|before| of(before) != of(cell)) {
                page.element("h3", &[], |page| {
                    page.text(title(cell));
                    page.leaf("small", &[], format_args!(" {} · {}", cell.dataset, cell.split));
                });
            }
            fold(page, suite, cell, &room);
            before = Some(cell);
        }
    });
    page.line();
}

fn fold(page: &mut Markup, suite: &Suite<'_>, cell: &Record, room: &Room) {
    page.element("details", &[], |page| {
        page.element("summary", &[], |page| {
            page.leaf("b", &[], &cell.model);
            page.text(format_args!(" · {} · ", words(&cell.task)));
            if !cell.identity.variant.is_empty() {
                page.text(format_args!("{} · ", cell.identity.variant));
            }
            page.text(figure_value(&cell.score));
            if let Some(interval) = figure_interval(&cell.score) {
                page.text(format_args!(" {interval}"));
            }
            page.text(format_args!(" · n = {} ", count(cell.counts.scored)));
            if !Standing::of(cell).warnings().is_empty() || cell.counts.skipped > 0 {
                state(page, cell);
            }
        });
        let anchor = format!("cell-{}", suite.number(cell));
        page.element("div", &[("id", &anchor), ("class", &"cell")], |page| {
            notes(page, cell);
            page.element("div", &[("class", &"figures")], |page| {
                figures(page, cell);
                classes::draw(page, cell, room.classes);
                confusion::draw(page, cell, room.confused, room.pairs);
                calibration::draw(page, cell);
                search::draw(page, cell);
            });
            wrong::draw(page, cell, room.pictures);
            provenance(page, cell);
        });
    });
    page.line();
}

fn notes(page: &mut Markup, cell: &Record) {
    if !cell.notes.is_empty() {
        page.leaf("h4", &[], "Notes");
        page.element("ul", &[], |page| {
            for note in &cell.notes {
                page.leaf("li", &[], note);
            }
        });
    }
    if cell.skipped.is_empty() {
        return;
    }
    let all = cell.counts.skipped.max(cell.skipped.len());
    page.leaf("h4", &[], format_args!("Left out: {} inputs", count(all)));
    let caption = format!("the first {} of {}", count(cell.skipped.len()), count(all));
    scrolled(page, &caption, |page| {
        head(page, &["input", "stage", "why"]);
        page.element("tbody", &[], |page| {
            for skipped in &cell.skipped {
                page.element("tr", &[], |page| {
                    for text in [&skipped.input, &skipped.stage, &skipped.reason] {
                        page.leaf("td", &[], text);
                    }
                });
            }
        });
    });
}

/// All figures: those with intervals, then the rest.
fn figures(page: &mut Markup, cell: &Record) {
    let known: Vec<&Figure> = std::iter::once(&cell.score).chain(&cell.figures).collect();
    page.element("figure", &[], |page| {
        page.leaf("h4", &[], "Figures");
        scrolled(page, &format!("n = {}", count(cell.counts.scored)), |page| {
            head(page, &["figure", "#value", "interval"]);
            page.element("tbody", &[], |page| {
                for figure in &known {
                    let interval = match figure_interval(figure) {
                        Some(interval) => (interval, how(figure)),
                        None => (String::new(), figure.note.clone().unwrap_or_default()),
                    };
                    row(page, &figure.name, figure_value(figure), interval);
                }
                for (name, value) in &cell.metrics {
                    if known.iter().any(|figure| figure.name == *name) {
                        continue;
                    }
                    let text = value.map_or_else(
                        || "undefined here".to_owned(),
                        |value| metric_value(name, value),
                    );
                    row(page, name, text, Default::default());
                }
            });
        });
    });
    page.line();
}

/// - `interval`: its ends, and how it was made or why there is none
fn row(page: &mut Markup, name: &str, value: String, (interval, how): (String, String)) {
    page.element("tr", &[], |page| {
        page.leaf("th", &[("scope", &"row"), ("title", &name)], words(name));
        page.leaf("td", &[("class", &"num")], value);
        page.element("td", &[], |page| {
            if !interval.is_empty() {
                page.leaf("span", &[("class", &"tight")], interval);
                page.text(" ");
            }
            page.leaf("span", &[("class", &"soft")], how);
        });
    });
}

/// Everything needed to repeat it.
fn provenance(page: &mut Markup, cell: &Record) {
    let from = &cell.provenance;
    let none = || "none".to_owned();
    page.leaf("h4", &[], "To repeat it");
    page.element("dl", &[], |page| {
        let mut entry = |name: &str, value: &dyn Display| {
            page.leaf("dt", &[], name);
            page.leaf("dd", &[], value);
        };
        entry("weights, SHA-256", &from.weights_sha256);
        entry("trained by", &cell.pretrained);
        entry("precision", &format_args!("{} on {}", from.precision, from.isa));
        entry("images to inputs", &from.recipe);
        entry("prompts", &from.prompts_source.clone().unwrap_or_else(none));
        entry("prompts, BLAKE3", &from.prompts_blake3.clone().unwrap_or_else(none));
        entry("items, BLAKE3", &from.split_blake3);
        entry("features", &from.features_key.clone().unwrap_or_else(none));
        entry("options", &from.options);
        entry("language", &cell.language);
        let expected = cell.counts.expected.map_or_else(|| "an unknown number".to_owned(), count);
        let counts = format!(
            "{expected} published, {} found, {} left out, {} scored",
            count(cell.counts.found),
            count(cell.counts.skipped),
            count(cell.counts.scored)
        );
        entry("items", &counts);
        entry("program", &format_args!("clip-rs {}, schema {}", cell.clip_rs, cell.schema));
        entry("task", &capital(&words(&cell.task)));
    });
}
