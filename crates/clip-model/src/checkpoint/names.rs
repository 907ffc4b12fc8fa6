//! From the names in a file to the reference's (PROTOCOL 1.6): prefixes of wrappers, the `text.` of
//! open_clip's custom towers, transformers' layout, and what is dropped.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use super::hugging_face::{self, Mapped};
use super::{Container, Layout};
use crate::error::CheckpointError;
use crate::tensor::Tensor;
use std::collections::BTreeMap;
use std::path::Path;

/// Tensors under the reference's names, and what the old names gave away.
pub(super) struct Renamed {
    pub(super) tensors: BTreeMap<String, Tensor>,
    pub(super) layout: Layout,
    /// The three scalar buffers of OpenAI's archives were there.
    pub(super) openai_buffers: bool,
    /// The value of one of them.
    pub(super) input_resolution: Option<i64>,
    pub(super) warnings: Vec<String>,
}

/// What data-parallel training and `torch.compile` put before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Buffers of the archives that are no weights.
const OPENAI_BUFFERS: [&str; 3] = ["input_resolution", "context_length", "vocab_size"];

pub(super) fn to_reference(
    path: &Path,
    tensors: Vec<(String, Tensor)>,
    container: Container,
) -> Result<Renamed, CheckpointError> {
    if tensors.is_empty() {
        return Err(CheckpointError::NotClip {
            path: path.to_path_buf(),
            problem: "holds no tensors".to_owned(),
        });
    }
    let mut warnings = Vec::new();
    let tensors = unique(path, tensors)?;
    let tensors = strip_wrappers(path, tensors, &mut warnings)?;
    if let Some(name) = tensors.keys().find(|name| name.starts_with("visual.trunk.")) {
        return Err(CheckpointError::Unsupported {
            path: path.to_path_buf(),
            found: format!("an image tower of timm (`{name:.80}`)"),
            supported: "CLIP's own VisionTransformer and ModifiedResNet are".to_owned(),
        });
    }
    let is_hugging_face =
        tensors.keys().any(|name| name.starts_with("vision_model.") || name.starts_with("text_model."));
    let (layout, mut tensors) = if is_hugging_face {
        (Layout::HuggingFace, from_hugging_face(path, tensors)?)
    } else {
        (Layout::OpenClip, from_custom_text(path, tensors)?)
    };
    let openai_buffers = OPENAI_BUFFERS.iter().all(|name| tensors.contains_key(*name));
    let input_resolution =
        tensors.get("input_resolution").and_then(|buffer| buffer.to_i64()?.first().copied());
    for name in OPENAI_BUFFERS {
        tensors.remove(name);
    }
    if tensors.contains_key("logit_bias") {
        return Err(CheckpointError::Unsupported {
            path: path.to_path_buf(),
            found: "a sigmoid CLIP (`logit_bias`)".to_owned(),
            supported: "CLIP with a softmax is".to_owned(),
        });
    }
    if let Some(scale) = tensors.get("logit_scale")
        && scale.shape() == [1]
        && let Some(scalar) = scale.reshaped(&[])
    {
        tensors.insert("logit_scale".to_owned(), scalar);
    }
    let layout = if container == Container::TorchScript && openai_buffers { Layout::OpenAi } else { layout };
    Ok(Renamed { tensors, layout, openai_buffers, input_resolution, warnings })
}

fn unique(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let mut map = BTreeMap::new();
    for (name, tensor) in tensors {
        insert(path, &mut map, name, tensor)?;
    }
    Ok(map)
}

fn insert(
    path: &Path,
    map: &mut BTreeMap<String, Tensor>,
    name: String,
    tensor: Tensor,
) -> Result<(), CheckpointError> {
    if map.contains_key(&name) {
        return Err(CheckpointError::malformed(path, format!("tensor `{name:.200}`"), "is there twice"));
    }
    map.insert(name, tensor);
    Ok(())
}

/// Takes prefixes away that every name has.
fn strip_wrappers(
    path: &Path,
    mut tensors: BTreeMap<String, Tensor>,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    // Compiled and data-parallel models nest the prefixes in either order.
    for prefix in WRAPPERS.into_iter().chain(WRAPPERS) {
        if tensors.keys().all(|name| name.starts_with(prefix)) {
            let mut stripped = BTreeMap::new();
            for (name, tensor) in tensors {
                let name = name.strip_prefix(prefix).unwrap_or(&name).to_owned();
                insert(path, &mut stripped, name, tensor)?;
            }
            tensors = stripped;
            warnings.push(format!("the prefix `{prefix}` was taken off every name"));
        }
    }
    Ok(tensors)
}

