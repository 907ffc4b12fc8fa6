//! Zip archives: `data.pkl` and `data/<key>`; with `constants.pkl` a TorchScript archive.

use super::super::pickle;
use super::super::source::Contents;
use super::super::zip::{Archive, Checksum};
use super::super::{Container, LoadOptions};
use super::{storages, tree};
use crate::error::CheckpointError;
use crate::tensor::SharedBytes;
use std::path::Path;

pub(in super::super) fn open(
    path: &Path,
    bytes: SharedBytes,
    options: &LoadOptions,
) -> Result<Contents, CheckpointError> {
    let archive = Archive::open(path, bytes)?;
    let torch_script = archive.contains("constants.pkl");
    if archive.contains("byteorder") {
        let order = archive.read("byteorder", Checksum::Compare)?;
        if order.as_slice().trim_ascii() != b"little" {
            return Err(CheckpointError::Unsupported {
                path: path.to_path_buf(),
                found: "an archive in big-endian order".to_owned(),
                supported: "little-endian is".to_owned(),
            });
        }
    }
    let mut warnings = Vec::new();
    if torch_script {
        // Not needed for the weights, but what it may contain is the same, so a hostile one shows.
        let constants = archive.read("constants.pkl", Checksum::Compare)?;
        match pickle::load(path, "constants.pkl", constants.as_slice(), true) {
            Ok(_) => {}
            Err(error @ CheckpointError::ForbiddenCall { .. }) => return Err(error),
            Err(_) => warnings.push("constants.pkl, which is not needed, cannot be read".to_owned()),
        }
    }
    let data = archive.read("data.pkl", Checksum::Compare)?;
    // Copied, so that strings of the pickle stay what they were when they were checked.
    let data = data.as_slice().to_vec();
    let pickle = pickle::load(path, "data.pkl", &data, torch_script)?;
    if pickle.length != data.len() {
        let problem = format!("{} bytes follow the pickle", data.len().saturating_sub(pickle.length));
        return Err(CheckpointError::malformed(path, "data.pkl", problem));
    }
    let checksum = if options.skip_values { Checksum::Skip } else { Checksum::Compare };
    let found = tree::tensors(path, &pickle)?;
    let tensors = storages::bind(path, &pickle, found.tensors, |record| {
        archive.read(&format!("data/{}", record.key), checksum)
    })?;
    let container = if torch_script { Container::TorchScript } else { Container::TorchZip };
    warnings.extend(found.warnings);
    Ok(Contents { tensors, container, metadata_config: None, warnings })
}
