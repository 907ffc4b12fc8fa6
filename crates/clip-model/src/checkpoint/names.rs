//! From the names in a file to the reference's (PROTOCOL 1.6): prefixes of wrappers, the `text.` of
//! open_clip's custom towers, transformers' layout, and what is dropped.

use super::hugging_face_names::{self, Mapped};
use super::layout::{Container, Layout};
use crate::error::{CheckpointError, shown};
use crate::tensor::Tensor;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
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

/// What data-parallel training, `torch.compile`, FSDP and activation checkpoints put between the
/// parts of a name. No module of CLIP is called so.
const WRAPPERS: [&str; 4] =
    ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// The table of tokens, without which nothing is a CLIP: transformers', open_clip's custom text
/// tower's, the reference's.
const TOKEN_TABLES: [&str; 3] = [
    "text_model.embeddings.token_embedding.weight",
    "text.token_embedding.weight",
    "token_embedding.weight",
];

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
    let tensors = take_wrappers_out(path, tensors, &mut warnings)?;
    let tensors = of_one_model(path, tensors, &mut warnings)?;
    if let Some(name) = tensors.keys().find(|name| name.starts_with("visual.trunk.")) {
        return Err(CheckpointError::Unsupported {
            path: path.to_path_buf(),
            found: format!("an image tower of timm (`{}`)", shown(name)),
            supported: "CLIP's own VisionTransformer and ModifiedResNet are".to_owned(),
        });
    }
    let is_hugging_face = tensors
        .keys()
        .any(|name| name.starts_with("vision_model.") || name.starts_with("text_model."));
    if is_hugging_face && tensors.contains_key("logit_bias") {
        return Err(CheckpointError::Unsupported {
            path: path.to_path_buf(),
            found: "transformers' sigmoid CLIP (`logit_bias`)".to_owned(),
            supported: "open_clip's of CLIP's own towers is".to_owned(),
        });
    }
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
    drop_causal_mask(path, &mut tensors)?;
    for name in ["logit_scale", "logit_bias"] {
        if let Some(one) = tensors.get(name)
            && one.shape() == [1]
            && let Some(scalar) = one.reshaped(&[])
        {
            tensors.insert(name.to_owned(), scalar);
        }
    }
    let layout =
        if container == Container::TorchScript && openai_buffers { Layout::OpenAi } else { layout };
    Ok(Renamed { tensors, layout, openai_buffers, input_resolution, warnings })
}

fn insert(
    path: &Path,
    map: &mut BTreeMap<String, Tensor>,
    name: String,
    tensor: Tensor,
) -> Result<(), CheckpointError> {
    if map.contains_key(&name) {
        return Err(CheckpointError::malformed(
            path,
            format!("tensor `{}`", shown(&name)),
            "is there twice",
        ));
    }
    map.insert(name, tensor);
    Ok(())
}

/// The name without the parts that wrappers put in.
pub(super) fn without_wrappers(name: &str) -> Cow<'_, str> {
    if !name.split('.').any(|part| WRAPPERS.contains(&part)) {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = name.split('.').filter(|part| !WRAPPERS.contains(part)).collect();
    Cow::Owned(parts.join("."))
}

fn take_wrappers_out(
    path: &Path,
    tensors: Vec<(String, Tensor)>,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let mut found = BTreeSet::new();
    let mut map = BTreeMap::new();
    for (name, tensor) in tensors {
        found.extend(
            WRAPPERS.into_iter().filter(|wrapper| name.split('.').any(|part| part == *wrapper)),
        );
        insert(path, &mut map, without_wrappers(&name).into_owned(), tensor)?;
    }
    if !found.is_empty() {
        let found: Vec<String> = found.into_iter().map(|wrapper| format!("`{wrapper}.`")).collect();
        warnings.push(format!("{} was taken out of the names", found.join(", ")));
    }
    Ok(map)
}

/// What stands before the name of a table of tokens: the place of a CLIP within a larger module.
fn prefix_of(name: &str) -> Option<&str> {
    let prefix = TOKEN_TABLES.into_iter().find_map(|table| name.strip_suffix(table))?;
    (prefix.is_empty() || prefix.ends_with('.')).then_some(prefix)
}

/// Whether a tensor of this name makes a CLIP of those around it.
pub(super) fn is_token_table(name: &str) -> bool {
    prefix_of(&without_wrappers(name)).is_some()
}

/// Whether the names are those of transformers, within wrappers and larger modules or not.
pub(super) fn are_hugging_face<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| name.split('.').any(|part| matches!(part, "vision_model" | "text_model")))
}

