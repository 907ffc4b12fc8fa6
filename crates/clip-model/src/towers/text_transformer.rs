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

use crate::image_pass::Kept;
use crate::layers::{
    BackwardPass, BlockOptions, Items, LayerNorm, Linear, Loader, Pass, Places, Plan,
    TrainableLayerNorm, TrainableLinear, TrainableTransformer, Transformer, TransformerActivations,
};
use crate::{Architecture, CheckpointError, EncodeError, TextArchitecture, TextPooling};
use clip_kernels::{Activation, Device, Result, Segments, Train};

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

/// The same while it is trained: texts stand one after the other, each up to the row that is read.
pub(crate) struct TrainableTextTransformer {
    token_embedding: usize,
    positional_embedding: usize,
    transformer: TrainableTransformer,
    ln_final: TrainableLayerNorm,
    text_projection: TrainableLinear,
}

/// What its backward needs.
pub(crate) struct TextTowerActivations<D: Device> {
    token_ids: Vec<u32>,   // [rows]
    positions: Vec<usize>, // [rows]
    plan: Plan<D>,
    blocks: TransformerActivations<D>,
    pooled: D::Rows, // [items, width], before `ln_final`
}

impl<D: Device> TextTowerActivations<D> {
    /// What came out of each part by its name, from the input up.
    pub(crate) fn outputs(&self) -> Vec<(String, &D::Rows)> {
        self.blocks.outputs("transformer", "token_embedding", &self.pooled)
    }
}

impl TrainableTextTransformer {
    /// The text tower's names stand at the root.
    pub(crate) fn find(places: &Places<'_>, architecture: &Architecture) -> Self {
        let text = &architecture.text;
        let options =
            BlockOptions { heads: text.heads, activation: architecture.activation, causal: true };
        let transformer = places.at("transformer");
        Self {
            token_embedding: places.index("token_embedding.weight"),
            positional_embedding: places.index("positional_embedding"),
            transformer: TrainableTransformer::find(&transformer, text.layers, &options),
            ln_final: TrainableLayerNorm::find(&places.at("ln_final")),
            text_projection: TrainableLinear::find_projection(places, "text_projection"),
        }
    }

    /// `texts`, of [`read_parts`], `-> features [texts, embed_dim]`.
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        texts: &[&[u32]],
        kept: Kept,
    ) -> Result<(D::Rows, TextTowerActivations<D>)> {
        let token_ids = texts.concat();
        let positions: Vec<usize> = texts.iter().flat_map(|text| 0..text.len()).collect();
        let segments = Segments::from_lengths(texts.iter().map(|text| text.len()));
        let plan = Items::read_at(segments, |rows| rows.end - 1).prepare(pass.device)?;
        let rows = pass.device.embed_tokens(
            &token_ids,
            &positions,
            &pass.values[self.token_embedding],
            &pass.values[self.positional_embedding],
        )?; // [rows, width]
        let (pooled, blocks) = self.transformer.forward(pass, rows, &plan, kept)?; // [texts, width]
        let normed = self.ln_final.forward(pass, &pooled)?;
        let features = self.text_projection.forward(pass, &normed)?;
        Ok((features, TextTowerActivations { token_ids, positions, plan, blocks, pooled }))
    }

    /// From the gradient of the features to those of the parameters.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: TextTowerActivations<D>,
        d_features: &D::Rows,
    ) -> Result<()> {
        let TextTowerActivations { token_ids, positions, plan, blocks, pooled } = activations;
        let pass = back.pass;
        let d_pooled = {
            let normed = self.ln_final.forward(&pass, &pooled)?;
            self.text_projection.add_gradients(back, &normed, d_features)?;
            let d_normed = self.text_projection.input_gradient(&pass, d_features, None)?;
            self.ln_final.backward(back, &pooled, &d_normed)?
        };
        let top = self.text_projection.parameters().chain(self.ln_final.parameters());
        back.ready(&top.collect::<Vec<_>>());
        let tables = [self.token_embedding, self.positional_embedding];
        let trains_tables = back.trains(&tables);
        let dx = self.transformer.backward(back, blocks, d_pooled, &plan, trains_tables)?;
        let Some(dx) = dx else { return Ok(()) };
        let [mut of_tokens, mut of_positions] = tables.map(|place| back.gradients.take(place));
        let done = pass.device.embed_tokens_backward(
            &token_ids,
            &positions,
            &dx,
            of_tokens.as_mut(),
            of_positions.as_mut(),
        );
        for (place, gradient) in tables.into_iter().zip([of_tokens, of_positions]) {
            if let Some(gradient) = gradient {
                back.gradients.put(place, gradient);
            }
        }
        back.ready(&tables);
        done
    }
}

/// The part of a text that its feature depends on: up to the row that is read. Rows after it
/// cannot change it, because attention is causal.
///
/// An empty text has none.
fn read_part(text: &[u32], pooling: TextPooling) -> &[u32] {
    let first_of = |id: u32| text.iter().position(|&other| other == id).unwrap_or(0);
    let end_of_text_index = match pooling {
        TextPooling::Argmax => first_of(text.iter().copied().max().unwrap_or(0)),
        TextPooling::FirstId(id) => first_of(id),
        TextPooling::First => 0,
        TextPooling::Last => text.len().saturating_sub(1),
    };
    text.get(..=end_of_text_index).unwrap_or_default()
}

/// [`read_part`] of each text.
///
/// # Errors
/// [`EncodeError::EmptyText`], [`EncodeError::TextTooLong`] and [`EncodeError::UnknownToken`].
pub(crate) fn read_parts<'a>(
    texts: &[&'a [u32]],
    architecture: &TextArchitecture,
) -> Result<Vec<&'a [u32]>, EncodeError> {
    let &TextArchitecture { pooling, context_length: limit, vocab_size, .. } = architecture;
    let texts: Vec<&[u32]> = texts.iter().map(|text| read_part(text, pooling)).collect();
    for (index, text) in texts.iter().enumerate() {
        if text.is_empty() {
            return Err(EncodeError::EmptyText { index });
        }
        if text.len() > limit {
            return Err(EncodeError::TextTooLong { index, tokens: text.len(), limit });
        }
        if let Some(&id) = text.iter().find(|&&id| id as usize >= vocab_size) {
            return Err(EncodeError::UnknownToken { index, id, vocab_size });
        }
    }
    Ok(texts)
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
