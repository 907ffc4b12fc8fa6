//! How pictures go through their tower while it is trained.

/// Where batch norms take mean and variance from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchNormMode {
    /// From the batch; the running statistics move a tenth of the way to them.
    #[default]
    Batch,
    /// The running ones, which stay as they are: frozen batch norm, evaluation.
    Running,
}

/// How pictures go through their tower.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePass {
    /// Of a ResNet; a ViT has no batch norm.
    pub batch_norm: BatchNormMode,
    /// Keeps only what goes into each block, which is computed again on the way back.
    pub checkpointing: bool,
    /// Patch dropout: the patches of each picture that are computed, by their places in the grid
    /// from 0, ascending; the class token always is. A ViT's alone.
    pub kept_patches: Option<Vec<Vec<usize>>>,
}

/// What a forward pass keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// What backward needs.
    Activations,
    /// What goes into each block.
    Inputs,
    /// Nothing: there is no way back.
    Nothing,
}

impl Kept {
    /// For a pass that goes back.
    pub(crate) fn of(checkpointing: bool) -> Self {
        if checkpointing { Self::Inputs } else { Self::Activations }
    }
}
