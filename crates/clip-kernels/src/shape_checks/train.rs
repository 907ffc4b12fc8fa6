//! The same for what training adds.

use super::{attention, items};
use crate::{
    AttentionOptions, AttentionPlan, ConvolutionShape, Device, MapShape, Matrix, PatchGrid,
    Precision, Projections, Targets,
};

/// That the values of two matrices belong to each other.
pub(crate) fn same_shape(x: &Matrix, y: &Matrix) {
    assert_eq!((x.rows(), x.width()), (y.rows(), y.width()), "shapes of two matrices");
}

fn vector_gradient(gradient: &Matrix, width: usize) {
    assert_eq!((gradient.rows(), gradient.width()), (1, width), "gradient of a vector");
}

fn norm_gradients(gradients: Option<&(&mut Matrix, &mut Matrix)>, width: usize) {
    if let Some((gain, bias)) = gradients {
        vector_gradient(gain, width);
        vector_gradient(bias, width);
    }
}

fn trains_in(precision: Precision) {
    assert_ne!(precision, Precision::Int8, "training is in f32 or bf16");
}

pub(crate) fn write(rows: &Matrix, values: &[f32]) {
    assert_eq!(rows.values().len(), values.len(), "values of the rows");
}

pub(crate) fn vector_of(parameter: &Matrix) {
    assert_eq!(parameter.rows(), 1, "rows of a vector");
}

pub(crate) fn weight_gradient(
    dy: &Matrix,
    x: &Matrix,
    precision: Precision,
    gradient: &Matrix,
    first_row: usize,
) {
    trains_in(precision);
    assert_eq!(dy.rows(), x.rows(), "rows of both sides");
    assert_eq!(gradient.width(), x.width(), "inputs of a weight");
    let end = first_row + dy.width();
    assert!(end <= gradient.rows(), "outputs up to {end} of {}", gradient.rows());
}

pub(crate) fn bias_gradient(dy: &Matrix, gradient: &Matrix, first_column: usize) {
    assert_eq!(gradient.rows(), 1, "rows of the gradient of a vector");
    let end = first_column + dy.width();
    assert!(end <= gradient.width(), "outputs up to {end} of {}", gradient.width());
}

pub(crate) fn scatter_rows(x: &Matrix, indices: &[usize], rows: usize) {
    assert_eq!(x.rows(), indices.len(), "rows against indices");
    let mut is_taken = vec![false; rows];
    for &index in indices {
        assert!(index < rows, "row {index} of {rows}");
        assert!(!std::mem::replace(&mut is_taken[index], true), "row {index} twice");
    }
}

pub(crate) fn layer_norm_backward(
    x: &Matrix,
    gain: &[f32],
    dy: &Matrix,
    gradients: Option<&(&mut Matrix, &mut Matrix)>,
) {
    same_shape(x, dy);
    assert_eq!(gain.len(), x.width(), "gain against width");
    norm_gradients(gradients, x.width());
}

pub(crate) fn attention_backward(
    queries: &Matrix,
    keys_values: &Matrix,
    d_output: &Matrix,
    plan: &AttentionPlan,
    options: AttentionOptions,
) {
    attention(Projections::new(queries, Some(keys_values)), plan, options);
    same_shape(queries, d_output);
    assert!(plan.keys.are_disjoint(), "a key of two items");
}

pub(crate) fn embed_tokens_backward(
    token_ids: &[u32],
    positions: &[usize],
    dy: &Matrix,
    token_embedding: Option<&Matrix>,
    positional_embedding: Option<&Matrix>,
) {
    let rows = (dy.rows(), dy.rows());
    assert_eq!((token_ids.len(), positions.len()), rows, "token ids and positions against rows");
    if let Some(table) = token_embedding {
        assert_eq!(table.width(), dy.width(), "width of the token table");
        let largest = token_ids.iter().max().map_or(0, |&id| id as usize + 1);
        assert!(largest <= table.rows(), "{largest} tokens, vocabulary {}", table.rows());
    }
    if let Some(table) = positional_embedding {
        assert_eq!(table.width(), dy.width(), "width of the position table");
        let largest = positions.iter().max().map_or(0, |&position| position + 1);
        assert!(largest <= table.rows(), "{largest} positions, limit {}", table.rows());
    }
}

#[allow(clippy::too_many_arguments, reason = "that of the operation")]
pub(crate) fn embed_patches_backward(
    images: &Matrix,
    grid: PatchGrid,
    dy: &Matrix,
    has_class_token: bool,
    precision: Precision,
    patch_embedding: Option<&Matrix>,
    class_embedding: Option<&Matrix>,
    positional_embedding: Option<&Matrix>,
) {
    trains_in(precision);
    assert!(grid.patch_size > 0 && grid.resolution.is_multiple_of(grid.patch_size), "{grid:?}");
    assert_eq!(images.width(), grid.image_values(), "values of a picture");
    let tokens = grid.patches() + usize::from(has_class_token);
    assert_eq!(dy.rows(), images.rows() * tokens, "tokens of the pictures");
    if let Some(gradient) = patch_embedding {
        let shape = (gradient.rows(), gradient.width());
        assert_eq!(shape, (dy.width(), grid.patch_values()), "gradient of the patch embedding");
    }
    if let Some(gradient) = class_embedding {
        assert!(has_class_token, "the gradient of a class token that is not there");
        vector_gradient(gradient, dy.width());
    }
    if let Some(gradient) = positional_embedding {
        let shape = (gradient.rows(), gradient.width());
        assert_eq!(shape, (tokens, dy.width()), "gradient of the position table");
    }
}

