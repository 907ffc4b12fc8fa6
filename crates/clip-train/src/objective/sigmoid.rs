//! SigLIP's loss: every pair of an image and a text is a question of its own.

use super::pairs::Pairs;
use super::sums::{Direction, Sums};
use clip_kernels::{Result, Train};

/// Adds `−1/n · Σ log sigmoid(± (scale · image · text + bias))` over this rank's images and all
/// texts, so that every pair is one rank's.
pub(super) fn sigmoid<D: Train>(
    pairs: &Pairs<'_, D>,
    scale: f32,
    bias: f32,
    sums: &mut Sums<D>,
) -> Result<()> {
    let Pairs { device, own, all, .. } = pairs;
    let weight = 1.0 / pairs.count as f64;
    let loss = device.sigmoid_loss(own.images, all.texts, scale, bias, pairs.targets(), weight)?;
    sums.sigmoid += loss.loss;
    sums.correct_images += loss.correct as f64;
    sums.add(device, Direction::ImageToText, loss)?;
    // For the accuracy alone.
    let other = device.cross_entropy(own.texts, all.images, scale, pairs.targets(), 0.0)?;
    sums.correct_texts += other.correct as f64;
    Ok(())
}
