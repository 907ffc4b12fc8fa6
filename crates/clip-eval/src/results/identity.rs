//! What tells one result from another beside its model, data set and task: results of different things never take
//! each other's place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clip_data::Split;
use clip_rs::{DeviceKind, ImageLimits, LoadOptions, ModelProvenance, Precision, TransparencyMode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::options::EvalOptions;
use crate::suite::{Job, Verb};
use crate::tasks::averaged::{folds_of, split_name};

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
    /// Hash of the files that the model and a user's data set are read from: two that have one name are two.
    pub place: String,
    /// Choices that are not the defaults, in short: part of the file's name.
    pub variant: String,
    /// Everything chosen that the task reads; of a file the BLAKE3 of what it says.
    pub choices: BTreeMap<String, Value>,
}

impl Identity {
    /// Of the record that a job makes of a split.
    pub(crate) fn of(
        job: &Job,
        split: &Split,
        options: &EvalOptions,
        load: &LoadOptions,
        model: &ModelProvenance,
    ) -> Identity {
        let own = job.dataset.split_once(':');
        let mut place = place_of_model(model);
        if let Some((kind, path)) = own {
            place.push(kind.into());
            place.push(canonical(&job.root.join(path)));
        }
        let mut choices = Choices::default();
        choices.enter_split(job, split);
        choices.enter_options(options, job.verb);
        choices.enter_load(load);
        Identity {
            origin: own.map_or("catalogue", |(kind, _)| kind).to_owned(),
            place: short_hash(&json!(place).to_string()),
            variant: choices.variant(),
            choices: choices.all,
        }
    }

    /// Of a search among a user's own tables.
    pub(crate) fn of_tables(
        tables: &[&Path],
        options: &EvalOptions,
        load: &LoadOptions,
        model: &ModelProvenance,
    ) -> Identity {
        let mut place = place_of_model(model);
        place.extend(tables.iter().map(|table| canonical(table)));
        let mut choices = Choices::default();
        for name in ["level", "seed", "resamples"] {
            choices.enter_option(name, options);
        }
        choices.enter_load(load);
        Identity {
            origin: "tables".to_owned(),
            place: short_hash(&json!(place).to_string()),
            variant: choices.variant(),
            choices: choices.all,
        }
    }
}

/// Its name, and where it lies if that is all that tells it from another of the name.
fn place_of_model(model: &ModelProvenance) -> Vec<Value> {
    let mut place = vec![Value::from(model.name.as_str())];
    let published =
        clip_rs::model::registry::find(&model.name).is_ok() || model.name.starts_with("hf:");
    if !published {
        place.extend(model.files.iter().map(|file| canonical(file)));
    }
    place
}

/// A path without links and dots, where there is something.
fn canonical(path: &Path) -> Value {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex().to_string().into()
}

/// Choices as they are entered.
#[derive(Default)]
struct Choices {
    all: BTreeMap<String, Value>,
    /// Those that are not the defaults, as a file name shows them.
    shown: Vec<String>,
}

impl Choices {
    fn enter(&mut self, name: &str, value: Value, is_default: bool) {
        if !is_default {
            self.shown.push(shown(name, &value));
        }
        self.all.insert(name.to_owned(), value);
    }

    /// The split that is scored, whoever chose it.
    fn enter_split(&mut self, job: &Job, split: &Split) {
        let dataset = &split.dataset;
        let scored =
            split_name(&folds_of(dataset, &split.info.name, job.verb, job.split.as_deref()));
        let usual = split_name(&folds_of(dataset, &dataset.test, job.verb, None));
        let is_default = scored == usual;
        self.enter("split", scored.into(), is_default);
    }

    fn enter_options(&mut self, options: &EvalOptions, verb: Verb) {
        for name in
            options_by_name(options).keys().filter(|name| *name != "split" && reads(verb, name))
        {
            self.enter_option(name, options);
        }
    }

