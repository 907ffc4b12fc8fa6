//! What `torch.save` and TorchScript write: a pickle that describes tensors, and storages they look
//! into (PROTOCOL 5.2 to 5.4).
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

mod archive;
mod legacy;
mod storages;
mod tree;

pub(super) use archive::open as open_archive;
pub(super) use legacy::{MAGIC as LEGACY_MAGIC, open as open_legacy};

/// For fuzzing: looks for tensors in a pickle and forgets them.
pub(super) fn read_tree(pickle: &super::pickle::Pickle<'_>) {
    let path = std::path::Path::new("fuzz.pt");
    if let Ok(found) = tree::tensors(path, pickle) {
        let storage = |record: &super::pickle::StorageRecord<'_>| {
            let length = (record.elements.min(1 << 16) as usize).saturating_mul(record.dtype.size());
            Ok(crate::tensor::SharedBytes::new(vec![1u8; length]))
        };
        drop(storages::bind(path, pickle, found.tensors, storage));
    }
}
