//! What training adds to the processor.

use super::gemm::{Lhs, Part, Use};
use super::target::for_each_chunk;
use super::{
    Cpu, PackedWeight, attention, batch_norm, column_sums, convolution, elementwise, layer_norm,
    losses, normalize, optimizer, patches, pool, rows, rows_of, weight_gradient,
};
use crate::{
    Activation, AdamW, AttentionOptions, AttentionPlan, ConvolutionShape, Device, Epilogue,
    MapShape, Matrix, NormGradients, PatchGrid, Precision, Reference, Result, SimilarityLoss,
    Targets, Train, WeightOrder, buffers, shape_checks,
};
use std::ops::Range;

impl Train for Cpu {
    fn step_region<R>(step: impl FnOnce() -> R) -> R {
        buffers::reusing_all(step)
    }

    fn zeros(&self, rows: usize, width: usize) -> Result<Matrix> {
        /// Values of a task: a gradient of megabytes is one thread's work for too long.
        const VALUES: usize = 1 << 16;
        let mut zeros = Matrix::unwritten(rows, width)?;
        for_each_chunk(zeros.values_mut(), VALUES, |_, values| values.fill(0.0));
        Ok(zeros)
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
        PackedWeight::pack(self.isa, order.view(weight, rows), precision, Use::Once)
    }

    fn pack_convolution_parameter(
        &self,
        weight: &Matrix,
        kernel: usize,
        stride: usize,
        precision: Precision,
    ) -> Result<PackedWeight> {
        let view = WeightOrder::OutputMajor.view(weight, 0..weight.rows());
        convolution::pack_parameter(self.isa, view, kernel, stride, precision)
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
        let width = x.width();
        let places = first_row * width..(first_row + dy.width()) * width;
        let gradient = &mut gradient.values_mut()[places];
        weight_gradient::weight_gradient(self.isa, dy, rows_of(x), width, precision, gradient)
    }

    fn bias_gradient(&self, dy: &Matrix, gradient: &mut Matrix, first_column: usize) -> Result<()> {
        shape_checks::bias_gradient(dy, gradient, first_column);
        let gradient = &mut gradient.values_mut()[first_column..first_column + dy.width()];
        column_sums::add_column_sums(self.isa, dy, gradient)
    }

    fn add(&self, x: Matrix, y: &Matrix) -> Result<Matrix> {
        shape_checks::same_shape(&x, y);
        Ok(elementwise::add(self.isa, x, y))
    }

    fn scale(&self, x: Matrix, factor: f32) -> Result<Matrix> {
        Ok(elementwise::scale(self.isa, x, factor))
    }

    fn scatter_rows(&self, x: &Matrix, indices: &Vec<usize>, rows: usize) -> Result<Matrix> {
        Reference.scatter_rows(x, indices, rows)
    }

    fn activate(&self, x: &Matrix, activation: Activation) -> Result<Matrix> {
        elementwise::activate(self.isa, x, activation)
    }

    fn activation_backward(
        &self,
        x: &Matrix,
        dy: Matrix,
        activation: Activation,
    ) -> Result<Matrix> {
        shape_checks::same_shape(x, &dy);
        Ok(elementwise::activation_backward(self.isa, x, dy, activation))
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
        layer_norm::layer_norm_backward(self.isa, x, gain, eps, dy, gradients)
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
        attention::attention_backward(self.isa, queries, keys_values, d_output, plan, options)
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
        if let Some(table) = tokens {
            let ids: Vec<usize> = token_ids.iter().map(|&id| id as usize).collect();
            rows::add_rows_to(self.isa, table, &ids, dy);
        }
        if let Some(table) = places {
            rows::add_rows_to(self.isa, table, positions, dy);
        }
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
        if let Some(gradient) = patch_embedding {
            let (lhs, width) = (
                Lhs::Patches { images: images.values(), grid, part: Part::First },
                gradient.width(),
            );
            let dy = patches::without_class(dy, grid.patches(), has_class_token)?;
            let gradient = gradient.values_mut();
            weight_gradient::weight_gradient(self.isa, &dy, lhs, width, precision, gradient)?;
        }
        let tokens = grid.patches() + usize::from(has_class_token);
        patches::add_tokens(dy, tokens, class_embedding, positional_embedding);
        Ok(())
    }

    fn column_statistics(&self, x: &Matrix) -> Result<Matrix> {
        shape_checks::column_statistics(x);
        batch_norm::column_statistics(self.isa, x)
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
        batch_norm::batch_norm(self.isa, x, statistics, gain, bias, eps, activation)
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
        batch_norm::batch_norm_backward(self.isa, x, statistics, of_batch, gain, eps, dy, gradients)
    }

    fn convolution_input_gradient(
        &self,
        dy: &Matrix,
        shape: ConvolutionShape,
        weight: &Matrix,
        precision: Precision,
    ) -> Result<Matrix> {
        shape_checks::convolution_input_gradient(dy, shape, weight, precision);
        // No model convolves features with a stride: the definition will do.
        let Some(turned) = convolution::turned(shape) else {
            return Reference.convolution_input_gradient(dy, shape, weight, precision);
        };
        let weight = convolution::pack_turned(self.isa, weight, turned, precision)?;
        self.convolution(dy, turned, &weight, Epilogue::none())
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
        convolution::weight_gradient(self.isa, maps, shape, dy, precision, gradient)
    }

    fn average_pool_backward(&self, dy: &Matrix, shape: MapShape, side: usize) -> Result<Matrix> {
        let items = shape_checks::average_pool_backward(dy, shape, side);
        pool::average_pool_backward(self.isa, dy, items, shape, side)
    }

    fn pool_tokens_backward(
        &self,
        dy: &Matrix,
        cells: usize,
        positional_embedding: Option<&mut Matrix>,
    ) -> Result<Matrix> {
        shape_checks::pool_tokens_backward(dy, cells, positional_embedding.as_deref());
        if let Some(table) = positional_embedding {
            let places: Vec<usize> = (0..dy.rows()).map(|row| row % (cells + 1)).collect();
            rows::add_rows_to(self.isa, table, &places, dy);
        }
        pool::pool_tokens_backward(self.isa, dy, cells)
    }

    fn normalize(&self, x: &Matrix) -> Result<Matrix> {
        normalize::normalize(self.isa, x)
    }

    fn normalize_backward(&self, x: &Matrix, dy: &Matrix) -> Result<Matrix> {
        shape_checks::same_shape(x, dy);
        normalize::normalize_backward(self.isa, x, dy)
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
        losses::cross_entropy(self.isa, queries, keys, scale, targets, weight)
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
        losses::sigmoid_loss(self.isa, queries, keys, scale, bias, targets, weight)
    }

    fn squared_norm(&self, x: &Matrix) -> Result<f64> {
        Ok(optimizer::squared_norm(self.isa, x))
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
        optimizer::adamw(self.isa, parameter, gradient, first_moment, second_moment, step);
        Ok(())
    }

    fn moving_average(&self, average: &mut Matrix, x: &Matrix, decay: f64) -> Result<()> {
        shape_checks::same_shape(average, x);
        elementwise::moving_average(self.isa, average, x, decay);
        Ok(())
    }
}
