//! What an audit is of, what it warns of, and what is needed to repeat it.

use std::collections::BTreeSet;
use std::fmt::Display;

use clip_audit::AuditRecord;
use clip_audit::record::Prompts;

use super::words::{images, list};
use crate::markup::Markup;
use crate::numbers::{capital, count, short_hash};
use crate::widgets::{entry, numeric, row_head, table};

/// What people call the data set.
pub(super) fn dataset(audit: &AuditRecord) -> &str {
    let title = audit.dataset_title.trim();
    if title.is_empty() { &audit.dataset } else { title }
}

/// `FairFace audit of ViT-B/32 on FairFace`.
pub(super) fn title(audit: &AuditRecord) -> String {
    let kind = match audit.kind.as_str() {
        "fairface" => "FairFace".to_owned(),
        kind => capital(kind),
    };
    format!("{kind} audit of {} on {}", audit.model, dataset(audit))
}

/// Anchor of an audit.
pub(super) fn anchor(audit: usize) -> String {
    format!("audit-{audit}")
}

/// Anchor of a section of an audit.
pub(super) fn section_anchor(audit: usize, section: usize) -> String {
    format!("audit-{audit}-{}", section + 1)
}

/// Heading, what it is of, warnings and notes.
pub(super) fn draw(page: &mut Markup, anchor: &str, audit: &AuditRecord) {
    page.element("h3", &[("id", &anchor)], |page| {
        page.text(title(audit));
        let variant = &audit.identity.variant;
        let variant = if variant.is_empty() { String::new() } else { format!(" · {variant}") };
        page.leaf("small", &[], format_args!(" {}{variant}", audit.split));
    });
    let (counts, from) = (&audit.counts, &audit.provenance);
    let of = match counts.expected {
        Some(expected) if expected != counts.scored => {
            format!(" of {} in the published split", count(expected))
        }
        _ => String::new(),
    };
    let left_out = match counts.skipped {
        0 => String::new(),
        skipped => format!(", {} left out", count(skipped)),
    };
    page.element("dl", &[("class", &"of")], |page| {
        let mut entry = definitions(page);
        entry("images", &format_args!("{}{of}{left_out}", count(counts.scored)));
        entry("data set", &format_args!("{}, split {}", audit.dataset, audit.split));
        entry("model", &format_args!("{}, trained by {}", audit.model, audit.pretrained));
        entry("weights, SHA-256", &short_hash(&from.weights_sha256));
        entry("precision", &format_args!("{} on {}", from.precision, from.isa));
    });
    let mut said = BTreeSet::new();
    let warnings: Vec<&str> = audit
        .warnings
        .iter()
        .map(|warning| warning.text.as_str())
        .filter(|text| said.insert(*text))
        .collect();
    list(page, "warnings", &warnings);
    list(page, "note", &audit.notes);
}

/// Everything needed to repeat it, folded away.
pub(super) fn provenance(page: &mut Markup, audit: &AuditRecord) {
    let (counts, from) = (&audit.counts, &audit.provenance);
    page.element("details", &[], |page| {
        page.element("summary", &[], |page| {
            page.text(format_args!("To repeat it: {}", title(audit)));
        });
        page.element("div", &[("class", &"cell")], |page| {
            page.element("dl", &[], |page| {
                let mut entry = definitions(page);
                let expected =
                    counts.expected.map_or_else(|| "an unknown number".to_owned(), count);
                entry(
                    "images",
                    &format_args!(
                        "{expected} published, {} found, {} left out, {} used",
                        count(counts.found),
                        count(counts.skipped),
                        count(counts.scored)
                    ),
                );
                entry("weights, SHA-256", &from.weights_sha256);
                entry("images to inputs", &from.recipe);
                entry("items, BLAKE3", &from.split_blake3);
                for read in &from.read {
                    let name = format_args!("{} {}: {}", read.dataset, read.split, read.blake3);
                    entry("split read", &name);
                }
                entry("options", &from.options);
                entry("language", &audit.language);
                let program = format_args!("clip-rs {}, schema {}", audit.clip_rs, audit.schema);
                entry("program", &program);
            });
            if !audit.prompts.is_empty() {
                prompts(page, &audit.prompts);
            }
            if !audit.skipped.is_empty() {
                skipped(page, audit);
            }
        });
    });
    page.line();
}

fn definitions(page: &mut Markup) -> impl FnMut(&str, &dyn Display) {
    |name, value| {
        page.leaf("dt", &[], name);
        page.leaf("dd", &[], value);
    }
}

fn prompts(page: &mut Markup, prompts: &[Prompts]) {
    let columns = ["prompts", "source", "#classes", "names", "templates"];
    table(page, "Class names and templates", &columns, |page| {
        for set in prompts {
            page.element("tr", &[], |page| {
                row_head(page, &set.name);
                entry(page, &set.source);
                numeric(page, count(set.count));
                match set.classes.is_empty() {
                    true => entry(page, "not shown"),
                    false => entry(page, set.classes.join(", ")),
                }
                entry(page, set.templates.join(" | "));
            });
        }
    });
}

fn skipped(page: &mut Markup, audit: &AuditRecord) {
    let (named, all) = (audit.skipped.len(), audit.counts.skipped.max(audit.skipped.len()));
    let caption = format!("Left out: the first {} of {}", count(named), images(all));
    table(page, &caption, &["input", "stage", "why"], |page| {
        for skipped in &audit.skipped {
            page.element("tr", &[], |page| {
                for text in [&skipped.input, &skipped.stage, &skipped.reason] {
                    entry(page, text);
                }
            });
        }
    });
}
