//! Checkpoints in folders, as open_clip and transformers write them (PROTOCOL 5.6, 5.7): weights in
//! one file or in shards, and the configuration beside them.

use super::contents::Source;
use super::options::LoadOptions;
use super::preprocess_config::{PreprocessConfig, PreprocessKind};
use super::{names, released, source, tokenizer_files};
use crate::error::{CheckpointError, shown};
use crate::memory_map;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names of weight files in the order in which they are preferred; an index stands for its shards.
pub(crate) const WEIGHT_FILES: [&str; 11] = [
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "pytorch_model.bin.index.json",
    "model.pth",
    "model.pt",
];

/// Endings of weight files.
const WEIGHT_ENDINGS: [&str; 5] = ["safetensors", "pt", "pth", "bin", "ckpt"];
/// Entries of a folder that are looked at for a hint.
const FOLDER_LIMIT: usize = 1000;

/// Longest configuration or shard index that is read, in bytes.
const JSON_LIMIT: u64 = 16 << 20;
const SHARD_LIMIT: usize = 1000;

/// A file, or a folder; with the configuration beside the weights.
pub(super) fn open(path: &Path, options: &LoadOptions) -> Result<Source, CheckpointError> {
    if path.is_dir() {
        return open_folder(path, options);
    }
    let bytes = memory_map::map(path)?;
    let released = !options.skip_values && released::has_released_digest(path, &bytes, options)?;
    let mut source = source::parse(path, bytes, options)?;
    source.released = released;
    if source.config.is_none() {
        add_configuration_beside(&mut source)?;
    }
    Ok(source)
}

fn open_folder(folder: &Path, options: &LoadOptions) -> Result<Source, CheckpointError> {
    let name = weight_file(folder)?;
    let file = folder.join(name);
    let mut source = match name.ends_with(".index.json") {
        true => open_shards(folder, &file, options)?,
        false => source::parse(&file, memory_map::map(&file)?, options)?,
    };
    add_configuration(&mut source, folder, name)?;
    Ok(source)
}

/// The usual name that a folder's weights have.
fn weight_file(folder: &Path) -> Result<&'static str, CheckpointError> {
    let known = WEIGHT_FILES.into_iter().find(|name| folder.join(name).is_file());
    known.ok_or_else(|| CheckpointError::NotACheckpoint {
        path: folder.to_path_buf(),
        found: format!("a folder without a weight file of a usual name{}", instead(folder)),
    })
}

/// What lies in a folder that could have been meant: the model of a sentence-transformers folder,
/// other weight files.
fn instead(folder: &Path) -> String {
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for path in entries.take(FOLDER_LIMIT) {
        let is_weights = path
            .extension()
            .is_some_and(|ending| WEIGHT_ENDINGS.iter().any(|known| ending == *known));
        if path.is_dir() && has_weights(&path) {
            folders.push(path);
        } else if is_weights && path.is_file() {
            files.push(path);
        }
    }
    folders.sort();
    files.sort();
    let is_sentence_transformers = folder.join("modules.json").is_file();
    match (folders.first(), files.first()) {
        (Some(inner), _) if is_sentence_transformers => {
            format!(" (one of sentence-transformers: the model is in `{}`)", inner.display())
        }
        (_, Some(file)) => format!(" (it has `{}`: give a file by its path)", file.display()),
        (Some(inner), None) => format!(" (there is one in `{}`)", inner.display()),
        (None, None) => {
            " (such as `open_clip_model.safetensors` or `model.safetensors`)".to_owned()
        }
    }
}

/// The weight files of a folder: one, or the shards that an index names.
pub(super) fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let name = weight_file(folder)?;
    let file = folder.join(name);
    if !name.ends_with(".index.json") {
        return Ok(vec![file]);
    }
    Ok(shards_of(&file)?.into_iter().map(|shard| folder.join(shard)).collect())
}

/// A configuration belongs to its folder: also to a weight file there that was given by its path.
fn add_configuration_beside(source: &mut Source) -> Result<(), CheckpointError> {
    let path = source.path.clone();
    let (Some(folder), Some(name)) =
        (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(());
    };
    add_configuration(source, folder, name)
}

