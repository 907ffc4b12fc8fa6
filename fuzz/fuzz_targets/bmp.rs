//! Any bytes as Bmp: an error, or a picture of the size of its header.

#![no_main]

mod picture;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| picture::holds(clip_image::Format::Bmp, bytes));
