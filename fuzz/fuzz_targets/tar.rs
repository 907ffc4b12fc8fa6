//! The list of files in a tar.

#![no_main]

use clip_formats::archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = archive::count_tar(bytes);
});
