//! What the caller decides about loading.

use crate::architecture::Activation;

/// What the caller decides about loading.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The activation, whatever the file says.
    pub activation: Option<Activation>,
    /// Take QuickGELU with a warning where neither file nor caller says which activation. Without
    /// it that is [`UnknownActivation`](crate::CheckpointError::UnknownActivation).
    pub guess_activation: bool,
    /// JSON of a configuration (`open_clip_config.json`, its `model_cfg`, or transformers'
    /// `config.json`) for weights that come without one; it wins over one beside the weights, and
    /// so does its `preprocess_cfg`.
    pub config: Option<String>,
    /// Accept a file that carries the name of a released model and is another one.
    pub ignore_digest: bool,
    /// Leave out what reads every byte: check sums of archives and the SHA-256 of files named like
    /// a released model.
    pub skip_values: bool,
}
