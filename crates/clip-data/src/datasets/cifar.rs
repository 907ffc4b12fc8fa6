//! CIFAR10 and CIFAR100, in the binary and the Python edition. PROTOCOL_EVAL 6.1.
//!
//! Pixels are planes of red, green and blue, row by row, 32 x 32. CIFAR-100 has a coarse and a fine
//! label; the fine one, which comes second, is the class.

use std::path::{Path, PathBuf};

use clip_formats::pickle::{self, Array, Pickle};

use crate::error::DataError;
use crate::formats::FileBytes;
use crate::formats::image_array::{ImageArray, Order, Store};
use crate::item::{Item, Target};
use crate::reader::{Listing, Source};
use crate::text;

const PIXELS: u64 = 3 * 32 * 32;
/// Bytes of a pickle at most: CIFAR-100's training part has 155 MB.
const PICKLE_LIMIT: u64 = 1 << 30;

/// What differs between the two.
struct Names {
    binary: &'static str,
    python: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    /// Bytes of labels before the pixels; the last of them is the class.
    labels: u64,
    label_key: &'static str,
    binary_classes: &'static str,
    python_classes: &'static str,
    classes_key: &'static str,
}

const CIFAR10: Names = Names {
    binary: "cifar-10-batches-bin",
    python: "cifar-10-batches-py",
    train: &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"],
    test: "test_batch",
    labels: 1,
    label_key: "labels",
    binary_classes: "batches.meta.txt",
    python_classes: "batches.meta",
    classes_key: "label_names",
};

const CIFAR100: Names = Names {
    binary: "cifar-100-binary",
    python: "cifar-100-python",
    train: &["train"],
    test: "test",
    labels: 2,
    label_key: "fine_labels",
    binary_classes: "fine_label_names.txt",
    python_classes: "meta",
    classes_key: "fine_label_names",
};

pub(super) fn cifar10(source: &Source<'_>) -> Result<Listing, DataError> {
    read(source, &CIFAR10)
}

pub(super) fn cifar100(source: &Source<'_>) -> Result<Listing, DataError> {
    read(source, &CIFAR100)
}

fn read(source: &Source<'_>, names: &Names) -> Result<Listing, DataError> {
    let batches =
        if source.split == "train" { names.train } else { std::slice::from_ref(&names.test) };
    let binary = source.path(names.binary);
    let python = source.path(names.python);
    let is_binary = batches.iter().any(|batch| binary.join(format!("{batch}.bin")).exists())
        || !python.exists();
    check_classes(source, names, if is_binary { &binary } else { &python }, is_binary)?;
    let mut found = source.listing();
    for &batch in batches {
        let path = if is_binary { binary.join(format!("{batch}.bin")) } else { python.join(batch) };
        if !path.exists() {
            let relative = path.strip_prefix(source.folder).unwrap_or(&path);
            found.missing.push(relative.to_string_lossy().replace('\\', "/"));
            continue;
        }
        let batch = if is_binary {
            read_binary(names, batch, path)
        } else {
            read_python(names, batch, path)
        };
        let (array, labels) = batch?;
        let targets = targets(source, array.path(), &labels)?;
        found.items.extend(Item::of_records(array, targets));
    }
    found.notes.push(format!("{} edition", if is_binary { "binary" } else { "Python" }));
    Ok(found)
}

fn read_binary(
    names: &Names,
    batch: &str,
    path: PathBuf,
) -> Result<(ImageArray, Vec<i64>), DataError> {
    let file = FileBytes::open(path)?;
    let stride = names.labels.saturating_add(PIXELS);
    if !file.len().is_multiple_of(stride) {
        let reason = format!("{} bytes are not a whole number of records of {stride}", file.len());
        return Err(DataError::malformed(file.path(), reason));
    }
    // labels are spread over the file: it is passed over once, piece by piece
    let mut labels = Vec::new();
    let piece_size = stride.saturating_mul(1000);
    for first in (0..file.len()).step_by(piece_size as usize) {
        let piece = file.read(first, piece_size.min(file.len().saturating_sub(first)))?;
        let label =
            |record: &[u8]| record.get(..names.labels as usize)?.last().copied().map(i64::from);
        labels.extend(piece.chunks(stride as usize).filter_map(label));
    }
    Ok((array(batch, file, names.labels, stride), labels))
}

fn read_python(
    names: &Names,
    batch: &str,
    path: PathBuf,
) -> Result<(ImageArray, Vec<i64>), DataError> {
    let bytes = bytes(&path)?;
    let content = content(&path, &bytes)?;
    let wrong = |reason: String| DataError::malformed(&path, reason);
    let labels = content.item(names.label_key).and_then(|list| content.integers(list));
    let labels = labels.ok_or_else(|| wrong(format!("no list `{}`", names.label_key)))?;
    let data = content.item("data").and_then(|data| content.array(data));
    let Some(Array { rows, columns: PIXELS, start }) = data else {
        return Err(wrong(format!("no array `data` with rows of {PIXELS} bytes")));
    };
    if rows != labels.len() as u64 {
        return Err(wrong(format!("{rows} images, {} labels", labels.len())));
    }
    let file = FileBytes::open(&path)?;
    Ok((array(batch, file, start, PIXELS), labels))
}

fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    clip_files::read(path, PICKLE_LIMIT).map_err(DataError::read(path))
}

fn content<'a>(path: &Path, bytes: &'a [u8]) -> Result<Pickle<'a>, DataError> {
    Ok(pickle::load(path, "", bytes, pickle::Names::Numpy)?)
}

fn array(batch: &str, file: FileBytes, first: u64, stride: u64) -> ImageArray {
    let (name, store) = (batch.to_owned(), Store::File(file));
    ImageArray { name, store, first, stride, width: 32, height: 32, order: Order::PlanesOfRows }
}

fn targets(source: &Source<'_>, path: &Path, labels: &[i64]) -> Result<Vec<Target>, DataError> {
    let count = source.prompts.classes.len();
    let target = |&label: &i64| match u32::try_from(label) {
        Ok(class) if (class as usize) < count => Ok(Target::Class(class)),
        _ => Err(source.unknown_class(path, label.to_string())),
    };
    labels.iter().map(target).collect()
}

/// The data set's own list of names, where it is there, must be the one that positions are taken
/// from.
fn check_classes(
    source: &Source<'_>,
    names: &Names,
    folder: &Path,
    is_binary: bool,
) -> Result<(), DataError> {
    let path = folder.join(if is_binary { names.binary_classes } else { names.python_classes });
    if !path.exists() {
        return Ok(());
    }
    let listed: Vec<String> = if is_binary {
        let text = text::text(&path)?;
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    } else {
        let bytes = bytes(&path)?;
        let content = content(&path, &bytes)?;
        let list = content.item(names.classes_key).and_then(|list| content.texts(list));
        let list = list.ok_or_else(|| {
            DataError::malformed(&path, format!("no list `{}`", names.classes_key))
        })?;
        list.into_iter().map(str::to_owned).collect()
    };
    let known = source.prompts.labels.as_deref().unwrap_or_default();
    source.check_classes(&path, &listed, known, |listed, known| listed == known)
}
