//! Text tower (PROTOCOL 1.3).
//!
//! ```text
//! token_ids [rows], positions      a tree of texts, each up to the row that is read
//!    │ token_embedding + positional_embedding
//!    ▼
//! rows [rows, width]
//!    │ causal blocks; the last one only for the row of each text that is read
//!    ▼
//! pooled rows [items, width]
//!    │ ln_final, · text_projection [width, embed_dim]
//!    ▼
//! features [items, embed_dim]     NOT normalised
//! ```

use crate::layers::{BlockOptions, Items, LayerNorm, Linear, Loader, Transformer};
use crate::{Architecture, CheckpointError, TextPooling};
use clip_kernels::{Activation, Device, Result};

pub(crate) struct TextTransformer<D: Device> {
    token_embedding: D::Rows,      // [vocab_size, width]
    positional_embedding: D::Rows, // [context_length, width]
    transformer: Transformer<D>,
    ln_final: LayerNorm<D>,
    text_projection: Linear<D>, // [embed_dim, width]
}

impl<D: Device> TextTransformer<D> {
    /// The text tower's names stand at the root.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        architecture: &Architecture,
    ) -> Result<Self, CheckpointError> {
        let text = &architecture.text;
        let options =
            BlockOptions { heads: text.heads, activation: architecture.activation, causal: true };
        Ok(Self {
            token_embedding: loader.rows("token_embedding.weight")?,
            positional_embedding: loader.rows("positional_embedding")?,
            transformer: Transformer::load(&loader.at("transformer"), text.layers, &options)?,
            ln_final: LayerNorm::load(&loader.at("ln_final"))?,
            text_projection: Linear::load_projection(loader, "text_projection")?,
        })
    }

    /// - `token_ids`, `positions`: `[rows]`, the tokens of the items and their places in their
    ///   texts
    /// - returns the features of the items, `[items, embed_dim]`
    pub(crate) fn forward(
        &self,
        device: &D,
        token_ids: &[u32],
        positions: &[usize],
        items: Items,
        pooled_rows_only: bool,
    ) -> Result<D::Rows> {
        let plan = items.prepare(device)?;
        let rows = device.embed_tokens(
            token_ids,
            positions,
            &self.token_embedding,
            &self.positional_embedding,
        )?; // [rows, width]
        let pooled = self.transformer.forward_pooled(device, rows, &plan, pooled_rows_only)?; // [items, width]
        let pooled = self.ln_final.forward(device, &pooled)?;
        self.text_projection.forward(device, &pooled, Activation::None)
    }
}

/// The part of a text that its feature depends on: up to the row that is read. Rows after it
/// cannot change it, because attention is causal.
///
/// An empty text has none.
pub(crate) fn read_part(text: &[u32], pooling: TextPooling) -> &[u32] {
    let first_of = |id: u32| text.iter().position(|&other| other == id).unwrap_or(0);
    let end_of_text_index = match pooling {
        TextPooling::Argmax => first_of(text.iter().copied().max().unwrap_or(0)),
        TextPooling::FirstId(id) => first_of(id),
        TextPooling::First => 0,
        TextPooling::Last => text.len().saturating_sub(1),
    };
    text.get(..=end_of_text_index).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_at_the_row_its_rule_names() {
        let text = [49406, 320, 49407, 5, 49407, 0];
        for (pooling, rows) in [
            (TextPooling::Argmax, 3),
            (TextPooling::FirstId(49407), 3),
            (TextPooling::FirstId(320), 2),
            (TextPooling::FirstId(9), 1), // absent: position 0
            (TextPooling::First, 1),
            (TextPooling::Last, 6),
        ] {
            assert_eq!(read_part(&text, pooling), &text[..rows], "{pooling:?}");
            assert_eq!(read_part(&[], pooling), [0; 0], "{pooling:?}");
        }
    }
}
