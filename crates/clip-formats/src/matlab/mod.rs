//! MATLAB files of version 5 (`save -v6`, `-v7`): numbers, texts, cells and structs.
//!
//! ```text
//! file: 128 bytes of header ── element ── element ── …        an element: type, length, content, padding to 8 bytes
//!                                 │
//!                 miCOMPRESSED: zlib of one element;  miMATRIX: flags, dimensions, name, then by class
//!                                                       numbers, one element · char, one element of UTF-8 or UTF-16
//!                                                       cell: a miMATRIX each · struct: names, a miMATRIX each
//! ```
//!
//! It is read as a stream: beside the values asked for, nothing is kept. Version 7.3 is HDF5:
//! [`super::hdf5`].

mod element;
mod matrix;
mod value;

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;

use self::element::{Failure, Stream, fail};
pub use self::value::{Array, Numbers, Struct, Value};
use crate::error::FormatError;

/// The variables called `wanted`.
///
/// # Errors
/// It is no such file, one of them is not in it, or it is damaged or beyond the limits: 512 MB of
/// values, 8 million of them, cells 16 deep.
pub fn read(path: &Path, wanted: &[&str]) -> Result<BTreeMap<String, Value>, FormatError> {
    let file = clip_files::open(path, u64::MAX).map_err(FormatError::read(path))?;
    let found = parse(&mut BufReader::new(file), wanted).map_err(|failure| match failure {
        Failure::Read(source) => FormatError::Read { path: path.to_owned(), source },
        Failure::Content(reason) => FormatError::malformed(path, reason),
    })?;
    let missing = wanted.iter().find(|&&name| !found.values.contains_key(name));
    match missing {
        None => Ok(found.values),
        Some(name) => {
            let there = found.names.join(", ");
            Err(FormatError::malformed(path, format!("no variable `{name}`; there are {there}")))
        }
    }
}

/// Reads all variables of a file whose bytes are at hand; for the fuzz target.
#[doc(hidden)]
pub fn parse_all(bytes: &[u8]) -> usize {
    parse(&mut &*bytes, &[]).map_or(0, |found| found.values.len())
}

#[derive(Debug)]
struct Found {
    values: BTreeMap<String, Value>,
    names: Vec<String>,
}

/// All variables where `wanted` is empty.
fn parse(source: &mut dyn Read, wanted: &[&str]) -> Result<Found, Failure> {
    let mut header = [0; 128];
    source.read_exact(&mut header).map_err(Failure::Read)?;
    let (text, version) = header.split_at(124);
    match version {
        [0, 1, b'I', b'M'] => {}
        [0, 2, b'I', b'M'] => {
            return fail("MATLAB 7.3 (HDF5), expected version 5; save it with -v7");
        }
        [1, 0, b'M', b'I'] => {
            return fail("big-endian MATLAB files are not supported");
        }
        _ => {
            let begins = String::from_utf8_lossy(text.get(..16).unwrap_or_default());
            return fail(format!("not a MATLAB file of version 5: it begins with {begins:?}"));
        }
    }
    let mut stream = Stream::new(source);
    let mut found = Found { values: BTreeMap::new(), names: Vec::new() };
    while let Some((name, value)) = matrix::variable(&mut stream, wanted)? {
        if let Some(value) = value {
            found.values.insert(name.clone(), value);
        }
        if found.names.len() < 1000 {
            found.names.push(name);
        }
    }
    Ok(found)
}
