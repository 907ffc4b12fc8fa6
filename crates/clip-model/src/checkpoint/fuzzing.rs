//! Doors for fuzz targets and mutation tests: bytes in, nothing out, no panic whatever the bytes
//! are. Not part of the interface.

use super::{Checkpoint, LoadOptions, source, torch};
use crate::architecture::Activation;
use crate::safetensors;
use crate::tensor::SharedBytes;
use clip_formats::pickle::{self, Names};
use clip_formats::zip;
use std::path::Path;

/// A pickle alone, and the tree that is read out of it.
pub fn pickle(bytes: &[u8]) {
    for names in [Names::Torch, Names::TorchScript] {
        if let Ok(pickle) = pickle::load(Path::new("fuzz.pt"), "data.pkl", bytes, names) {
            torch::read_tree(&pickle);
        }
    }
}

/// An archive: its directory, and every entry read.
pub fn zip(bytes: &[u8]) {
    if let Ok(archive) = zip::Archive::open(Path::new("fuzz.pt"), bytes) {
        archive.read_everything();
    }
    checkpoint("fuzz.pt", bytes);
}

/// A safetensors file, and every tensor widened.
pub fn safetensors(bytes: &[u8]) {
    if let Ok(file) =
        safetensors::parse(Path::new("fuzz.safetensors"), SharedBytes::new(bytes.to_vec()))
    {
        for tensor in file.tensors.values() {
            let _ = (tensor.to_f32(), tensor.to_i64(), tensor.transposed().map(|t| t.to_f32()));
        }
    }
    checkpoint("fuzz.safetensors", bytes);
}

/// A whole file of any format, every tensor widened.
pub fn checkpoint(name: &str, bytes: &[u8]) {
    let options = LoadOptions { activation: Some(Activation::QuickGelu), ..LoadOptions::default() };
    let source = source::parse(Path::new(name), SharedBytes::new(bytes.to_vec()), &options);
    if let Ok(checkpoint) = source.and_then(|source| Checkpoint::assemble(source, &options)) {
        let _ = checkpoint.check();
        for (_, tensor) in checkpoint.state_dict.iter() {
            let _ = tensor.to_f32();
        }
    }
}
