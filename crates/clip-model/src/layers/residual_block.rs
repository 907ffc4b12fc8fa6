//! The residual block that both transformers are made of (PROTOCOL 1.1).

use super::attention::{Attention, AttentionActivations, TrainableAttention};
use super::items::{Plan, Queries};
use super::mlp::{Mlp, TrainableMlp};
use super::{BackwardPass, LayerNorm, Loader, Pass, Places, TrainableLayerNorm};
use crate::image_pass::Kept;
use crate::{Activation, CheckpointError};
use clip_kernels::{AttentionOptions, Device, Result, Train};

/// What the weights of a block do not say.
pub(crate) struct BlockOptions {
    pub(crate) heads: usize,
    pub(crate) activation: Activation,
    pub(crate) causal: bool,
}

/// `x + attention(ln_1(x))`, then `x + mlp(ln_2(x))`, rows `[rows, width]` in and out.
pub(crate) struct ResidualBlock<D: Device> {
    ln_1: LayerNorm<D>,
    attn: Attention<D>,
    ln_2: LayerNorm<D>,
    mlp: Mlp<D>,
    options: AttentionOptions,
}

impl<D: Device> ResidualBlock<D> {
    /// `ln_1`, `attn`, `ln_2` and `mlp` of one branch.
    ///
    /// - `queries`: [`Queries::Pooled`] where [`ResidualBlock::forward_pooled`] will be called
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        options: &BlockOptions,
        queries: Queries,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            ln_1: LayerNorm::load(&loader.at("ln_1"))?,
            attn: Attention::load(&loader.at("attn"), queries)?,
            ln_2: LayerNorm::load(&loader.at("ln_2"))?,
            mlp: Mlp::load(&loader.at("mlp"), options.activation)?,
            options: AttentionOptions {
                heads: options.heads,
                causal: options.causal,
                precision: loader.precision.at_least_16_bits(),
            },
        })
    }

    /// All rows of all items.
    pub(crate) fn forward(&self, device: &D, x: D::Rows, plan: &Plan<D>) -> Result<D::Rows> {
        let normed = self.ln_1.forward(device, &x)?;
        let x = self.attn.forward(device, &normed, &normed, &plan.all, self.options, x)?;
        let normed = self.ln_2.forward(device, &x)?;
        self.mlp.forward(device, &normed, x)
    }

    /// Only the row of each item that is read afterwards, `[items, width]`: it alone gets query,
    /// attention output and MLP; the others give keys and values.
    pub(crate) fn forward_pooled(
        &self,
        device: &D,
        x: &D::Rows,
        plan: &Plan<D>,
    ) -> Result<D::Rows> {
        let normed = self.ln_1.forward(device, x)?;
        let queries = device.gather_rows(&normed, &plan.pooled_rows)?; // [items, width]
        let x = device.gather_rows(x, &plan.pooled_rows)?;
        let x = self.attn.forward(device, &queries, &normed, &plan.pooled, self.options, x)?;
        let normed = self.ln_2.forward(device, &x)?;
        self.mlp.forward(device, &normed, x)
    }
}

/// The same while it is trained.
pub(crate) struct TrainableBlock {
    ln_1: TrainableLayerNorm,
    attn: TrainableAttention,
    ln_2: TrainableLayerNorm,
    mlp: TrainableMlp,
}

/// What its backward needs.
pub(crate) struct BlockActivations<D: Device> {
    input: D::Rows, // [rows, width]
    /// Nothing where it is computed again.
    inner: Option<Inner<D>>,
}

struct Inner<D: Device> {
    attention: AttentionActivations<D>,
    attended: D::Rows, // [query rows, width], with what the attention added
    hidden: D::Rows,   // [query rows, mlp_width], before the activation
}

impl<D: Device> BlockActivations<D> {
    /// What went into the block.
    pub(crate) fn input(&self) -> &D::Rows {
        &self.input
    }
}

impl TrainableBlock {
    /// `ln_1`, `attn`, `ln_2` and `mlp` of one branch.
    pub(crate) fn find(places: &Places<'_>, options: &BlockOptions) -> Self {
        let &BlockOptions { heads, activation, causal } = options;
        Self {
            ln_1: TrainableLayerNorm::find(&places.at("ln_1")),
            attn: TrainableAttention::find(&places.at("attn"), heads, causal),
            ln_2: TrainableLayerNorm::find(&places.at("ln_2")),
            mlp: TrainableMlp::find(&places.at("mlp"), activation),
        }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        let (attn, mlp) = (self.attn.parameters(), self.mlp.parameters());
        self.ln_1.parameters().into_iter().chain(attn).chain(self.ln_2.parameters()).chain(mlp)
    }

