//! What the four golden tests share: finding the data, and a list of failures.
#![allow(dead_code, reason = "each test uses its part")]

use std::env;
use std::path::PathBuf;

use clip_image::{Image, Mode};

/// The whole golden set beside the checkout, and the part of it that is in the repository.
///
/// `CLIP_RS_GOLDEN_PREPROCESS` names another folder of the same kind, made with other seeds.
pub(crate) fn folders() -> Vec<PathBuf> {
    let root = env!("CARGO_MANIFEST_DIR");
    if let Some(other) = env::var_os("CLIP_RS_GOLDEN_PREPROCESS") {
        return vec![PathBuf::from(other)];
    }
    let part = PathBuf::from(format!("{root}/tests/data"));
    clip_testing::golden("preprocess").into_iter().chain([part]).collect()
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
