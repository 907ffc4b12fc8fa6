//! What `torch.save` and TorchScript write: a pickle that describes tensors, and storages they look
//! into (PROTOCOL 5.2 to 5.4).

mod archive;
mod legacy;
mod storages;
mod tree;

pub(super) use archive::open as open_archive;
pub(super) use legacy::{MAGIC as LEGACY_MAGIC, open as open_legacy};
