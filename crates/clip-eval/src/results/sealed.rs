//! JSON files that end with the BLAKE3 of their own text: one that was edited by hand is no result
//! of a run.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::write::write_whole;
use crate::error::{EvalError, Result};

/// Bytes of a file that are read: confusions of thousands of classes.
const LARGEST: u64 = 1 << 30;

/// What a result's own hash says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// It is as it was written.
    Whole,
    /// It was changed since.
    Broken,
    /// A program that had no seals wrote it.
    None,
}

/// Writes an object whole or not at all, with its seal.
///
/// # Errors
/// It cannot be written.
pub fn write(value: &impl Serialize, path: &Path) -> Result<()> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| EvalError::result(path, error))?;
    write_whole(path, with_seal(&text).as_bytes())
}

/// Reads an object, and whether it is as it was written.
///
/// # Errors
/// It cannot be read, or is no such object.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<(T, Seal)> {
    let text = clip_files::read_text(path, LARGEST).map_err(EvalError::io(path))?;
    let value = serde_json::from_str(&text).map_err(|error| EvalError::result(path, error))?;
    Ok((value, seal_of(&text)))
}

/// The error of a file of another layout.
pub fn other_schema(path: &Path, found: u32, known: u32) -> EvalError {
    EvalError::result(path, format!("schema {found}, this program reads {known}"))
}

const SEAL_KEY: &str = ",\n  \"blake3\": \"";
const SEAL_END: &str = "\"\n}\n";

/// A JSON object with the hash of its text as last entry.
fn with_seal(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let open = text.strip_suffix("\n}").unwrap_or(text);
    format!("{open}{SEAL_KEY}{hash}{SEAL_END}")
}

fn seal_of(text: &str) -> Seal {
    let found = text
        .strip_suffix(SEAL_END)
        .and_then(|text| text.rsplit_once(SEAL_KEY))
        .map(|(open, hash)| *hash == *blake3::hash(format!("{open}\n}}").as_bytes()).to_hex());
    match found {
        Some(true) => Seal::Whole,
        Some(false) => Seal::Broken,
        None if text.contains("\"blake3\"") && is_sealed_in_another_form(text) => Seal::Broken,
        None => Seal::None,
    }
}

/// Whether the last entry is there, but another program has written the file anew.
fn is_sealed_in_another_form(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.get("blake3").is_some())
}
