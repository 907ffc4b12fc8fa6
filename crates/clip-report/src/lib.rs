//! One self-contained page of all results and audits.
//!
//! ```text
//! results (JSON) ───────┐
//! published values ─────┴─▶ Suite ─▶ limits · tables · overview plots ┐
//! audits (JSON) ──────────▶ verdicts · tables and plots by group ─────┴─▶ what was run · one fold for each record ─▶ HTML
//! ```
//!
//! The page loads nothing: style, plots and pictures are in it, and a policy in its head forbids
//! the rest. It holds nothing that differs between runs of the same figures. Whatever came from a
//! file is text in it, never markup.

#![forbid(unsafe_code)]

mod audit;
mod c_search;
mod calibration;
pub mod card;
mod classes;
mod compare;
mod confusion;
mod curves;
mod document;
mod few_shot_plot;
mod few_shot_table;
mod markup;
mod numbers;
pub mod plain;
mod plot;
pub mod published;
mod record;
mod robustness_plot;
mod robustness_table;
mod run;
mod scaling_plot;
mod shift_means;
mod standing;
mod suite;
mod summary;
mod task_table;
mod widgets;
mod wrong;

use std::io::Write;
use std::path::Path;

pub use crate::audit::main_figures;
pub use crate::compare::{Measured, measured};
pub use crate::curves::{Curve, CurvePoint, Curves};
pub use crate::shift_means::OverShifts;
pub use crate::summary::Summary;

use clip_audit::AuditRecord;
use clip_eval::EvalError;
use clip_eval::results::{Figure, Record};

use crate::document::Document;
use crate::markup::Markup;
use crate::suite::Suite;

/// What a page is made of.
pub struct Report<'a> {
    /// The results.
    pub records: &'a [Record],
    /// The audits.
    pub audits: &'a [AuditRecord],
    /// Files that could not be read, or were changed by hand; the page names them.
    pub unreadable: &'a [EvalError],
    /// Published values of a record's figure, at most one of each source.
    pub published: &'a dyn Fn(&Record, &Figure) -> Vec<Measured>,
}

impl Report<'_> {
    /// The page, and what it says in numbers.
    pub fn page(&self) -> (String, Summary) {
        let suite = Suite::new(self.records, self.published);
        let mut summary = Summary::new(&suite, self.audits, self.unreadable);
        let mut page = Markup::default();
        let document = Document {
            suite: &suite,
            audits: &audit::in_order(self.audits),
            unreadable: self.unreadable,
            summary: &summary,
        };
        document.draw(&mut page);
        let page = page.finish();
        summary.bytes = page.len();
        (page, summary)
    }

    /// Writes the page whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<Summary, EvalError> {
        let (page, summary) = self.page();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(EvalError::io(folder))?;
        }
        clip_files::write_whole(path, |file| file.write_all(page.as_bytes()))
            .map_err(EvalError::io(path))?;
        Ok(summary)
    }
}
