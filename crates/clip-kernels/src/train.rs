//! What training adds to the seam: the backward of every operation, batch statistics, the losses
//! and the optimiser's step.

use crate::{
    Activation, AttentionOptions, ConvolutionShape, Device, MapShape, Matrix, MatrixView,
    PatchGrid, Precision, Result,
};
use std::ops::Range;

/// In which order a parameter's rows are a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightOrder {
    /// `[outputs, inputs]`, as linear layers are.
    OutputMajor,
    /// `[inputs, outputs]`, as the right-multiplied projections are; and any weight on the way
    /// back, where outputs come in.
    InputMajor,
}

impl WeightOrder {
    /// The order in which the same rows carry a gradient back to the inputs.
    pub fn transposed(self) -> Self {
        match self {
            Self::OutputMajor => Self::InputMajor,
            Self::InputMajor => Self::OutputMajor,
        }
    }

    /// Some rows in this order as a weight.
    pub(crate) fn view(self, weight: &Matrix, rows: Range<usize>) -> MatrixView<'_> {
        let (count, width) = (rows.len(), weight.width());
        let values = &weight.values()[rows.start * width..rows.end * width];
        match self {
            Self::OutputMajor => MatrixView::output_major(values, count, width),
            Self::InputMajor => MatrixView::input_major(values, count, width),
        }
    }
}

/// Where the gradients of a gain and a bias go, each `[1, width]`. Nothing where they are frozen.
pub type NormGradients<'a, D> = Option<(&'a mut <D as Device>::Rows, &'a mut <D as Device>::Rows)>;

/// Which keys a query should find (PROTOCOL 2.3).
#[derive(Debug)]
pub enum Targets<'a, D: Device> {
    /// Query `i` belongs to key `first + i`.
    Diagonal {
        /// The key of query 0: `n · rank` where keys were gathered.
        first: usize,
    },
    /// Query `i` belongs to these keys, in ascending order, each with the same share; never none.
    Positives(&'a [Vec<usize>]),
    /// Query `i` should be spread over the keys as a teacher spreads it:
    /// `softmax(scale · queries · keysᵀ)`.
    Teacher {
        /// `[queries, teacher width]`, unit vectors.
        queries: &'a D::Rows,
        /// `[keys, teacher width]`, unit vectors.
        keys: &'a D::Rows,
        /// The teacher's own.
        scale: f32,
    },
}

// Not derived: that would ask for a device that can be copied.
impl<D: Device> Clone for Targets<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Device> Copy for Targets<'_, D> {}

/// A loss over similarities, and its gradients.
#[derive(Debug, Clone)]
pub struct SimilarityLoss<D: Device> {
    /// The **sum** over the queries, each times the weight.
    pub loss: f64,
    /// `[queries, width]`
    pub d_queries: D::Rows,
    /// `[keys, width]`
    pub d_keys: D::Rows,
    /// With respect to the scale itself; times the scale it is that of its logarithm.
    pub d_scale: f64,
    /// With respect to the bias; 0 where there is none.
    pub d_bias: f64,
    /// Queries whose nearest key (of equals the first) is one that they belong to; with a teacher,
    /// the teacher's nearest.
    pub correct: usize,
}

/// One step of AdamW for one parameter (PROTOCOL 2.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Of the first moment.
    pub beta1: f64,
    /// Of the second moment.
    pub beta2: f64,
    /// Added to the root of the corrected second moment.
    pub eps: f64,
    /// The parameter is first multiplied with `1 − learning_rate · weight_decay`.
    pub weight_decay: f64,
    /// From 1: corrects the moments.
    pub step: u64,
    /// What every gradient is multiplied with: 1, or less where the norm is clipped.
    pub gradient_factor: f64,
}

/// A device that can also train.
///
/// Parameters, their gradients and moments are rows of f32: a weight as it stands in
/// its [`WeightOrder`], a vector `[1, width]`. A gradient is **added** to what is there. Sums over
/// rows run in an order that depends on shapes alone: gradients have the same bits for any number
/// of threads. In bf16 both sides of a product are rounded as in [`Device::linear`]; sums, norms,
/// softmax and losses stay f32 or better.
///
/// [`Reference`](crate::Reference) defines each operation; finite differences check it.
///
/// # Errors
/// As of [`Device`]: memory.
///
/// # Panics
/// When shapes do not fit together.
pub trait Train: Device {
    /// Runs a step of training with all its passes: the memory that it gives back is kept for the
    /// next one on this thread. Outside of it there are the same bits, but every pass asks for its
    /// memory anew.
    fn step_region<R>(step: impl FnOnce() -> R) -> R {
        step()
    }

    /// Rows of zeros.
    fn zeros(&self, rows: usize, width: usize) -> Result<Self::Rows>;

    /// Copies rows back to the host, row by row.
    fn read(&self, rows: &Self::Rows) -> Result<Vec<f32>>;

