//! What training adds to the definition.

use super::{
    ReferenceWeight, activation, attention, batch_norm, convolution, layer_norm, linear, losses,
    normalize, optimizer, patches, pool, rows,
};
use crate::shape_checks;
use crate::{
    Activation, AdamW, AttentionOptions, AttentionPlan, ConvolutionShape, Device, MapShape, Matrix,
    NormGradients, PatchGrid, Precision, Reference, Result, SimilarityLoss, Targets, Train,
    WeightOrder,
};
use std::ops::Range;

impl Train for Reference {
    fn zeros(&self, rows: usize, width: usize) -> Result<Matrix> {
        Matrix::zeros(rows, width)
    }

    fn read(&self, rows: &Matrix) -> Result<Vec<f32>> {
        Ok(rows.values().to_vec())
    }

    fn write(&self, rows: &mut Matrix, values: &[f32]) -> Result<()> {
        shape_checks::write(rows, values);
        rows.values_mut().copy_from_slice(values);
        Ok(())
    }

    fn vector_of(&self, parameter: &Matrix, columns: Range<usize>) -> Result<Vec<f32>> {
        shape_checks::vector_of(parameter);
        Ok(parameter.values()[columns].to_vec())
    }

    fn pack_parameter(
        &self,
        weight: &Matrix,
        rows: Range<usize>,
        order: WeightOrder,
        precision: Precision,
    ) -> Result<ReferenceWeight> {
        self.pack(order.view(weight, rows), precision)
    }

    fn pack_convolution_parameter(
        &self,
        weight: &Matrix,
        _kernel: usize,
        _stride: usize,
        precision: Precision,
    ) -> Result<ReferenceWeight> {
        self.pack(WeightOrder::OutputMajor.view(weight, 0..weight.rows()), precision)
    }

    fn weight_gradient(
        &self,
        dy: &Matrix,
        x: &Matrix,
        precision: Precision,
        gradient: &mut Matrix,
        first_row: usize,
    ) -> Result<()> {
        shape_checks::weight_gradient(dy, x, precision, gradient, first_row);
        linear::weight_gradient(dy, x, precision, gradient, first_row);
        Ok(())
    }

    fn bias_gradient(&self, dy: &Matrix, gradient: &mut Matrix, first_column: usize) -> Result<()> {
        shape_checks::bias_gradient(dy, gradient, first_column);
        linear::bias_gradient(dy, gradient, first_column);
        Ok(())
    }

    fn add(&self, x: Matrix, y: &Matrix) -> Result<Matrix> {
        shape_checks::same_shape(&x, y);
        Ok(rows::add(x, y))
    }

    fn scale(&self, x: Matrix, factor: f32) -> Result<Matrix> {
        Ok(rows::scale(x, factor))
    }

    fn scatter_rows(&self, x: &Matrix, indices: &Vec<usize>, rows: usize) -> Result<Matrix> {
        shape_checks::scatter_rows(x, indices, rows);
        rows::scatter_rows(x, indices, rows)
    }

    fn activate(&self, x: &Matrix, activation: Activation) -> Result<Matrix> {
        activation::activate_rows(x, activation)
    }

    fn activation_backward(
        &self,
        x: &Matrix,
        dy: Matrix,
        activation: Activation,
    ) -> Result<Matrix> {
        shape_checks::same_shape(x, &dy);
        Ok(activation::activation_backward(x, dy, activation))
    }

    fn layer_norm_backward(
        &self,
        x: &Matrix,
        gain: &Vec<f32>,
        eps: f64,
        dy: &Matrix,
        gradients: NormGradients<'_, Self>,
    ) -> Result<Matrix> {
        shape_checks::layer_norm_backward(x, gain, dy, gradients.as_ref());
        layer_norm::layer_norm_backward(x, gain, eps, dy, gradients)
    }

    fn attention_backward(
        &self,
        queries: &Matrix,
        keys_values: &Matrix,
        d_output: &Matrix,
        plan: &AttentionPlan,
        options: AttentionOptions,
    ) -> Result<(Matrix, Matrix)> {
        shape_checks::attention_backward(queries, keys_values, d_output, plan, options);
        attention::attention_backward(queries, keys_values, d_output, plan, options)
    }

