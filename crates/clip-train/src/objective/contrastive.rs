//! Symmetric InfoNCE (PROTOCOL 2.3): each image among all texts, each text among all images.

use super::pairs::Pairs;
use super::sums::{Direction, Sums};
use clip_kernels::{Result, Train};

/// Adds the contrastive loss of this rank's rows. Summed over the ranks it is that of the batch,
/// and so are the gradients: every row of either direction is one rank's (PROTOCOL 2.7).
pub(super) fn contrastive<D: Train>(
    pairs: &Pairs<'_, D>,
    scale: f32,
    sums: &mut Sums<D>,
) -> Result<()> {
    let Pairs { device, own, all, .. } = pairs;
    // The mean of both directions, each the mean over its rows.
    let weight = 0.5 / pairs.count as f64;
    let loss = device.cross_entropy(own.images, all.texts, scale, pairs.targets(), weight)?;
    sums.image_to_text += 2.0 * loss.loss;
    sums.correct_images += loss.correct as f64;
    sums.add(device, Direction::ImageToText, loss)?;
    let loss = device.cross_entropy(own.texts, all.images, scale, pairs.targets(), weight)?;
    sums.text_to_image += 2.0 * loss.loss;
    sums.correct_texts += loss.correct as f64;
    sums.add(device, Direction::TextToImage, loss)
}
