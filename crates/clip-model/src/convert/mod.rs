//! Writing a checkpoint in another layout: as one file in OpenAI's names, or as the folders that
//! open_clip and transformers read. Always safetensors, always whole or not at all.

mod configuration;
mod hugging_face;

use clip_files::NewFolder;

use crate::checkpoint::{CONFIG_KEY, Checkpoint, Layout, TokenizerConfig, finite};
use crate::error::CheckpointError;
use crate::parameters::ParameterKind;
use crate::safetensors::{self, WriteTensor};
use crate::tensor::Dtype;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Element types of the weights written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightFormat {
    /// Each tensor as it is in the source.
    #[default]
    AsStored,
    /// Everything f32.
    F32,
    /// Everything f16. A value beyond 65504 is an error.
    F16,
    /// Everything bf16.
    Bf16,
    /// f16 and f32 as in the released files: what computes in f16 in f16, the rest in f32.
    Released,
}

/// Writes `checkpoint` in `layout` and returns the files written.
///
/// For [`Layout::OpenAi`] `out` is a file; its metadata carry the configuration, so that heads,
/// activation and preprocessing are known when it is read again. For the others it is a folder that
/// must not exist yet, or be empty; tokenizer files are copied into it. `preprocessing` is what the
/// layout's configuration says of images: transformers' `preprocessor_config.json`, else
/// open_clip's `preprocess_cfg`.
///
/// # Errors
/// [`CheckpointError::Write`], also for a folder that is not empty;
/// [`CheckpointError::Unsupported`] for a name that promises another format, and for what a layout
/// cannot express (transformers has no ModifiedResNet, a single file no vocabulary);
/// [`CheckpointError::NotFinite`] where a value is NaN, infinite, or does not fit f16.
pub fn convert(
    checkpoint: &Checkpoint,
    layout: Layout,
    out: &Path,
    weights: WeightFormat,
    preprocessing: &Map<String, Value>,
) -> Result<Vec<PathBuf>, CheckpointError> {
    check_ending(layout, out)?;
    finite::refuse_not_finite(&checkpoint.state_dict)?;
    let tensors = with_dtypes(checkpoint, weights);
    let mut metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    let config = match layout {
        Layout::HuggingFace => configuration::hugging_face(checkpoint)?,
        Layout::OpenAi | Layout::OpenClip => configuration::open_clip(checkpoint, preprocessing),
    };
    refuse_other_tokens(checkpoint, layout, &config)?;
    match layout {
        Layout::OpenAi => {
            metadata.insert(CONFIG_KEY.to_owned(), config);
            safetensors::write(out, tensors, &metadata)?;
            Ok(vec![out.to_path_buf()])
        }
        Layout::OpenClip => write_folder(out, |folder| {
            safetensors::write(&folder.join("open_clip_model.safetensors"), tensors, &metadata)?;
            write_text(&folder.join("open_clip_config.json"), &config)?;
            copy_tokenizer(checkpoint, folder)
        }),
        Layout::HuggingFace => {
            let tensors = hugging_face::tensors(checkpoint, tensors)?;
            let preprocessor = configuration::pretty(&Value::from(preprocessing.clone()));
            write_folder(out, |folder| {
                safetensors::write(&folder.join("model.safetensors"), tensors, &metadata)?;
                write_text(&folder.join("config.json"), &config)?;
                write_text(&folder.join("preprocessor_config.json"), &preprocessor)?;
                copy_tokenizer(checkpoint, folder)
            })
        }
    }
}

/// What is written must ask for the tokens that the checkpoint asks for.
fn refuse_other_tokens(
    checkpoint: &Checkpoint,
    layout: Layout,
    config: &str,
) -> Result<(), CheckpointError> {
    let path = checkpoint.state_dict.path();
    let theirs = &checkpoint.tokenizer;
    let files = if layout == Layout::OpenAi { Vec::new() } else { theirs.files.clone() };
    let written = TokenizerConfig::of_configuration(path, config, files)?;
    let (refusal, refusal_written) = (theirs.refusal(), written.refusal());
    if refusal.is_some() == refusal_written.is_some() && written.canonicalize == theirs.canonicalize
    {
        return Ok(());
    }
    let reason = refusal
        .or(refusal_written)
        .unwrap_or_else(|| "texts are cleaned by `canonicalize`".to_owned());
    Err(CheckpointError::Unsupported {
        path: path.to_path_buf(),
        found: format!(
            "a tokenizer that the layout `{}` has no place for ({reason})",
            layout.name()
        ),
        supported: format!("`{}`, in which it came, is", checkpoint.layout.name()),
    })
}

