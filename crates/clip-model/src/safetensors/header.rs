//! The header: who owns which bytes. Entries sorted by offset must tile the data exactly.

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

use super::Safetensors;
use crate::error::{CheckpointError, shown};
use crate::tensor::{Dtype, MAX_DIMENSIONS, SharedBytes, Tensor, ViewError};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, de};
use std::collections::BTreeMap;
use std::path::Path;

/// The reference implementation's limit in bytes.
const HEADER_LIMIT: u64 = 100_000_000;
const TENSOR_LIMIT: usize = 100_000;

pub(super) fn parse(path: &Path, bytes: SharedBytes) -> Result<Safetensors, CheckpointError> {
    let malformed = |problem: String| CheckpointError::malformed(path, "header", problem);
    let all = bytes.as_slice();
    let Some((length, rest)) = all.split_first_chunk::<8>() else {
        return Err(malformed(format!(
            "the file has {} bytes, the length alone takes 8",
            all.len()
        )));
    };
    let length = u64::from_le_bytes(*length);
    if length > HEADER_LIMIT {
        return Err(CheckpointError::LimitExceeded {
            path: path.to_path_buf(),
            what: "length of the header in bytes".to_owned(),
            claimed: length,
            limit: HEADER_LIMIT,
        });
    }
    let Some((json, data)) =
        usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
    else {
        return Err(malformed(format!(
            "claims {length} bytes, the file has {} behind the length",
            rest.len()
        )));
    };
    // The JSON text is not part of the message: errors do not print file content.
    let header: Header =
        serde_json::from_slice(json).map_err(|error| malformed(describe(&error)))?;
    let data_start = all.len().saturating_sub(data.len());
    check_tiling(path, &header.entries, data.len())?;
    let mut tensors = BTreeMap::new();
    for (name, entry) in header.entries {
        let tensor = view(path, &name, &entry, &bytes, data_start)?;
        tensors.insert(name, tensor);
    }
    Ok(Safetensors { tensors, metadata: header.metadata })
}

/// What serde says, without the values it quotes from the file.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = match error.classify() {
        serde_json::error::Category::Data
            if text.starts_with("duplicate") || text.starts_with("more than") =>
        {
            text.split(" at line").next().unwrap_or("invalid").to_owned()
        }
        serde_json::error::Category::Data => {
            "a field is missing, of a wrong type or out of range".to_owned()
        }
        serde_json::error::Category::Eof => "the JSON ends early".to_owned(),
        _ if text.starts_with("recursion limit") => "JSON nested deeper than 128".to_owned(),
        _ => "not a JSON object in UTF-8".to_owned(),
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// Sorted by offset, the entries must cover the data without hole, overlap or rest.
fn check_tiling(
    path: &Path,
    entries: &BTreeMap<String, Entry>,
    available: usize,
) -> Result<(), CheckpointError> {
    let mut ranges: Vec<_> =
        entries.iter().map(|(name, entry)| (entry.data_offsets, name)).collect();
    ranges.sort_unstable();
    let mut cursor = 0u64;
    for ((begin, end), name) in ranges {
        if begin != cursor || end < begin {
            let problem = format!("owns bytes {begin}..{end}, expected to begin at {cursor}");
            return Err(CheckpointError::malformed(
                path,
                format!("tensor `{}`", shown(name)),
                problem,
            ));
        }
        cursor = end;
    }
    if cursor != available as u64 {
        let problem = format!("the tensors own {cursor} bytes, the file has {available}");
        return Err(CheckpointError::malformed(path, "data", problem));
    }
    Ok(())
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

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

struct Header {
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut entries = BTreeMap::new();
        let mut metadata: Option<Option<BTreeMap<String, String>>> = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                if metadata.replace(map.next_value()?).is_some() {
                    return Err(de::Error::custom("duplicate `__metadata__`"));
                }
            } else if entries.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate tensor `{}`", shown(&name))));
            } else if entries.len() >= TENSOR_LIMIT {
                return Err(A::Error::custom(format_args!("more than {TENSOR_LIMIT} tensors")));
            } else {
                entries.insert(name, map.next_value()?);
            }
        }
        Ok(Header { entries, metadata: metadata.flatten().unwrap_or_default() })
    }
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
