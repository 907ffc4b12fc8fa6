//! What lies beside a checkpoint of `clip-rs train`: how it came to be.

use std::path::Path;

use clip_rs::model::registry;
use serde::Deserialize;
use serde_json::Value;

use crate::numbers::count;
use crate::plain::{Column, PlainTable};

/// What is saved beside the weights of a run.
const STATE: &str = "training.json";
/// Bytes of it that are read.
const LARGEST_STATE: u64 = 256 << 20;
/// Parts of the configuration that say what was learned and how.
const TOLD: [&str; 7] = ["model", "data", "batch", "objective", "optimizer", "schedule", "towers"];

/// How a checkpoint of `clip-rs train` came to be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Training {
    clip_rs: String,
    config_sha256: String,
    config: Value,
    progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Progress {
    step: u64,
    samples: u64,
    #[serde(default)]
    skipped_steps: u64,
}

impl Training {
    /// Of the run whose checkpoint a folder is, if it is one.
    pub fn beside(folder: &Path) -> Option<Training> {
        let text = clip_files::read_text(&folder.join(STATE), LARGEST_STATE).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// In half a sentence.
    pub(super) fn what_it_is(&self) -> String {
        let Progress { step, samples, .. } = &self.progress;
        let model = self.config.get("model");
        let text = |key: &str| model?.get(key)?.as_str().map(without_folders);
        let origin = match (text("from"), text("architecture")) {
            (Some(from), _) => format!("a fine-tune of {from}"),
            (None, Some(architecture)) => format!("{architecture}, trained from scratch"),
            (None, None) => "a CLIP trained from scratch".to_owned(),
        };
        format!(
            "{origin}, after {} steps on {} samples, by clip-rs {}",
            whole(*step),
            whole(*samples),
            self.clip_rs
        )
    }

    /// Steps in which nothing was learned, because a value was not finite.
    pub(super) fn skipped_steps(&self) -> u64 {
        self.progress.skipped_steps
    }

    /// The model it began with, if that is a repository of the hub.
    pub(super) fn base_on_the_hub(&self) -> Option<&str> {
        self.base()?.strip_prefix("hf:")
    }

    /// Name of the model it began with; none where its weights were drawn.
    pub(super) fn base(&self) -> Option<&str> {
        self.config.get("model")?.get("from")?.as_str()
    }

    /// Names of the files, shards or folders that it learned from.
    pub(super) fn sources(&self) -> Vec<String> {
        let source = self.config.get("data").and_then(|data| data.get("source"));
        let source = source.and_then(Value::as_str).unwrap_or_default();
        source.split("::").filter(|part| !part.is_empty()).map(without_folders).collect()
    }

    /// Every choice that was made, `part.key`, with its value.
    pub(super) fn choices(&self) -> PlainTable {
        let mut rows = Vec::new();
        for part in TOLD {
            let Some(Value::Object(keys)) = self.config.get(part) else { continue };
            for (key, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
                let value = match value {
                    Value::String(text) => {
                        text.split("::").map(without_folders).collect::<Vec<_>>().join(", ")
                    }
                    value => value.to_string(),
                };
                rows.push(vec![format!("{part}.{key}"), value]);
            }
        }
        let columns = vec![Column::text("choice"), Column::text("value")];
        let digest = format!("SHA-256 of the whole configuration: {}.", self.config_sha256);
        PlainTable { columns, rows, sentences: vec![digest] }
    }
}

pub(super) fn whole(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX))
}

/// The last part of a path; names of models stay.
fn without_folders(text: &str) -> String {
    if registry::find(text).is_ok() || text.starts_with("hf:") {
        return text.to_owned();
    }
    text.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(text).to_owned()
}
