//! One JSON file an audit, beside the results of tasks: `MODEL/DATASET.audit.KIND.json`, with what
//! was chosen before the ending.

use std::path::{Path, PathBuf};

use clip_eval::EvalError;
use clip_eval::results::sealed::{self, Seal};
use clip_eval::results::{AUDIT, Counts, Identity, Provenance, Skipped, files_of_models, slug};
use serde::{Deserialize, Serialize};

use crate::label_list::LabelList;
use crate::section::{Section, Verdict};
use crate::warnings::Warning;

/// Raised when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// What one file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Of this layout.
    pub schema: u32,
    /// The program's version.
    pub clip_rs: String,
    /// `fairface`, `denigration`, `association`, `taxonomy`.
    pub kind: String,
    /// Model name as it was asked for.
    pub model: String,
    /// Who trained it, in CLIP_benchmark's word.
    pub pretrained: String,
    /// Id of the data set.
    pub dataset: String,
    /// What people call it.
    pub dataset_title: String,
    /// The split that was looked at.
    pub split: String,
    /// Always `en`: the model card rules other languages out.
    pub language: String,
    /// What tells it from another audit of the same model, data set and kind.
    pub identity: Identity,
    /// What it was computed from and with.
    pub provenance: Provenance,
    /// How many items.
    pub counts: Counts,
    /// The first items left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What was left out, guessed or drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the model card warns of and was met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// All prompts in full: class lists and templates, by name; texts of a list with a content
    /// warning only where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<Prompts>,
    /// The tables.
    pub sections: Vec<Section>,
    /// What was required, and whether it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How long it took; the one field that differs between runs.
    pub wall_seconds: f64,
}

/// Class names and templates that were used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// What they are for: `race`, the name of a label list.
    pub name: String,
    /// Where they come from.
    pub source: String,
    /// In order; their number alone where they are not shown.
    pub classes: Vec<String>,
    /// How many classes.
    pub count: usize,
    /// Sentences with `{}`.
    pub templates: Vec<String>,
}

impl Prompts {
    /// Of a list; without texts where they stay unsaid.
    pub fn of(list: &LabelList, templates: &[String], show_labels: bool) -> Prompts {
        let source = match &list.status {
            Some(status) => format!("{}; {status}", list.source),
            None => list.source.clone(),
        };
        let is_hidden = list.is_hidden(show_labels);
        Prompts {
            name: list.name.clone(),
            source,
            classes: if is_hidden { Vec::new() } else { list.texts() },
            count: list.labels.len(),
            templates: templates.to_vec(),
        }
    }
}

impl AuditRecord {
    /// Where it is below the folder of results, if the name is not another's.
    pub fn path(&self, folder: &Path) -> PathBuf {
        self.path_of(folder, &[&self.identity.variant])
    }

    /// Parts that are empty are left out.
    fn path_of(&self, folder: &Path, further: &[&str]) -> PathBuf {
        let mut name = format!("{}.{AUDIT}.{}", slug(&self.dataset), slug(&self.kind));
        for part in further.iter().filter(|part| !part.is_empty()) {
            name += ".";
            name += part;
        }
        folder.join(slug(&self.model)).join(name + ".json")
    }

    /// Writes it whole or not at all, in the place of an earlier one of the same choices. Two
    /// models, or files of a person, of one name are told apart by a hash of where they lie.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, EvalError> {
        let Identity { variant, place, .. } = &self.identity;
        let mut path = self.path(folder);
        if AuditRecord::read(&path).is_ok_and(|there| there.identity.place != *place) {
            path = self.path_of(folder, &[variant, place]);
        }
        sealed::write(self, &path)?;
        Ok(path)
    }

    /// Reads one file; one that was changed by hand has a note.
    ///
    /// # Errors
    /// It cannot be read, or is of another schema.
    pub fn read(path: &Path) -> Result<AuditRecord, EvalError> {
        Ok(read(path)?.0)
    }
}

/// With a note where it was changed, and what that is.
fn read(path: &Path) -> Result<(AuditRecord, Option<EvalError>), EvalError> {
    let (mut record, seal): (AuditRecord, Seal) = sealed::read(path)?;
    if record.schema != SCHEMA {
        return Err(sealed::other_schema(path, record.schema, SCHEMA));
    }
    if seal == Seal::Whole {
        return Ok((record, None));
    }
    let reason = "was changed after it was written: its figures are not those of a run; \
                  `clip-rs audit` makes it again";
    record.notes.push(format!("this audit {reason}"));
    Ok((record, Some(EvalError::result(path, reason))))
}

/// All audits below a folder of results, in the order of their paths, and what could not be read,
/// or was changed since it was written; an audit of the latter has a note.
///
/// # Errors
/// The folder cannot be listed.
pub fn read_all(folder: &Path) -> Result<(Vec<AuditRecord>, Vec<EvalError>), EvalError> {
    let (paths, mut broken) = files_of_models(folder, is_audit)?;
    let mut records = Vec::new();
    for path in paths {
        match read(&path) {
            Ok((record, changed)) => {
                records.push(record);
                broken.extend(changed);
            }
            Err(error) => broken.push(error),
        }
    }
    Ok((records, broken))
}

fn is_audit(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".json") && name.split('.').nth(1) == Some(AUDIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(model: &str, place: &str) -> AuditRecord {
        let provenance = json!({
            "weights_sha256": "", "recipe": null, "precision": "f32", "isa": "avx2",
            "prompts_blake3": null, "prompts_source": null, "split_blake3": "", "features_key": null,
        });
        let record = json!({
            "schema": SCHEMA, "clip_rs": "0.1.0", "kind": "association", "model": model,
            "pretrained": "custom", "dataset": "members", "dataset_title": "members.csv",
            "split": "all", "language": "en", "identity": { "place": place }, "provenance": provenance,
            "counts": { "expected": null, "found": 0, "scored": 0, "skipped": 0 }, "sections": [],
            "wall_seconds": 0.0,
        });
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn audits_of_other_files_of_one_name_never_take_each_others_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (record("a/x.pt", "11"), record("a-x.pt", "22"));
        for _ in 0..2 {
            let paths =
                [&first, &second].map(|record| record.write(folder.path()).expect("written"));
            assert!(paths[0].ends_with("a-x-pt/members.audit.association.json"), "{paths:?}");
            assert!(paths[1].ends_with("a-x-pt/members.audit.association.22.json"), "{paths:?}");
        }
        let (found, broken) = read_all(folder.path()).expect("listed");
        assert_eq!((found, broken.len()), (vec![second, first], 0));
    }
}
