//! **Defines** patch embedding (PROTOCOL 1.1, steps 1 to 4).

use super::linear::{product, product_gradient};
use super::precision::{QuantizedRow, ReferenceWeight};
use super::rows::add_rows_to;
use crate::{Epilogue, Matrix, PatchGrid, Precision, Reference, Result};

/// Class token if any, then the projected patches row by row; positions added to all.
pub(super) fn embed_patches(
    images: &Matrix,
    grid: PatchGrid,
    patch_embedding: &ReferenceWeight,
    class_embedding: Option<&Vec<f32>>,
    positional_embedding: &Matrix,
) -> Result<Matrix> {
    let rows = images.rows() * grid.patches();
    let patch = |row| patch(images.row(row / grid.patches()), grid, row % grid.patches());
    let epilogue = Epilogue::<Reference>::none();
    let mut patches = product(rows, patch_embedding, epilogue, patch)?;
    if patch_embedding.precision() == Precision::Int8 {
        let epilogue = Epilogue::<Reference>::none().residual(patches);
        let rest = |row| QuantizedRow::new(&patch(row)).rest(&patch(row));
        patches = product(rows, patch_embedding, epilogue, rest)?;
    }
    let tokens = positional_embedding.rows();
    let mut out = Matrix::unwritten(images.rows() * tokens, patch_embedding.shape().outputs)?;
    for row in 0..out.rows() {
        let (image, token) = (row / tokens, row % tokens);
        let content = match (class_embedding, token.checked_sub(tokens - grid.patches())) {
            (Some(class_embedding), None) => class_embedding,
            (_, patch) => patches.row(image * grid.patches() + patch.unwrap_or(0)),
        };
        let positions = positional_embedding.row(token);
        for (column, out) in out.row_mut(row).iter_mut().enumerate() {
            *out = content[column] + positions[column];
        }
    }
    Ok(out)
}

/// Of the rows `[items · tokens, width]`: those of patches to the projection, the first of each
/// picture to the class token, all to their positions.
#[allow(clippy::too_many_arguments, reason = "that of the operation")]
pub(super) fn embed_patches_backward(
    images: &Matrix,
    grid: PatchGrid,
    dy: &Matrix,
    has_class_token: bool,
    precision: Precision,
    patch_embedding: Option<&mut Matrix>,
    class_embedding: Option<&mut Matrix>,
    positional_embedding: Option<&mut Matrix>,
) -> Result<()> {
    let first = usize::from(has_class_token);
    let (patches, tokens) = (grid.patches(), grid.patches() + first);
    if let Some(gradient) = patch_embedding {
        let dy = |row: usize| dy.row(row / patches * tokens + first + row % patches);
        let values = |row: usize| patch(images.row(row / patches), grid, row % patches);
        product_gradient(images.rows() * patches, dy, values, precision, gradient.values_mut());
    }
    if let Some(gradient) = class_embedding {
        let mut of_class = Matrix::unwritten(images.rows(), dy.width())?;
        for image in 0..images.rows() {
            of_class.row_mut(image).copy_from_slice(dy.row(image * tokens));
        }
        add_rows_to(gradient.values_mut(), std::iter::repeat_n(0, images.rows()), &of_class);
    }
    if let Some(gradient) = positional_embedding {
        add_rows_to(gradient.values_mut(), (0..dy.rows()).map(|row| row % tokens), dy);
    }
    Ok(())
}

/// The values of one patch in (channel, row, column) order.
fn patch(image: &[f32], grid: PatchGrid, patch: usize) -> Vec<f32> {
    let PatchGrid { resolution, patch_size } = grid;
    let (top, left) = (patch / grid.side() * patch_size, patch % grid.side() * patch_size);
    let mut values = Vec::with_capacity(grid.patch_values());
    for channel in 0..PatchGrid::CHANNELS {
        for y in top..top + patch_size {
            let start = (channel * resolution + y) * resolution + left;
            values.extend_from_slice(&image[start..start + patch_size]);
        }
    }
    values
}
