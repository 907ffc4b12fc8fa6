//! Tensors in safetensors files (PROTOCOL 5.5).

mod write;

pub use write::{WriteTensor, write};

use crate::error::{CheckpointError, shown};
use crate::memory_map;
use crate::tensor::{Dtype, MAX_DIMENSIONS, SharedBytes, Tensor, ViewError};
use clip_formats::safetensors::{self, Entry};
use std::collections::BTreeMap;
use std::path::Path;

/// The content of one file.
#[derive(Debug, Clone)]
pub struct Safetensors {
    /// The tensors by name, as views into the file.
    pub tensors: BTreeMap<String, Tensor>,
    /// `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

/// Maps a file and reads its header.
///
/// # Errors
/// [`CheckpointError`] naming the file and what is wrong in it.
pub fn open(path: &Path) -> Result<Safetensors, CheckpointError> {
    parse(path, memory_map::map(path)?)
}

/// Reads a file that is already in memory; `path` is only for messages.
///
/// # Errors
/// As [`open`].
pub fn parse(path: &Path, bytes: SharedBytes) -> Result<Safetensors, CheckpointError> {
    let header = safetensors::parse(path, bytes.as_slice())?;
    let mut tensors = BTreeMap::new();
    for (name, entry) in header.entries {
        let tensor = view(path, &name, &entry, &bytes, header.data_start)?;
        tensors.insert(name, tensor);
    }
    Ok(Safetensors { tensors, metadata: header.metadata })
}

fn view(
    path: &Path,
    name: &str,
    entry: &Entry,
    bytes: &SharedBytes,
    data_start: usize,
) -> Result<Tensor, CheckpointError> {
    let malformed = |problem: String| {
        CheckpointError::malformed(path, format!("tensor `{}`", shown(name)), problem)
    };
    let dtype = dtype(&entry.dtype).ok_or_else(|| CheckpointError::WrongDtype {
        path: path.to_path_buf(),
        name: name.to_owned(),
        found: format!("{:.20}", entry.dtype),
        expected: "F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL",
    })?;
    if entry.shape.len() > MAX_DIMENSIONS {
        return Err(malformed(
            ViewError::TooManyDimensions { dimensions: entry.shape.len() }.to_string(),
        ));
    }
    let (begin, end) = entry.data_offsets;
    let mut shape = Vec::with_capacity(entry.shape.len());
    for &size in &entry.shape {
        shape.push(usize::try_from(size).map_err(|_| malformed(format!("has a size of {size}")))?);
    }
    let needed = shape
        .iter()
        .try_fold(dtype.size() as u64, |product, &size| product.checked_mul(size as u64));
    if needed != Some(end.saturating_sub(begin)) {
        let owned = end.saturating_sub(begin);
        return Err(malformed(format!(
            "owns {owned} bytes, which is not {} of shape {shape:?}",
            dtype.name()
        )));
    }
    let start = usize::try_from(begin).ok().and_then(|begin| begin.checked_add(data_start));
    let start = start.ok_or_else(|| malformed(format!("begins at byte {begin}")))?;
    Tensor::from_bytes(dtype, shape, bytes.clone(), start)
        .map_err(|error| malformed(error.to_string()))
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "F64" => Dtype::F64,
        "F32" => Dtype::F32,
        "F16" => Dtype::F16,
        "BF16" => Dtype::Bf16,
        "I64" => Dtype::I64,
        "I32" => Dtype::I32,
        "I16" => Dtype::I16,
        "I8" => Dtype::I8,
        "U8" => Dtype::U8,
        "BOOL" => Dtype::Bool,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Result<Safetensors, CheckpointError> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        parse(Path::new("a.safetensors"), SharedBytes::new(bytes))
    }

    #[test]
    fn what_the_reference_accepts_is_accepted() {
        let cases = [
            ("{}", 0),
            ("{\"__metadata__\":{\"format\":\"pt\"}}   ", 0),
            ("  {\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"extra\":[1]}}", 4),
            (
                "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]},\"z\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[2,2]},\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
                3,
            ),
        ];
        for (header, length) in cases {
            file(header, &vec![0; length]).unwrap_or_else(|error| panic!("{header}: {error}"));
        }
    }

    #[test]
    fn errors_say_what_was_found_and_where() {
        let entry = |shape: &str, offsets: &str| {
            format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
        };
        let cases = [
            (
                entry("[1]", "[0,4]").replace("F32", "F8_E4M3"),
                "tensor `a` holds F8_E4M3, expected F64",
            ),
            (entry("[2]", "[0,4]"), "tensor `a`: owns 4 bytes, which is not f32 of shape [2]"),
            (entry("[1]", "[1,5]"), "tensor `a`: owns bytes 1..5, expected to begin at 0"),
            (entry("[0]", "[0,0]"), "data: the tensors own 0 bytes, the file has 4"),
            ("{\"a\":1,\"a\":2}".to_owned(), "header: a field is missing"),
            (entry("[1]", "[0,4]").replace("}}", "},\"a\":{}}"), "header: duplicate tensor `a`"),
        ];
        for (header, message) in cases {
            let error = file(&header, &[0; 4]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("a.safetensors: {message}")), "{header}: {error}");
        }
    }

    #[test]
    fn header_longer_than_allowed_names_both_lengths() {
        let bytes = SharedBytes::new(u64::MAX.to_le_bytes().to_vec());
        let error = parse(Path::new("a.safetensors"), bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.safetensors: length of the header in bytes is 18446744073709551615, limit 100000000"
        );
    }
}
