//! What an audit found as tables of texts, the same for a terminal and for Markdown: each kind of
//! body is put into words once.
//!
//! ```text
//! Body ──▶ PlainTable {columns, rows, sentences} ──▶ terminal (cut to its width), card (Markdown)
//! ```

mod between;
mod by_group;
mod several;
mod table;

use clip_audit::section::{Body, Direction, Verdict};

pub use self::table::{Align, Column, PlainTable};

use self::table::ending;
use crate::numbers::figure_text;

/// A body as a table of at most `most` rows; what is left out is said.
pub fn plain(body: &Body, most: usize) -> PlainTable {
    let mut table = match body {
        Body::Rates(table) => by_group::rates(table, most),
        Body::Paired(table) => by_group::paired(table, most),
        Body::Associations(table) => by_group::associations(table, most),
        Body::Figures(table) => several::figures(table, most),
        Body::Curves(curves) => several::curves(curves, most),
        Body::Reliability { bins } => several::reliability(bins, most),
        Body::Flow(flow) => between::flow(flow, most),
        Body::Confusions { pairs } => between::confusions(pairs, most),
    };
    // A file may name more levels of a group than attributes.
    let columns = table.columns.len();
    table.rows.iter_mut().for_each(|row| row.resize(columns, String::new()));
    table
}

/// What was required, what was measured, and whether it is met.
pub fn plain_verdict(verdict: &Verdict) -> PlainTable {
    let row = |requirement: &clip_audit::section::Requirement| {
        let bound = match requirement.good {
            Direction::Higher => "at least",
            Direction::Lower => "at most",
        };
        let figure = &requirement.figure;
        let threshold = ending(figure.unit, requirement.threshold);
        let compared = requirement
            .compared
            .map_or_else(|| "no interval".to_owned(), |end| ending(figure.unit, end));
        vec![
            requirement.name.clone(),
            requirement.of.clone(),
            format!("{bound} {threshold}"),
            figure_text(figure),
            compared,
            if requirement.met { "met" } else { "NOT MET" }.to_owned(),
        ]
    };
    PlainTable {
        columns: vec![
            Column::text("required"),
            Column::text("of"),
            Column::number("threshold"),
            Column::number("measured"),
            Column::number("end compared"),
            Column::text("verdict"),
        ],
        rows: verdict.requirements.iter().map(row).collect(),
        sentences: vec![verdict.text.clone()],
    }
}
