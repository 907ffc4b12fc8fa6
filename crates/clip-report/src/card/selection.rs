//! Which results a card is written from: those of exactly these weights, as they were written.

use std::path::Path;

use clip_audit::AuditRecord;
use clip_eval::EvalError;
use clip_eval::results::{Record, slug};

use super::facts::ModelFacts;

/// In the note of a result that was changed by hand.
const CHANGED: &str = "was changed after it was written";

/// Results and audits of a model.
#[derive(Debug, Default)]
pub struct Selection {
    /// Results of these weights.
    pub records: Vec<Record>,
    /// Audits of these weights.
    pub audits: Vec<AuditRecord>,
    /// What is called like the model and not taken, each with the reason.
    pub refused: Vec<String>,
    /// What could not be read.
    pub unreadable: Vec<String>,
    /// Names of other models that have results there.
    pub others: Vec<String>,
}

impl Selection {
    /// Of a folder of results, what is of a model's weights.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn read(folder: &Path, model: &ModelFacts) -> Result<Selection, EvalError> {
        let (records, broken) = clip_eval::results::read_all(folder)?;
        let (audits, broken_audits) = clip_audit::read_all(folder)?;
        let mut selection = Selection::of(model, records, audits);
        // A changed result stands among the refused ones.
        let unreadable = broken.into_iter().chain(broken_audits);
        selection.unreadable = unreadable
            .map(|error| without_folder(&error.to_string(), folder))
            .filter(|text| !text.contains(CHANGED))
            .collect();
        Ok(selection)
    }

    /// Those of a model's weights among results and audits.
    pub fn of(model: &ModelFacts, records: Vec<Record>, audits: Vec<AuditRecord>) -> Selection {
        let mut found = Selection::default();
        for record in records {
            let what = [&*record.model, &*record.dataset, &*record.task];
            if found.is_taken(model, what, &record.provenance.weights_sha256, &record.notes) {
                found.records.push(without_places_of_result(record));
            }
        }
        for audit in audits {
            let kind = format!("audit {}", audit.kind);
            let what = [&*audit.model, &*audit.dataset, &*kind];
            if found.is_taken(model, what, &audit.provenance.weights_sha256, &audit.notes) {
                found.audits.push(without_places_of_audit(audit));
            }
        }
        found.others.sort();
        found.others.dedup();
        found
    }

    /// Enters why not. `what`: name of the model, data set, task.
    fn is_taken(
        &mut self,
        model: &ModelFacts,
        what: [&str; 3],
        weights: &str,
        notes: &[String],
    ) -> bool {
        let [name, dataset, task] = what;
        let of_these = weights == model.tensors_sha256;
        if !of_these && slug(name) != slug(&model.asked) {
            self.others.push(name.to_owned());
            return false;
        }
        let short: String = weights.chars().take(10).collect();
        let reason = if !of_these {
            Some(format!("of other weights, SHA-256 {short}…"))
        } else if notes.iter().any(|note| note.contains(CHANGED)) {
            Some("changed after it was written".to_owned())
        } else {
            None
        };
        self.refused.extend(reason.iter().map(|reason| format!("{dataset}, {task}: {reason}")));
        reason.is_none()
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.audits.is_empty()
    }
}

/// `MODEL/FILE: reason`: where the folder lies is nobody's business.
fn without_folder(text: &str, folder: &Path) -> String {
    let begin = format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR);
    text.replace(&begin, "")
}

/// A user's own data set is called by the path of its files: the last part stays.
fn without_places_of_result(mut record: Record) -> Record {
    let (title, folder) = last_part(&record.dataset_title);
    record.notes.iter_mut().for_each(|note| *note = without(note, &folder));
    let source = record.provenance.prompts_source.as_deref();
    record.provenance.prompts_source = source.map(|source| last_part(source).0);
    record.dataset_title = title;
    record
}

fn without_places_of_audit(mut audit: AuditRecord) -> AuditRecord {
    let (title, folder) = last_part(&audit.dataset_title);
    audit.notes.iter_mut().for_each(|note| *note = without(note, &folder));
    audit.prompts.iter_mut().for_each(|set| set.source = last_part(&set.source).0);
    audit.dataset_title = title;
    audit
}

fn without(text: &str, folder: &str) -> String {
    if folder.is_empty() { text.to_owned() } else { text.replace(folder, "") }
}

/// The last part of a text that is the whole path of something, and the folder before it.
fn last_part(text: &str) -> (String, String) {
    let path = Path::new(text);
    match (path.file_name(), path.parent()) {
        (Some(name), Some(folder)) if path.is_absolute() => {
            let folder = format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR);
            (name.to_string_lossy().into_owned(), folder)
        }
        _ => (text.to_owned(), String::new()),
    }
}
