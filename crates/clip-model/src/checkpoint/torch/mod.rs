//! What `torch.save` and TorchScript write: a pickle that describes tensors, and storages they look
//! into (PROTOCOL 5.2 to 5.4).
mod archive;
mod legacy;
mod storages;
mod tree;

use super::contents::{Contents, Inventory, ListedTensor};
use super::layout::Container;
use crate::error::CheckpointError;
use crate::tensor::SharedBytes;
use clip_formats::pickle::Pickle;
use std::path::Path;

pub(super) use archive::{describe as describe_archive, open as open_archive};
pub(super) use legacy::{describe as describe_legacy, is_legacy, open as open_legacy};

/// The tensors of a pickle, over the storages that `read` gives.
fn contents(
    path: &Path,
    pickle: &Pickle<'_>,
    container: Container,
    read: impl Fn(&clip_formats::pickle::StorageRecord<'_>) -> Result<SharedBytes, CheckpointError>
    + Sync,
) -> Result<Contents, CheckpointError> {
    let tree::Found { place, warnings } = tree::find(path, pickle)?;
    let (tensors, unbuilt) = storages::bind(path, pickle, place.tensors, read)?;
    let unbuilt = place.unbuilt.into_iter().chain(unbuilt).collect();
    Ok(Contents { tensors, container, metadata_config: None, warnings, unbuilt })
}

/// Everything a pickle tells, without a storage being read.
fn inventory(
    path: &Path,
    pickle: &Pickle<'_>,
    container: Container,
) -> Result<Inventory, CheckpointError> {
    let survey = tree::survey(pickle)
        .map_err(|problem| CheckpointError::NotClip { path: path.to_path_buf(), problem })?;
    let mut tensors = Vec::new();
    for place in survey.places {
        for (name, index) in place.tensors {
            let Some(record) = pickle.tensors.get(index) else { continue };
            let element =
                pickle.storages.get(record.view.storage).map_or("unknown", |s| s.element.name());
            let name = if place.path.is_empty() { name } else { format!("{}.{name}", place.path) };
            tensors.push(ListedTensor {
                name,
                dtype: element.to_owned(),
                shape: record.shape.clone(),
            });
        }
    }
    Ok(Inventory { container, keys: survey.keys, tensors, not_built: pickle.shells() })
}

/// For fuzzing: looks for tensors in a pickle and forgets them.
pub(super) fn read_tree(pickle: &Pickle<'_>) {
    let path = Path::new("fuzz.pt");
    let storage = |record: &clip_formats::pickle::StorageRecord<'_>| {
        let length = (record.elements.min(1 << 16) as usize).saturating_mul(record.element.size());
        Ok(SharedBytes::new(vec![1u8; length]))
    };
    drop(contents(path, pickle, Container::TorchZip, storage));
    drop(inventory(path, pickle, Container::TorchZip));
}
