//! MATLAB files of version 5: any bytes behind a header of 128.

#![no_main]

use clip_formats::matlab;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    matlab::parse_all(bytes);
});
