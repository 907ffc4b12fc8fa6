//! What a file holds, whether or not it is a CLIP.

use super::contents::{Inventory, ListedTensor};
use super::layout::Container;
use super::source::{self, Format};
use super::{directory, torch};
use crate::error::CheckpointError;
use crate::memory_map;
use crate::safetensors;
use std::path::Path;

/// Lists a file, or what a folder's weight files hold.
///
/// # Errors
/// [`CheckpointError`] where the container itself cannot be read.
pub fn inventory(path: &Path) -> Result<Inventory, CheckpointError> {
    if !path.is_dir() {
        return of_file(path);
    }
    let mut whole: Option<Inventory> = None;
    for file in directory::weight_files(path)? {
        let part = of_file(&file)?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => {
                whole.tensors.extend(part.tensors);
                whole.not_built.extend(part.not_built);
            }
        }
    }
    whole.ok_or_else(|| CheckpointError::malformed(path, "index", "no shards"))
}

fn of_file(path: &Path) -> Result<Inventory, CheckpointError> {
    let bytes = memory_map::map(path)?;
    match source::recognize(path, bytes.as_slice())? {
        Format::Zip => torch::describe_archive(path, bytes),
        Format::Legacy => torch::describe_legacy(path, bytes),
        Format::Safetensors => {
            let file = safetensors::parse(path, bytes)?;
            let listed = file.tensors.into_iter().map(|(name, tensor)| ListedTensor {
                name,
                dtype: tensor.dtype().name().to_owned(),
                shape: tensor.shape().iter().map(|&size| size as u64).collect(),
            });
            Ok(Inventory {
                container: Container::Safetensors,
                tensors: listed.collect(),
                keys: file.metadata.into_iter().collect(),
                not_built: Vec::new(),
            })
        }
    }
}