pub(crate) fn column_statistics(x: &Matrix) {
    assert!(x.rows() > 0, "statistics of no rows");
}

pub(crate) fn batch_norm(x: &Matrix, statistics: &Matrix, gain: &[f32], bias: &[f32]) {
    super::layer_norm(x, gain, bias);
    assert_eq!((statistics.rows(), statistics.width()), (2, x.width()), "shape of the statistics");
}

pub(crate) fn batch_norm_backward(
    x: &Matrix,
    statistics: &Matrix,
    gain: &[f32],
    dy: &Matrix,
    gradients: Option<&(&mut Matrix, &mut Matrix)>,
) {
    batch_norm(x, statistics, gain, gain);
    layer_norm_backward(x, gain, dy, gradients);
}

/// Returns the number of items.
pub(crate) fn convolution_input_gradient(
    dy: &Matrix,
    shape: ConvolutionShape,
    weight: &Matrix,
    precision: Precision,
) -> usize {
    trains_in(precision);
    assert!(shape.kernel > 0 && shape.stride > 0, "{shape:?}");
    assert_eq!(weight.rows(), dy.width(), "outputs of the convolution");
    assert!(weight.width().is_multiple_of(shape.taps()), "inputs of the convolution");
    items(dy, shape.output().cells())
}

pub(crate) fn convolution_weight_gradient(
    maps: &Matrix,
    shape: ConvolutionShape,
    dy: &Matrix,
    precision: Precision,
    gradient: &Matrix,
) {
    assert_eq!(gradient.width(), shape.taps() * maps.width(), "inputs of the convolution");
    let count = convolution_input_gradient(dy, shape, gradient, precision);
    assert_eq!(items(maps, shape.input.cells()), count, "maps of both sides");
}

/// Returns the number of items.
pub(crate) fn average_pool_backward(dy: &Matrix, shape: MapShape, side: usize) -> usize {
    assert!(side > 0, "pool of side 0");
    let (height, width) = (shape.height, shape.width);
    assert!(height.is_multiple_of(side) && width.is_multiple_of(side), "{shape:?} by {side}");
    items(dy, shape.cells() / (side * side))
}

pub(crate) fn pool_tokens_backward(dy: &Matrix, cells: usize, positions: Option<&Matrix>) {
    assert!(cells > 0, "maps without cells");
    items(dy, cells + 1);
    if let Some(gradient) = positions {
        let shape = (gradient.rows(), gradient.width());
        assert_eq!(shape, (cells + 1, dy.width()), "gradient of the position table");
    }
}

pub(crate) fn similarity_loss<D: Device<Rows = Matrix>>(
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    targets: Targets<'_, D>,
) {
    assert_eq!(queries.width(), keys.width(), "widths of queries and keys");
    assert!(queries.rows() == 0 || keys.rows() > 0, "queries without keys");
    // A scale that is not a number gives a loss that is none: for the caller to see.
    let is_negative = |scale: f32| scale < 0.0;
    assert!(!is_negative(scale), "a negative scale: {scale}");
    match targets {
        Targets::Diagonal { first } => {
            let (end, count) = (first + queries.rows(), keys.rows());
            assert!(end <= count, "queries up to key {end} of {count}");
        }
        Targets::Positives(positives) => {
            assert_eq!(positives.len(), queries.rows(), "positives against queries");
            for of_query in positives {
                assert!(!of_query.is_empty(), "a query without positives");
                assert!(of_query.iter().all(|&key| key < keys.rows()), "positive beyond the keys");
                let ascending = of_query.windows(2).all(|pair| pair[0] < pair[1]);
                assert!(ascending, "positives of a query in ascending order, each once");
            }
        }
        Targets::Teacher { queries: of_teacher, keys: keys_of_teacher, scale } => {
            assert!(!is_negative(scale), "a negative scale: {scale}");
            let rows = (of_teacher.rows(), keys_of_teacher.rows());
            assert_eq!(rows, (queries.rows(), keys.rows()), "rows of the teacher");
            assert_eq!(of_teacher.width(), keys_of_teacher.width(), "widths of the teacher");
        }
    }
}

pub(crate) fn sigmoid_loss<D: Device<Rows = Matrix>>(
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    targets: Targets<'_, D>,
) {
    similarity_loss(queries, keys, scale, targets);
    assert!(!matches!(targets, Targets::Teacher { .. }), "a sigmoid loss against a teacher");
}

pub(crate) fn adamw(parameter: &Matrix, gradient: &Matrix, first: &Matrix, second: &Matrix) {
    same_shape(parameter, gradient);
    same_shape(parameter, first);
    same_shape(parameter, second);
}
