//! The attention pool at the end of the ResNets (PROTOCOL 1.2, trap 9.14).

use super::items::Plan;
use super::{BackwardPass, Items, Linear, Loader, Pass, Places, TrainableLinear};
use crate::CheckpointError;
use clip_kernels::{Activation, AttentionOptions, Device, Epilogue, MatrixView, Result, Train};

/// `maps [items · cells, channels] -> features [items, embed_dim]`.
///
/// The mean of a map, with its position, is the query; keys and values are all cells and itself. No
/// norm anywhere.
pub(crate) struct AttentionPool<D: Device> {
    positional_embedding: D::Rows, // [cells + 1, channels]
    q_proj: Linear<D>,             // [channels, channels]
    key_value: Linear<D>,          // [2·channels, channels], `k_proj` on top of `v_proj`
    c_proj: Linear<D>,             // [embed_dim, channels]
    tokens: usize,
    options: AttentionOptions,
}

impl<D: Device> AttentionPool<D> {
    /// `positional_embedding`, `q_proj`, `k_proj`, `v_proj` and `c_proj` of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        tokens: usize,
        heads: usize,
    ) -> Result<Self, CheckpointError> {
        let (key, value) = (loader.at("k_proj"), loader.at("v_proj"));
        let weight = [&*key.values("weight")?, &*value.values("weight")?].concat();
        let bias = [&*key.values("bias")?, &*value.values("bias")?].concat();
        Ok(Self {
            positional_embedding: loader.rows("positional_embedding")?,
            q_proj: Linear::load(&loader.at("q_proj"))?,
            key_value: Linear::new(loader, &weight, bias)?,
            c_proj: Linear::load(&loader.at("c_proj"))?,
            tokens,
            options: AttentionOptions {
                heads,
                causal: false,
                precision: loader.precision.at_least_16_bits(),
            },
        })
    }

    /// `items` maps `-> [items, channels]`, what `project` takes. With `pooled_rows_only` only the
    /// means are queries.
    pub(crate) fn forward(
        &self,
        device: &D,
        maps: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> Result<D::Rows> {
        let plan = Items::uniform(items, self.tokens).prepare(device)?;
        let tokens = device.pool_tokens(maps, &self.positional_embedding)?; // [items · tokens, channels]
        if pooled_rows_only {
            let queries = device.gather_rows(&tokens, &plan.pooled_rows)?; // [items, channels]
            self.attend(device, &queries, &tokens, &plan.pooled)
        } else {
            let all = self.attend(device, &tokens, &tokens, &plan.all)?;
            device.gather_rows(&all, &plan.pooled_rows)
        }
    }

    /// `[items, channels] -> features [items, embed_dim]`.
    pub(crate) fn project(&self, device: &D, pooled: &D::Rows) -> Result<D::Rows> {
        self.c_proj.forward(device, pooled, Activation::None)
    }

    /// `queries [rows, channels] -> [rows, channels]`
    fn attend(
        &self,
        device: &D,
        queries: &D::Rows,
        tokens: &D::Rows,
        plan: &D::AttentionPlan,
    ) -> Result<D::Rows> {
        let keys_values = self.key_value.forward(device, tokens, Activation::None)?;
        let queries = self.q_proj.forward(device, queries, Activation::None)?;
        device.attention(&queries, Some(&keys_values), plan, self.options)
    }
}

/// The same while it is trained: the means are the only queries.
pub(crate) struct TrainableAttentionPool {
    positional_embedding: usize,
    q_proj: TrainableLinear,
    keys: [usize; 2],   // weight, bias of `k_proj`
    values: [usize; 2], // of `v_proj`
    c_proj: TrainableLinear,
    width: usize,
    tokens: usize,
    heads: usize,
}

/// What its backward needs beside the maps.
pub(crate) struct AttentionPoolActivations<D: Device> {
    plan: Plan<D>,
    queries: D::Rows,     // [items, channels]
    keys_values: D::Rows, // [items · tokens, 2 · channels]
    heads: D::Rows,       // [items, channels]
}

impl TrainableAttentionPool {
    /// `positional_embedding`, `q_proj`, `k_proj`, `v_proj` and `c_proj` of one branch.
    pub(crate) fn find(places: &Places<'_>, tokens: usize, heads: usize) -> Self {
        let pair = |name: &str| ["weight", "bias"].map(|part| places.at(name).index(part));
        let positional_embedding = places.index("positional_embedding");
        Self {
            positional_embedding,
            q_proj: TrainableLinear::find(&places.at("q_proj")),
            keys: pair("k_proj"),
            values: pair("v_proj"),
            c_proj: TrainableLinear::find(&places.at("c_proj")),
            width: places.size(positional_embedding).1,
            tokens,
            heads,
        }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        let linears = self.q_proj.parameters().chain(self.c_proj.parameters());
        let pairs = self.keys.into_iter().chain(self.values);
        std::iter::once(self.positional_embedding).chain(linears).chain(pairs)
    }

    fn options<D: Train>(&self, pass: &Pass<'_, D>) -> AttentionOptions {
        AttentionOptions { heads: self.heads, causal: false, precision: pass.precision }
    }