fn copy_tokenizer(checkpoint: &Checkpoint, folder: &Path) -> Result<(), CheckpointError> {
    for file in &checkpoint.tokenizer.files {
        let Some(name) = file.file_name() else { continue };
        let path = folder.join(name);
        std::fs::copy(file, &path).map_err(|source| CheckpointError::Write { path, source })?;
    }
    Ok(())
}

fn with_dtypes(checkpoint: &Checkpoint, weights: WeightFormat) -> Vec<WriteTensor> {
    let kinds: HashMap<String, ParameterKind> = checkpoint
        .architecture
        .parameters()
        .into_iter()
        .map(|parameter| (parameter.name, parameter.kind))
        .collect();
    let dtype = |name: &str, stored: Dtype| match weights {
        // Batch counters stay integers whatever is asked for (trap 9.7).
        _ if !stored.is_float() => stored,
        WeightFormat::AsStored => stored,
        WeightFormat::F32 => Dtype::F32,
        WeightFormat::F16 => Dtype::F16,
        WeightFormat::Bf16 => Dtype::Bf16,
        WeightFormat::Released => match kinds.get(name) {
            Some(kind) if kind.is_half_in_released_files() => Dtype::F16,
            _ => Dtype::F32,
        },
    };
    checkpoint
        .state_dict
        .iter()
        .map(|(name, tensor)| WriteTensor {
            name: name.to_owned(),
            dtype: dtype(name, tensor.dtype()),
            tensor: tensor.clone(),
        })
        .collect()
}

/// Files are told by their ending: what is written as safetensors must not be called otherwise.
fn check_ending(layout: Layout, out: &Path) -> Result<(), CheckpointError> {
    let ending =
        out.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_device =
        std::fs::metadata(out).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    let (written, name) = match layout {
        Layout::OpenAi if ending == "safetensors" || is_device => return Ok(()),
        Layout::OpenAi => ("safetensors is", out.with_extension("safetensors")),
        _ if !["pt", "pth", "bin", "ckpt"].contains(&ending.as_str()) => return Ok(()),
        _ => ("a folder is", out.with_extension("")),
    };
    Err(CheckpointError::Unsupported {
        path: out.to_path_buf(),
        found: if ending.is_empty() {
            "a file without an ending".to_owned()
        } else {
            format!("writing `.{ending}`")
        },
        supported: format!("{written} written: `--out {}`", name.display()),
    })
}

/// Fills a folder beside its place, then puts it there.
fn write_folder(
    out: &Path,
    fill: impl FnOnce(&Path) -> Result<(), CheckpointError>,
) -> Result<Vec<PathBuf>, CheckpointError> {
    let failed = |source| CheckpointError::Write { path: out.to_path_buf(), source };
    // Before anything is written: a folder in use stays as it is.
    if out.exists() && std::fs::read_dir(out).map_err(failed)?.next().is_some() {
        return Err(failed(std::io::ErrorKind::DirectoryNotEmpty.into()));
    }
    let folder = NewFolder::of(out).map_err(failed)?;
    fill(folder.path())?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.path()).map_err(failed)? {
        files.push(out.join(entry.map_err(failed)?.file_name()));
    }
    files.sort();
    if out.is_dir() {
        // Succeeds only on an empty folder, which is what is wanted.
        std::fs::remove_dir(out).map_err(failed)?;
    }
    folder.keep().map_err(failed)?;
    Ok(files)
}

fn write_text(path: &Path, text: &str) -> Result<(), CheckpointError> {
    std::fs::write(path, text)
        .map_err(|source| CheckpointError::Write { path: path.to_path_buf(), source })
}
