//! Pickles of CIFAR's Python version, and the array in them.

#![no_main]

use std::path::Path;

use clip_formats::pickle::{self, Names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(pickle) = pickle::load(Path::new("fuzz"), "", bytes, Names::Numpy) {
        let _ = pickle.item("data").and_then(|data| pickle.array(data));
        let _ = pickle.item("labels").map(|list| (pickle.integers(list), pickle.texts(list)));
    }
});
