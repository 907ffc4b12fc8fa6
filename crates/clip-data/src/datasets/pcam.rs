//! PatchCamelyon: HDF5, `x` of `[N, 96, 96, 3]` bytes and `y` of `[N, 1, 1, 1]`. PROTOCOL_EVAL 6.1.
//!
//! The training part has 7 GB: it is read by the rows that are stored together, of which the last
//! ones stay at hand.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::DataError;
use crate::formats::hdf5::{Dataset, Hdf5};
use crate::formats::ppm;
use crate::item::Records;
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let labels_path = find(source, "y")?;
    let file = Hdf5::open(&labels_path)?;
    let labels = file.dataset("y")?.numbers(&file)?;
    let patches = Patches::open(source.split, &find(source, "x")?)?;
    if patches.pixels.rows() != labels.len() as u64 {
        let reason = format!("{} labels for {} images", labels.len(), patches.pixels.rows());
        return Err(DataError::malformed(labels_path, reason));
    }
    Ok(source.records(patches, source.targets(labels, &labels_path)?))
}

/// The file as it is published, packed, or unpacked, which goes first.
fn find(source: &Source<'_>, what: &str) -> Result<PathBuf, DataError> {
    let name = format!("camelyonpatch_level_2_split_{}_{what}.h5", source.split);
    source.first_of(&[&name, &format!("{name}.gz")])
}

#[derive(Debug)]
struct Patches {
    name: String,
    file: Hdf5,
    pixels: Dataset,
    /// The rows read last: the first of them, and their bytes.
    last: Mutex<Option<(u64, Vec<u8>)>>,
}

impl Patches {
    fn open(split: &str, path: &Path) -> Result<Patches, DataError> {
        let file = Hdf5::open(path)?;
        let pixels = file.dataset("x")?;
        match *pixels.shape() {
            [_, 96, 96, 3] if pixels.element_size() == 1 => {}
            ref shape => {
                let reason = format!("`x` has shape {shape:?}, expected [N, 96, 96, 3] bytes");
                return Err(DataError::malformed(path, reason));
            }
        }
        Ok(Patches { name: split.to_owned(), file, pixels, last: Mutex::new(None) })
    }
}

impl Records for Patches {
    fn name(&self, index: usize) -> String {
        format!("{}/{index}", self.name)
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let (index, together) = (index as u64, self.pixels.rows_together());
        if together <= 1 {
            return Ok(ppm::rgb(96, 96, &self.pixels.read_rows(&self.file, index, 1)?));
        }
        let inside = index.checked_rem(together).unwrap_or(0);
        let first = index.saturating_sub(inside);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|(at_hand, _)| *at_hand != first) {
            let count = together.min(self.pixels.rows().saturating_sub(first));
            *last = Some((first, self.pixels.read_rows(&self.file, first, count)?));
        }
        let images =
            last.as_ref().map(|(_, rows)| rows.chunks_exact(self.pixels.row_size() as usize));
        let found = images.and_then(|mut images| images.nth(inside as usize));
        let missing =
            || DataError::malformed(self.file.path(), format!("there is no image {index}"));
        found.map(|pixels| ppm::rgb(96, 96, pixels)).ok_or_else(missing)
    }
}
