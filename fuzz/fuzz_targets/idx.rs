//! IDX files, plain or inside gzip.

#![no_main]

use clip_formats::idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = idx::parse(&mut &*bytes);
});
