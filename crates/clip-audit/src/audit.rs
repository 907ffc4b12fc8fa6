//! What an audit is: what it is called, what was chosen, and how it is done.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clip_eval::results::identity::Choices;
use clip_eval::results::{Counts, Identity, Skipped, SplitRead};
use clip_eval::{
    EncodedSplit, EvalContext, EvalError, ItemList, Progress, list_fingerprint, silent,
};
use clip_rs::LoadOptions;

use crate::record::{AuditRecord, Prompts, SCHEMA};
use crate::section::{Section, Verdict};
use crate::warnings::Warning;

/// Items left out that an audit names.
const SKIPS_NAMED: usize = 100;

/// One question to a model.
pub trait Audit {
    /// Its word on the command line and in file names.
    fn kind(&self) -> &'static str;

    /// Everything chosen; what is not the default becomes part of the file's name.
    fn choices(&self) -> Choices;

    /// A person's own files that it reads: two of one name are two.
    fn files(&self) -> Vec<&Path> {
        Vec::new()
    }

    /// Does it.
    ///
    /// # Errors
    /// Labels, groups or images cannot be used.
    fn run(&self, context: &mut EvalContext) -> Result<Outcome, EvalError>;
}

/// What an audit says, whole; a record is made of it in one place.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Id of the data set.
    pub dataset: String,
    /// What people call it.
    pub dataset_title: String,
    /// The split.
    pub split: String,
    /// BLAKE3 of all item ids and targets in order.
    pub split_blake3: String,
    /// Every split that was read, the one that was looked at first.
    pub read: Vec<SplitRead>,
    /// How many items.
    pub counts: Counts,
    /// Every item that was left out.
    pub skipped: Vec<Skipped>,
    /// What was left out, guessed or drawn.
    pub notes: Vec<String>,
    /// What the model card warns of and was met.
    pub warnings: Vec<Warning>,
    /// All prompts.
    pub prompts: Vec<Prompts>,
    /// The tables.
    pub sections: Vec<Section>,
    /// What was required, and whether it holds.
    pub verdict: Option<Verdict>,
}

impl Outcome {
    /// Of a split, with nothing said yet.
    pub fn of(encoded: &EncodedSplit) -> Outcome {
        let ItemList { dataset, title, split, expected, items, notes, not_listed } = &encoded.list;
        let skipped = [not_listed.clone(), encoded.rows.skipped.clone()].concat();
        Outcome {
            dataset: dataset.clone(),
            dataset_title: title.clone(),
            split: split.clone(),
            split_blake3: list_fingerprint(items),
            read: vec![encoded.read()],
            counts: Counts {
                expected: *expected,
                found: items.len(),
                scored: encoded.rows.usable.len(),
                skipped: skipped.len(),
            },
            skipped,
            notes: [notes.clone(), encoded.notes.clone()].concat(),
            ..Outcome::default()
        }
    }
}

/// Where audits and features go, and how models are loaded.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Audits.
    pub out: &'a Path,
    /// Features.
    pub cache: &'a Path,
    /// How models are loaded; conversion first and the penultimate layer are set whatever it says.
    pub load: &'a LoadOptions,
}

impl Run<'_> {
    /// Audits a model and writes what was found; returns it with its place.
    ///
    /// # Errors
    /// The model cannot be loaded, the audit cannot be done, or its file cannot be written.
    pub fn audit(
        &self,
        audit: &dyn Audit,
        model: &str,
        progress: Box<Progress<'static>>,
    ) -> Result<(AuditRecord, PathBuf), EvalError> {
        let started = Instant::now();
        let mut context = EvalContext::load(model, self.load, self.cache, "audit")?;
        context.listen(progress);
        let outcome = audit.run(&mut context)?;
        context.listen(silent());
        let record = self.record(audit, &context, outcome, started);
        let path = record.write(self.out)?;
        Ok((record, path))
    }

    fn record(
        &self,
        audit: &dyn Audit,
        context: &EvalContext,
        outcome: Outcome,
        started: Instant,
    ) -> AuditRecord {
        let mut skipped = outcome.skipped;
        skipped.truncate(SKIPS_NAMED);
        let files = audit.files().into_iter().map(Identity::file).collect();
        let identity = Identity::new("audit", &context.model, files, audit.choices(), self.load);
        let mut provenance = context.provenance(None);
        provenance.split_blake3 = outcome.split_blake3;
        provenance.read = outcome.read;
        provenance.options = identity.choices.clone().into_iter().collect();
        AuditRecord {
            schema: SCHEMA,
            clip_rs: env!("CARGO_PKG_VERSION").to_owned(),
            kind: audit.kind().to_owned(),
            model: context.model.name.clone(),
            pretrained: context.pretrained().to_owned(),
            dataset: outcome.dataset,
            dataset_title: outcome.dataset_title,
            split: outcome.split,
            language: "en".to_owned(),
            identity,
            provenance,
            counts: outcome.counts,
            skipped,
            notes: outcome.notes,
            warnings: outcome.warnings,
            prompts: outcome.prompts,
            sections: outcome.sections,
            verdict: outcome.verdict,
            wall_seconds: started.elapsed().as_secs_f64(),
        }
    }
}