    fn embed_tokens_backward(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        dy: &Matrix,
        token_embedding: Option<&mut Matrix>,
        positional_embedding: Option<&mut Matrix>,
    ) -> Result<()> {
        let (tokens, places) = (token_embedding, positional_embedding);
        shape_checks::embed_tokens_backward(
            token_ids,
            positions,
            dy,
            tokens.as_deref(),
            places.as_deref(),
        );
        rows::embed_tokens_backward(token_ids, positions, dy, tokens, places);
        Ok(())
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
        shape_checks::embed_patches_backward(
            images,
            grid,
            dy,
            has_class_token,
            precision,
            patch_embedding.as_deref(),
            class_embedding.as_deref(),
            positional_embedding.as_deref(),
        );
        patches::embed_patches_backward(
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
        shape_checks::column_statistics(x);
        batch_norm::column_statistics(x)
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
        shape_checks::batch_norm(x, statistics, gain, bias);
        batch_norm::batch_norm(x, statistics, gain, bias, eps, activation)
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
        shape_checks::batch_norm_backward(x, statistics, gain, dy, gradients.as_ref());
        batch_norm::batch_norm_backward(x, statistics, of_batch, gain, eps, dy, gradients)
    }

    fn convolution_input_gradient(
        &self,
        dy: &Matrix,
        shape: ConvolutionShape,
        weight: &Matrix,
        precision: Precision,
    ) -> Result<Matrix> {
        let items = shape_checks::convolution_input_gradient(dy, shape, weight, precision);
        convolution::convolution_input_gradient(dy, items, shape, weight, precision)
    }

    fn convolution_weight_gradient(
        &self,
        maps: &Matrix,
        shape: ConvolutionShape,
        dy: &Matrix,
        precision: Precision,
        gradient: &mut Matrix,
    ) -> Result<()> {
        shape_checks::convolution_weight_gradient(maps, shape, dy, precision, gradient);
        convolution::convolution_weight_gradient(maps, shape, dy, precision, gradient);
        Ok(())
    }

    fn average_pool_backward(&self, dy: &Matrix, shape: MapShape, side: usize) -> Result<Matrix> {
        let items = shape_checks::average_pool_backward(dy, shape, side);
        pool::average_pool_backward(dy, items, shape, side)
    }

    fn pool_tokens_backward(
        &self,
        dy: &Matrix,
        cells: usize,
        positional_embedding: Option<&mut Matrix>,
    ) -> Result<Matrix> {
        shape_checks::pool_tokens_backward(dy, cells, positional_embedding.as_deref());
        pool::pool_tokens_backward(dy, cells, positional_embedding)
    }

    fn normalize(&self, x: &Matrix) -> Result<Matrix> {
        normalize::normalize(x)
    }

    fn normalize_backward(&self, x: &Matrix, dy: &Matrix) -> Result<Matrix> {
        shape_checks::same_shape(x, dy);
        normalize::normalize_backward(x, dy)
    }

    fn cross_entropy(
        &self,
        queries: &Matrix,
        keys: &Matrix,
        scale: f32,
        targets: Targets<'_, Self>,
        weight: f64,
    ) -> Result<SimilarityLoss<Self>> {
        shape_checks::similarity_loss(queries, keys, scale, targets);
        losses::cross_entropy(queries, keys, scale, targets, weight)
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
        shape_checks::sigmoid_loss(queries, keys, scale, targets);
        losses::sigmoid_loss(queries, keys, scale, bias, targets, weight)
    }

    fn squared_norm(&self, x: &Matrix) -> Result<f64> {
        Ok(optimizer::squared_norm(x))
    }

    fn adamw(
        &self,
        parameter: &mut Matrix,
        gradient: &Matrix,
        first_moment: &mut Matrix,
        second_moment: &mut Matrix,
        step: AdamW,
    ) -> Result<()> {
        shape_checks::adamw(parameter, gradient, first_moment, second_moment);
        optimizer::adamw(parameter, gradient, first_moment, second_moment, step);
        Ok(())
    }

    fn moving_average(&self, average: &mut Matrix, x: &Matrix, decay: f64) -> Result<()> {
        shape_checks::same_shape(average, x);
        optimizer::moving_average(average, x, decay);
        Ok(())
    }
}
