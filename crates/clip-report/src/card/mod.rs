//! A model card written from measurements: Mitchell et al., "Model cards for model reporting"
//! (2019), chapter by chapter, with the metadata that Hugging Face reads.
//!
//! ```text
//! checkpoint ──▶ ModelFacts
//! results, audits ──▶ Selection (of these weights, as they were written)
//!     └─▶ metadata · details · uses · factors · data · training · tables · audits · what is missing
//! ```
//!
//! Nothing is filled in that no file says. Text from files is escaped. The same results give the
//! same bytes: no date, no path of this machine.

mod audits;
mod data;
mod details;
mod factors;
mod facts;
mod further;
mod markdown;
mod metadata;
mod missing;
mod results;
mod selection;
mod training;
mod training_data;

use std::io::Write;
use std::path::Path;

use clip_audit::{AuditRecord, PURPOSE};
use clip_eval::EvalError;
use clip_eval::results::{Figure, Record};
use serde::Serialize;

pub use self::facts::{ModelFacts, Origin};
pub use self::selection::Selection;
pub use self::training::Training;

use self::markdown::Markdown;
use crate::compare::Measured;
use crate::suite::Suite;

/// What a card is made of.
pub struct Card<'a> {
    /// The model.
    pub model: &'a ModelFacts,
    /// Results and audits of it.
    pub selection: &'a Selection,
    /// Published values of a record's figure.
    pub published: &'a dyn Fn(&Record, &Figure) -> Vec<Measured>,
}

/// What a card says, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardSummary {
    /// The model.
    pub model: String,
    /// Digest of its tensors.
    pub weights_sha256: String,
    /// Results in the card.
    pub results: usize,
    /// Audits in the card.
    pub audits: usize,
    /// Figures in the metadata.
    pub figures: usize,
    /// Results and audits called like the model that are not in the card: of other weights, or
    /// changed after they were written.
    pub refused: usize,
    /// Files that could not be read.
    pub unreadable: usize,
    /// Data sets of CLIP's model card without a result.
    pub not_measured: Vec<String>,
    /// Audits that were not made.
    pub not_audited: Vec<String>,
    /// Length of the card.
    pub bytes: usize,
}

impl Card<'_> {
    /// The card, and what it says in numbers.
    pub fn text(&self) -> (String, CardSummary) {
        let Selection { records, audits, .. } = self.selection;
        let suite = Suite::new(records, self.published);
        let mut page = Markdown::default();
        let figures = metadata::write(&mut page, self.model, &suite);
        self.chapters(&mut page, &suite, audits);
        let text = page.finish();
        let summary = CardSummary {
            model: self.model.name.clone(),
            weights_sha256: self.model.tensors_sha256.clone(),
            results: records.len(),
            audits: audits.len(),
            figures,
            refused: self.selection.refused.len(),
            unreadable: self.selection.unreadable.len(),
            not_measured: missing::datasets(&suite.records, audits),
            not_audited: missing::audits(audits).into_iter().map(str::to_owned).collect(),
            bytes: text.len(),
        };
        (text, summary)
    }

    fn chapters(&self, page: &mut Markdown, suite: &Suite<'_>, audits: &[AuditRecord]) {
        page.heading(1, &format!("Model card: {}", self.model.name));
        page.own(clip_rs::LIMITS);
        page.text(&format!(
            "Written by clip-rs {} from {} and {} of exactly these weights. What no file says is not in it.",
            env!("CARGO_PKG_VERSION"),
            counted(suite.records.len(), "result"),
            counted(audits.len(), "audit"),
        ));
        page.heading(2, "Model details");
        details::write(page, self.model);
        page.heading(2, "Intended use");
        page.own(include_str!("../../assets/card/uses.md"));
        page.heading(2, "Factors");
        factors::write(page, audits);
        page.heading(2, "Metrics");
        results::metrics(page, suite, audits);
        page.heading(2, "Evaluation data");
        data::write(page, suite, audits);
        page.heading(2, "Training data");
        training_data::write(page, self.model);
        page.heading(2, "Quantitative analyses");
        results::write(page, suite);
        audits::write(page, audits);
        page.heading(2, "Ethical considerations");
        page.own(PURPOSE);
        audits::warnings(page, audits);
        page.heading(2, "Caveats and recommendations");
        missing::caveats(page, self.model, suite, self.selection);
        page.heading(2, "What was not measured");
        missing::write(page, &suite.records, audits);
    }

    /// Writes the card whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<CardSummary, EvalError> {
        let (text, summary) = self.text();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(EvalError::io(folder))?;
        }
        clip_files::write_whole(path, |file| file.write_all(text.as_bytes()))
            .map_err(EvalError::io(path))?;
        Ok(summary)
    }
}

/// `1 result`, `3 audits`
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
