//! The attention of a residual block (PROTOCOL 1.1).

use super::items::Queries;
use super::{BackwardPass, Linear, Loader, Pass, Places, TrainableLinear};
use crate::CheckpointError;
use clip_kernels::{Activation, AttentionOptions, Device, Result, Train};

/// `normed [rows, width] -> in_proj -> attention -> out_proj -> + residual [rows, width]`.
pub(crate) struct Attention<D: Device> {
    in_proj: InProjection<D>,
    out_proj: Linear<D>, // [width, width]
}

/// What gives queries, keys and values.
enum InProjection<D: Device> {
    /// All of the same rows: one product.
    Whole(Linear<D>), // [3·width, width]
    /// Of the last block, which has fewer queries than keys.
    Parts {
        query: Linear<D>,     // [width, width], the first third
        key_value: Linear<D>, // [2·width, width], the rest
    },
}

impl<D: Device> Attention<D> {
    /// `in_proj_weight`, `in_proj_bias` and `out_proj` of one branch, for these queries.
    pub(crate) fn load(loader: &Loader<'_, D>, queries: Queries) -> Result<Self, CheckpointError> {
        let weight = loader.values("in_proj_weight")?; // [3·width, width]
        let mut bias = loader.values("in_proj_bias")?.into_vec();
        let in_proj = match queries {
            Queries::All => InProjection::Whole(Linear::new(loader, &weight, bias)?),
            Queries::Pooled => {
                let width = weight.width();
                let key_value_bias = bias.split_off(width);
                let (query, key_value) = weight.split_at(width * width);
                InProjection::Parts {
                    query: Linear::new(loader, query, bias)?,
                    key_value: Linear::new(loader, key_value, key_value_bias)?,
                }
            }
        };
        Ok(Self { in_proj, out_proj: Linear::load(&loader.at("out_proj"))? })
    }

    /// - `queries`: the rows that queries are made of, `[query rows, width]`, normed; of
    ///   [`Queries::All`] those of keys and values
    /// - `keys_values`: the rows that keys and values are made of, `[rows, width]`, normed
    /// - `residual`: the query rows as they were before the norm
    pub(crate) fn forward(
        &self,
        device: &D,
        queries: &D::Rows,
        keys_values: &D::Rows,
        plan: &D::AttentionPlan,
        options: AttentionOptions,
        residual: D::Rows,
    ) -> Result<D::Rows> {
        let project = |linear: &Linear<D>, rows| linear.forward(device, rows, Activation::None);
        let heads = match &self.in_proj {
            InProjection::Whole(in_proj) => {
                let all = project(in_proj, keys_values)?; // [rows, 3·width]
                device.attention(&all, None, plan, options)?
            }
            InProjection::Parts { query, key_value } => {
                let queries = project(query, queries)?; // [queries, width]
                let keys_values = project(key_value, keys_values)?; // [rows, 2·width]
                device.attention(&queries, Some(&keys_values), plan, options)?
            }
        }; // [queries, width]
        self.out_proj.forward_residual(device, &heads, residual)
    }
}

/// The same while it is trained.
pub(crate) struct TrainableAttention {
    in_proj: [usize; 2], // weight [3·width, width], bias [3·width]
    query: TrainableLinear,
    key_value: TrainableLinear,
    out_proj: TrainableLinear,
    heads: usize,
    causal: bool,
}

/// What its backward needs.
pub(crate) struct AttentionActivations<D: Device> {
    queries: D::Rows,     // [query rows, width]
    keys_values: D::Rows, // [rows, 2·width]
    heads: D::Rows,       // [query rows, width]
}

impl TrainableAttention {
    /// `in_proj_weight`, `in_proj_bias` and `out_proj` of one branch.
    pub(crate) fn find(places: &Places<'_>, heads: usize, causal: bool) -> Self {
        let in_proj = [places.index("in_proj_weight"), places.index("in_proj_bias")];
        let [weight, bias] = in_proj;
        let (rows, width) = places.size(weight);
        Self {
            in_proj,
            query: TrainableLinear::part(weight, bias, 0..width),
            key_value: TrainableLinear::part(weight, bias, width..rows),
            out_proj: TrainableLinear::find(&places.at("out_proj")),
            heads,
            causal,
        }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        self.in_proj.into_iter().chain(self.out_proj.parameters())
    }

    fn options<D: Train>(&self, pass: &Pass<'_, D>) -> AttentionOptions {
        let &Self { heads, causal, .. } = self;
        AttentionOptions { heads, causal, precision: pass.precision }
    }

    /// All but `out_proj`; queries and keys as in [`Attention::forward`].
    pub(crate) fn attend<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        queries: &D::Rows,
        keys_values: &D::Rows,
        plan: &D::AttentionPlan,
    ) -> Result<AttentionActivations<D>> {
        let queries = self.query.forward(pass, queries)?;
        let keys_values = self.key_value.forward(pass, keys_values)?;
        let heads =
            pass.device.attention(&queries, Some(&keys_values), plan, self.options(pass))?;
        Ok(AttentionActivations { queries, keys_values, heads })
    }

    /// `out_proj`, `[query rows, width]`.
    pub(crate) fn project<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        activations: &AttentionActivations<D>,
    ) -> Result<D::Rows> {
        self.out_proj.forward(pass, &activations.heads)
    }

    /// From the gradient of what [`TrainableAttention::project`] gave to those of queries and of
    /// keys and values before `in_proj`'s.
    pub(crate) fn backward_heads<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: AttentionActivations<D>,
        dy: &D::Rows,
        plan: &D::AttentionPlan,
    ) -> Result<InProjGradients<D>> {
        let pass = back.pass;
        let AttentionActivations { queries, keys_values, heads } = activations;
        self.out_proj.add_gradients(back, &heads, dy)?;
        let d_heads = self.out_proj.input_gradient(&pass, dy, None)?;
        let (queries, keys_values) = pass.device.attention_backward(
            &queries,
            &keys_values,
            &d_heads,
            plan,
            self.options(&pass),
        )?;
        Ok(InProjGradients { queries, keys_values })
    }

    /// Adds the gradients of `in_proj`, of what went into [`TrainableAttention::attend`].
    pub(crate) fn add_in_proj_gradients<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        queries: &D::Rows,
        keys_values: &D::Rows,
        gradients: &InProjGradients<D>,
    ) -> Result<()> {
        self.query.add_gradients(back, queries, &gradients.queries)?;
        self.key_value.add_gradients(back, keys_values, &gradients.keys_values)
    }

    /// The gradient of the rows that keys and values are made of, `[rows, width]`.
    pub(crate) fn keys_values_input_gradient<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        gradients: &InProjGradients<D>,
    ) -> Result<D::Rows> {
        self.key_value.input_gradient(pass, &gradients.keys_values, None)
    }

    /// That of the rows that queries are made of, `[query rows, width]`, `+ residual`.
    pub(crate) fn queries_input_gradient<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        gradients: &InProjGradients<D>,
        residual: Option<D::Rows>,
    ) -> Result<D::Rows> {
        self.query.input_gradient(pass, &gradients.queries, residual)
    }
}

/// Gradients of what `in_proj` gave.
pub(crate) struct InProjGradients<D: Device> {
    queries: D::Rows,     // [query rows, width]
    keys_values: D::Rows, // [rows, 2·width]
}
