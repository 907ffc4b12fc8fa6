//! An audit as tables on a terminal.

mod grid;

use clip_audit::AuditRecord;
use clip_audit::section::{Body, Conclusion, Section, Verdict};
use clip_report::main_figures;
use clip_report::plain::{plain, plain_verdict};

use crate::table::{columns, printable, wrapped};
use grid::grid;

/// Rows of a table on a terminal; the file and the page have all.
const MOST_ROWS: usize = 24;
/// Sections that are printed whole, whatever they are; of more, tables by group are a line each.
const MOST_WHOLE: usize = 8;
/// Columns of the words before a sentence.
const KEY: usize = 11;

/// Sections with their tables and what may and may not be concluded, or at a glance; then the
/// verdict.
///
/// - `full`: every section is printed whole
pub(super) fn text(record: &AuditRecord, full: bool) -> String {
    let columns = columns();
    let heading = format!(
        "audit {} of {}: {}, {}, {} images",
        record.kind, record.model, record.dataset_title, record.split, record.counts.scored
    );
    let mut text = paragraph("", &heading, columns);
    text += &sections_text(&record.sections, full, columns);
    if let Some(verdict) = &record.verdict {
        text += &verdict_text(verdict, columns);
    }
    text
}

fn sections_text(sections: &[Section], full: bool, columns: usize) -> String {
    let mut text = String::new();
    let is_whole = |section: &Section| {
        full || sections.len() <= MOST_WHOLE || matches!(section.body, Body::Figures(_))
    };
    let (whole, short): (Vec<&Section>, Vec<&Section>) =
        sections.iter().partition(|section| is_whole(section));
    for section in whole {
        text += &section_text(section, columns);
    }
    if !short.is_empty() {
        text += &glance_text(&short, columns);
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
    let Conclusion { may, may_not } = &section.conclusion;
    let said = [("  may say", may), ("  may not", may_not)].into_iter();
    for (key, sentence) in said.chain(section.notes.iter().map(|note| ("  note", note))) {
        text += &wrapped(key, KEY, &printable(sentence), columns);
    }
    text
}

/// A line for each section, and where the rest is.
fn glance_text(sections: &[&Section], columns: usize) -> String {
    let mut text = "\nAt a glance\n".to_owned();
    for section in sections {
        let line = format!("{}: {}", section.title, main_figures(&section.body));
        text += &paragraph(" ", &line, columns);
    }
    let rest = format!(
        "{} tables with what may and may not be concluded: --full prints them, `clip-rs report` \
         draws them",
        sections.len()
    );
    text + "\n" + &paragraph("", &rest, columns)
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
