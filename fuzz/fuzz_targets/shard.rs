//! Any bytes as a user's shard of samples: the tar, and the labels, captions, JSON and arrays in
//! it.

#![no_main]

mod custom;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| custom::holds("webdataset:fuzz.tar", "fuzz.tar", bytes));
