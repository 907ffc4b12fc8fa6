//! The definition of every operation: scalar, obvious, sums in f64, rounded to f32 once at the end.
//!
//! Slow on purpose. One file per operation, each as long as its formula.

mod activation;
mod attention;
mod convolution;
mod layer_norm;
mod linear;
mod patches;
mod pool;
mod precision;
mod rows;

#[cfg(test)]
pub(crate) use activation::activate;
#[cfg(test)]
pub(crate) use precision::QuantizedRow;
pub use precision::ReferenceWeight;
pub(crate) use precision::{quantize_output, round_to_bf16};

use crate::shape_checks::{self, WeightShape};
use crate::{
    AttentionShape, ConvolutionShape, Device, Epilogue, MapShape, Matrix, MatrixView, PatchGrid,
    Precision,
};

/// The device that defines what every operation gives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Reference {
    fn shape_of(weight: &ReferenceWeight) -> WeightShape {
        WeightShape { outputs: weight.outputs(), inputs: weight.inputs() }
    }
}

impl Device for Reference {
    type Rows = Matrix;
    type Vector = Vec<f32>;
    type Weight = ReferenceWeight;

    fn to_device(&self, values: Vec<f32>, width: usize) -> Matrix {
        Matrix::new(values, width)
    }

    fn to_host(&self, rows: Matrix) -> Vec<f32> {
        rows.into_values()
    }

    fn vector(&self, values: Vec<f32>) -> Vec<f32> {
        values
    }

    fn pack(&self, weight: MatrixView<'_>, precision: Precision) -> ReferenceWeight {
        ReferenceWeight::new(weight, precision)
    }

    fn embed_tokens(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        token_embedding: &Matrix,
        positional_embedding: &Matrix,
    ) -> Matrix {
        shape_checks::embed_tokens(token_ids, positions, token_embedding, positional_embedding);
        rows::embed_tokens(token_ids, positions, token_embedding, positional_embedding)
    }

    fn embed_patches(
        &self,
        images: &Matrix,
        grid: PatchGrid,
        patch_embedding: &ReferenceWeight,
        class_embedding: &Vec<f32>,
        positional_embedding: &Matrix,
    ) -> Matrix {
        let shape = Self::shape_of(patch_embedding);
        shape_checks::embed_patches(images, grid, shape, class_embedding, positional_embedding);
        patches::embed_patches(images, grid, patch_embedding, class_embedding, positional_embedding)
    }

    fn linear(&self, x: &Matrix, weight: &ReferenceWeight, epilogue: Epilogue<'_, Self>) -> Matrix {
        shape_checks::linear(x, Self::shape_of(weight), epilogue.bias, epilogue.residual.as_ref());
        linear::linear(x, weight, epilogue)
    }

    fn layer_norm(&self, x: &Matrix, gain: &Vec<f32>, bias: &Vec<f32>) -> Matrix {
        shape_checks::layer_norm(x, gain, bias);
        layer_norm::layer_norm(x, gain, bias)
    }

    fn attention(
        &self,
        queries: &Matrix,
        keys_values: &Matrix,
        shape: AttentionShape<'_>,
    ) -> Matrix {
        shape_checks::attention(queries, keys_values, shape);
        attention::attention(queries, keys_values, shape)
    }

    fn gather_rows(&self, x: &Matrix, indices: &[usize]) -> Matrix {
        shape_checks::gather_rows(x, indices);
        rows::gather_rows(x, indices)
    }

    fn channels_last(&self, images: &Matrix, channels: usize) -> Matrix {
        shape_checks::channels_last(images, channels);
        rows::channels_last(images, channels)
    }

    fn convolution(
        &self,
        maps: &Matrix,
        shape: ConvolutionShape,
        weight: &ReferenceWeight,
        epilogue: Epilogue<'_, Self>,
    ) -> Matrix {
        let weight_shape = Self::shape_of(weight);
        let items = shape_checks::convolution(
            maps,
            shape,
            weight_shape,
            epilogue.bias,
            epilogue.residual.as_ref(),
        );
        convolution::convolution(maps, items, shape, weight, epilogue)
    }

    fn average_pool(&self, maps: &Matrix, shape: MapShape, side: usize) -> Matrix {
        let items = shape_checks::average_pool(maps, shape, side);
        pool::average_pool(maps, items, shape, side)
    }

    fn pool_tokens(&self, maps: &Matrix, positional_embedding: &Matrix) -> Matrix {
        let items = shape_checks::pool_tokens(maps, positional_embedding);
        pool::pool_tokens(maps, items, positional_embedding)
    }
}
