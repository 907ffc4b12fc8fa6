//! Any bytes as a user's shard of samples: the tar, and the labels, captions, JSON and arrays in it.

#![no_main]

mod own;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| own::holds("webdataset:fuzz.tar", "fuzz.tar", bytes));