/// The tensors below the one prefix that a CLIP has, without it; the rest is named and left out.
fn of_one_model(
    path: &Path,
    tensors: BTreeMap<String, Tensor>,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let prefixes: BTreeSet<String> =
        tensors.keys().filter_map(|name| prefix_of(name)).map(str::to_owned).collect();
    let mut prefixes = prefixes.into_iter();
    let prefix = match (prefixes.next(), prefixes.next()) {
        (None, _) => return Ok(tensors),
        (Some(prefix), None) if prefix.is_empty() => return Ok(tensors),
        (Some(prefix), None) => prefix,
        (Some(first), Some(second)) => {
            let places =
                [first, second].into_iter().chain(prefixes).map(|prefix| match prefix.as_str() {
                    "" => "names without a prefix".to_owned(),
                    prefix => format!("`{}…`", shown(prefix)),
                });
            return Err(CheckpointError::SeveralModels {
                path: path.to_path_buf(),
                places: places.collect(),
            });
        }
    };
    let (mut model, mut others) = (BTreeMap::new(), Vec::new());
    for (name, tensor) in tensors {
        match name.strip_prefix(&prefix) {
            Some(inner) => drop(model.insert(inner.to_owned(), tensor)),
            None => others.push(name),
        }
    }
    warnings.push(format!("the prefix `{}` was taken off the names", shown(&prefix)));
    if let Some(first) = others.first() {
        let count = others.len();
        warnings.push(format!(
            "{count} tensors outside it were left out, the first is `{}`",
            shown(first)
        ));
    }
    Ok(model)
}

/// What the names have in common and a few of them, for a file that is no CLIP.
pub(super) fn summary<'a>(names: impl ExactSizeIterator<Item = &'a str> + Clone) -> String {
    let count = names.len();
    let mut shared = names.clone().next().unwrap_or_default();
    for name in names.clone() {
        while !name.starts_with(shared) {
            let shorter =
                shared.trim_end_matches('.').rfind('.').and_then(|dot| shared.get(..=dot));
            shared = shorter.unwrap_or_default();
        }
    }
    let below = match shared {
        "" => String::new(),
        shared => format!(", all below `{}`", shown(shared)),
    };
    let few: Vec<String> = names.take(3).map(|name| format!("`{}`", shown(name))).collect();
    format!("{count} tensors{below}: {}{}", few.join(", "), if count > 3 { ", …" } else { "" })
}

/// open_clip's archives keep the mask of the text tower as a buffer. It is what the tower does
/// anyway, or another model.
fn drop_causal_mask(
    path: &Path,
    tensors: &mut BTreeMap<String, Tensor>,
) -> Result<(), CheckpointError> {
    let Some(mask) = tensors.remove("attn_mask") else { return Ok(()) };
    let side = match *mask.shape() {
        [rows, columns] if rows == columns && mask.dtype().is_float() => rows,
        _ => 0,
    };
    let values = mask.to_f32();
    let mut rows = values.chunks_exact(side.max(1)).enumerate();
    let is_causal = side > 0
        && rows.all(|(row, values)| {
            values.iter().enumerate().all(|(column, &value)| match column > row {
                true => value <= f32::from(half::f16::MIN),
                false => value == 0.0,
            })
        });
    if is_causal {
        return Ok(());
    }
    Err(CheckpointError::Unsupported {
        path: path.to_path_buf(),
        found: "an `attn_mask` that is not causal".to_owned(),
        supported: "a text tower in which every token sees those before it is".to_owned(),
    })
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
                insert(
                    path,
                    &mut renamed,
                    "text_projection".to_owned(),
                    transposed(path, &name, &tensor)?,
                )?;
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
        match hugging_face_names::to_reference(&name) {
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
        problem: format!(
            "tensor `{}` has shape {:?}, expected 2 dimensions",
            shown(name),
            tensor.shape()
        ),
    })
}