/// open_clip's `CustomTextCLIP` keeps the text tower under `text.`.
fn from_custom_text(
    path: &Path,
    tensors: BTreeMap<String, Tensor>,
) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let mut renamed = BTreeMap::new();
    for (name, tensor) in tensors {
        let Some(inner) = name.strip_prefix("text.") else {
            insert(path, &mut renamed, name, tensor)?;
            continue;
        };
        match inner {
            "transformer.embeddings.position_ids" => {}
            // A linear layer, stored [out, in].
            "text_projection.weight" => {
                insert(path, &mut renamed, "text_projection".to_owned(), transposed(path, &name, &tensor)?)?;
            }
            _ => insert(path, &mut renamed, inner.to_owned(), tensor)?,
        }
    }
    Ok(renamed)
}

fn from_hugging_face(
    path: &Path,
    tensors: BTreeMap<String, Tensor>,
) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let mut renamed = BTreeMap::new();
    let mut packed: BTreeMap<String, [Option<Tensor>; 3]> = BTreeMap::new();
    for (name, tensor) in tensors {
        match hugging_face::to_reference(&name) {
            Mapped::Ignored => {}
            Mapped::Renamed(ours) => insert(path, &mut renamed, ours, tensor)?,
            Mapped::Transposed(ours) => {
                insert(path, &mut renamed, ours, transposed(path, &name, &tensor)?)?;
            }
            Mapped::Packed(ours, part) => {
                if let Some(slot) = packed.entry(ours).or_default().get_mut(part) {
                    *slot = Some(tensor);
                }
            }
        }
    }
    for (name, parts) in packed {
        let tensor = join_rows(path, &name, parts)?;
        insert(path, &mut renamed, name, tensor)?;
    }
    Ok(renamed)
}

fn transposed(path: &Path, name: &str, tensor: &Tensor) -> Result<Tensor, CheckpointError> {
    tensor.transposed().ok_or_else(|| CheckpointError::NotClip {
        path: path.to_path_buf(),
        problem: format!("tensor `{name}` has shape {:?}, expected 2 dimensions", tensor.shape()),
    })
}

/// q, k and v one below the other: the reference keeps them in one matrix.
fn join_rows(path: &Path, name: &str, parts: [Option<Tensor>; 3]) -> Result<Tensor, CheckpointError> {
    let [Some(q), Some(k), Some(v)] = parts else {
        return Err(CheckpointError::MissingTensor {
            path: path.to_path_buf(),
            name: format!("{name} (one of its parts q, k and v)"),
        });
    };
    let not_clip = |problem: &str| CheckpointError::NotClip {
        path: path.to_path_buf(),
        problem: format!("the parts q, k and v of `{name}` {problem}"),
    };
    if k.shape() != q.shape() || v.shape() != q.shape() || k.dtype() != q.dtype() || v.dtype() != q.dtype() {
        return Err(not_clip("differ in shape or element type"));
    }
    Tensor::stacked(vec![q, k, v]).ok_or_else(|| not_clip("are scalars or too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tensors: &[&str]) -> Result<Renamed, CheckpointError> {
        let tensors =
            tensors.iter().map(|name| ((*name).to_owned(), Tensor::from_f32(&[1, 1], vec![0.0]))).collect();
        to_reference(Path::new("m.pt"), tensors, Container::TorchZip)
    }

    #[test]
    fn wrappers_and_the_custom_text_prefix_are_taken_off() {
        for prefix in ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."] {
            let given = [format!("{prefix}visual.proj"), format!("{prefix}text.text_projection.weight")];
            let renamed = names(&[&given[0], &given[1]]).unwrap();
            let found: Vec<_> = renamed.tensors.keys().map(String::as_str).collect();
            assert_eq!(found, ["text_projection", "visual.proj"], "{prefix}");
        }
    }

    #[test]
    fn names_that_meet_after_renaming_are_refused() {
        let error = names(&["text.ln_final.weight", "ln_final.weight"]).err().unwrap();
        assert_eq!(error.to_string(), "m.pt: tensor `ln_final.weight`: is there twice");
    }

    #[test]
    fn sigmoid_and_timm_models_are_refused_by_name() {
        for (name, found) in [("logit_bias", "a sigmoid CLIP"), ("visual.trunk.x", "an image tower of timm")]
        {
            let error = names(&[name]).err().unwrap().to_string();
            assert!(error.contains(found), "{error}");
        }
    }
}
