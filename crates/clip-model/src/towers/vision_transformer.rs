//! Image tower of the four ViT models (PROTOCOL 1.1).
//!
//! ```text
//! input [items, 3 · resolution²]
//!    │ patch_embedding [width, 3 · patch_size²], class_embedding in front, + positional_embedding
//!    ▼
//! rows [items · tokens, width]     tokens = grid² + 1
//!    │ ln_pre, blocks; the last one only for row 0 of each image
//!    ▼
//! class rows [items, width]
//!    │ ln_post, · image_projection [width, embed_dim]
//!    ▼
//! features [items, embed_dim]      NOT normalised
//! ```

use super::ImageRows;
use crate::CheckpointError;
use crate::layers::{BlockOptions, Items, LayerNorm, Linear, Loader, Transformer};
use clip_kernels::{Activation, Device, MatrixView, PatchGrid, Result};

pub(crate) struct VisionTransformer<D: Device> {
    grid: PatchGrid,
    patch_embedding: D::Weight,    // [width, 3 · patch_size²]
    class_embedding: D::Vector,    // [width]
    positional_embedding: D::Rows, // [tokens, width]
    ln_pre: LayerNorm<D>,
    transformer: Transformer<D>,
    ln_post: LayerNorm<D>,
    image_projection: Linear<D>, // [embed_dim, width]
}

impl<D: Device> VisionTransformer<D> {
    /// The branch `visual`.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        grid: PatchGrid,
        layers: usize,
        options: &BlockOptions,
    ) -> Result<Self, CheckpointError> {
        let patch_embedding = loader.values("conv1.weight")?;
        let width = patch_embedding.len() / grid.patch_values();
        let patch_embedding =
            MatrixView::output_major(&patch_embedding, width, grid.patch_values());
        Ok(Self {
            grid,
            patch_embedding: loader
                .with_precision(loader.precision.of_pixels())
                .pack(patch_embedding)?,
            class_embedding: loader.vector("class_embedding")?,
            positional_embedding: loader.rows("positional_embedding")?,
            ln_pre: LayerNorm::load(&loader.at("ln_pre"))?,
            transformer: Transformer::load(&loader.at("transformer"), layers, options)?,
            ln_post: LayerNorm::load(&loader.at("ln_post"))?,
            image_projection: Linear::load_projection(loader, "proj")?,
        })
    }

    /// Rows that a picture is while it is computed.
    pub(crate) fn tokens(&self) -> usize {
        self.grid.patches() + 1
    }

    /// `input [items, 3 · resolution²] -> penultimate [items, width], features [items, embed_dim]`.
    pub(crate) fn forward(
        &self,
        device: &D,
        input: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> Result<ImageRows<D>> {
        let plan = Items::uniform(items, self.tokens()).prepare(device)?; // row 0: the class token's
        let rows = device.embed_patches(
            input,
            self.grid,
            &self.patch_embedding,
            Some(&self.class_embedding),
            &self.positional_embedding,
        )?; // [items · tokens, width]
        let rows = self.ln_pre.forward(device, &rows)?;
        let pooled = self.transformer.forward_pooled(device, rows, &plan, pooled_rows_only)?; // [items, width]
        let penultimate = self.ln_post.forward(device, &pooled)?;
        let features = self.image_projection.forward(device, &penultimate, Activation::None)?;
        Ok(ImageRows { penultimate, features })
    }
}
