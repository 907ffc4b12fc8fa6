//! What training adds to the processor.

use super::{Cpu, PackedWeight};
use crate::{
    Activation, AdamW, AttentionOptions, AttentionPlan, ConvolutionShape, Device, MapShape, Matrix,
    NormGradients, PatchGrid, Precision, Reference, Result, SimilarityLoss, Targets, Train,
    WeightOrder, reference, shape_checks,
};
use std::ops::Range;

impl Train for Cpu {
    fn zeros(&self, rows: usize, width: usize) -> Result<Matrix> {
        Reference.zeros(rows, width)
    }

    fn read(&self, rows: &Matrix) -> Result<Vec<f32>> {
        Reference.read(rows)
    }

    fn write(&self, rows: &mut Matrix, values: &[f32]) -> Result<()> {
        Reference.write(rows, values)
    }

    fn vector_of(&self, parameter: &Matrix, columns: Range<usize>) -> Result<Vec<f32>> {
        Reference.vector_of(parameter, columns)
    }

    fn pack_parameter(
        &self,
        weight: &Matrix,
        rows: Range<usize>,
        order: WeightOrder,
        precision: Precision,
    ) -> Result<PackedWeight> {
        self.pack(order.view(weight, rows), precision)
    }

    fn pack_convolution_parameter(
        &self,
        weight: &Matrix,
        kernel: usize,
        stride: usize,
        precision: Precision,
    ) -> Result<PackedWeight> {
        self.pack_convolution(
            WeightOrder::OutputMajor.view(weight, 0..weight.rows()),
            kernel,
            stride,
            precision,
        )
    }

    fn weight_gradient(
        &self,
        dy: &Matrix,
        x: &Matrix,
        precision: Precision,
        gradient: &mut Matrix,
        first_row: usize,
    ) -> Result<()> {
        Reference.weight_gradient(dy, x, precision, gradient, first_row)
    }

    fn bias_gradient(&self, dy: &Matrix, gradient: &mut Matrix, first_column: usize) -> Result<()> {
        Reference.bias_gradient(dy, gradient, first_column)
    }

    fn add(&self, x: Matrix, y: &Matrix) -> Result<Matrix> {
        Reference.add(x, y)
    }

    fn scale(&self, x: Matrix, factor: f32) -> Result<Matrix> {
        Reference.scale(x, factor)
    }

    fn scatter_rows(&self, x: &Matrix, indices: &Vec<usize>, rows: usize) -> Result<Matrix> {
        Reference.scatter_rows(x, indices, rows)
    }

    fn activate(&self, x: &Matrix, activation: Activation) -> Result<Matrix> {
        Reference.activate(x, activation)
    }

    fn activation_backward(
        &self,
        x: &Matrix,
        dy: Matrix,
        activation: Activation,
    ) -> Result<Matrix> {
        Reference.activation_backward(x, dy, activation)
    }

    fn layer_norm_backward(
        &self,
        x: &Matrix,
        gain: &Vec<f32>,
        eps: f64,
        dy: &Matrix,
        gradients: NormGradients<'_, Self>,
    ) -> Result<Matrix> {
        Reference.layer_norm_backward(x, gain, eps, dy, gradients)
    }

    fn attention_backward(
        &self,
        queries: &Matrix,
        keys_values: &Matrix,
        d_output: &Matrix,
        plan: &AttentionPlan,
        options: AttentionOptions,
    ) -> Result<(Matrix, Matrix)> {
        Reference.attention_backward(queries, keys_values, d_output, plan, options)
    }

    fn embed_tokens_backward(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        dy: &Matrix,
        token_embedding: Option<&mut Matrix>,
        positional_embedding: Option<&mut Matrix>,
    ) -> Result<()> {
        Reference.embed_tokens_backward(
            token_ids,
            positions,
            dy,
            token_embedding,
            positional_embedding,
        )
    }

