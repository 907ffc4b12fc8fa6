//! Logits of many images over many labels, without all of them in memory.

use clip_eval::head::Head;
use clip_eval::{EvalContext, EvalError, SplitFeatures};

/// Logits in memory at a time.
const AT_A_TIME: usize = 1 << 22;

/// Calls `take` with `[some images, classes]`, all images in order.
///
/// # Errors
/// Those of `take`.
pub(crate) fn in_parts(
    context: &EvalContext,
    head: &Head,
    rows: &SplitFeatures,
    mut take: impl FnMut(&[f32]) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let (scale, width) = (context.clip.scale(), context.clip.embed_dim());
    let images = (AT_A_TIME / head.classes()).max(1);
    let rows = rows.features.clone().normalize();
    rows.as_slice().chunks(images * width).try_for_each(|rows| take(&head.logits(rows, scale)))
}
