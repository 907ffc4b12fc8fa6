//! From tensor records to views into storages, with every offset checked.

use crate::error::{CheckpointError, shown};
use crate::tensor::{SharedBytes, Tensor};
use clip_formats::pickle::{Element, Pickle, StorageRecord, TensorRecord};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All tensors together may have this many times the bytes of the storages they look into, and
/// [`SHARED_FREE`] besides: enough for tied weights, too little for a small file that describes a
/// huge model by looking at one storage again and again.
const SHARED_RATIO_LIMIT: u64 = 4;
const SHARED_FREE: u64 = 1 << 20;

/// Tensors by name, and the names of those of a type that no weight has, with what they are.
type Bound = (Vec<(String, Tensor)>, Vec<(String, String)>);

/// Makes views of the tensors named, reading each storage once, in parallel.
pub(super) fn bind(
    path: &Path,
    pickle: &Pickle<'_>,
    tensors: Vec<(String, usize)>,
    read: impl Fn(&StorageRecord<'_>) -> Result<SharedBytes, CheckpointError> + Sync,
) -> Result<Bound, CheckpointError> {
    let place = |name: &str| format!("tensor `{}`", shown(name));
    let record = |name: &str, index: usize| {
        let record = pickle.tensors.get(index);
        record.ok_or_else(|| CheckpointError::malformed(path, place(name), "has no record"))
    };
    let (mut known, mut others, mut used) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (name, index) in tensors {
        let storage = record(&name, index)?.view.storage;
        match pickle.storages.get(storage).map(|storage| storage.element) {
            Some(Element::Other(what, _)) => others.push((name, format!("of {what}"))),
            _ => {
                used.insert(storage);
                known.push((name, index));
            }
        }
    }
    let storages: BTreeMap<usize, SharedBytes> = used
        .into_par_iter()
        .map(|index| {
            let Some(storage) = pickle.storages.get(index) else {
                return Err(CheckpointError::malformed(
                    path,
                    "pickle",
                    "a tensor without a storage",
                ));
            };
            let bytes = read(storage)?;
            check_length(path, storage, bytes.as_slice().len())?;
            Ok((index, bytes))
        })
        .collect::<Result<_, _>>()?;
    let mut bound = Vec::with_capacity(known.len());
    for (name, index) in known {
        let record = record(&name, index)?;
        let storage =
            pickle.storages.get(record.view.storage).zip(storages.get(&record.view.storage));
        let tensor = storage
            .ok_or("has no storage".to_owned())
            .and_then(|(storage, bytes)| view(record, storage, bytes));
        let tensor =
            tensor.map_err(|problem| CheckpointError::malformed(path, place(&name), problem))?;
        bound.push((name, tensor));
    }
    check_sharing(path, &bound, &storages)?;
    Ok((bound, others))
}

fn check_length(
    path: &Path,
    storage: &StorageRecord<'_>,
    found: usize,
) -> Result<(), CheckpointError> {
    let expected = storage.elements.checked_mul(storage.element.size() as u64);
    if expected == Some(found as u64) {
        return Ok(());
    }
    let problem = format!(
        "has {found} bytes, {} values of {} are announced",
        storage.elements,
        storage.element.name()
    );
    Err(CheckpointError::malformed(path, format!("storage `{}`", shown(storage.key)), problem))
}

fn view(
    record: &TensorRecord,
    storage: &StorageRecord<'_>,
    bytes: &SharedBytes,
) -> Result<Tensor, String> {
    let Element::Known(dtype) = storage.element else {
        return Err(format!("is of {}", storage.element.name()));
    };
    let size = dtype.size();
    let bytes_of = |elements: u64| usize::try_from(elements).ok()?.checked_mul(size);
    let sizes = |values: &[u64], what: &str| {
        let narrow =
            |&value: &u64| usize::try_from(value).map_err(|_| format!("has a {what} of {value}"));
        values.iter().map(narrow).collect::<Result<Vec<usize>, String>>()
    };
    let part = bytes_of(record.view.offset)
        .zip(bytes_of(record.view.elements))
        .and_then(|(start, length)| bytes.slice(start, length))
        .ok_or("lies outside its storage")?;
    let start =
        bytes_of(record.offset).ok_or_else(|| format!("begins at element {}", record.offset))?;
    let (shape, strides) = (sizes(&record.shape, "size")?, sizes(&record.strides, "stride")?);
    Tensor::from_view(dtype, shape, strides, part, start).map_err(|error| error.to_string())
}

fn check_sharing(
    path: &Path,
    tensors: &[(String, Tensor)],
    storages: &BTreeMap<usize, SharedBytes>,
) -> Result<(), CheckpointError> {
    let size =
        |tensor: &Tensor| (tensor.elements() as u64).saturating_mul(tensor.dtype().size() as u64);
    let claimed = tensors.iter().fold(0u64, |sum, (_, tensor)| sum.saturating_add(size(tensor)));
    let held = storages
        .values()
        .fold(0u64, |sum, bytes| sum.saturating_add(bytes.as_slice().len() as u64));
    let limit = held.saturating_mul(SHARED_RATIO_LIMIT).saturating_add(SHARED_FREE);
    if claimed > limit {
        let what = format!("bytes of all tensors over {held} bytes of storages");
        return Err(CheckpointError::LimitExceeded {
            path: path.to_path_buf(),
            what,
            claimed,
            limit,
        });
    }
    Ok(())
}
