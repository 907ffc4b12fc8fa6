//! What the audits found: every section with its conclusion, the verdict, the warnings.

use clip_audit::AuditRecord;
use clip_audit::section::{Body, Section};
use clip_audit::warnings::{Warning, once};

use super::markdown::Markdown;
use crate::numbers::count;
use crate::plain::{plain, plain_verdict};

/// Rows of a table; the audit's file has all.
const MOST_ROWS: usize = 20;
/// Rows of a list of labels or of pairs, the foremost first.
const FOREMOST: usize = 10;

pub(super) fn write(page: &mut Markdown, audits: &[AuditRecord]) {
    if audits.is_empty() {
        page.own("No audit of `clip-rs audit` is of these weights.");
    }
    for audit in audits {
        let variant = match audit.identity.variant.as_str() {
            "" => String::new(),
            variant => format!(" ({variant})"),
        };
        page.heading(3, &format!("Audit: {} on {}{variant}", audit.kind, audit.dataset_title));
        page.text(&format!(
            "Split {}, {} images, {} left out; precision {}.",
            audit.split,
            count(audit.counts.scored),
            count(audit.counts.skipped),
            audit.provenance.precision,
        ));
        page.list(&audit.notes);
        audit.sections.iter().for_each(|section| self::section(page, section));
        if let Some(verdict) = &audit.verdict {
            let word = if verdict.met { "all requirements are met" } else { "not met" };
            page.heading(4, &format!("Verdict: {word}"));
            page.table(&plain_verdict(verdict));
        }
    }
}

fn section(page: &mut Markdown, section: &Section) {
    page.heading(4, &section.title);
    let most = match section.body {
        Body::Associations(_) | Body::Flow(_) | Body::Confusions { .. } => FOREMOST,
        _ => MOST_ROWS,
    };
    page.table(&plain(&section.body, most));
    page.said("May be concluded:", &section.conclusion.may);
    page.said("May not:", &section.conclusion.may_not);
    page.list(&section.notes);
}

/// Each once over all audits.
pub(super) fn warnings(page: &mut Markdown, audits: &[AuditRecord]) {
    let all: Vec<Warning> = audits.iter().flat_map(|audit| audit.warnings.clone()).collect();
    if !all.is_empty() {
        page.own("The audits warn:");
        page.list(once(all).into_iter().map(|warning| warning.text));
    }
}
