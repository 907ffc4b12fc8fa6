//! What tells one result from another beside its model, data set and task: results of different
//! things never take each other's place.

use std::collections::BTreeMap;
use std::path::Path;

use clip_rs::{DeviceKind, ImageLimits, LoadOptions, ModelProvenance, Precision, TransparencyMode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Letters of a choice that a file name shows; longer ones are cut and told apart by a hash.
const SHOWN: usize = 24;
/// Letters of all choices in a file name, at most.
const MOST_SHOWN: usize = 120;
/// Bytes of a file of names, templates or ids, at most.
const GREATEST_FILE: u64 = 1 << 30;
/// Digits of a hash in a file name.
const DIGITS: usize = 8;

/// What a result is of, and what it was asked with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// `catalogue`, or how a user's own files were named: `folder`, `csv`, `webdataset`, `tables`.
    pub origin: String,
    /// Hash of the files that the model and a user's data set are read from: two that have one name
    /// are two.
    pub place: String,
    /// Choices that are not the defaults, in short: part of the file's name.
    pub variant: String,
    /// Everything chosen that the task reads; of a file the BLAKE3 of what it says.
    pub choices: BTreeMap<String, Value>,
}

impl Identity {
    /// - `files`: what a user's own files are read as, and [those](Identity::file)
    pub fn new(
        origin: &str,
        model: &ModelProvenance,
        files: Vec<Value>,
        mut choices: Choices,
        load: &LoadOptions,
    ) -> Identity {
        let place = [place_of_model(model), files].concat();
        choices.enter_load(load);
        Identity {
            origin: origin.to_owned(),
            place: short_hash(&json!(place).to_string()),
            variant: choices.variant(),
            choices: choices.all,
        }
    }

    /// Hash of a path without links and dots, where there is something.
    pub fn file(path: &Path) -> Value {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex().to_string().into()
    }
}

/// Its name, and where it lies if that is all that tells it from another of the name.
fn place_of_model(model: &ModelProvenance) -> Vec<Value> {
    let mut place = vec![Value::from(model.name.as_str())];
    let published =
        clip_rs::model::registry::find(&model.name).is_ok() || model.name.starts_with("hf:");
    if !published {
        place.extend(model.files.iter().map(|file| Identity::file(file)));
    }
    place
}

/// Choices as they are entered.
#[derive(Default)]
pub struct Choices {
    pub(crate) all: BTreeMap<String, Value>,
    /// Those that are not the defaults, as a file name shows them.
    shown: Vec<String>,
}

impl Choices {
    /// Enters one; one that is not the default is part of the result's name.
    pub fn enter(&mut self, name: &str, value: Value, is_default: bool) {
        if !is_default {
            self.shown.push(shown(name, &value));
        }
        self.all.insert(name.to_owned(), value);
    }

    /// Options by name, and the defaults.
    pub fn enter_options(&mut self, options: &Map<String, Value>, usual: &Map<String, Value>) {
        for (name, value) in options {
            let value = told(name, value);
            let is_default = usual.get(name).is_some_and(|usual| value == told(name, usual));
            self.enter(name, value, is_default);
        }
    }

    /// What of loading a model changes figures, where it is not the default.
    fn enter_load(&mut self, load: &LoadOptions) {
        if load.precision != Precision::default() {
            self.enter("precision", load.precision.name().into(), false);
        }
        if load.device != DeviceKind::default() {
            self.enter("device", "reference".into(), false);
        }
        if let Some(activation) = load.activation {
            self.enter("activation", activation.name().into(), false);
        }
        if let Some(config) = &load.config {
            self.enter("model_config", file_hash(config.as_bytes()), false);
        }
        if load.transparency != TransparencyMode::default() {
            let word = format!("{:?}", load.transparency).to_lowercase();
            self.enter("transparency", word.into(), false);
        }
        if load.fast_decode {
            self.enter("fast_decode", true.into(), false);
        }
        if load.image_limits.max_pixels != ImageLimits::default().max_pixels {
            self.enter("max_pixels", load.image_limits.max_pixels.into(), false);
        }
    }

    pub(crate) fn variant(&self) -> String {
        let all = self.shown.join(",");
        match all.get(..MOST_SHOWN) {
            Some(head) if all.len() > MOST_SHOWN => format!("{head}-{}", short_hash(&all)),
            _ => all,
        }
    }
}

/// An option as it identifies a result: numbers of shots in order, of a file the hash of its bytes.
fn told(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("classnames" | "templates" | "split_file", Value::String(path)) => {
            clip_files::read(Path::new(path), GREATEST_FILE)
                .map_or(Value::Null, |bytes| file_hash(&bytes))
        }
        ("shots", Value::Array(shots)) => {
            let mut shots: Vec<u64> = shots.iter().filter_map(Value::as_u64).collect();
            shots.sort_unstable();
            shots.dedup();
            shots.into()
        }
        _ => value.clone(),
    }
}

fn file_hash(bytes: &[u8]) -> Value {
    format!("blake3:{}", blake3::hash(bytes).to_hex()).into()
}

/// `name-value`: as it is where a file name can say it, else as much of it as can be, and a hash.
fn shown(name: &str, value: &Value) -> String {
    let name = name.replace('_', "-");
    let text = match value {
        Value::Bool(true) => return name,
        Value::Array(values) => {
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(hash) = text.strip_prefix("blake3:") {
        return format!("{name}-{}", &hash[..DIGITS.min(hash.len())]);
    }
    let keep = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.len() <= SHOWN && text.chars().all(keep) {
        return format!("{name}-{text}");
    }
    let some: String = text.chars().map(|c| if keep(c) { c } else { '-' }).take(SHOWN).collect();
    format!("{name}-{some}-{}", short_hash(&text))
}

pub(crate) fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(DIGITS).collect()
}
