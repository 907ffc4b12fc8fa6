//! Chapter "Evaluation data": every split that was looked at, with its items and prompts.

use std::collections::BTreeSet;

use clip_audit::AuditRecord;
use clip_eval::results::{Counts, Provenance};

use super::markdown::Markdown;
use crate::numbers::{count, or_missing, short_hash};
use crate::plain::{Column, PlainTable};
use crate::suite::Suite;

pub(super) fn write(page: &mut Markdown, suite: &Suite<'_>, audits: &[AuditRecord]) {
    let mut rows: BTreeSet<Vec<String>> = BTreeSet::new();
    for record in &suite.records {
        let from = &record.provenance;
        let prompts = from.prompts_source.clone();
        rows.insert(row(&record.dataset_title, &record.split, &record.counts, from, prompts));
    }
    for audit in audits {
        let sources: BTreeSet<&str> = audit.prompts.iter().map(|set| &*set.source).collect();
        let prompts = (!sources.is_empty()).then(|| sources.into_iter().collect::<Vec<_>>());
        let prompts = prompts.map(|sources| sources.join("; "));
        let from = &audit.provenance;
        rows.insert(row(&audit.dataset_title, &audit.split, &audit.counts, from, prompts));
    }
    if rows.is_empty() {
        page.own("None: nothing was measured.");
        return;
    }
    page.table(&PlainTable {
        columns: vec![
            Column::text("data set"),
            Column::text("split"),
            Column::number("published"),
            Column::number("found"),
            Column::number("left out"),
            Column::number("scored"),
            Column::text("items, BLAKE3"),
            Column::text("prompts"),
            Column::text("prompts, BLAKE3"),
        ],
        rows: rows.into_iter().collect(),
        sentences: Vec::new(),
    });
}

fn row(
    title: &str,
    split: &str,
    counts: &Counts,
    from: &Provenance,
    prompts: Option<String>,
) -> Vec<String> {
    vec![
        title.to_owned(),
        split.to_owned(),
        or_missing(counts.expected, count),
        count(counts.found),
        count(counts.skipped),
        count(counts.scored),
        short_hash(&from.split_blake3),
        or_missing(prompts, |source| source),
        or_missing(from.prompts_blake3.as_deref(), short_hash),
    ]
}
