//! An audit as tables on a terminal.

mod grid;

use clip_audit::AuditRecord;
use clip_audit::section::{Section, Verdict};
use clip_report::plain::{plain, plain_verdict};

use crate::table::{columns, printable, wrapped};
use grid::grid;

/// Rows of a table on a terminal; the file and the page have all.
const MOST_ROWS: usize = 24;
/// Columns of the words before a sentence.
const KEY: usize = 11;

/// Every section: its heading, its table, what may and what may not be concluded; then the verdict.
pub(super) fn text(record: &AuditRecord) -> String {
    text_within(record, columns())
}

fn text_within(record: &AuditRecord, columns: usize) -> String {
    let heading = format!(
        "audit {} of {}: {}, {}, {} images",
        record.kind, record.model, record.dataset_title, record.split, record.counts.scored
    );
    let mut text = paragraph("", &heading, columns);
    for section in &record.sections {
        text += &section_text(section, columns);
    }
    if let Some(verdict) = &record.verdict {
        text += &verdict_text(verdict, columns);
    }
    text
}

fn section_text(section: &Section, columns: usize) -> String {
    let table = plain(&section.body, MOST_ROWS);
    let mut text = String::from("\n") + &paragraph("", &section.title, columns);
    text += &grid(&table, columns);
    for sentence in &table.sentences {
        text += &paragraph(" ", sentence, columns);
    }
    text += &wrapped("  may say", KEY, &section.conclusion.may, columns);
    text += &wrapped("  may not", KEY, &section.conclusion.may_not, columns);
    for note in &section.notes {
        text += &wrapped("  note", KEY, note, columns);
    }
    text
}

fn verdict_text(verdict: &Verdict, columns: usize) -> String {
    let table = plain_verdict(verdict);
    let word = if verdict.met { "met" } else { "NOT MET" };
    let mut text = format!("\nVerdict: {word}\n") + &grid(&table, columns);
    for sentence in &table.sentences {
        text += &paragraph(" ", sentence, columns);
    }
    text
}

/// Text broken at blanks, behind an indent.
fn paragraph(indent: &str, text: &str, columns: usize) -> String {
    let text = wrapped(indent, indent.len(), &printable(text), columns);
    if !indent.is_empty() {
        return text;
    }
    text.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

#[cfg(test)]
mod tests;
