//! A loss and its gradients while they are summed, over parts and then over ranks.

use crate::distributed::Collective;
use crate::error::TrainError;
use clip_kernels::{Result, SimilarityLoss, Train};

/// Which way similarities are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Images are queries, texts are keys.
    ImageToText,
    /// Texts are queries, images are keys.
    TextToImage,
}

/// Sums over this rank's rows; over all ranks' after [`Sums::over_ranks`].
pub(super) struct Sums<D: Train> {
    pub(super) image_to_text: f64,
    pub(super) text_to_image: f64,
    pub(super) sigmoid: f64,
    pub(super) distillation: f64,
    /// With respect to the scale, the exponential of `logit_scale`.
    pub(super) d_scale: f64,
    pub(super) d_bias: f64,
    pub(super) correct_images: f64,
    pub(super) correct_texts: f64,
    images: Slot<D>,
    texts: Slot<D>,
}

/// Gradients of one tower's unit vectors: as queries those of this rank, as keys those of all.
struct Slot<D: Train> {
    queries: Option<D::Rows>,
    keys: Option<D::Rows>,
}

impl<D: Train> Slot<D> {
    const EMPTY: Self = Self { queries: None, keys: None };

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::EMPTY)
    }

    /// What belongs to this rank's rows, keys of other ranks' queries included.
    fn over_ranks(
        self,
        device: &D,
        collective: &dyn Collective,
        width: usize,
    ) -> std::result::Result<D::Rows, TrainError> {
        let keys = match self.keys {
            Some(keys) if collective.size() > 1 => {
                let own = collective.reduce_scatter_sum(&device.read(&keys)?)?;
                Some(device.to_device(own, width)?)
            }
            keys => keys,
        };
        let mut sum = self.queries;
        if let Some(keys) = keys {
            add(device, &mut sum, keys)?;
        }
        Ok(sum.map_or_else(|| device.zeros(0, width), Ok)?)
    }
}

fn add<D: Train>(device: &D, sum: &mut Option<D::Rows>, rows: D::Rows) -> Result<()> {
    *sum = Some(match sum.take() {
        None => rows,
        Some(before) => device.add(before, &rows)?,
    });
    Ok(())
}

impl<D: Train> Sums<D> {
    pub(super) fn new() -> Self {
        Self {
            image_to_text: 0.0,
            text_to_image: 0.0,
            sigmoid: 0.0,
            distillation: 0.0,
            d_scale: 0.0,
            d_bias: 0.0,
            correct_images: 0.0,
            correct_texts: 0.0,
            images: Slot::EMPTY,
            texts: Slot::EMPTY,
        }
    }

    /// Adds the gradients of one direction's loss.
    pub(super) fn add(
        &mut self,
        device: &D,
        direction: Direction,
        loss: SimilarityLoss<D>,
    ) -> Result<()> {
        self.d_scale += loss.d_scale;
        self.d_bias += loss.d_bias;
        let (queries, keys) = match direction {
            Direction::ImageToText => (&mut self.images, &mut self.texts),
            Direction::TextToImage => (&mut self.texts, &mut self.images),
        };
        add(device, &mut queries.queries, loss.d_queries)?;
        add(device, &mut keys.keys, loss.d_keys)
    }

    /// Sums over all ranks, and the gradients of this rank's images and texts.
    #[allow(clippy::type_complexity, reason = "what is summed, and the rows of two towers")]
    pub(super) fn over_ranks(
        mut self,
        device: &D,
        collective: &dyn Collective,
        width: usize,
    ) -> std::result::Result<(Self, D::Rows, D::Rows), TrainError> {
        let images = self.images.take().over_ranks(device, collective, width)?;
        let texts = self.texts.take().over_ranks(device, collective, width)?;
        let mut scalars = self.scalars().map(|scalar| *scalar);
        collective.all_reduce_sum_f64(&mut scalars)?;
        for (scalar, sum) in self.scalars().into_iter().zip(scalars) {
            *scalar = sum;
        }
        Ok((self, images, texts))
    }

    fn scalars(&mut self) -> [&mut f64; 8] {
        [
            &mut self.image_to_text,
            &mut self.text_to_image,
            &mut self.sigmoid,
            &mut self.distillation,
            &mut self.d_scale,
            &mut self.d_bias,
            &mut self.correct_images,
            &mut self.correct_texts,
        ]
    }
}