/// Hub repositories of open_clip's models hold a `config.json` of timm besides their own file, so
/// the weights' names decide which configuration is theirs; the other is taken where theirs is not
/// there.
fn add_configuration(
    source: &mut Source,
    folder: &Path,
    weights: &str,
) -> Result<(), CheckpointError> {
    let hugging_face = !weights.starts_with("open_clip")
        && names::are_hugging_face(source.tensors.iter().map(|(name, _)| name.as_str()));
    let theirs =
        if hugging_face { hugging_face_beside(folder)? } else { open_clip_beside(folder)? };
    let found = match theirs.config {
        Some(_) => theirs,
        None if hugging_face => open_clip_beside(folder)?,
        None => Some(hugging_face_beside(folder)?).filter(Beside::is_of_clip).unwrap_or_default(),
    };
    source.config = found.config;
    source.preprocess_config = found.preprocess_config;
    source.files.extend(found.files);
    // Beside a file of any name, without a configuration, they may be anybody's.
    if source.config.is_some() || WEIGHT_FILES.contains(&weights) {
        source.tokenizer_files = tokenizer_files::beside(folder);
    }
    Ok(())
}

/// What one library's configurations in a folder say.
#[derive(Default)]
struct Beside {
    config: Option<String>,
    preprocess_config: Option<PreprocessConfig>,
    files: Vec<PathBuf>,
}

impl Beside {
    /// timm's `config.json` names no type of model.
    fn is_of_clip(&self) -> bool {
        let root = self.config.as_ref().and_then(|json| serde_json::from_str::<Value>(json).ok());
        root.is_some_and(|root| root.get("model_type") == Some(&Value::from("clip")))
    }
}

fn open_clip_beside(folder: &Path) -> Result<Beside, CheckpointError> {
    let path = folder.join("open_clip_config.json");
    let Some(json) = read_if_there(&path)? else { return Ok(Beside::default()) };
    let preprocess_config = PreprocessConfig::of_open_clip(&path, &json);
    Ok(Beside { config: Some(json), preprocess_config, files: vec![path] })
}

/// transformers 5 writes the image processor into `processor_config.json`, and prefers it there.
fn hugging_face_beside(folder: &Path) -> Result<Beside, CheckpointError> {
    let mut files = Vec::new();
    let mut read = |name: &str| -> Result<Option<(PathBuf, String)>, CheckpointError> {
        let path = folder.join(name);
        let json = read_if_there(&path)?;
        files.extend(json.is_some().then(|| path.clone()));
        Ok(json.map(|json| (path, json)))
    };
    let config = read("config.json")?.map(|(_, json)| json);
    let nested = match read("processor_config.json")? {
        Some((path, json)) => nested_image_processor(&path, &json)?.map(|json| (path, json)),
        None => None,
    };
    let preprocess = match nested {
        Some(nested) => Some(nested),
        None => read("preprocessor_config.json")?,
    };
    let preprocess_config = preprocess.map(|(path, json)| PreprocessConfig {
        kind: PreprocessKind::HuggingFace,
        path,
        json,
    });
    Ok(Beside { config, preprocess_config, files })
}

