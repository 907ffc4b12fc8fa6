//! What was run: models, data sets, counts and their warnings, files that could not be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::markup::Markup;
use crate::numbers::{MISSING, count, number, short_hash};
use crate::standing::Standing;
use crate::suite::Suite;
use crate::table::scrolled;
use clip_eval::EvalError;
use clip_eval::results::Record;

/// The section.
pub(crate) fn section(page: &mut Markup, suite: &Suite<'_>, unreadable: &[EvalError]) {
    page.element("section", &[("id", &"run")], |page| {
        page.leaf("h2", &[], "What was run");
        warnings(page, suite, unreadable);
        models(page, suite);
        datasets(page, suite);
    });
    page.line();
}

fn warnings(page: &mut Markup, suite: &Suite<'_>, unreadable: &[EvalError]) {
    let subsets = suite.cells.iter().filter(|cell| !Standing::of(cell).is_comparable()).count();
    let skipping = suite.cells.iter().filter(|cell| cell.counts.skipped > 0).count();
    if subsets + skipping + unreadable.len() == 0 {
        return;
    }
    page.element("ul", &[("class", &"warnings")], |page| {
        if subsets > 0 {
            page.element("li", &[], |page| {
                page.leaf("strong", &[], format!("{subsets} of {} cells", suite.cells.len()));
                page.text(
                    " are of other items, another split or other prompts than published values. Their figures are not \
                     comparable with these; the tables mark them and say why.",
                );
            });
        }
        if skipping > 0 {
            page.element("li", &[], |page| {
                page.leaf("strong", &[], format!("{skipping} cells"));
                page.text(" left out inputs that could not be used; each cell names the first of them.");
            });
        }
        for error in unreadable {
            page.leaf("li", &[], format_args!("not in this page: {error}"));
        }
    });
}

fn models(page: &mut Markup, suite: &Suite<'_>) {
    let key = |cell: &Record| {
        let provenance = &cell.provenance;
        [
            &cell.pretrained,
            &provenance.precision,
            &provenance.isa,
            &provenance.weights_sha256,
            &cell.clip_rs,
        ]
        .map(String::clone)
    };
    scrolled(page, "Models", |page| {
        head(
            page,
            &[
                "model",
                "trained by",
                "precision",
                "instructions",
                "#GFLOP an image",
                "weights, SHA-256",
                "clip-rs",
                "#cells",
            ],
        );
        page.element("tbody", &[], |page| {
            for model in &suite.models {
                let cells: Vec<&&Record> =
                    suite.cells.iter().filter(|cell| cell.model == *model).collect();
                let variants: BTreeSet<[String; 5]> = cells.iter().map(|cell| key(cell)).collect();
                for variant in variants {
                    let used = cells.iter().filter(|cell| key(cell) == variant).count();
                    let [pretrained, precision, isa, weights, version] = &variant;
                    let gflop =
                        suite.operations.get(model).map(|operations| number(operations / 1e9));
                    page.element("tr", &[], |page| {
                        page.leaf("th", &[("scope", &"row")], model);
                        page.leaf("td", &[], pretrained);
                        page.leaf("td", &[], precision);
                        page.leaf("td", &[], isa);
                        page.leaf("td", &[("class", &"num")], gflop.as_deref().unwrap_or(MISSING));
                        hash(page, weights);
                        page.leaf("td", &[], version);
                        page.leaf("td", &[("class", &"num")], count(used));
                    });
                }
            }
        });
    });
}

/// Cells of the same items stand in one row.
type Rows<'a> = BTreeMap<(String, &'a str, &'a str, [usize; 4]), Vec<&'a Record>>;

fn datasets(page: &mut Markup, suite: &Suite<'_>) {
    let mut rows: Rows<'_> = BTreeMap::new();
    for cell in &suite.cells {
        let counts = &cell.counts;
        let numbers = [
            counts.expected.map_or(usize::MAX, |count| count),
            counts.found,
            counts.scored,
            counts.skipped,
        ];
        let key = (
            cell.dataset_title.to_lowercase() + &cell.dataset,
            cell.split.as_str(),
            cell.provenance.split_blake3.as_str(),
            numbers,
        );
        rows.entry(key).or_default().push(cell);
    }
    scrolled(page, "Data sets", |page| {
        head(
            page,
            &[
                "data set",
                "split",
                "#published",
                "#found",
                "#skipped",
                "#scored",
                "state",
                "items, BLAKE3",
                "#cells",
            ],
        );
        page.element("tbody", &[], |page| {
            for cells in rows.values() {
                let Some(cell) = cells.first() else { continue };
                dataset(page, cell, cells.len());
            }
        });
    });
}

fn dataset(page: &mut Markup, cell: &Record, cells: usize) {
    let counts = &cell.counts;
    page.element("tr", &[("class", &row_class(cell))], |page| {
        page.leaf("th", &[("scope", &"row")], title(cell));
        page.leaf("td", &[], &cell.split);
        let expected = counts.expected.map_or_else(|| MISSING.to_owned(), count);
        page.leaf("td", &[("class", &"num")], expected);
        for number in [counts.found, counts.skipped, counts.scored] {
            page.leaf("td", &[("class", &"num")], count(number));
        }
        page.element("td", &[], |page| state(page, cell));
        hash(page, &cell.provenance.split_blake3);
        page.leaf("td", &[("class", &"num")], count(cells));
    });
}

/// What is said of a cell's items and prompts, as marks.
pub(crate) fn state(page: &mut Markup, cell: &Record) {
    let (standing, counts) = (Standing::of(cell), &cell.counts);
    let warnings = standing.warnings();
    if warnings.is_empty() {
        page.leaf("span", &[("class", &"mark good")], "complete");
    }
    for (number, warning) in warnings.iter().enumerate() {
        if number > 0 {
            page.text(" ");
        }
        let class = if standing.is_comparable() { "mark odd" } else { "mark bad" };
        page.leaf("span", &[("class", &class)], warning);
    }
    if counts.skipped > 0 {
        page.text(" ");
        page.leaf(
            "span",
            &[("class", &"mark odd")],
            format_args!("{} skipped", count(counts.skipped)),
        );
    }
}

/// Rows of items that are not those of the published split look different.
pub(crate) fn row_class(cell: &Record) -> &'static str {
    if Standing::of(cell).is_comparable() { "whole" } else { "part" }
}

/// A data set's title, or its id where it has none.
pub(crate) fn title(cell: &Record) -> &str {
    if cell.dataset_title.trim().is_empty() { &cell.dataset } else { &cell.dataset_title }
}

/// The beginning of a hash; all of it when a pointer rests on it, and in the cell's own part.
fn hash(page: &mut Markup, hash: &str) {
    page.element("td", &[], |page| {
        let short = if hash.is_empty() { MISSING.to_owned() } else { short_hash(hash) };
        page.leaf("code", &[("title", &hash)], short);
    });
}

/// The head of a table; a column whose name begins with `#` holds numbers.
pub(crate) fn head(page: &mut Markup, columns: &[&str]) {
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            for column in columns {
                match column.strip_prefix('#') {
                    Some(name) => page.leaf("th", &[("scope", &"col"), ("class", &"num")], name),
                    None => page.leaf("th", &[("scope", &"col")], column),
                }
            }
        });
    });
}
