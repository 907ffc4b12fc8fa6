//! What the shapes given to an operation must satisfy: checked once, at the door of every host
//! device.

mod train;

pub(crate) use train::*;

use crate::{
    AttentionOptions, AttentionPlan, ConvolutionShape, Device, Epilogue, MapShape, Matrix,
    PatchGrid, Precision, Projections,
};

/// Sizes of a weight, whatever form a device keeps it in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightShape {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
}

pub(crate) fn embed_tokens(
    token_ids: &[u32],
    positions: &[usize],
    table: &Matrix,
    position_table: &Matrix,
) {
    assert_eq!(token_ids.len(), positions.len(), "token ids against positions");
    assert_eq!(table.width(), position_table.width(), "widths of token and position table");
    if let Some(position) = positions.iter().find(|&&position| position >= position_table.rows()) {
        panic!("position {position}, limit {}", position_table.rows());
    }
    if let Some(id) = token_ids.iter().find(|&&id| id as usize >= table.rows()) {
        panic!("token id {id}, vocabulary {}", table.rows());
    }
}

pub(crate) fn embed_patches(
    images: &Matrix,
    grid: PatchGrid,
    weight: WeightShape,
    class_embedding: Option<&Vec<f32>>,
    positions: &Matrix,
) {
    assert!(grid.patch_size > 0 && grid.resolution.is_multiple_of(grid.patch_size), "{grid:?}");
    assert_eq!(images.width(), grid.image_values(), "values of a picture");
    assert_eq!(weight.inputs, grid.patch_values(), "inputs of the patch embedding");
    if let Some(class_embedding) = class_embedding {
        assert_eq!(class_embedding.len(), weight.outputs, "width of the class embedding");
    }
    assert_eq!(positions.width(), weight.outputs, "width of the position table");
    let tokens = grid.patches() + usize::from(class_embedding.is_some());
    assert_eq!(positions.rows(), tokens, "rows of the position table");
}

pub(crate) fn linear(
    x: &Matrix,
    weight: WeightShape,
    epilogue: &Epilogue<'_, impl Device<Rows = Matrix, Vector = Vec<f32>>>,
) {
    assert_eq!(x.width(), weight.inputs, "width of the rows against inputs of the weight");
    check_epilogue(epilogue, x.rows(), weight.outputs);
}

fn check_epilogue(
    epilogue: &Epilogue<'_, impl Device<Rows = Matrix, Vector = Vec<f32>>>,
    rows: usize,
    outputs: usize,
) {
    if let Some(bias) = epilogue.bias {
        assert_eq!(bias.len(), outputs, "bias against outputs of the weight");
    }
    if let Some(residual) = &epilogue.residual {
        assert_eq!((residual.rows(), residual.width()), (rows, outputs), "shape of the residual");
    }
}

pub(crate) fn layer_norm(x: &Matrix, gain: &[f32], bias: &[f32]) {
    assert_eq!((gain.len(), bias.len()), (x.width(), x.width()), "gain and bias against width");
}

pub(crate) fn attention(
    projections: Projections<'_>,
    plan: &AttentionPlan,
    options: AttentionOptions,
) {
    let Projections { queries, keys_values, width } = projections;
    let heads = options.heads;
    assert!(heads > 0 && width.is_multiple_of(heads), "{heads} heads of width {width}");
    assert_eq!(plan.queries.rows(), queries.rows(), "rows of the queries");
    let rows = keys_values.rows();
    assert!(plan.key_end <= rows, "key row {} of {rows}", plan.key_end);
    assert_ne!(options.precision, Precision::Int8, "attention is in f32 or bf16");
    assert!(!options.causal || plan.may_be_causal, "more causal queries than keys");
}

pub(crate) fn gather_rows(x: &Matrix, indices: &[usize]) {
    if let Some(index) = indices.iter().find(|&&index| index >= x.rows()) {
        panic!("row {index} of {}", x.rows());
    }
}

pub(crate) fn channels_last(images: &Matrix, channels: usize) {
    assert!(
        channels > 0 && images.width().is_multiple_of(channels),
        "{channels} channels of {}",
        images.width()
    );
}

/// Returns the number of items.
pub(crate) fn convolution(
    maps: &Matrix,
    shape: ConvolutionShape,
    weight: WeightShape,
    epilogue: &Epilogue<'_, impl Device<Rows = Matrix, Vector = Vec<f32>>>,
) -> usize {
    assert!(shape.kernel > 0 && shape.stride > 0, "{shape:?}");
    assert_eq!(weight.inputs, shape.taps() * maps.width(), "inputs of the convolution");
    let items = items(maps, shape.input.cells());
    check_epilogue(epilogue, items * shape.output().cells(), weight.outputs);
    items
}

/// Returns the number of items.
pub(crate) fn average_pool(maps: &Matrix, shape: MapShape, side: usize) -> usize {
    assert!(side > 0, "pool of side 0");
    assert!(
        shape.height.is_multiple_of(side) && shape.width.is_multiple_of(side),
        "{shape:?} by {side}"
    );
    items(maps, shape.cells())
}

/// Returns the number of items.
pub(crate) fn pool_tokens(maps: &Matrix, positions: &Matrix) -> usize {
    assert_eq!(maps.width(), positions.width(), "channels against width of the position table");
    assert!(positions.rows() > 1, "position table without cells");
    items(maps, positions.rows() - 1)
}

fn items(maps: &Matrix, cells: usize) -> usize {
    assert!(cells > 0, "maps without cells");
    assert!(maps.rows().is_multiple_of(cells), "{} rows are no maps of {cells} cells", maps.rows());
    maps.rows() / cells
}
