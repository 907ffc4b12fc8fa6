//! The format before 1.6 (PROTOCOL 5.4): five pickles one after the other, then the storages, each
//! its number of elements and its bytes.

use super::super::contents::{Contents, Inventory};
use super::super::layout::Container;
use crate::error::CheckpointError;
use crate::tensor::SharedBytes;
use clip_formats::pickle::{self, Names, Pickle, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The number that the first pickle is: LONG1 of 10 bytes, 0x1950a86a20f9469cfc6c, STOP.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
const PROTOCOL_VERSION: i64 = 1001;
/// How much of the beginning is copied to read the pickles, and again where that was too little;
/// storages stay in the file.
const HEAD_LENGTHS: [usize; 2] = [1 << 20, 64 << 20];

/// Where the first pickle ends, if it is the one that such files begin with: the protocol, from
/// protocol 4 on a frame, then the number.
fn end_of_magic(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x80")?;
    let start = match rest.first()? {
        2 | 3 => 2,
        4 | 5 if rest.get(1) == Some(&0x95) => 11,
        4 | 5 => 2,
        _ => return None,
    };
    bytes.get(start..)?.starts_with(MAGIC).then(|| MAGIC.len().saturating_add(start))
}

/// Whether the file begins as this format does.
pub(in super::super) fn is_legacy(bytes: &[u8]) -> bool {
    end_of_magic(bytes).is_some()
}

pub(in super::super) fn open(path: &Path, bytes: SharedBytes) -> Result<Contents, CheckpointError> {
    with_head(path, &bytes, |object, places| {
        super::contents(path, object, Container::TorchLegacy, |record| {
            let place =
                places.get(record.key).and_then(|&(start, length)| bytes.slice(start, length));
            let problem = "a tensor's storage is not in the list of storages";
            place.ok_or_else(|| CheckpointError::malformed(path, "stream", problem))
        })
    })
}

pub(in super::super) fn describe(
    path: &Path,
    bytes: SharedBytes,
) -> Result<Inventory, CheckpointError> {
    with_head(path, &bytes, |object, _| super::inventory(path, object, Container::TorchLegacy))
}

/// Start and length in bytes of each storage.
type Places<'a> = BTreeMap<&'a str, (usize, usize)>;

fn with_head<T>(
    path: &Path,
    bytes: &SharedBytes,
    read: impl Fn(&Pickle<'_>, &Places<'_>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let [short, long] = HEAD_LENGTHS;
    match with_pickles(path, bytes, short, &read) {
        Err(_) if bytes.as_slice().len() > short => with_pickles(path, bytes, long, &read),
        outcome => outcome,
    }
}

fn with_pickles<T>(
    path: &Path,
    bytes: &SharedBytes,
    length: usize,
    read: impl Fn(&Pickle<'_>, &Places<'_>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let malformed = |problem: String| CheckpointError::malformed(path, "stream", problem);
    let whole = bytes.as_slice();
    // Copied, so that strings of the pickles stay what they were when they were checked.
    let head = whole.get(..length).unwrap_or(whole).to_vec();
    let mut at = end_of_magic(&head).unwrap_or(0);
    let mut next = |place: &str| -> Result<Pickle<'_>, CheckpointError> {
        let pickle = pickle::load(path, place, head.get(at..).unwrap_or(&[]), Names::Torch)?;
        at = at.saturating_add(pickle.length);
        Ok(pickle)
    };
    let version = next("protocol version")?;
    if !matches!(version.root(), Value::Int(PROTOCOL_VERSION)) {
        return Err(malformed(format!("another protocol version than {PROTOCOL_VERSION}")));
    }
    let system = next("system information")?;
    if let Value::Dict(pairs) = system.root()
        && !matches!(system.entry(pairs, "little_endian"), Some(Value::Bool(true)))
    {
        return Err(CheckpointError::Unsupported {
            path: path.to_path_buf(),
            found: "a file in big-endian order".to_owned(),
            supported: "little-endian is".to_owned(),
        });
    }
    let object = next("object")?;
    let keys = next("storage keys")?;
    let places = places(whole, at, &object, &keys).map_err(malformed)?;
    read(&object, &places)
}

/// From the counts before the storages, in file order.
fn places<'a>(
    whole: &[u8],
    mut at: usize,
    object: &Pickle<'a>,
    keys: &Pickle<'_>,
) -> Result<Places<'a>, String> {
    let Value::List(ids) = keys.root() else {
        return Err("the storage keys are not a list".to_owned());
    };
    let records: BTreeMap<&str, _> =
        object.storages.iter().map(|record| (record.key, record)).collect();
    let mut places = BTreeMap::new();
    for &id in ids {
        let Value::Str(key) = keys.get(id) else {
            return Err("a storage key is not a string".to_owned());
        };
        let record = records.get(key).ok_or("a storage that no tensor uses")?;
        let count = whole
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map(|&count| u64::from_le_bytes(count));
        if count != Some(record.elements) {
            return Err(format!(
                "a storage of another length than the {} values announced",
                record.elements
            ));
        }
        let start = at.saturating_add(8);
        let length = usize::try_from(record.elements)
            .ok()
            .and_then(|n| n.checked_mul(record.element.size()));
        let end =
            length.and_then(|length| start.checked_add(length)).filter(|&end| end <= whole.len());
        let end = end.ok_or_else(|| {
            format!("a storage of {} values goes beyond the file", record.elements)
        })?;
        if places.insert(record.key, (start, end.saturating_sub(start))).is_some() {
            return Err("a storage is there twice".to_owned());
        }
        at = end;
    }
    match whole.len().saturating_sub(at) {
        0 => Ok(places),
        rest => Err(format!("{rest} bytes follow the last storage")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{name: tensor}` over one storage of four f32, of which the tensor sees the part given.
    fn file(part: &[u8], count: u64) -> Vec<u8> {
        let mut bytes = [b"\x80\x02", MAGIC].concat();
        bytes.extend(b"\x80\x02M\xe9\x03.");
        bytes.extend(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
        bytes.extend(b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(");
        bytes.extend(
            b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x02\0\0\0\x37\x37X\x03\0\0\0cpuK\x04",
        );
        bytes.extend(part);
        bytes.extend(b"tQK\x01K\x01\x85K\x01\x85\x89}tRs.");
        bytes.extend(b"\x80\x02]X\x02\0\0\0\x37\x37a.");
        bytes.extend(count.to_le_bytes());
        for value in [1f32, 2.0, 3.0, 4.0] {
            bytes.extend(value.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<f32>, String> {
        let contents =
            open(Path::new("m.pt"), SharedBytes::new(bytes)).map_err(|error| error.to_string())?;
        Ok(contents.tensors[0].1.to_f32())
    }

    #[test]
    fn parts_of_storages_are_seen_through() {
        assert_eq!(read(file(b"N", 4)), Ok(vec![2.0]), "whole storage, offset 1");
        // Part (key, 2, 2): elements 2 and 3; the tensor begins at the second of them.
        let part = b"X\x02\0\0\0\x37\x38K\x02K\x02\x87";
        assert_eq!(read(file(part, 4)), Ok(vec![4.0]));
    }

    #[test]
    fn parts_and_storages_beyond_the_file_are_refused() {
        let part = b"X\x02\0\0\0\x37\x38K\x03K\x02\x87";
        assert!(read(file(part, 4)).unwrap_err().ends_with("a part of a storage ends behind it"));
        assert!(read(file(b"N", 5)).unwrap_err().contains("a storage of another length"));
        let mut longer = file(b"N", 4);
        longer.push(0);
        assert!(read(longer).unwrap_err().ends_with("1 bytes follow the last storage"));
        let mut shorter = file(b"N", 4);
        shorter.pop();
        assert!(read(shorter).unwrap_err().contains("goes beyond the file"));
    }
}
