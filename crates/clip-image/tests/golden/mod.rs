//! What the four golden tests share: finding the data, hashes, and a list of failures.
#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::PathBuf;

use clip_image::{Image, Mode};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The whole golden set beside the checkout, or the part of it that is in the repository.
pub fn folders() -> Vec<PathBuf> {
    let root = env!("CARGO_MANIFEST_DIR");
    let whole = PathBuf::from(format!("{root}/../../../shared/golden/preprocess"));
    let part = PathBuf::from(format!("{root}/tests/data"));
    if whole.is_dir() {
        return vec![whole, part];
    }
    println!("skipped: ../shared/golden/preprocess is not beside this checkout");
    vec![part]
}

pub fn json(path: &PathBuf) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Pillow's `tobytes()`: mode 1 is packed to bits.
pub fn pillow_bytes(image: &Image) -> Vec<u8> {
    if image.mode != Mode::Bilevel {
        return image.data.clone();
    }
    let pack = |byte: &[u8]| byte.iter().enumerate().fold(0, |all, (bit, v)| all | (v & 128) >> bit);
    image.data.chunks_exact(image.width as usize).flat_map(|row| row.chunks(8).map(pack)).collect()
}

/// Counts cases and lists those that fail.
#[derive(Default)]
pub struct Report {
    cases: usize,
    failures: Vec<String>,
}

impl Report {
    pub fn case(&mut self, result: Result<(), String>) {
        self.cases += 1;
        self.failures.extend(result.err());
    }

    pub fn finish(self, what: &str) {
        for failure in &self.failures {
            eprintln!("{failure}");
        }
        assert!(self.failures.is_empty(), "{what}: {} of {} cases differ", self.failures.len(), self.cases);
        println!("{what}: {} cases", self.cases);
    }
}
