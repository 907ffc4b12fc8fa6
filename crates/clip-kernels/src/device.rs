//! The seam between CLIP and the processor: the operations CLIP needs, and nothing else.

use crate::{
    Activation, AttentionOptions, ConvolutionShape, KvRanges, MapShape, MatrixView, PatchGrid,
    Precision, Result, Segments,
};

/// What happens to a product before it is stored: `activation(product + bias + residual)`.
pub struct Epilogue<'a, D: Device> {
    /// Added to every row, `[outputs]`.
    pub bias: Option<&'a D::Vector>,
    /// Added value by value, `[rows, outputs]`. Given away: its memory becomes the result's.
    pub residual: Option<D::Rows>,
    /// Applied last.
    pub activation: Activation,
}

impl<'a, D: Device> Epilogue<'a, D> {
    /// The bare product.
    pub fn none() -> Self {
        Self { bias: None, residual: None, activation: Activation::None }
    }

    /// `product + bias`.
    pub fn bias(bias: &'a D::Vector) -> Self {
        Self { bias: Some(bias), ..Self::none() }
    }

    /// The same, with this activation at the end.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// The same, with these rows added before the activation.
    pub fn residual(self, residual: D::Rows) -> Self {
        Self { residual: Some(residual), ..self }
    }
}

/// A processor that can compute CLIP.
///
/// Each method is one fused operation in CLIP's own terms. [`Reference`](crate::Reference) defines
/// what each of them gives; every other device equals it up to the rounding of f32. The order of
/// every sum depends on the shape of the item alone (its width, its segment's length, its map),
/// never on batch, position, neighbours or threads: an item has the same bits in any batch.
///
/// Activations are `[rows, width]` f32, weights `[outputs, inputs]`. Feature maps are channels
/// last: `[items · height · width, channels]`.
///
/// # Errors
/// Every operation [`DeviceError::OutOfMemory`](crate::DeviceError::OutOfMemory) where the device
/// has no room for its result.
///
/// # Panics
/// Every method when shapes do not fit together: a broken contract of the caller, never data.
pub trait Device: Send + Sync + Sized {
    /// Activations and tables, `[rows, width]`.
    type Rows: Send + Sync;
    /// A bias, a gain or a token, `[width]`.
    type Vector: Send + Sync;
    /// A weight `[outputs, inputs]`, packed for this device in its precision.
    type Weight: Send + Sync;
    /// Indices of rows.
    type Indices: Send + Sync;
    /// Which rows attend to which.
    type AttentionPlan: Send + Sync;

    /// Moves values to the device as rows of `width`.
    fn to_device(&self, values: Vec<f32>, width: usize) -> Result<Self::Rows>;

    /// Copies values to the device as rows of `width`.
    fn copy_to_device(&self, values: &[f32], width: usize) -> Result<Self::Rows>;

    /// Moves rows back, row by row.
    fn to_host(&self, rows: Self::Rows) -> Result<Vec<f32>>;

    /// Moves a vector to the device.
    fn vector(&self, values: Vec<f32>) -> Result<Self::Vector>;

    /// Prepares indices of rows for every [`Device::gather_rows`] with them.
    fn indices(&self, rows: Vec<usize>) -> Result<Self::Indices>;

    /// Prepares which rows attend to which for every layer of a pass, see
    /// [`AttentionPlan::new`](crate::AttentionPlan::new).
    fn plan_attention(&self, queries: Segments, keys: KvRanges) -> Result<Self::AttentionPlan>;

