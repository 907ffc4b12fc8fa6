//! The rows of the image Transformer: the class token in front of the projected patches, positions
//! added; and their gradients.

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

/// The rows of the patches alone.
///
/// - `dy`: `[items · tokens, width]`
pub(super) fn without_class(dy: &Matrix, patches: usize, has_class_token: bool) -> Result<Matrix> {
    let tokens = patches + usize::from(has_class_token);
    let width = dy.width();
    let mut out = Matrix::unwritten(dy.rows() / tokens * patches, width)?;
    for_each_chunk(out.values_mut(), patches * width, |item, out| {
        let end = (item + 1) * tokens * width;
        out.copy_from_slice(&dy.values()[end - out.len()..end]);
    });
    Ok(out)
}

/// Adds the sum of each token over all items to its position, that of the first also to the class.
/// Order of the sums: the items.
///
/// - `dy`: `[items · tokens, width]`
pub(super) fn add_tokens(
    dy: &Matrix,
    tokens: usize,
    class_embedding: Option<&mut Matrix>,
    positional_embedding: Option<&mut Matrix>,
) {
    let width = dy.width();
    let add = |token: usize, gradient: &mut [f32]| {
        let mut sums = vec![0.0; width];
        for row in (token..dy.rows()).step_by(tokens) {
            sums.iter_mut().zip(dy.row(row)).for_each(|(sum, value)| *sum += value);
        }
        gradient.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient += sum);
    };
    if let Some(gradient) = class_embedding {
        add(0, gradient.values_mut());
    }
    if let Some(gradient) = positional_embedding {
        for_each_chunk(gradient.values_mut(), width, add);
    }
}