    fn tokens<D: Train>(&self, pass: &Pass<'_, D>, maps: &D::Rows) -> Result<D::Rows> {
        pass.device.pool_tokens(maps, &pass.values[self.positional_embedding])
    }

    /// `maps [items · cells, channels] -> features [items, embed_dim]`.
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        maps: &D::Rows,
        items: usize,
    ) -> Result<(D::Rows, AttentionPoolActivations<D>)> {
        let device = pass.device;
        let plan = Items::uniform(items, self.tokens).prepare(device)?;
        let tokens = self.tokens(pass, maps)?; // [items · tokens, channels]
        let means = device.gather_rows(&tokens, &plan.pooled_rows)?; // [items, channels]
        let queries = self.q_proj.forward(pass, &means)?;
        let keys_values = self.key_value(pass, &tokens)?;
        let heads =
            device.attention(&queries, Some(&keys_values), &plan.pooled, self.options(pass))?;
        let features = self.c_proj.forward(pass, &heads)?;
        Ok((features, AttentionPoolActivations { plan, queries, keys_values, heads }))
    }

    /// From the gradient of the features to that of the maps; nothing where nobody needs it.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: AttentionPoolActivations<D>,
        maps: &D::Rows,
        d_features: &D::Rows,
        needs_input: bool,
    ) -> Result<Option<D::Rows>> {
        let pass = back.pass;
        let device = pass.device;
        let AttentionPoolActivations { plan, queries, keys_values, heads } = activations;
        self.c_proj.add_gradients(back, &heads, d_features)?;
        let d_heads = self.c_proj.input_gradient(&pass, d_features, None)?;
        let options = self.options(&pass);
        let (d_queries, d_keys_values) =
            device.attention_backward(&queries, &keys_values, &d_heads, &plan.pooled, options)?;
        drop((queries, keys_values, heads));
        let tokens = self.tokens(&pass, maps)?;
        let means = device.gather_rows(&tokens, &plan.pooled_rows)?;
        self.q_proj.add_gradients(back, &means, &d_queries)?;
        self.add_key_value_gradients(back, &tokens, &d_keys_values)?;
        drop((tokens, means));
        let parameters: Vec<usize> = self.parameters().collect();
        if !needs_input && !back.trains(&[self.positional_embedding]) {
            back.ready(&parameters);
            return Ok(None);
        }
        let d_means = self.q_proj.input_gradient(&pass, &d_queries, None)?;
        let d_means = device.scatter_rows(&d_means, &plan.pooled_rows, plan.rows)?;
        let d_tokens = self.key_value_input_gradient(&pass, &d_keys_values, d_means)?;
        let positions = back.gradients.get_mut(self.positional_embedding);
        let dx = device.pool_tokens_backward(&d_tokens, self.tokens - 1, positions)?;
        back.ready(&parameters);
        Ok(needs_input.then_some(dx))
    }

    /// `k_proj` on top of `v_proj`, and their biases: one product gives keys and values side by
    /// side.
    fn stacked<D: Train>(&self, pass: &Pass<'_, D>, part: usize) -> Result<Vec<f32>> {
        let read = |pair: [usize; 2]| pass.device.read(&pass.values[pair[part]]);
        Ok([read(self.keys)?, read(self.values)?].concat())
    }

    /// `tokens [rows, channels] -> [rows, 2 · channels]`
    fn key_value<D: Train>(&self, pass: &Pass<'_, D>, tokens: &D::Rows) -> Result<D::Rows> {
        let weight = self.stacked(pass, 0)?;
        let weight = MatrixView::output_major(&weight, 2 * self.width, self.width);
        let weight = pass.device.pack(weight, pass.precision)?;
        let bias = pass.device.vector(self.stacked(pass, 1)?)?;
        pass.device.linear(tokens, &weight, Epilogue::bias(&bias))
    }

    fn key_value_input_gradient<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        dy: &D::Rows,
        residual: D::Rows,
    ) -> Result<D::Rows> {
        let weight = self.stacked(pass, 0)?;
        let weight = MatrixView::input_major(&weight, 2 * self.width, self.width);
        let weight = pass.device.pack(weight, pass.precision)?;
        pass.device.linear(dy, &weight, Epilogue::none().residual(residual))
    }

    /// The gradients of both as those of the one map, which then go to their places.
    fn add_key_value_gradients<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        tokens: &D::Rows,
        dy: &D::Rows,
    ) -> Result<()> {
        let Pass { device, precision, .. } = back.pass;
        for (part, rows, width) in [(0, 2 * self.width, self.width), (1, 1, 2 * self.width)] {
            if !back.trains(&[self.keys[part], self.values[part]]) {
                continue;
            }
            let mut both = device.zeros(rows, width)?;
            match part {
                0 => device.weight_gradient(dy, tokens, precision, &mut both, 0)?,
                _ => device.bias_gradient(dy, &mut both, 0)?,
            }
            let both = device.to_host(both)?;
            let halves = both.chunks_exact(both.len() / 2);
            for (half, pair) in halves.zip([self.keys, self.values]) {
                if let Some(gradient) = back.gradients.take(pair[part]) {
                    let half = device.copy_to_device(half, self.width)?;
                    back.gradients.put(pair[part], device.add(gradient, &half)?);
                }
            }
        }
        Ok(())
    }
}
