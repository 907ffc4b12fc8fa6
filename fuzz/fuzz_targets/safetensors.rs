//! safetensors: header, every tensor widened, and the checkpoint as a whole.

#![no_main]

use clip_model::checkpoint::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::safetensors(bytes));
