//! What was run: models, data sets, counts and their warnings, files that could not be read.

use std::collections::BTreeMap;

use crate::markup::Markup;
use crate::numbers::{MISSING, count, number, or_missing, short_hash};
use crate::standing::Standing;
use crate::suite::Suite;
use crate::widgets::{entry, numeric, record_row, row_head, state, table, title};
use clip_eval::EvalError;
use clip_eval::results::Record;

/// Whether there is anything to say: results, or files that could not be read.
pub(crate) fn is_shown(suite: &Suite<'_>, unreadable: &[EvalError]) -> bool {
    !suite.records.is_empty() || !unreadable.is_empty()
}

/// The section.
pub(crate) fn section(page: &mut Markup, suite: &Suite<'_>, unreadable: &[EvalError]) {
    if !is_shown(suite, unreadable) {
        return;
    }
    page.element("section", &[("id", &"run")], |page| {
        page.leaf("h2", &[], "What was run");
        warnings(page, suite, unreadable);
        if !suite.records.is_empty() {
            models(page, suite);
            datasets(page, suite);
        }
    });
    page.line();
}

fn warnings(page: &mut Markup, suite: &Suite<'_>, unreadable: &[EvalError]) {
    let subsets =
        suite.records.iter().filter(|record| !Standing::of(record).is_comparable()).count();
    let skipping = suite.records.iter().filter(|record| record.counts.skipped > 0).count();
    if subsets + skipping + unreadable.len() == 0 {
        return;
    }
    page.element("ul", &[("class", &"warnings")], |page| {
        if subsets > 0 {
            page.element("li", &[], |page| {
                page.leaf("strong", &[], format!("{subsets} of {} cells", suite.records.len()));
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
    let columns = [
        "model",
        "trained by",
        "precision",
        "instructions",
        "#GFLOP an image",
        "weights, SHA-256",
        "clip-rs",
        "#cells",
    ];
    table(page, "Models", &columns, |page| {
        for model in &suite.models {
            let mut variants: BTreeMap<[&str; 5], usize> = BTreeMap::new();
            for record in suite.records.iter().filter(|record| record.model == *model) {
                let from = &record.provenance;
                let (trained_by, weights) = (&record.pretrained, &from.weights_sha256);
                let key = [trained_by, &from.precision, &from.isa, weights, &record.clip_rs];
                *variants.entry(key.map(String::as_str)).or_default() += 1;
            }
            let gflop = suite.operations.get(model).map(|operations| number(operations / 1e9));
            for ([trained_by, precision, isa, weights, version], used) in variants {
                page.element("tr", &[], |page| {
                    row_head(page, model);
                    for text in [trained_by, precision, isa] {
                        entry(page, text);
                    }
                    numeric(page, gflop.as_deref().unwrap_or(MISSING));
                    hash(page, weights);
                    entry(page, version);
                    numeric(page, count(used));
                });
            }
        }
    });
}

fn datasets(page: &mut Markup, suite: &Suite<'_>) {
    // Records of the same items stand in one row.
    let mut rows: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
    for record in &suite.records {
        let (counts, items) = (&record.counts, &record.provenance.split_blake3);
        let numbers =
            [counts.expected.unwrap_or(usize::MAX), counts.found, counts.scored, counts.skipped];
        let name = record.dataset_title.to_lowercase() + &record.dataset;
        rows.entry((name, &record.split, items, numbers)).or_default().push(record);
    }
    let columns = [
        "data set",
        "split",
        "#published",
        "#found",
        "#skipped",
        "#scored",
        "state",
        "items, BLAKE3",
        "#cells",
    ];
    table(page, "Data sets", &columns, |page| {
        for records in rows.values() {
            let Some(record) = records.first() else { continue };
            dataset(page, record, records.len());
        }
    });
}

fn dataset(page: &mut Markup, record: &Record, records: usize) {
    let counts = &record.counts;
    record_row(page, record, |page| {
        row_head(page, title(record));
        entry(page, &record.split);
        numeric(page, or_missing(counts.expected, count));
        for items in [counts.found, counts.skipped, counts.scored] {
            numeric(page, count(items));
        }
        page.element("td", &[], |page| state(page, record));
        hash(page, &record.provenance.split_blake3);
        numeric(page, count(records));
    });
}

/// The beginning of a hash; all of it when a pointer rests on it, and in the record's own part.
fn hash(page: &mut Markup, hash: &str) {
    page.element("td", &[], |page| {
        let short = if hash.is_empty() { MISSING.to_owned() } else { short_hash(hash) };
        page.leaf("code", &[("title", &hash)], short);
    });
}