    /// Overwrites rows with as many values.
    fn write(&self, rows: &mut Self::Rows, values: &[f32]) -> Result<()>;

    /// These columns of a parameter `[1, width]` as the vector that forward operations take.
    fn vector_of(&self, parameter: &Self::Rows, columns: Range<usize>) -> Result<Self::Vector>;

    /// These rows of a parameter packed for products of this pass: its own order on the way
    /// forward, [transposed](WeightOrder::transposed) for `dx = dy · weight`. Made anew for each
    /// use.
    ///
    /// - `rows`: all of them, or one of the maps that stand on top of each other (`in_proj`)
    fn pack_parameter(
        &self,
        weight: &Self::Rows,
        rows: Range<usize>,
        order: WeightOrder,
        precision: Precision,
    ) -> Result<Self::Weight>;

    /// A parameter `[outputs, kernel² · channels]` packed for [`Device::convolution`] of this form.
    fn pack_convolution_parameter(
        &self,
        weight: &Self::Rows,
        kernel: usize,
        stride: usize,
        precision: Precision,
    ) -> Result<Self::Weight>;

    /// `dyᵀ · x` added to the rows of `gradient` from `first_row` on.
    ///
    /// - `dy`: `[rows, outputs]`, `x`: `[rows, inputs]`, `gradient`: at least `first_row + outputs`
    ///   rows of `inputs`; for a weight `[inputs, outputs]` the two are given the other way round
    fn weight_gradient(
        &self,
        dy: &Self::Rows,
        x: &Self::Rows,
        precision: Precision,
        gradient: &mut Self::Rows,
        first_row: usize,
    ) -> Result<()>;

    /// The sum of the rows of `dy [rows, outputs]`, that of a bias, added to the columns of
    /// `gradient [1, width]` from `first_column` on.
    fn bias_gradient(
        &self,
        dy: &Self::Rows,
        gradient: &mut Self::Rows,
        first_column: usize,
    ) -> Result<()>;

    /// `x + y`, value by value.
    fn add(&self, x: Self::Rows, y: &Self::Rows) -> Result<Self::Rows>;

    /// `x · factor`, value by value.
    fn scale(&self, x: Self::Rows, factor: f32) -> Result<Self::Rows>;

    /// `rows` rows of zeros but for `x`, whose row `i` stands at `indices[i]`: the backward of
    /// [`Device::gather_rows`] with distinct indices.
    fn scatter_rows(
        &self,
        x: &Self::Rows,
        indices: &Self::Indices,
        rows: usize,
    ) -> Result<Self::Rows>;

    /// `activation(x)`, value by value.
    fn activate(&self, x: &Self::Rows, activation: Activation) -> Result<Self::Rows>;

    /// `dy · activation′(x)`. For [`Activation::Relu`] `x` may be what came out; its slope at 0
    /// is 0.
    fn activation_backward(
        &self,
        x: &Self::Rows,
        dy: Self::Rows,
        activation: Activation,
    ) -> Result<Self::Rows>;

    /// Backward of [`Device::layer_norm`]; mean and deviation are computed again. Returns `dx`.
    fn layer_norm_backward(
        &self,
        x: &Self::Rows,
        gain: &Self::Vector,
        eps: f64,
        dy: &Self::Rows,
        gradients: NormGradients<'_, Self>,
    ) -> Result<Self::Rows>;

    /// Backward of [`Device::attention`]; probabilities are computed again, a block of queries at
    /// a time, and what came out is not needed. No two items of the plan may share a key. Returns
    /// `d_queries` and `d_keys_values` (zeros in rows that nobody sees).
    ///
    /// - `d_output`: `[query rows, width]`
    fn attention_backward(
        &self,
        queries: &Self::Rows,
        keys_values: &Self::Rows,
        d_output: &Self::Rows,
        plan: &Self::AttentionPlan,
        options: AttentionOptions,
    ) -> Result<(Self::Rows, Self::Rows)>;

    /// Backward of [`Device::embed_tokens`]: adds each row of `dy` to the row of its token and to
    /// that of its position, in the order of the rows. A table that is frozen is not given.
    fn embed_tokens_backward(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        dy: &Self::Rows,
        token_embedding: Option<&mut Self::Rows>,
        positional_embedding: Option<&mut Self::Rows>,
    ) -> Result<()>;

    /// Backward of [`Device::embed_patches`]; pictures get no gradient. What is frozen is not
    /// given.
    ///
    /// - `dy`: `[items · tokens, width]`
    /// - `patch_embedding`: `[width, 3 · patch_size²]`
    /// - `class_embedding`: `[1, width]`; `has_class_token` says whether there is one at all
    #[allow(clippy::too_many_arguments, reason = "three parameters at once, as in the forward")]
    fn embed_patches_backward(
        &self,
        images: &Self::Rows,
        grid: PatchGrid,
        dy: &Self::Rows,
        has_class_token: bool,
        precision: Precision,
        patch_embedding: Option<&mut Self::Rows>,
        class_embedding: Option<&mut Self::Rows>,
        positional_embedding: Option<&mut Self::Rows>,
    ) -> Result<()>;

