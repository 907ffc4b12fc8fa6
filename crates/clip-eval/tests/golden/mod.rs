//! Reference values of `tests/golden`: how they were made is in README.md there.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

/// A file of `tests/golden`.
fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A JSON file of `tests/golden`.
pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The arrays of a safetensors file: f32 and i64 alone.
pub(crate) struct Arrays {
    header: BTreeMap<String, Value>,
    data: Vec<u8>,
}

impl Arrays {
    pub(crate) fn open(name: &str) -> Arrays {
        let bytes = bytes(name);
        let (length, rest) = bytes.split_at(8);
        let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        Arrays { header: serde_json::from_slice(header).unwrap(), data: data.to_vec() }
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.words(name, "F32")
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| f32::from_le_bytes(*word))
            .collect()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        self.words(name, "I64")
            .as_chunks::<8>()
            .0
            .iter()
            .map(|word| i64::from_le_bytes(*word))
            .collect()
    }

    pub(crate) fn classes(&self, name: &str) -> Vec<u32> {
        self.integers(name).into_iter().map(|class| u32::try_from(class).unwrap()).collect()
    }

    /// Length of the last axis.
    pub(crate) fn width(&self, name: &str) -> usize {
        self.header[name]["shape"].as_array().unwrap().last().unwrap().as_u64().unwrap() as usize
    }

    fn words(&self, name: &str, kind: &str) -> &[u8] {
        let entry = &self.header[name];
        assert_eq!(entry["dtype"], kind, "{name}");
        let offset = |index: usize| entry["data_offsets"][index].as_u64().unwrap() as usize;
        &self.data[offset(0)..offset(1)]
    }
}

/// Numbers of a JSON list.
pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Holds a figure against its reference. Both sides compute in f64 from the same inputs: 1e-9 relative, as the README of
/// the golden data says, and 1e-12 about zero.
#[track_caller]
pub(crate) fn assert_equal(found: f64, expected: &Value, what: &str) {
    let expected = expected
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: no number in the reference: {expected}"));
    let allowed = (expected.abs() * if expected.abs() < 1e-100 { 1e-8 } else { 1e-9 }).max(1e-300);
    let zero = if expected == 0.0 { 1e-12 } else { 0.0 };
    assert!((found - expected).abs() <= allowed + zero, "{what}: {found:e} against {expected:e}");
}

/// Holds a figure against one that its file rounds to 12 significant digits.
#[track_caller]
pub(crate) fn assert_rounded(found: f64, expected: &Value, what: &str) {
    let expected = expected
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: no number in the reference: {expected}"));
    assert!(
        (found - expected).abs() <= 6e-12 * expected.abs() + 1e-15,
        "{what}: {found:e} against {expected:e}"
    );
}
