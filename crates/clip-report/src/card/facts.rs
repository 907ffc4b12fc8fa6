//! What a checkpoint says of itself.

use std::collections::BTreeMap;
use std::path::Path;

use clip_audit::warnings;
use clip_eval::EvalError;
use clip_rs::model::registry::{self, ReleasedModel};
use clip_rs::model::{Architecture, Checkpoint, sha256_of_file};
use clip_rs::{ModelProvenance, Preprocess, preprocess_of};

use super::training::Training;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// The demonstration inside the program, or a copy of it.
    Starter,
    /// One of the nine.
    Released(&'static ReleasedModel),
    /// A checkpoint of `clip-rs train`.
    Trained(Training),
    /// Nobody says.
    Unknown,
}

/// A model as its card describes it.
#[derive(Debug, Clone)]
pub struct ModelFacts {
    /// Its name without folders.
    pub name: String,
    /// The name or path by which it was asked for.
    pub asked: String,
    /// Digest of the tensors, by which results belong to it.
    pub tensors_sha256: String,
    /// Files by name, with bytes and SHA-256.
    pub files: Vec<(String, u64, String)>,
    /// Layout and container.
    pub layout: String,
    /// Sizes of both towers.
    pub architecture: Architecture,
    /// Parameters of both towers and the temperature.
    pub parameters: u64,
    /// How many tensors have which element type.
    pub dtypes: BTreeMap<&'static str, usize>,
    /// Who said which activation it has.
    pub activation_source: String,
    /// How images become inputs, where that is known.
    pub preprocess: Option<Preprocess>,
    /// What was ignored, assumed or looks odd.
    pub warnings: Vec<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl ModelFacts {
    /// Reads the weights once more, for their digests.
    ///
    /// # Errors
    /// A file is gone.
    pub fn of(asked: &str, checkpoint: &Checkpoint) -> Result<ModelFacts, EvalError> {
        let mut files = Vec::new();
        for path in &checkpoint.files {
            let bytes = std::fs::metadata(path).map_err(EvalError::io(path))?.len();
            let sha256 = sha256_of_file(path).map_err(EvalError::io(path))?;
            files.push((file_name(path), bytes, sha256));
        }
        let mut dtypes = BTreeMap::new();
        for (_, tensor) in checkpoint.state_dict.iter() {
            *dtypes.entry(tensor.dtype().name()).or_default() += 1;
        }
        let mut warnings = checkpoint.warnings.clone();
        let preprocess = preprocess_of(checkpoint, &mut warnings).ok();
        let tensors_sha256 = checkpoint.digest();
        let folders = checkpoint.files.iter().filter_map(|file| Some((file.parent()?, file)));
        let warnings = folders.fold(warnings, |warnings, (folder, _)| {
            warnings.iter().map(|text| without_folders(text, folder)).collect()
        });
        Ok(ModelFacts {
            name: public_name(asked),
            asked: asked.to_owned(),
            origin: origin(asked, checkpoint, &tensors_sha256, &files),
            tensors_sha256,
            files,
            layout: format!("{}, {}", checkpoint.layout.name(), checkpoint.container.name()),
            architecture: checkpoint.architecture.clone(),
            parameters: checkpoint.architecture.parameter_count(),
            dtypes,
            activation_source: checkpoint.activation_source.name().to_owned(),
            preprocess,
            warnings,
        })
    }
}

fn origin(
    asked: &str,
    checkpoint: &Checkpoint,
    tensors_sha256: &str,
    files: &[(String, u64, String)],
) -> Origin {
    let provenance = ModelProvenance {
        name: asked.to_owned(),
        tensors_sha256: tensors_sha256.to_owned(),
        files: checkpoint.files.clone(),
        layout: checkpoint.layout.name().to_owned(),
        activation: checkpoint.architecture.activation.name().to_owned(),
        activation_source: checkpoint.activation_source.name().to_owned(),
    };
    if warnings::of_model(&provenance).is_some() {
        return Origin::Starter;
    }
    let by_digest = files.iter().find_map(|(_, _, sha256)| registry::find_digest(sha256));
    let by_name = || registry::find(asked.trim_start_matches("hf:")).ok();
    if let Some(model) = by_digest.or_else(|| by_name().filter(|_| checkpoint.released)) {
        return Origin::Released(model);
    }
    let folders = checkpoint.files.iter().filter_map(|file| file.parent());
    // The moving average lies in a folder of its own.
    let mut around = folders.flat_map(|folder| [Some(folder), folder.parent()]).flatten();
    around.find_map(Training::beside).map_or(Origin::Unknown, Origin::Trained)
}

/// Names of models stay; of paths the last part.
fn public_name(asked: &str) -> String {
    match registry::find(asked) {
        Ok(_) => asked.to_owned(),
        Err(_) => match asked.strip_prefix("hf:") {
            Some(name) => name.to_owned(),
            None => file_name(Path::new(asked)),
        },
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn without_folders(text: &str, folder: &Path) -> String {
    match folder.as_os_str().is_empty() {
        true => text.to_owned(),
        false => text.replace(&format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR), ""),
    }
}