/// q, k and v one below the other: the reference keeps them in one matrix.
fn join_rows(
    path: &Path,
    name: &str,
    parts: [Option<Tensor>; 3],
) -> Result<Tensor, CheckpointError> {
    let [Some(q), Some(k), Some(v)] = parts else {
        return Err(CheckpointError::MissingTensor {
            path: path.to_path_buf(),
            name: format!("{} (one of its parts q, k and v)", shown(name)),
        });
    };
    let not_clip = |problem: &str| CheckpointError::NotClip {
        path: path.to_path_buf(),
        problem: format!("the parts q, k and v of `{}` {problem}", shown(name)),
    };
    if k.shape() != q.shape()
        || v.shape() != q.shape()
        || k.dtype() != q.dtype()
        || v.dtype() != q.dtype()
    {
        return Err(not_clip("differ in shape or element type"));
    }
    Tensor::stacked(vec![q, k, v]).ok_or_else(|| not_clip("are scalars or too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tensors: &[&str]) -> Result<Renamed, CheckpointError> {
        let tensors = tensors
            .iter()
            .map(|name| ((*name).to_owned(), Tensor::from_f32(&[1, 1], vec![0.0])))
            .collect();
        to_reference(Path::new("m.pt"), tensors, Container::TorchZip)
    }

    #[test]
    fn wrappers_are_taken_out_wherever_they_stand() {
        for [image, text] in [
            ["visual.proj", "text.text_projection.weight"],
            ["module.visual.proj", "module.text.text_projection.weight"],
            ["_orig_mod.module.visual.proj", "_orig_mod.module.text.text_projection.weight"],
            ["visual._orig_mod.proj", "text.module.text_projection.weight"],
            [
                "_fsdp_wrapped_module.visual.proj",
                "text._checkpoint_wrapped_module.text_projection.weight",
            ],
        ] {
            let renamed = names(&[image, text]).unwrap();
            let found: Vec<_> = renamed.tensors.keys().map(String::as_str).collect();
            assert_eq!(found, ["text_projection", "visual.proj"], "{image}");
        }
    }

    #[test]
    fn the_prefix_of_the_one_clip_is_taken_off_and_the_rest_is_named() {
        for prefix in ["clip.", "model.clip_model.", "net.model.student."] {
            let given =
                ["token_embedding.weight", "visual.proj"].map(|name| format!("{prefix}{name}"));
            let renamed = names(&[&given[0], &given[1], "head.weight"]).unwrap();
            assert_eq!(renamed.tensors.len(), 2, "{prefix}");
            assert_eq!(
                renamed.warnings,
                [
                    format!("the prefix `{prefix}` was taken off the names"),
                    "1 tensors outside it were left out, the first is `head.weight`".to_owned()
                ]
            );
        }
        let both = [
            "student.token_embedding.weight",
            "teacher.text_model.embeddings.token_embedding.weight",
        ];
        let error = names(&both).err().unwrap().to_string();
        assert_eq!(error, "m.pt: holds the weights of several models: `student.…`, `teacher.…`");
    }

    #[test]
    fn what_is_no_clip_is_told_by_what_its_names_share() {
        let few = ["model.encoder.a.w", "model.encoder.b.w", "model.encoder.c", "model.encoder.d"];
        let text = "4 tensors, all below `model.encoder.`: \
                    `model.encoder.a.w`, `model.encoder.b.w`, `model.encoder.c`, …";
        assert_eq!(summary(few.into_iter()), text);
        assert_eq!(summary(["a.b", "c\u{1b}[2J"].into_iter()), "2 tensors: `a.b`, `c\\u{1b}[2J`");
    }

    #[test]
    fn only_a_causal_mask_is_dropped() {
        let mask = |upper: f32| Tensor::from_f32(&[2, 2], vec![0.0, upper, 0.0, 0.0]);
        let given = |mask| {
            vec![
                ("attn_mask".to_owned(), mask),
                ("x".to_owned(), Tensor::from_f32(&[1], vec![0.0])),
            ]
        };
        let renamed = |mask| to_reference(Path::new("m.pt"), given(mask), Container::TorchScript);
        assert_eq!(renamed(mask(f32::NEG_INFINITY)).unwrap().tensors.len(), 1);
        for other in [mask(0.0), Tensor::from_f32(&[4], vec![0.0; 4]), mask(f32::NAN)] {
            assert!(renamed(other).err().unwrap().to_string().contains("that is not causal"));
        }
    }

    #[test]
    fn names_that_meet_after_renaming_are_refused() {
        let error = names(&["text.ln_final.weight", "ln_final.weight"]).err().unwrap();
        assert_eq!(error.to_string(), "m.pt: tensor `ln_final.weight`: is there twice");
    }

    #[test]
    fn sigmoid_and_timm_models_are_refused_by_name() {
        for (given, found) in [
            (&["vision_model.x", "logit_bias"][..], "transformers' sigmoid CLIP"),
            (&["visual.trunk.x"], "an image tower of timm"),
        ] {
            let error = names(given).err().unwrap().to_string();
            assert!(error.contains(found), "{error}");
        }
    }
}
