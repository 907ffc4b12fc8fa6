//! Writes a released architecture with weights by formula, f32, in the reference's names: for
//! benchmarks.
//!
//! `cargo run --release -p clip-model --example synthetic_weights -- ViT-B/32 vit_b_32.safetensors`

use clip_model::safetensors::{self, WriteTensor};
use clip_model::{registry, synthetic};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: synthetic_weights MODEL FILE.safetensors".into());
    };
    let weights = synthetic::state_dict(&registry::find(&name)?.architecture, 1);
    let tensors =
        weights.iter().map(|(name, tensor)| WriteTensor::as_is(name, tensor.clone())).collect();
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    Ok(safetensors::write(Path::new(&out), tensors, &metadata)?)
}
