//! The definition of every operation: scalar, obvious, sums in f64, rounded to f32 once at the end.
//!
//! Slow on purpose. One file per operation, each as long as its formula.

mod activation;
mod attention;
mod batch_norm;
mod convolution;
mod layer_norm;
mod linear;
mod losses;
mod normalize;
mod optimizer;
mod patches;
mod pool;
mod precision;
mod rows;
mod train;
mod winograd;

#[cfg(test)]
pub(crate) use activation::{activate, slope};
#[cfg(test)]
pub(crate) use precision::QuantizedRow;
pub use precision::ReferenceWeight;
pub(crate) use precision::{quantize_output, round_to_bf16};
pub(crate) use winograd::is_transformed;

use crate::shape_checks;
use crate::{
    AttentionOptions, AttentionPlan, ConvolutionShape, Device, Epilogue, KvRanges, MapShape,
    Matrix, MatrixView, PatchGrid, Precision, Projections, Result, Segments,
};

/// The device that defines what every operation gives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Device for Reference {
    type Rows = Matrix;
    type Vector = Vec<f32>;
    type Weight = ReferenceWeight;
    type Indices = Vec<usize>;
    type AttentionPlan = AttentionPlan;

    fn to_device(&self, values: Vec<f32>, width: usize) -> Result<Matrix> {
        Ok(Matrix::new(values, width))
    }

    fn copy_to_device(&self, values: &[f32], width: usize) -> Result<Matrix> {
        Matrix::from_slice(values, width)
    }

    fn to_host(&self, rows: Matrix) -> Result<Vec<f32>> {
        Ok(rows.into_values())
    }

    fn vector(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        Ok(values)
    }

    fn indices(&self, rows: Vec<usize>) -> Result<Vec<usize>> {
        Ok(rows)
    }

    fn plan_attention(&self, queries: Segments, keys: KvRanges) -> Result<AttentionPlan> {
        Ok(AttentionPlan::new(queries, keys))
    }

    fn pack(&self, weight: MatrixView<'_>, precision: Precision) -> Result<ReferenceWeight> {
        ReferenceWeight::new(weight, precision)
    }

    fn pack_convolution(
        &self,
        weight: MatrixView<'_>,
        kernel: usize,
        stride: usize,
        precision: Precision,
    ) -> Result<ReferenceWeight> {
        let channels = weight.inputs() / (kernel * kernel).max(1);
        match winograd::is_transformed(kernel, stride, channels, precision) {
            true => winograd::pack(weight),
            false => ReferenceWeight::new(weight, precision),
        }
    }

    fn embed_tokens(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        token_embedding: &Matrix,
        positional_embedding: &Matrix,
    ) -> Result<Matrix> {
        shape_checks::embed_tokens(token_ids, positions, token_embedding, positional_embedding);
        rows::embed_tokens(token_ids, positions, token_embedding, positional_embedding)
    }

    fn embed_patches(
        &self,
        images: &Matrix,
        grid: PatchGrid,
        patch_embedding: &ReferenceWeight,
        class_embedding: Option<&Vec<f32>>,
        positional_embedding: &Matrix,
    ) -> Result<Matrix> {
        let shape = patch_embedding.shape();
        shape_checks::embed_patches(images, grid, shape, class_embedding, positional_embedding);
        patches::embed_patches(images, grid, patch_embedding, class_embedding, positional_embedding)
    }

    fn linear(
        &self,
        x: &Matrix,
        weight: &ReferenceWeight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Matrix> {
        shape_checks::linear(x, weight.shape(), &epilogue);
        linear::linear(x, weight, epilogue)
    }

    fn layer_norm(&self, x: &Matrix, gain: &Vec<f32>, bias: &Vec<f32>, eps: f64) -> Result<Matrix> {
        shape_checks::layer_norm(x, gain, bias);
        layer_norm::layer_norm(x, gain, bias, eps)
    }

    fn attention(
        &self,
        queries: &Matrix,
        keys_values: Option<&Matrix>,
        plan: &AttentionPlan,
        options: AttentionOptions,
    ) -> Result<Matrix> {
        let projections = Projections::new(queries, keys_values);
        shape_checks::attention(projections, plan, options);
        attention::attention(projections, plan, options)
    }

    fn gather_rows(&self, x: &Matrix, indices: &Vec<usize>) -> Result<Matrix> {
        shape_checks::gather_rows(x, indices);
        rows::gather_rows(x, indices)
    }

    fn channels_last(&self, images: &Matrix, channels: usize) -> Result<Matrix> {
        shape_checks::channels_last(images, channels);
        rows::channels_last(images, channels)
    }

    fn convolution(
        &self,
        maps: &Matrix,
        shape: ConvolutionShape,
        weight: &ReferenceWeight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Matrix> {
        let items = shape_checks::convolution(maps, shape, weight.shape(), &epilogue);
        if weight.is_transformed() {
            let form = (shape.kernel, shape.stride, shape.padding);
            assert_eq!(form, (3, 1, 1), "form of a packed convolution");
            return winograd::convolution(maps, items, shape.input, weight, epilogue);
        }
        convolution::convolution(maps, items, shape, weight, epilogue)
    }

    fn average_pool(&self, maps: &Matrix, shape: MapShape, side: usize) -> Result<Matrix> {
        let items = shape_checks::average_pool(maps, shape, side);
        pool::average_pool(maps, items, shape, side)
    }

    fn pool_tokens(&self, maps: &Matrix, positional_embedding: &Matrix) -> Result<Matrix> {
        let items = shape_checks::pool_tokens(maps, positional_embedding);
        pool::pool_tokens(maps, items, positional_embedding)
    }
}
