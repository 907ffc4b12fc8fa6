//! All results as one table for spreadsheets.

use std::path::Path;

use super::figure::Figure;
use super::record::Record;
use super::write::write_whole;
use crate::error::{EvalError, Result};

/// Merged table of all records, one row each, without what differs between runs: the same bytes for
/// the same results.
///
/// # Errors
/// It cannot be written.
pub fn write_csv(records: &[Record], path: &Path) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let head = [
        "dataset",
        "split",
        "task",
        "model",
        "pretrained",
        "metric",
        "value",
        "low",
        "high",
        "level",
        "expected",
        "found",
        "scored",
        "skipped",
        "precision",
        "weights_sha256",
        "prompts_blake3",
        "split_blake3",
        "origin",
        "choices",
    ];
    let text = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let row = |record: &Record, figure: &Figure| {
        [
            record.dataset.clone(),
            record.split.clone(),
            record.task.clone(),
            record.model.clone(),
            record.pretrained.clone(),
            figure.name.clone(),
            text(figure.value),
            text(figure.low),
            text(figure.high),
            text(figure.level),
            record.counts.expected.map_or_else(String::new, |count| count.to_string()),
            record.counts.found.to_string(),
            record.counts.scored.to_string(),
            record.counts.skipped.to_string(),
            record.provenance.precision.clone(),
            record.provenance.weights_sha256.clone(),
            record.provenance.prompts_blake3.clone().unwrap_or_default(),
            record.provenance.split_blake3.clone(),
            record.identity.origin.clone(),
            record.identity.variant.clone(),
        ]
    };
    let failed =
        |error: csv::Error| EvalError::Result { path: path.to_owned(), reason: error.to_string() };
    table.write_record(head).map_err(failed)?;
    for record in records {
        for figure in std::iter::once(&record.score).chain(&record.figures) {
            table.write_record(row(record, figure).map(inert)).map_err(failed)?;
        }
    }
    let bytes = table.into_inner().map_err(|error| EvalError::result(path, error.error()))?;
    write_whole(path, &bytes)
}

/// A cell that a spreadsheet would run as a formula, with an apostrophe before it; numbers stay
/// numbers.
///
/// Names of models, data sets and classes come from anybody's files. Source: OWASP, CSV Injection.
fn inert(cell: String) -> String {
    let number = || cell.parse::<f64>().is_ok_and(f64::is_finite);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !number() {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_numbers_stay_numbers() {
        for formula in
            ["=1+1", "+a", "-b", "@c", "\t=1", "\r=1", "\n=1", "-inf", "-1+1", "=", "+1-1"]
        {
            assert_eq!(inert(formula.into()), format!("'{formula}"));
        }
        for plain in ["", "-0.25", "1e-7", "-1e-7", "a=1", "ViT-B/32", "'=1", "a,\"b\"", "5"] {
            assert_eq!(inert(plain.into()), plain);
        }
    }
}