    /// Mean and population variance of each column, `[2, width]`: the batch statistics of a batch
    /// norm.
    fn column_statistics(&self, x: &Self::Rows) -> Result<Self::Rows>;

    /// `(x − mean) / √(variance + eps) · gain + bias` of each column, with these statistics
    /// `[2, width]`, and an activation.
    fn batch_norm(
        &self,
        x: &Self::Rows,
        statistics: &Self::Rows,
        gain: &Self::Vector,
        bias: &Self::Vector,
        eps: f64,
        activation: Activation,
    ) -> Result<Self::Rows>;

    /// Backward of [`Train::batch_norm`] without its activation. Returns `dx`.
    ///
    /// - `of_batch`: whether the statistics are those of `x` and so depend on it, or running ones
    #[allow(clippy::too_many_arguments, reason = "what the forward took")]
    fn batch_norm_backward(
        &self,
        x: &Self::Rows,
        statistics: &Self::Rows,
        of_batch: bool,
        gain: &Self::Vector,
        eps: f64,
        dy: &Self::Rows,
        gradients: NormGradients<'_, Self>,
    ) -> Result<Self::Rows>;

    /// Backward of [`Device::convolution`] to the maps, without epilogue.
    ///
    /// - `dy`: `[items · output cells, outputs]`, `weight`: `[outputs, kernel² · channels]`
    /// - returns `[items · input cells, channels]`
    fn convolution_input_gradient(
        &self,
        dy: &Self::Rows,
        shape: ConvolutionShape,
        weight: &Self::Rows,
        precision: Precision,
    ) -> Result<Self::Rows>;

    /// Backward of [`Device::convolution`] to the weight: added to `gradient`
    /// `[outputs, kernel² · channels]`.
    fn convolution_weight_gradient(
        &self,
        maps: &Self::Rows,
        shape: ConvolutionShape,
        dy: &Self::Rows,
        precision: Precision,
        gradient: &mut Self::Rows,
    ) -> Result<()>;

    /// Backward of [`Device::average_pool`]; `shape` is that of the maps that went in.
    fn average_pool_backward(
        &self,
        dy: &Self::Rows,
        shape: MapShape,
        side: usize,
    ) -> Result<Self::Rows>;

    /// Backward of [`Device::pool_tokens`] for maps of so many cells.
    fn pool_tokens_backward(
        &self,
        dy: &Self::Rows,
        cells: usize,
        positional_embedding: Option<&mut Self::Rows>,
    ) -> Result<Self::Rows>;

    /// Each row divided by its L2 norm; NaN for a row of zeros.
    fn normalize(&self, x: &Self::Rows) -> Result<Self::Rows>;

    /// Backward of [`Train::normalize`].
    fn normalize_backward(&self, x: &Self::Rows, dy: &Self::Rows) -> Result<Self::Rows>;

    /// `weight · Σ` over the queries of the cross-entropy of `softmax(scale · queries · keysᵀ)`
    /// against the targets, one direction of the contrastive loss (PROTOCOL 2.3). Similarities
    /// exist for a block of queries at a time.
    ///
    /// - `queries`: `[queries, width]`, `keys`: `[keys, width]`, unit vectors
    fn cross_entropy(
        &self,
        queries: &Self::Rows,
        keys: &Self::Rows,
        scale: f32,
        targets: Targets<'_, Self>,
        weight: f64,
    ) -> Result<SimilarityLoss<Self>>;

    /// `−weight · Σ log sigmoid(s · (scale · query · key + bias))` over all pairs, `s` 1 where the
    /// query belongs to the key, else −1 (SigLIP). Not for teachers.
    fn sigmoid_loss(
        &self,
        queries: &Self::Rows,
        keys: &Self::Rows,
        scale: f32,
        bias: f32,
        targets: Targets<'_, Self>,
        weight: f64,
    ) -> Result<SimilarityLoss<Self>>;

    /// Sum of squares of all values; not finite where a value is not.
    fn squared_norm(&self, x: &Self::Rows) -> Result<f64>;

    /// One step of AdamW: decay, moments, update.
    fn adamw(
        &self,
        parameter: &mut Self::Rows,
        gradient: &Self::Rows,
        first_moment: &mut Self::Rows,
        second_moment: &mut Self::Rows,
        step: AdamW,
    ) -> Result<()>;

    /// `average = decay · average + (1 − decay) · x`.
    fn moving_average(&self, average: &mut Self::Rows, x: &Self::Rows, decay: f64) -> Result<()>;
}
