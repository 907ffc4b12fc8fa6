//! Reference values of `tests/golden`: how they were made is in README.md there.
#![allow(dead_code, reason = "each test file uses its part")]

use clip_testing::Arrays;
use serde_json::Value;

/// A file of `tests/golden`.
pub(crate) fn path(name: &str) -> String {
    format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A JSON file of `tests/golden`.
pub(crate) fn json(name: &str) -> Value {
    clip_testing::read_json(path(name))
}

/// A safetensors file of `tests/golden`.
pub(crate) fn arrays(name: &str) -> Arrays {
    Arrays::open(path(name))
}

/// Numbers of a JSON list.
pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Holds a figure against its reference. Both sides compute in f64 from the same inputs: 1e-9
/// relative, as the README of the golden data says, and 1e-12 about zero.
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
