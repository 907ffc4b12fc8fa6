//! Images in bulk: the threads encode one batch, then decode the one after it, while the caller
//! takes the results of the one before.
//!
//! ```text
//! caller's thread    hands out k-1    waits          hands out k    waits
//! pool of threads    encode k ······ decode k+1 ··· encode k+1 ······ decode k+2 ···
//! ```
//!
//! The tasks of a round stand in one queue, so a thread that finds no image left to encode begins
//! to decode, and none waits for another's last image. At most two batches of pixels are held at any
//! time; each image becomes network input when it is encoded.

use clip_image::Pixels;
use clip_model::{EncodeError, ImageFeatures};

use crate::clip::Clip;
use crate::content::ContentId;
use crate::error::Error;
use crate::features::Features;
use crate::inputs::ImageInput;

/// Images of a batch: bounds memory, and keeps the encoder's products at full speed.
const BATCH: usize = 32;

/// What became of one batch of images.
pub struct ImageBatch<'a> {
    /// The images that could be used, in the order given.
    pub usable: Vec<UsableImage<'a>>,
    /// A row for each of them, `[usable, embed_dim]`, not normalised.
    pub features: Features,
    /// The same before the projection, `[usable, penultimate_width]`, if the model was loaded to
    /// keep it.
    pub penultimate: Option<Features>,
    /// The others, in the order given, and why.
    pub failed: Vec<FailedImage<'a>>,
}

/// An image that was decoded.
pub struct UsableImage<'a> {
    /// As it was given.
    pub input: &'a ImageInput,
    /// Its place among those given, from 0.
    pub index: usize,
    /// What the file held when it was decoded.
    pub content: ContentId,
    /// Pixels of the file beyond 0..=255 that became white or black, as in the reference (16-bit
    /// grey; PROTOCOL 9.21).
    pub clipped: usize,
}

/// An image that could not be used.
pub struct FailedImage<'a> {
    /// As it was given.
    pub input: &'a ImageInput,
    /// Its place among those given, from 0.
    pub index: usize,
    /// Why.
    pub error: Error,
}

impl ImageBatch<'_> {
    /// Images of the batch, usable or not.
    pub fn len(&self) -> usize {
        self.usable.len() + self.failed.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Clip {
    /// Reads, decodes and encodes any number of images in constant memory. `each` gets batch after
    /// batch in the order of `inputs`, on the caller's thread; an image that cannot be used stops
    /// nothing.
    ///
    /// # Errors
    /// The first error of `each`, or the features are not finite; the batches before were handed
    /// out.
    pub fn encode_in_batches<'a, E: From<Error>>(
        &self,
        inputs: impl IntoIterator<Item = &'a ImageInput>,
        mut each: impl FnMut(ImageBatch<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let batch = BATCH.max(rayon::current_num_threads());
        let (recipe, limits) = (self.preprocess(), &self.options().image_limits);
        let mut inputs = inputs.into_iter().enumerate();
        let mut decoded: Decoded<'a> = Vec::new();
        let mut encoded: Option<ImageBatch<'a>> = None;
        loop {
            let mut next: Decoded<'a> =
                inputs.by_ref().take(batch).map(|input| (input, None)).collect();
            if next.is_empty() && decoded.is_empty() && encoded.is_none() {
                return Ok(());
            }
            let mut result = None;
            rayon::in_place_scope(|scope| {
                if !decoded.is_empty() {
                    scope.spawn(|_| result = Some(self.encode_decoded(decoded)));
                }
                // Behind that, in the same queue.
                for ((_, input), pixels) in &mut next {
                    scope.spawn(move |_| *pixels = Some(input.pixels_and_content(recipe, limits)));
                }
                encoded.map_or(Ok(()), &mut each)
            })?;
            encoded = result.transpose()?;
            decoded = next;
        }
    }

    /// Features of images as the recipe gives them, `[images, embed_dim]`, not normalised.
    ///
    /// # Errors
    /// An image of another size than the model takes; features that are not finite.
    pub fn encode_pixels(&self, images: &[Pixels]) -> Result<Features, Error> {
        Ok(Features::new(self.embed_dim(), self.image_features(images)?.features))
    }

    /// Each image is normalised by the thread that encodes it, just before.
    fn image_features(&self, images: &[Pixels]) -> Result<ImageFeatures, Error> {
        let (resolution, preprocess) = (self.resolution(), self.preprocess());
        let values = 3 * resolution * resolution;
        if let Some(image) = images.iter().find(|image| image.data.len() != values) {
            return Err(EncodeError::WrongInputSize { found: image.data.len(), resolution }.into());
        }
        let write = |image: usize, input: &mut [f32]| {
            images[image].write_input(preprocess.mean, preprocess.std, input);
        };
        Ok(self.encoder().encode_written_images(images.len(), &write)?)
    }

    fn encode_decoded<'a>(&self, batch: Decoded<'a>) -> Result<ImageBatch<'a>, Error> {
        let (mut usable, mut images, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for ((index, input), pixels) in batch {
            match pixels {
                Some(Ok((pixels, content))) => {
                    usable.push(UsableImage { input, index, content, clipped: pixels.clipped });
                    images.push(pixels);
                }
                Some(Err(error)) => failed.push(FailedImage { input, index, error }),
                None => {} // its task panicked, and the scope it ran in with it
            }
        }
        let ImageFeatures { penultimate, features } = self.image_features(&images)?;
        let features = Features::new(self.embed_dim(), features);
        let width = self.architecture().image.penultimate_width();
        let penultimate = self.options().penultimate.then(|| Features::new(width, penultimate));
        Ok(ImageBatch { usable, features, penultimate, failed })
    }
}

/// A batch on its way: each image and its place, and its pixels once its task has run.
type Decoded<'a> = Vec<((usize, &'a ImageInput), Option<Result<(Pixels, ContentId), Error>>)>;
