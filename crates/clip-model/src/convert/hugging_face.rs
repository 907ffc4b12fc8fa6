//! From the reference's names to those of transformers' `CLIPModel` (PROTOCOL 1.6.4).

use crate::architecture::ImageArchitecture;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::hugging_face_names::{BLOCK, RENAMED, TOWERS, TRANSPOSED};
use crate::error::CheckpointError;
use crate::safetensors::WriteTensor;

pub(super) fn tensors(
    checkpoint: &Checkpoint,
    tensors: Vec<WriteTensor>,
) -> Result<Vec<WriteTensor>, CheckpointError> {
    if matches!(checkpoint.architecture.image, ImageArchitecture::ModifiedResNet { .. }) {
        return Err(CheckpointError::Unsupported {
            path: checkpoint.state_dict.path().to_path_buf(),
            found: "a ModifiedResNet in the layout of transformers".to_owned(),
            supported:
                "transformers has vision transformers only; `openai` and `open_clip` can hold it"
                    .to_owned(),
        });
    }
    let mut renamed = Vec::with_capacity(tensors.len() * 2);
    for tensor in tensors {
        let parts = theirs(&tensor).ok_or_else(|| CheckpointError::UnexpectedTensors {
            path: checkpoint.state_dict.path().to_path_buf(),
            names: vec![tensor.name.clone()],
        })?;
        renamed.extend(parts);
    }
    Ok(renamed)
}

/// One tensor becomes one, or three where q, k and v are packed; `None` for a name without a
/// counterpart.
fn theirs(tensor: &WriteTensor) -> Option<Vec<WriteTensor>> {
    let name = tensor.name.as_str();
    if let Some((theirs, _)) = TRANSPOSED.iter().find(|(_, ours)| *ours == name) {
        let transposed = tensor.tensor.transposed()?;
        return Some(vec![WriteTensor {
            name: (*theirs).to_owned(),
            tensor: transposed,
            dtype: tensor.dtype,
        }]);
    }
    if let Some((theirs, _)) = RENAMED.iter().find(|(_, ours)| *ours == name) {
        return Some(vec![WriteTensor { name: (*theirs).to_owned(), ..tensor.clone() }]);
    }
    let (prefix, rest) =
        TOWERS.iter().find_map(|(theirs, ours)| Some((*theirs, name.strip_prefix(ours)?)))?;
    let (index, leaf) = rest.split_once('.')?;
    if let Some(field) = leaf.strip_prefix("attn.in_proj_") {
        let rows = tensor.tensor.shape().first()? / 3;
        return ["q", "k", "v"]
            .into_iter()
            .enumerate()
            .map(|(part, letter)| {
                Some(WriteTensor {
                    name: format!("{prefix}{index}.self_attn.{letter}_proj.{field}"),
                    tensor: tensor.tensor.rows(part * rows, rows)?,
                    dtype: tensor.dtype,
                })
            })
            .collect();
    }
    let (part, field) = leaf.rsplit_once('.')?;
    let (theirs, _) = BLOCK.iter().find(|(_, ours)| *ours == part)?;
    Some(vec![WriteTensor { name: format!("{prefix}{index}.{theirs}.{field}"), ..tensor.clone() }])
}
