//! Zip archives: `data.pkl` and `data/<key>`; with `constants.pkl` a TorchScript archive.

use super::super::contents::{Contents, Inventory};
use super::super::layout::Container;
use super::super::options::LoadOptions;
use crate::error::CheckpointError;
use crate::tensor::SharedBytes;
use clip_formats::FormatError;
use clip_formats::pickle::{self, Names, Pickle};
use clip_formats::zip::{Archive, Checksum, Data};
use std::path::Path;

pub(in super::super) fn open(
    path: &Path,
    bytes: SharedBytes,
    options: &LoadOptions,
) -> Result<Contents, CheckpointError> {
    let checksum = if options.skip_values { Checksum::Skip } else { Checksum::Compare };
    with_pickle(path, &bytes, |archive, pickle, container| {
        super::contents(path, pickle, container, |record| {
            Ok(match archive.read(&format!("data/{}", record.key), checksum)? {
                Data::Stored(range) => bytes.slice(range.start, range.len()).unwrap_or_default(),
                Data::Inflated(data) => SharedBytes::new(data),
            })
        })
    })
}

pub(in super::super) fn describe(
    path: &Path,
    bytes: SharedBytes,
) -> Result<Inventory, CheckpointError> {
    with_pickle(path, &bytes, |_, pickle, container| super::inventory(path, pickle, container))
}

fn with_pickle<T>(
    path: &Path,
    bytes: &SharedBytes,
    read: impl FnOnce(&Archive<'_>, &Pickle<'_>, Container) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let whole = bytes.as_slice();
    let archive = Archive::open(path, whole)?;
    let names = match archive.contains("constants.pkl") {
        true => Names::TorchScript,
        false => Names::Torch,
    };
    refuse_big_endian(path, &archive, whole)?;
    if names == Names::TorchScript {
        // Not needed for the weights, but what it may contain is the same, so a hostile one shows.
        let constants = archive.read("constants.pkl", Checksum::Compare)?;
        if let Err(error @ FormatError::Forbidden { .. }) =
            pickle::load(path, "constants.pkl", constants.of(whole), names)
        {
            return Err(error.into());
        }
    }
    let data = archive.read("data.pkl", Checksum::Compare)?;
    // Copied, so that strings of the pickle stay what they were when they were checked.
    let data = data.of(whole).to_vec();
    let pickle = pickle::load(path, "data.pkl", &data, names)?;
    if pickle.length != data.len() {
        let problem =
            format!("{} bytes follow the pickle", data.len().saturating_sub(pickle.length));
        return Err(CheckpointError::malformed(path, "data.pkl", problem));
    }
    let container = match names {
        Names::TorchScript => Container::TorchScript,
        _ => Container::TorchZip,
    };
    read(&archive, &pickle, container)
}

fn refuse_big_endian(
    path: &Path,
    archive: &Archive<'_>,
    whole: &[u8],
) -> Result<(), CheckpointError> {
    if archive.contains("byteorder")
        && archive.read("byteorder", Checksum::Compare)?.of(whole).trim_ascii() != b"little"
    {
        return Err(CheckpointError::Unsupported {
            path: path.to_path_buf(),
            found: "an archive in big-endian order".to_owned(),
            supported: "little-endian is".to_owned(),
        });
    }
    Ok(())
}
