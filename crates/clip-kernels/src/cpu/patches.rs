//! The rows of the image Transformer: the class token in front of the projected patches, positions
//! added.

use super::target::for_each_chunk;
use crate::{Matrix, Result};

/// - `patches`: `[items · patches, width]`
/// - `positional_embedding`: `[patches + 1, width]`; `[patches, width]` without a class token
/// - returns `[items · (patches + 1), width]`
pub(super) fn with_class_and_positions(
    patches: &Matrix,
    class_embedding: Option<&Vec<f32>>,
    positional_embedding: &Matrix,
) -> Result<Matrix> {
    let (width, tokens) = (positional_embedding.width(), positional_embedding.rows());
    let class_embedding = class_embedding.map_or(&[][..], Vec::as_slice);
    let values_of_image = tokens * width - class_embedding.len();
    let images = patches.values().len() / values_of_image;
    let mut out = Matrix::unwritten(images * tokens, width)?;
    for_each_chunk(out.values_mut(), tokens * width, |image, out| {
        let (class, rest) = out.split_at_mut(class_embedding.len());
        class.copy_from_slice(class_embedding);
        let start = image * values_of_image;
        rest.copy_from_slice(&patches.values()[start..start + rest.len()]);
        for (out, position) in out.iter_mut().zip(positional_embedding.values()) {
            *out += position;
        }
    });
    Ok(out)
}