    /// Packs a weight for this device in this precision. Costs a pass over the weight; done once
    /// per model. What is multiplied with it is brought into the same precision.
    fn pack(&self, weight: MatrixView<'_>, precision: Precision) -> Result<Self::Weight>;

    /// Packs the weight of a convolution of this kernel and stride with half a kernel of zeros
    /// around the map; good for [`Device::convolution`] of that form alone. In bf16 a kernel of
    /// 3 × 3 at stride 1 and from 16 channels on is multiplied as Winograd's algorithm transforms
    /// it, and what is rounded are the transformed sides.
    ///
    /// - `weight`: `[outputs, kernel² · channels]`, inputs in (kernel row, kernel column, channel)
    ///   order
    fn pack_convolution(
        &self,
        weight: MatrixView<'_>,
        kernel: usize,
        stride: usize,
        precision: Precision,
    ) -> Result<Self::Weight> {
        let _ = (kernel, stride);
        self.pack(weight, precision)
    }

    /// Runs the operations of one pass through a tower. Outside of it they give the same bits, but
    /// each of them has to gather threads and memory anew.
    fn parallel_region<R>(&self, pass: impl FnOnce() -> R) -> R {
        pass()
    }

    /// How many passes may run side by side.
    fn threads(&self) -> usize {
        1
    }

    /// Calls `passes` once on each of the [`threads`](Device::threads): the passes that it runs are
    /// not split any further. Where there are many, this is faster than one after the other: no
    /// thread waits for another.
    ///
    /// # Errors
    /// That of one of the calls.
    fn side_by_side(&self, passes: impl Fn() -> Result<()> + Sync) -> Result<()> {
        passes()
    }

    /// Row of the token table plus row of the position table for every token (PROTOCOL 1.3, step
    /// 2).
    ///
    /// - `token_ids`: `[rows]`, each below the rows of `token_embedding`
    /// - `positions`: `[rows]`, of each token in its text, each below the rows of
    ///   `positional_embedding`
    /// - returns `[rows, width]`
    fn embed_tokens(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        token_embedding: &Self::Rows,
        positional_embedding: &Self::Rows,
    ) -> Result<Self::Rows>;

    /// Cuts pictures into patches, projects them, puts the class token in front, where there is
    /// one, and adds positions (PROTOCOL 1.1, steps 1 to 4).
    ///
    /// In int8 a patch is the sum of two rows of 8 bits, the second of what the first leaves: what is
    /// lost on pixels goes through all layers (starter model, 1,000 photos: with pixels in bf16 one
    /// has a cosine of 0.991 to f32).
    ///
    /// - `images`: `[items, 3 · resolution²]`, channel by channel
    /// - `patch_embedding`: `[width, 3 · patch_size²]`, inputs in (channel, row, column) order
    /// - `positional_embedding`: `[tokens, width]`, `tokens = patches + 1` with a class token, else
    ///   `patches`
    /// - returns `[items · tokens, width]`
    fn embed_patches(
        &self,
        images: &Self::Rows,
        grid: PatchGrid,
        patch_embedding: &Self::Weight,
        class_embedding: Option<&Self::Vector>,
        positional_embedding: &Self::Rows,
    ) -> Result<Self::Rows>;

    /// `activation(x · weightᵀ + bias + residual)`, `[rows, outputs]`.
    fn linear(
        &self,
        x: &Self::Rows,
        weight: &Self::Weight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Self::Rows>;

    /// `(x − mean) / √(variance + eps) · gain + bias` of each row, population variance
    /// (PROTOCOL 1.1).
    fn layer_norm(
        &self,
        x: &Self::Rows,
        gain: &Self::Vector,
        bias: &Self::Vector,
        eps: f64,
    ) -> Result<Self::Rows>;

    /// `softmax(q · kᵀ / √head_width) · v` for every item and head, heads side by side
    /// (PROTOCOL 1.1).
    ///
    /// - `queries`: `[rows, width]`, the rows of the plan's queries; `[rows, 3 · width]` where keys
    ///   and values of the same rows stand behind them
    /// - `keys_values`: `[rows, 2 · width]`, keys in the left half; the plan's keys are rows of it.
    ///   None where they stand behind the queries
    /// - returns `[query rows, width]`; a query without keys gets zeros
    fn attention(
        &self,
        queries: &Self::Rows,
        keys_values: Option<&Self::Rows>,
        plan: &Self::AttentionPlan,
        options: AttentionOptions,
    ) -> Result<Self::Rows>;

    /// The rows of these indices, in this order, `[indices, width]`.
    fn gather_rows(&self, x: &Self::Rows, indices: &Self::Indices) -> Result<Self::Rows>;

    /// Pictures stored channel by channel as maps: `[items, channels · cells]` to
    /// `[items · cells, channels]`.
    fn channels_last(&self, images: &Self::Rows, channels: usize) -> Result<Self::Rows>;

    /// A convolution with zeros around each map, batch norm folded in (PROTOCOL 1.2).
    ///
    /// - `maps`: `[items · input cells, channels]`
    /// - `weight`: `[outputs, kernel² · channels]`, inputs in (kernel row, kernel column, channel)
    ///   order
    /// - returns `[items · output cells, outputs]`
    fn convolution(
        &self,
        maps: &Self::Rows,
        shape: ConvolutionShape,
        weight: &Self::Weight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Self::Rows>;

    /// The mean of every `side × side` square of each map (PROTOCOL 1.2); `side` divides both sides
    /// of the map.
    fn average_pool(&self, maps: &Self::Rows, shape: MapShape, side: usize) -> Result<Self::Rows>;

    /// The tokens of the attention pool: the mean of the map's cells, then the cells, plus
    /// positions (PROTOCOL 1.2, attention pool, steps 1 to 3).
    ///
    /// - `maps`: `[items · cells, channels]`
    /// - `positional_embedding`: `[cells + 1, channels]`
    /// - returns `[items · (cells + 1), channels]`
    fn pool_tokens(
        &self,
        maps: &Self::Rows,
        positional_embedding: &Self::Rows,
    ) -> Result<Self::Rows>;
}