    fn embed_patches_backward(
        &self,
        images: &Matrix,
        grid: PatchGrid,
        dy: &Matrix,
        has_class_token: bool,
        precision: Precision,
        patch_embedding: Option<&mut Matrix>,
        class_embedding: Option<&mut Matrix>,
        positional_embedding: Option<&mut Matrix>,
    ) -> Result<()> {
        Reference.embed_patches_backward(
            images,
            grid,
            dy,
            has_class_token,
            precision,
            patch_embedding,
            class_embedding,
            positional_embedding,
        )
    }

    fn column_statistics(&self, x: &Matrix) -> Result<Matrix> {
        Reference.column_statistics(x)
    }

    fn batch_norm(
        &self,
        x: &Matrix,
        statistics: &Matrix,
        gain: &Vec<f32>,
        bias: &Vec<f32>,
        eps: f64,
        activation: Activation,
    ) -> Result<Matrix> {
        Reference.batch_norm(x, statistics, gain, bias, eps, activation)
    }

    fn batch_norm_backward(
        &self,
        x: &Matrix,
        statistics: &Matrix,
        of_batch: bool,
        gain: &Vec<f32>,
        eps: f64,
        dy: &Matrix,
        gradients: NormGradients<'_, Self>,
    ) -> Result<Matrix> {
        Reference.batch_norm_backward(x, statistics, of_batch, gain, eps, dy, gradients)
    }

    fn convolution_input_gradient(
        &self,
        dy: &Matrix,
        shape: ConvolutionShape,
        weight: &Matrix,
        precision: Precision,
    ) -> Result<Matrix> {
        Reference.convolution_input_gradient(dy, shape, weight, precision)
    }

    fn convolution_weight_gradient(
        &self,
        maps: &Matrix,
        shape: ConvolutionShape,
        dy: &Matrix,
        precision: Precision,
        gradient: &mut Matrix,
    ) -> Result<()> {
        Reference.convolution_weight_gradient(maps, shape, dy, precision, gradient)
    }

    fn average_pool_backward(&self, dy: &Matrix, shape: MapShape, side: usize) -> Result<Matrix> {
        Reference.average_pool_backward(dy, shape, side)
    }

    fn pool_tokens_backward(
        &self,
        dy: &Matrix,
        cells: usize,
        positional_embedding: Option<&mut Matrix>,
    ) -> Result<Matrix> {
        Reference.pool_tokens_backward(dy, cells, positional_embedding)
    }

    fn normalize(&self, x: &Matrix) -> Result<Matrix> {
        Reference.normalize(x)
    }

    fn normalize_backward(&self, x: &Matrix, dy: &Matrix) -> Result<Matrix> {
        Reference.normalize_backward(x, dy)
    }

    fn cross_entropy(
        &self,
        queries: &Matrix,
        keys: &Matrix,
        scale: f32,
        targets: Targets<'_, Self>,
        weight: f64,
    ) -> Result<SimilarityLoss<Self>> {
        shape_checks::similarity_loss(queries, keys, targets);
        reference::cross_entropy(queries, keys, scale, targets, weight)
    }

    fn sigmoid_loss(
        &self,
        queries: &Matrix,
        keys: &Matrix,
        scale: f32,
        bias: f32,
        targets: Targets<'_, Self>,
        weight: f64,
    ) -> Result<SimilarityLoss<Self>> {
        shape_checks::sigmoid_loss(queries, keys, targets);
        reference::sigmoid_loss(queries, keys, scale, bias, targets, weight)
    }

    fn squared_norm(&self, x: &Matrix) -> Result<f64> {
        Reference.squared_norm(x)
    }

    fn adamw(
        &self,
        parameter: &mut Matrix,
        gradient: &Matrix,
        first_moment: &mut Matrix,
        second_moment: &mut Matrix,
        step: AdamW,
    ) -> Result<()> {
        Reference.adamw(parameter, gradient, first_moment, second_moment, step)
    }

    fn moving_average(&self, average: &mut Matrix, x: &Matrix, decay: f64) -> Result<()> {
        Reference.moving_average(average, x, decay)
    }
}