/// The `image_processor` of a `processor_config.json`; older versions wrote none there.
fn nested_image_processor(path: &Path, json: &str) -> Result<Option<String>, CheckpointError> {
    let malformed = |problem: &str| CheckpointError::malformed(path, "configuration", problem);
    let root: Value = serde_json::from_str(json).map_err(|error| {
        malformed(&format!("not JSON, at line {} column {}", error.line(), error.column()))
    })?;
    match root.get("image_processor") {
        None => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(Value::from(fields.clone()).to_string())),
        Some(_) => Err(malformed("`image_processor` is not an object")),
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, CheckpointError> {
    if path.is_file() { read_json(path).map(Some) } else { Ok(None) }
}

fn read_json(path: &Path) -> Result<String, CheckpointError> {
    let read = |source| CheckpointError::Read { path: path.to_path_buf(), source };
    clip_files::read_text(path, JSON_LIMIT).map_err(read)
}

fn open_shards(
    folder: &Path,
    index: &Path,
    options: &LoadOptions,
) -> Result<Source, CheckpointError> {
    let map = read_index(index)?;
    let malformed = |problem: String| CheckpointError::malformed(index, "index", problem);
    let shards: BTreeSet<&String> = map.values().collect();
    let mut whole: Option<Source> = None;
    for shard in shards {
        let path = folder.join(shard);
        let part = source::parse(&path, memory_map::map(&path)?, options)?;
        let whole = whole.get_or_insert_with(|| Source {
            path: folder.to_path_buf(),
            tensors: Vec::new(),
            container: part.container,
            config: None,
            preprocess_config: None,
            tokenizer_files: Vec::new(),
            released: false,
            warnings: part.warnings,
            unbuilt: part.unbuilt,
            files: vec![index.to_path_buf()],
        });
        whole.files.push(path);
        for (name, tensor) in part.tensors {
            match map.get(&name) {
                Some(owner) if owner == shard => whole.tensors.push((name, tensor)),
                _ => whole.warnings.push(format!(
                    "`{}` in {shard} is not in the index and was ignored",
                    shown(&name)
                )),
            }
        }
    }
    let whole = whole.ok_or_else(|| malformed("no shards".to_owned()))?;
    let found: BTreeSet<&String> = whole.tensors.iter().map(|(name, _)| name).collect();
    if let Some((name, shard)) = map.iter().find(|(name, _)| !found.contains(name)) {
        return Err(malformed(format!("tensor `{}` is not in {}", shown(name), shown(shard))));
    }
    Ok(whole)
}

/// Tensor name → shard, every shard a plain file name.
fn read_index(index: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let malformed = |problem: String| CheckpointError::malformed(index, "index", problem);
    let text = read_json(index)?;
    let Index { weight_map: UniqueNames(map) } = serde_json::from_str(&text).map_err(|error| {
        let twice = error.to_string().starts_with("duplicate");
        let what = if twice { "a name is there twice" } else { "not an index of shards" };
        malformed(format!("{what}, at line {} column {}", error.line(), error.column()))
    })?;
    let shards: BTreeSet<&String> = map.values().collect();
    if shards.is_empty() || shards.len() > SHARD_LIMIT {
        return Err(malformed(format!("{} shards, expected 1 to {SHARD_LIMIT}", shards.len())));
    }
    if let Some(shard) = shards.into_iter().find(|shard| !is_plain_file_name(shard)) {
        return Err(malformed(format!("`{shard:.200}` is not a plain file name")));
    }
    Ok(map)
}

/// The shards that an index names.
pub(crate) fn shards_of(index: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    Ok(read_index(index)?.into_values().collect())
}

/// Whether a folder holds weights under a usual name.
pub(crate) fn has_weights(folder: &Path) -> bool {
    WEIGHT_FILES.iter().any(|name| folder.join(name).is_file())
}

fn is_plain_file_name(name: &str) -> bool {
    !name.is_empty() && name != ".." && name != "." && !name.contains(['/', '\\', ':', '\0'])
}

#[derive(Deserialize)]
struct Index {
    weight_map: UniqueNames,
}

/// Tensor name → shard; the same name twice is refused.
struct UniqueNames(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = UniqueNames;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of file names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueNames, A::Error> {
                let mut names = BTreeMap::new();
                while let Some((name, shard)) = map.next_entry::<String, String>()? {
                    if names.insert(name, shard).is_some() {
                        return Err(A::Error::custom("duplicate name"));
                    }
                }
                Ok(UniqueNames(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_outside_the_folder_are_refused() {
        for name in ["../a", "/a", "a/b", "a\\b", "..", "", "C:a"] {
            assert!(!is_plain_file_name(name), "{name}");
        }
        assert!(is_plain_file_name("model-00001-of-00002.safetensors"));
    }

    #[test]
    fn an_index_that_names_a_tensor_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("model.safetensors.index.json");
        std::fs::write(&index, r#"{"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}}"#)
            .unwrap();
        let error =
            open_shards(folder.path(), &index, &LoadOptions::default()).err().unwrap().to_string();
        assert!(error.contains("a name is there twice"), "{error}");
    }
}
