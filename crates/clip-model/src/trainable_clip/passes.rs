//! Both towers forward and back.

use super::TrainableClip;
use crate::EncodeError;
use crate::gradients::Gradients;
use crate::image_pass::{BatchNormMode, ImagePass, Kept};
use crate::layers::{BackwardPass, Pass};
use crate::towers::{ImageTowerActivations, TextTowerActivations, TrainableImageTower, read_parts};
use clip_kernels::{Result, Train};

/// What the way back through the image tower needs; used up by it.
pub struct ImageActivations<D: Train>(ImageTowerActivations<D>);

/// What the way back through the text tower needs; used up by it.
pub struct TextActivations<D: Train>(TextTowerActivations<D>);

impl<D: Train> TrainableClip<D> {
    /// Features of pictures, **not** normalised, and what the way back needs. In
    /// [`BatchNormMode::Batch`] the running statistics move.
    ///
    /// - `pixels`: `[items, 3, resolution, resolution]`, normalised
    /// - returns `[items, embed_dim]`; whether they are finite is not checked
    ///
    /// # Errors
    /// [`EncodeError::WrongInputSize`] and [`EncodeError::Device`].
    ///
    /// # Panics
    /// When patches are to be left out of a ResNet, or for another number of pictures.
    pub fn encode_images(
        &mut self,
        pixels: &[f32],
        pass: &ImagePass,
    ) -> Result<(D::Rows, ImageActivations<D>), EncodeError> {
        let (features, activations) =
            self.image_forward(pixels, pass, Kept::of(pass.checkpointing))?;
        Ok((features, ImageActivations(activations)))
    }

    /// [`TrainableClip::encode_images`] for which there is no way back: the same bits, and the same
    /// done to running statistics.
    ///
    /// # Errors
    /// As [`TrainableClip::encode_images`].
    pub fn encode_images_without_activations(
        &mut self,
        pixels: &[f32],
        pass: &ImagePass,
    ) -> Result<D::Rows, EncodeError> {
        Ok(self.image_forward(pixels, pass, Kept::Nothing)?.0)
    }

    fn image_forward(
        &mut self,
        pixels: &[f32],
        options: &ImagePass,
        kept: Kept,
    ) -> Result<(D::Rows, ImageTowerActivations<D>), EncodeError> {
        let resolution = self.architecture.image.resolution();
        let image_values = 3 * resolution * resolution;
        if !pixels.len().is_multiple_of(image_values) {
            return Err(EncodeError::WrongInputSize { found: pixels.len(), resolution });
        }
        let items = pixels.len() / image_values;
        if let Some(patches) = &options.kept_patches {
            let is_vit = matches!(self.image_tower, TrainableImageTower::VisionTransformer(_));
            assert!(is_vit, "only a vision transformer can leave patches out");
            assert_eq!(patches.len(), items, "kept patches and pictures");
        }
        let (features, activations, observed) = self.device.parallel_region(|| {
            let images = self.device.copy_to_device(pixels, image_values)?;
            self.image_tower.forward(&self.pass(), images, items, options, kept)
        })?;
        for statistics in &observed {
            statistics.follow(&self.device, &mut self.values)?;
        }
        if options.batch_norm == BatchNormMode::Batch {
            self.batches_seen.values_mut().for_each(|seen| *seen = seen.saturating_add(1));
        }
        Ok((features, activations))
    }

    /// Features of texts, **not** normalised, and what the way back needs. Texts stand one after
    /// the other, each up to the row that is read: padding is neither computed nor kept.
    ///
    /// - `texts`: token ids of each text, start and end of text included, with or without padding
    /// - `checkpointing`: keeps only what goes into each block, which is computed again on the way
    ///   back
    /// - returns `[texts, embed_dim]`; whether they are finite is not checked
    ///
    /// # Errors
    /// [`EncodeError::EmptyText`], [`EncodeError::TextTooLong`], [`EncodeError::UnknownToken`] and
    /// [`EncodeError::Device`].
    pub fn encode_texts(
        &self,
        texts: &[&[u32]],
        checkpointing: bool,
    ) -> Result<(D::Rows, TextActivations<D>), EncodeError> {
        let (features, activations) = self.text_forward(texts, Kept::of(checkpointing))?;
        Ok((features, TextActivations(activations)))
    }

    /// [`TrainableClip::encode_texts`] for which there is no way back: the same bits.
    ///
    /// # Errors
    /// As [`TrainableClip::encode_texts`].
    pub fn encode_texts_without_activations(
        &self,
        texts: &[&[u32]],
    ) -> Result<D::Rows, EncodeError> {
        Ok(self.text_forward(texts, Kept::Nothing)?.0)
    }

    fn text_forward(
        &self,
        texts: &[&[u32]],
        kept: Kept,
    ) -> Result<(D::Rows, TextTowerActivations<D>), EncodeError> {
        let texts = read_parts(texts, &self.architecture.text)?;
        let forward = || self.text_tower.forward(&self.pass(), &texts, kept);
        Ok(self.device.parallel_region(forward)?)
    }

    /// Adds the gradients of the image tower's parameters. Where nothing below is trained, nothing
    /// is computed.
    ///
    /// - `d_features`: `[items, embed_dim]`, of the features that came with the activations
    /// - `on_ready`: told the index of each parameter to whose gradient nothing will be added any
    ///   more, from the top of the tower to its bottom
    ///
    /// # Errors
    /// As of the device; gradients are then worth nothing.
    pub fn image_backward(
        &self,
        activations: ImageActivations<D>,
        d_features: D::Rows,
        gradients: &mut Gradients<D>,
        on_ready: &mut dyn FnMut(usize, &mut Gradients<D>),
    ) -> Result<()> {
        let mut back = BackwardPass { pass: self.pass(), gradients, on_ready };
        self.device
            .parallel_region(|| self.image_tower.backward(&mut back, activations.0, &d_features))
    }

    /// Adds the gradients of the text tower's parameters, as [`TrainableClip::image_backward`].
    ///
    /// # Errors
    /// As [`TrainableClip::image_backward`].
    pub fn text_backward(
        &self,
        activations: TextActivations<D>,
        d_features: D::Rows,
        gradients: &mut Gradients<D>,
        on_ready: &mut dyn FnMut(usize, &mut Gradients<D>),
    ) -> Result<()> {
        let mut back = BackwardPass { pass: self.pass(), gradients, on_ready };
        self.device
            .parallel_region(|| self.text_tower.backward(&mut back, activations.0, &d_features))
    }

    /// What came out of each part of the image tower, by the name of its parameters and from the
    /// input up. Kept of passes with `checkpointing` and without.
    pub fn image_outputs<'a>(
        &self,
        activations: &'a ImageActivations<D>,
    ) -> Vec<(String, &'a D::Rows)> {
        activations.0.outputs(&self.architecture)
    }

    /// The same of the text tower.
    pub fn text_outputs<'a>(
        &self,
        activations: &'a TextActivations<D>,
    ) -> Vec<(String, &'a D::Rows)> {
        activations.0.outputs()
    }

    fn pass(&self) -> Pass<'_, D> {
        Pass { device: &self.device, precision: self.precision, values: &self.values }
    }
}