    fn enter_option(&mut self, name: &str, options: &EvalOptions) {
        let (value, usual) = (value_of(name, options), value_of(name, &EvalOptions::default()));
        let is_default = value == usual;
        self.enter(name, value, is_default);
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

    fn variant(&self) -> String {
        let all = self.shown.join(",");
        match all.get(..MOST_SHOWN) {
            Some(head) if all.len() > MOST_SHOWN => format!("{head}-{}", short_hash(&all)),
            _ => all,
        }
    }
}

/// Whether a task reads an option.
pub(crate) fn reads(verb: Verb, option: &str) -> bool {
    match option {
        "average" | "fps" | "frames" | "wrong_images" => verb == Verb::Zeroshot,
        "c" => verb == Verb::Probe,
        "probe_features" => matches!(verb, Verb::Probe | Verb::Fewshot),
        "draws" | "shots" => verb == Verb::Fewshot,
        "caption_template" | "captions" => verb == Verb::Retrieval,
        "classnames" | "templates" => {
            matches!(verb, Verb::Zeroshot | Verb::Fewshot | Verb::Robustness)
        }
        _ => true,
    }
}

/// Options that are not the defaults and that none of the tasks reads.
pub(crate) fn unread<'a>(
    options: &EvalOptions,
    verbs: &'a [Verb],
) -> impl Iterator<Item = String> + use<'a> {
    let usual = options_by_name(&EvalOptions::default());
    options_by_name(options)
        .into_iter()
        .filter(move |(name, value)| usual.get(name) != Some(value))
        .map(|(name, _)| name)
        .filter(|name| !verbs.iter().any(|&verb| reads(verb, name)))
}

fn options_by_name(options: &EvalOptions) -> serde_json::Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(options)) => options,
        _ => serde_json::Map::new(), // numbers, texts and lists always become an object
    }
}

/// An option as JSON; numbers of shots in order, of a file the hash of its bytes.
fn value_of(name: &str, options: &EvalOptions) -> Value {
    let file = |path: &Option<PathBuf>| {
        let path = path.as_ref()?;
        Some(clip_files::read(path, GREATEST_FILE).map_or(Value::Null, |bytes| file_hash(&bytes)))
    };
    match name {
        "classnames" => file(&options.classnames).into(),
        "templates" => file(&options.templates).into(),
        "split_file" => file(&options.split_file).into(),
        "shots" => {
            let mut shots = options.shots.clone();
            shots.sort_unstable();
            shots.dedup();
            shots.into()
        }
        _ => options_by_name(options).remove(name).unwrap_or_default(),
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

fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(options: &EvalOptions, verb: Verb) -> String {
        let mut choices = Choices::default();
        choices.enter_options(options, verb);
        choices.variant()
    }

    #[test]
    fn file_name_shows_what_a_task_reads_and_nothing_else() {
        let options =
            EvalOptions { shots: vec![2, 1], c: Some(0.5), level: 0.995, ..EvalOptions::default() };
        assert_eq!(variant(&EvalOptions::default(), Verb::Zeroshot), "");
        assert_eq!(variant(&options, Verb::Zeroshot), "level-0.995");
        assert_eq!(variant(&options, Verb::Probe), "c-0.5,level-0.995");
        assert_eq!(variant(&options, Verb::Fewshot), "level-0.995,shots-1-2");
        let same = EvalOptions { shots: vec![16, 8, 4, 2, 1, 1], ..EvalOptions::default() };
        assert_eq!(variant(&same, Verb::Fewshot), "", "the order of numbers says nothing");
    }

    #[test]
    fn values_that_a_file_name_cannot_say_are_told_apart_by_a_hash() {
        let of = |text: &str| {
            let options =
                EvalOptions { caption_template: text.to_owned(), ..EvalOptions::default() };
            variant(&options, Verb::Retrieval)
        };
        let all =
            ["{}", "a {}", "a-{}", "a photo of the thing that is called {} here", "/{}", "é{}"]
                .map(of);
        for (place, one) in all.iter().enumerate() {
            assert!(
                one.starts_with("caption-template-") && one.is_ascii() && !one.contains('/'),
                "{one}"
            );
            assert!(!all[place + 1..].contains(one), "{one}");
        }
    }

    #[test]
    fn files_are_known_by_what_they_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            variant(
                &EvalOptions { templates: Some(path), ..EvalOptions::default() },
                Verb::Zeroshot,
            )
        };
        let first = of("a.json", "[\"{}\"]");
        assert!(
            first.starts_with("templates-") && first.len() == "templates-".len() + DIGITS,
            "{first}"
        );
        assert_eq!(of("b.json", "[\"{}\"]"), first);
        assert_ne!(of("a.json", "[\"a {}\"]"), first);
    }

    #[test]
    fn options_that_no_task_reads_are_named() {
        let options = EvalOptions { draws: 9, seed: 1, ..EvalOptions::default() };
        assert_eq!(unread(&options, &[Verb::Zeroshot, Verb::Probe]).collect::<Vec<_>>(), ["draws"]);
        assert_eq!(unread(&options, &[Verb::Fewshot]).next(), None);
    }
}
