//! What an image tower gives.

use clip_kernels::Device;

/// Features of pictures on a device.
pub(crate) struct ImageRows<D: Device> {
    /// Before the projection into the joint space, `[items, penultimate_width]`.
    pub(crate) penultimate: D::Rows,
    /// `[items, embed_dim]`.
    pub(crate) features: D::Rows,
}
