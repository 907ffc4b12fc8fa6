//! The header of a safetensors file (PROTOCOL 5.5): who owns which bytes. Entries sorted by offset
//! must tile the data exactly.
//!
//! Own, because the format is 8 bytes, one JSON object and the data, and because two rules go
//! beyond the usual crate: duplicate names are refused as such, and nothing is allocated that the
//! file does not hold.

use crate::dtype::Dtype;
use crate::error::{FormatError, shown};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// The reference implementation's limit in bytes.
const HEADER_LIMIT: u64 = 100_000_000;
const TENSOR_LIMIT: usize = 100_000;

/// What stands before the data.
#[derive(Debug)]
pub struct Header {
    /// The tensors by name.
    pub entries: BTreeMap<String, Entry>,
    /// `__metadata__`.
    pub metadata: BTreeMap<String, String>,
    /// Where the data begin in the file.
    pub data_start: usize,
}

/// A tensor as the header describes it; its shape is not yet compared with its bytes.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// The type's name, `F32`.
    pub dtype: String,
    /// Sizes, outermost first.
    pub shape: Vec<u64>,
    /// First byte and end, counted from where the data begin.
    pub data_offsets: (u64, u64),
}

/// Reads the header of the file that is `all`; `path` is for messages.
///
/// # Errors
/// It is damaged, larger than 100 MB, or its entries do not tile the data.
pub fn parse(path: &Path, all: &[u8]) -> Result<Header, FormatError> {
    let malformed = |problem: String| FormatError::malformed_at(path, "header", problem);
    let Some((length, rest)) = all.split_first_chunk::<8>() else {
        return Err(malformed(format!(
            "the file has {} bytes, the length alone takes 8",
            all.len()
        )));
    };
    let length = u64::from_le_bytes(*length);
    if length > HEADER_LIMIT {
        return Err(FormatError::Limit {
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
    let Tensors { entries, metadata } =
        serde_json::from_slice(json).map_err(|error| malformed(describe(&error)))?;
    check_tiling(path, &entries, data.len())?;
    Ok(Header { entries, metadata, data_start: all.len().saturating_sub(data.len()) })
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
) -> Result<(), FormatError> {
    let mut ranges: Vec<_> =
        entries.iter().map(|(name, entry)| (entry.data_offsets, name)).collect();
    ranges.sort_unstable();
    let mut cursor = 0u64;
    for ((begin, end), name) in ranges {
        if begin != cursor || end < begin {
            let problem = format!("owns bytes {begin}..{end}, expected to begin at {cursor}");
            return Err(FormatError::malformed_at(
                path,
                format!("tensor `{}`", shown(name)),
                problem,
            ));
        }
        cursor = end;
    }
    if cursor != available as u64 {
        let problem = format!("the tensors own {cursor} bytes, the file has {available}");
        return Err(FormatError::malformed_at(path, "data", problem));
    }
    Ok(())
}

/// The JSON object.
struct Tensors {
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TensorsVisitor)
    }
}

struct TensorsVisitor;

impl<'de> Visitor<'de> for TensorsVisitor {
    type Value = Tensors;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensors, A::Error> {
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
        Ok(Tensors { entries, metadata: metadata.flatten().unwrap_or_default() })
    }
}

/// What stands before the data of `tensors`, given in the order of their data: the length, and the
/// JSON, padded with spaces so that the data begin at a multiple of 8.
pub fn header<'a>(
    metadata: &BTreeMap<String, String>,
    tensors: impl IntoIterator<Item = (&'a str, Dtype, &'a [usize])>,
) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".to_owned(), json!(metadata));
    }
    let mut begin = 0u64;
    for (name, dtype, shape) in tensors {
        let size = |size: u64, &count: &usize| size.saturating_mul(count as u64);
        let end = begin.saturating_add(shape.iter().fold(dtype.size() as u64, size));
        let dtype = dtype.name().to_uppercase();
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, end] });
        header.insert(name.to_owned(), entry);
        begin = end;
    }
    let mut text = serde_json::Value::Object(header).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}
