//! The two towers and the joint head on one device (PROTOCOL 1).

use crate::checkpoint::finite::check_scale;
use crate::layers::Loader;
use crate::prefix_tree::{PrefixTree, PrefixTrees};
use crate::towers::{ImageTower, TextTransformer, read_parts};
use crate::{Architecture, CheckpointError, EncodeError, Shortcuts, StateDict};
use clip_kernels::{Device, Precision, Result};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Trees of texts for each thread from which on every thread computes trees of its own: with fewer,
/// too many would wait at the end for the last.
const TREES_FOR_EACH_THREAD: usize = 4;

/// A whole CLIP, ready to encode.
///
/// An item's features have the same bits in any batch, at any place and on any number of threads.
pub struct ClipModel<D: Device> {
    device: D,
    architecture: Architecture,
    image_tower: ImageTower<D>,
    text_tower: TextTransformer<D>,
    scale: f32,
    shortcuts: Shortcuts,
}

/// Features of pictures before and after the projection into the joint space.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFeatures {
    /// Output of the last norm (ViT) or of the attention pool without `c_proj` (ResNet),
    /// `[items, penultimate_width]`: what the paper's linear probe sees of a ViT
    /// (PROTOCOL_EVAL 7.2).
    pub penultimate: Vec<f32>,
    /// As [`ClipModel::encode_images`] gives them, `[items, embed_dim]`.
    pub features: Vec<f32>,
}

impl<D: Device> ClipModel<D> {
    /// Packs the weights for the device in this precision. The state dict is not needed afterwards;
    /// its part of a mapped file leaves memory while it is packed.
    ///
    /// # Errors
    /// [`CheckpointError::NotClip`] when the architecture's sizes do not fit together,
    /// [`CheckpointError::NotFinite`] where a value is NaN or infinite,
    /// [`CheckpointError::WrongScale`], [`CheckpointError::Device`], or what [`StateDict::floats`]
    /// says about a tensor it needs.
    pub fn new(
        device: D,
        precision: Precision,
        architecture: &Architecture,
        weights: &StateDict,
    ) -> Result<Self, CheckpointError> {
        architecture.validate().map_err(|problem| CheckpointError::NotClip {
            path: weights.path().to_path_buf(),
            problem,
        })?;
        weights.check(architecture)?;
        let loader = Loader::new(&device, weights, precision);
        let image_tower = ImageTower::load(&loader.at("visual"), architecture)?;
        let text_tower = TextTransformer::load(&loader, architecture)?;
        let logit_scale = loader.values("logit_scale")?.first().copied().unwrap_or_default();
        check_scale(weights)?;
        let architecture = architecture.clone();
        let scale = logit_scale.exp();
        Ok(Self { device, architecture, image_tower, text_tower, scale, shortcuts: Shortcuts::ALL })
    }

    /// The same model, leaving out only this work. Its features keep their bits.
    pub fn with_shortcuts(self, shortcuts: Shortcuts) -> Self {
        Self { shortcuts, ..self }
    }

    /// Features of pictures, **not** normalised.
    ///
    /// - `input`: `[items, 3, resolution, resolution]`, normalised pixels
    /// - returns `[items, embed_dim]`
    ///
    /// # Errors
    /// [`EncodeError::WrongInputSize`], [`EncodeError::Device`] and [`EncodeError::NotFinite`].
    ///
    /// Source: PROTOCOL 1.1, 1.2. Checked by `golden/model` and `golden/full_size`.
    pub fn encode_images(&self, input: &[f32]) -> Result<Vec<f32>, EncodeError> {
        Ok(self.encode_images_and_penultimate(input)?.features)
    }

    /// [`ClipModel::encode_images`] together with what stands before the projection.
    ///
    /// # Errors
    /// As [`ClipModel::encode_images`].
    pub fn encode_images_and_penultimate(
        &self,
        input: &[f32],
    ) -> Result<ImageFeatures, EncodeError> {
        let (resolution, found) = (self.resolution(), input.len());
        let values = 3 * resolution * resolution;
        if !found.is_multiple_of(values) {
            return Err(EncodeError::WrongInputSize { found, resolution });
        }
        self.encode_written_images(found / values, |image, out| {
            out.copy_from_slice(&input[image * values..][..values]);
        })
    }