    /// `x [rows, width] -> [query rows, width]`, and what backward needs.
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        x: D::Rows,
        plan: &Plan<D>,
        queries: Queries,
        kept: Kept,
    ) -> Result<(D::Rows, Option<BlockActivations<D>>)> {
        let inner = self.inner(pass, &x, plan, queries)?;
        let output = self.mlp.project(pass, &inner.hidden)?;
        let output = pass.device.add(output, &inner.attended)?;
        let activations = match kept {
            Kept::Activations => Some(BlockActivations { input: x, inner: Some(inner) }),
            Kept::Inputs => Some(BlockActivations { input: x, inner: None }),
            Kept::Nothing => None,
        };
        Ok((output, activations))
    }

    fn inner<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        x: &D::Rows,
        plan: &Plan<D>,
        queries: Queries,
    ) -> Result<Inner<D>> {
        let device = pass.device;
        let normed = self.ln_1.forward(pass, x)?;
        let (attention, attended) = match queries {
            Queries::All => {
                let attention = self.attn.attend(pass, &normed, &normed, &plan.all)?;
                let attended = device.add(self.attn.project(pass, &attention)?, x)?;
                (attention, attended)
            }
            Queries::Pooled => {
                let pooled = device.gather_rows(&normed, &plan.pooled_rows)?;
                let attention = self.attn.attend(pass, &pooled, &normed, &plan.pooled)?;
                let x = device.gather_rows(x, &plan.pooled_rows)?;
                let attended = device.add(self.attn.project(pass, &attention)?, &x)?;
                (attention, attended)
            }
        };
        drop(normed);
        let normed = self.ln_2.forward(pass, &attended)?;
        let hidden = self.mlp.hidden(pass, &normed)?;
        Ok(Inner { attention, attended, hidden })
    }

    /// From the gradient of what came out to that of what went in; nothing where `needs_input`
    /// says that nobody below is trained.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: BlockActivations<D>,
        dy: D::Rows,
        plan: &Plan<D>,
        queries: Queries,
        needs_input: bool,
    ) -> Result<Option<D::Rows>> {
        let pass = back.pass;
        let BlockActivations { input, inner } = activations;
        let Inner { attention, attended, hidden } = match inner {
            Some(inner) => inner,
            None => self.inner(&pass, &input, plan, queries)?,
        };
        let normed = self.ln_2.forward(&pass, &attended)?;
        let d_normed = self.mlp.backward(back, &normed, hidden, &dy)?;
        drop(normed);
        let d_attended = self.ln_2.backward(back, &attended, &d_normed)?;
        drop((attended, d_normed));
        let d_attended = pass.device.add(d_attended, &dy)?;
        drop(dy);
        let upper: Vec<usize> =
            self.ln_2.parameters().into_iter().chain(self.mlp.parameters()).collect();
        back.ready(&upper);
        let lower: Vec<usize> =
            self.ln_1.parameters().into_iter().chain(self.attn.parameters()).collect();
        if !needs_input && !back.trains(&lower) {
            return Ok(None);
        }
        let dx = self.attention_backward(back, input, attention, d_attended, plan, queries)?;
        back.ready(&lower);
        Ok(needs_input.then_some(dx))
    }

    /// The lower half of [`TrainableBlock::backward`].
    fn attention_backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        input: D::Rows,
        attention: AttentionActivations<D>,
        d_attended: D::Rows,
        plan: &Plan<D>,
        queries: Queries,
    ) -> Result<D::Rows> {
        let pass = back.pass;
        let device = pass.device;
        let of_queries = match queries {
            Queries::All => &plan.all,
            Queries::Pooled => &plan.pooled,
        };
        let gradients = self.attn.backward_heads(back, attention, &d_attended, of_queries)?;
        let normed = self.ln_1.forward(&pass, &input)?;
        let d_keys = |gradients| self.attn.keys_values_input_gradient(&pass, gradients);
        let d_queries =
            |gradients, residual| self.attn.queries_input_gradient(&pass, gradients, residual);
        match queries {
            Queries::All => {
                self.attn.add_in_proj_gradients(back, &normed, &normed, &gradients)?;
                drop(normed);
                let d_normed = d_queries(&gradients, Some(d_keys(&gradients)?))?;
                drop(gradients);
                device.add(self.ln_1.backward(back, &input, &d_normed)?, &d_attended)
            }
            Queries::Pooled => {
                let pooled = device.gather_rows(&normed, &plan.pooled_rows)?;
                self.attn.add_in_proj_gradients(back, &pooled, &normed, &gradients)?;
                drop(normed);
                let spread = |x: &D::Rows| device.scatter_rows(x, &plan.pooled_rows, plan.rows);
                let d_pooled = spread(&d_queries(&gradients, None)?)?;
                let d_normed = device.add(d_keys(&gradients)?, &d_pooled)?;
                drop(gradients);
                device.add(self.ln_1.backward(back, &input, &d_normed)?, &spread(&d_attended)?)
            }
        }
    }
}
