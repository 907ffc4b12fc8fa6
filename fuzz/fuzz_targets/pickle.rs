//! Pickles: any bytes, as a state dict and as a tree of TorchScript modules.

#![no_main]

use clip_model::checkpoint::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::pickle(bytes));