    /// The same of pictures that nobody holds as input: `write` is given the place of each one, and
    /// where it goes, `[3, resolution, resolution]`, by the thread that is about to compute it.
    ///
    /// # Errors
    /// [`EncodeError::Device`] and [`EncodeError::NotFinite`].
    pub fn encode_written_images(
        &self,
        items: usize,
        write: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<ImageFeatures, EncodeError> {
        let values = 3 * self.resolution() * self.resolution();
        let found = Mutex::new(ImageFeatures {
            penultimate: vec![0.0; items * self.penultimate_width()],
            features: vec![0.0; items * self.embed_dim()],
        });
        self.for_each_part(items, |part| {
            let (device, pooled_rows_only) = (&self.device, self.shortcuts.pooled_rows_only);
            let mut images = vec![0.0; part.len() * values]; // [items, 3, resolution, resolution]
            for (image, out) in part.clone().zip(images.chunks_exact_mut(values)) {
                write(image, out);
            }
            let images = device.to_device(images, values)?; // [items, 3 · resolution²]
            let rows = self.image_tower.forward(device, &images, part.len(), pooled_rows_only)?;
            let (penultimate, features) =
                (device.to_host(rows.penultimate)?, device.to_host(rows.features)?);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            let place = |first: usize, values: &[f32]| first..first + values.len();
            found.penultimate[place(part.start * self.penultimate_width(), &penultimate)]
                .copy_from_slice(&penultimate);
            found.features[place(part.start * self.embed_dim(), &features)]
                .copy_from_slice(&features);
            Ok(())
        })?;
        let ImageFeatures { penultimate, features } =
            found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(ImageFeatures { penultimate, features: self.check_finite("image", features)? })
    }

    /// Calls `encode` with a few pictures at a time: each thread with as many as all threads get,
    /// so that none waits for another between two layers, then all threads together with the rest.
    fn for_each_part(
        &self,
        items: usize,
        encode: impl Fn(Range<usize>) -> Result<()> + Sync,
    ) -> Result<()> {
        let encode = |part| self.device.parallel_region(|| encode(part));
        let at_a_time = self.image_tower.images_at_a_time(self.resolution());
        let threads = self.device.threads();
        let of_each = items / threads;
        let together = of_each * threads..items;
        if of_each > 0 {
            let parts = cut(0..together.start, threads * of_each.div_ceil(at_a_time));
            let parts = Mutex::new(parts);
            let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            self.device.side_by_side(|| std::iter::from_fn(next).try_for_each(encode))?;
        }
        let parts = together.len().div_ceil(at_a_time);
        cut(together, parts).try_for_each(encode)
    }

    /// Features of texts, **not** normalised.
    ///
    /// - `texts`: token ids of each text, start and end of text included, with or without padding:
    ///   what stands behind the row that is read is not computed
    /// - returns `[texts, embed_dim]`
    ///
    /// # Errors
    /// [`EncodeError::EmptyText`], [`EncodeError::TextTooLong`], [`EncodeError::UnknownToken`],
    /// [`EncodeError::Device`] and [`EncodeError::NotFinite`].
    ///
    /// Source: PROTOCOL 1.3. Checked by `golden/model` and `golden/full_size`.
    pub fn encode_texts(&self, texts: &[&[u32]]) -> Result<Vec<f32>, EncodeError> {
        let texts = read_parts(texts, &self.architecture.text)?;
        let embed_dim = self.embed_dim();
        let mut trees = PrefixTrees::new(&texts, self.shortcuts, self.context_length());
        let features = Mutex::new(vec![0.0; texts.len() * embed_dim]);
        let encode = |tree: PrefixTree| {
            let PrefixTree { token_ids, positions, items, item_of_text } = tree;
            let (device, pooled_rows_only) = (&self.device, self.shortcuts.pooled_rows_only);
            let items = device.parallel_region(|| {
                self.text_tower.forward(device, &token_ids, &positions, items, pooled_rows_only)
            })?;
            let items = device.to_host(items)?; // [items, embed_dim]
            let mut features = features.lock().unwrap_or_else(PoisonError::into_inner);
            for (text, item) in item_of_text {
                let feature = &items[item * embed_dim..(item + 1) * embed_dim];
                features[text * embed_dim..(text + 1) * embed_dim].copy_from_slice(feature);
            }
            Ok(())
        };
        let many = TREES_FOR_EACH_THREAD * self.device.threads();
        let first: Vec<PrefixTree> = trees.by_ref().take(many).collect();
        if first.len() < many || many == TREES_FOR_EACH_THREAD {
            first.into_iter().chain(trees).try_for_each(encode)?;
        } else {
            let trees = Mutex::new(first.into_iter().chain(trees));
            let next = || trees.lock().unwrap_or_else(PoisonError::into_inner).next();
            self.device.side_by_side(|| std::iter::from_fn(next).try_for_each(encode))?;
        }
        self.check_finite("text", features.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the model is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The device that computes it.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// What cosines are multiplied with: the exponential of `logit_scale`.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Length of a feature.
    pub fn embed_dim(&self) -> usize {
        self.architecture.embed_dim
    }

    /// Length of a picture's features before the projection.
    pub fn penultimate_width(&self) -> usize {
        self.architecture.image.penultimate_width()
    }

    /// Side of a picture in pixels.
    pub fn resolution(&self) -> usize {
        self.architecture.image.resolution()
    }

    /// Longest text in tokens, start and end included.
    pub fn context_length(&self) -> usize {
        self.architecture.text.context_length
    }

    fn check_finite(
        &self,
        kind: &'static str,
        features: Vec<f32>,
    ) -> Result<Vec<f32>, EncodeError> {
        match features.iter().position(|value| !value.is_finite()) {
            Some(place) => Err(EncodeError::NotFinite { kind, index: place / self.embed_dim() }),
            None => Ok(features),
        }
    }
}

/// Parts of about the same size: 16 pictures in 4 parts of 4, not 3 of 5 and one of 1.
fn cut(items: Range<usize>, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let (start, count) = (items.start, items.len());
    (0..parts).map(move |part| start + part * count / parts..start + (part + 1) * count / parts)
}
