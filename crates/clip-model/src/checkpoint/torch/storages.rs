//! From tensor records to views into storages, with every offset checked.

use super::super::pickle::{Pickle, StorageRecord, TensorRecord};
use crate::error::CheckpointError;
use crate::tensor::{SharedBytes, Tensor};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All tensors together may have this many times the bytes of the storages they look into, and
/// [`SHARED_FREE`] besides: enough for tied weights, too little for a small file that describes a huge
/// model by looking at one storage again and again.
const SHARED_RATIO_LIMIT: u64 = 4;
const SHARED_FREE: u64 = 1 << 20;

/// Makes views of the tensors named, reading each storage once, in parallel.
pub(super) fn bind(
    path: &Path,
    pickle: &Pickle<'_>,
    tensors: Vec<(String, usize)>,
    read: impl Fn(&StorageRecord<'_>) -> Result<SharedBytes, CheckpointError> + Sync,
) -> Result<Vec<(String, Tensor)>, CheckpointError> {
    let record = |name: &str, index: usize| {
        let record = pickle.tensors.get(index);
        record
            .ok_or_else(|| CheckpointError::malformed(path, format!("tensor `{name:.200}`"), "has no record"))
    };
    let mut used = BTreeSet::new();
    for (name, index) in &tensors {
        used.insert(record(name, *index)?.view.storage);
    }
    let storages: BTreeMap<usize, SharedBytes> = used
        .into_par_iter()
        .map(|index| {
            let Some(storage) = pickle.storages.get(index) else {
                return Err(CheckpointError::malformed(path, "pickle", "a tensor without a storage"));
            };
            let bytes = read(storage)?;
            check_length(path, storage, bytes.as_slice().len())?;
            Ok((index, bytes))
        })
        .collect::<Result<_, _>>()?;
    let mut bound = Vec::with_capacity(tensors.len());
    for (name, index) in tensors {
        let record = record(&name, index)?;
        let storage = pickle.storages.get(record.view.storage).zip(storages.get(&record.view.storage));
        let tensor = storage
            .ok_or("has no storage".to_owned())
            .and_then(|(storage, bytes)| view(record, storage, bytes));
        let tensor = tensor
            .map_err(|problem| CheckpointError::malformed(path, format!("tensor `{name:.200}`"), problem))?;
        bound.push((name, tensor));
    }
    check_sharing(path, &bound, &storages)?;
    Ok(bound)
}

fn check_length(path: &Path, storage: &StorageRecord<'_>, found: usize) -> Result<(), CheckpointError> {
    let expected = storage.elements.checked_mul(storage.dtype.size() as u64);
    if expected == Some(found as u64) {
        return Ok(());
    }
    let key: String = storage.key.chars().take(80).flat_map(char::escape_debug).collect();
    let problem =
        format!("has {found} bytes, {} values of {} are announced", storage.elements, storage.dtype.name());
    Err(CheckpointError::malformed(path, format!("storage `{key}`"), problem))
}

fn view(record: &TensorRecord, storage: &StorageRecord<'_>, bytes: &SharedBytes) -> Result<Tensor, String> {
    let size = storage.dtype.size();
    let bytes_of = |elements: u64| usize::try_from(elements).ok()?.checked_mul(size);
    let sizes = |values: &[u64], what: &str| {
        let narrow = |&value: &u64| usize::try_from(value).map_err(|_| format!("has a {what} of {value}"));
        values.iter().map(narrow).collect::<Result<Vec<usize>, String>>()
    };
    let part = bytes_of(record.view.offset)
        .zip(bytes_of(record.view.elements))
        .and_then(|(start, length)| bytes.slice(start, length))
        .ok_or("lies outside its storage")?;
    let start = bytes_of(record.offset).ok_or_else(|| format!("begins at element {}", record.offset))?;
    let (shape, strides) = (sizes(&record.shape, "size")?, sizes(&record.strides, "stride")?);
    Tensor::from_view(storage.dtype, shape, strides, part, start).map_err(|error| error.to_string())
}

fn check_sharing(
    path: &Path,
    tensors: &[(String, Tensor)],
    storages: &BTreeMap<usize, SharedBytes>,
) -> Result<(), CheckpointError> {
    let size = |tensor: &Tensor| (tensor.elements() as u64).saturating_mul(tensor.dtype().size() as u64);
    let claimed = tensors.iter().fold(0u64, |sum, (_, tensor)| sum.saturating_add(size(tensor)));
    let held = storages.values().fold(0u64, |sum, bytes| sum.saturating_add(bytes.as_slice().len() as u64));
    let limit = held.saturating_mul(SHARED_RATIO_LIMIT).saturating_add(SHARED_FREE);
    if claimed > limit {
        let what = format!("bytes of all tensors over {held} bytes of storages");
        return Err(CheckpointError::LimitExceeded { path: path.to_path_buf(), what, claimed, limit });
    }
    Ok(())
}
