//! What the four golden tests share: finding the data, hashes, and a list of failures.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::PathBuf;
use std::{env, fs};

use clip_image::{Image, Mode};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The whole golden set beside the checkout, and the part of it that is in the repository.
///
/// `CLIP_RS_GOLDEN_PREPROCESS` names another folder of the same kind, made with other seeds.
pub(crate) fn folders() -> Vec<PathBuf> {
    let root = env!("CARGO_MANIFEST_DIR");
    if let Some(other) = env::var_os("CLIP_RS_GOLDEN_PREPROCESS") {
        return vec![PathBuf::from(other)];
    }
    let whole = PathBuf::from(format!("{root}/../../../shared/golden/preprocess"));
    let part = PathBuf::from(format!("{root}/tests/data"));
    if whole.is_dir() {
        return vec![whole, part];
    }
    skipped("../shared/golden/preprocess is not beside this checkout");
    vec![part]
}

pub(crate) fn json(path: &PathBuf) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Pillow's `tobytes()`: mode 1 is packed to bits.
pub(crate) fn pillow_bytes(image: &Image) -> Vec<u8> {
    if image.mode != Mode::Bilevel {
        return image.data.clone();
    }
    let pack =
        |byte: &[u8]| byte.iter().enumerate().fold(0, |all, (bit, v)| all | (v & 128) >> bit);
    image.data.chunks_exact(image.width as usize).flat_map(|row| row.chunks(8).map(pack)).collect()
}

/// Counts cases and lists those that fail.
#[derive(Default)]
pub(crate) struct Report {
    cases: usize,
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn case(&mut self, result: Result<(), String>) {
        self.cases += 1;
        self.failures.extend(result.err());
    }

    pub(crate) fn finish(self, what: &str) {
        for failure in &self.failures {
            eprintln!("{failure}");
        }
        assert!(
            self.failures.is_empty(),
            "{what}: {} of {} cases differ",
            self.failures.len(),
            self.cases
        );
        println!("{what}: {} cases", self.cases);
    }
}

/// Says that something was skipped where the test runner does not hide it: it keeps back what passing tests print.
fn skipped(what: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {what}\n"));
}
