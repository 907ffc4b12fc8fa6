//! The starter model: a small CLIP inside the program, so that the first command needs no download.

use clip_model::{Checkpoint, CheckpointError, LoadOptions};

/// The name under which the starter is loaded and reported.
pub const NAME: &str = "starter";

const WEIGHTS: &[u8] = include_bytes!("../assets/starter/starter.safetensors");
const CONFIG: &str = include_str!("../assets/starter/open_clip_config.json");

/// What has to be said wherever the starter answers. Its model card:
/// `crates/clip/assets/starter/README.md`.
pub const STARTER_NOTE: &str = "using the built-in starter model, a small demonstration (12.5 M parameters): good at \
whole objects, animals and food, weak at people, scenes, colours, counting and text; for a released model: \
`clip-rs models download ViT-B/32`, then `--model ViT-B/32`";

pub(crate) fn checkpoint(options: &LoadOptions) -> Result<Checkpoint, CheckpointError> {
    let mut checkpoint = Checkpoint::from_bytes(NAME, WEIGHTS, Some(CONFIG), options)?;
    checkpoint.files.clear(); // there is no file to find again
    Ok(checkpoint)
}
