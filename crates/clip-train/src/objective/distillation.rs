//! A teacher's similarities as targets (DistillClipLoss of open_clip).

use super::pairs::{Embeddings, Pairs};
use super::sums::{Direction, Sums};
use clip_kernels::{Result, Targets, Train};

/// What a teacher makes of the same batch.
pub(super) struct TeacherPairs<'a, D: Train> {
    pub(super) own: Embeddings<'a, D>,
    pub(super) all: Embeddings<'a, D>,
    /// The teacher's own.
    pub(super) scale: f32,
}

/// Adds `factor` times the mean of both directions' cross-entropies of the student's softmax
/// against the teacher's.
pub(super) fn distillation<D: Train>(
    pairs: &Pairs<'_, D>,
    teacher: &TeacherPairs<'_, D>,
    scale: f32,
    factor: f64,
    sums: &mut Sums<D>,
) -> Result<()> {
    let Pairs { device, own, all, .. } = pairs;
    let mean = 0.5 / pairs.count as f64;
    let directions = [
        (Direction::ImageToText, own.images, all.texts, teacher.own.images, teacher.all.texts),
        (Direction::TextToImage, own.texts, all.images, teacher.own.texts, teacher.all.images),
    ];
    for (direction, queries, keys, teacher_queries, teacher_keys) in directions {
        let targets =
            Targets::Teacher { queries: teacher_queries, keys: teacher_keys, scale: teacher.scale };
        let loss = device.cross_entropy(queries, keys, scale, targets, factor * mean)?;
        // The part is told before its factor.
        sums.distillation += if factor == 0.0 { 0.0 } else { loss.loss / factor };
        sums.add(device, direction, loss)?;
    }
    Ok(())
}
