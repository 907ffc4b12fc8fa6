//! Pickles of CIFAR's Python version.

#![no_main]

use clip_data::formats::pickle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = pickle::parse(&mut &*bytes);
});
