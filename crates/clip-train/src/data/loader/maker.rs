//! One place of a batch: which sample stands there, and what becomes of it.

use std::collections::BTreeSet;
use std::ops::Range;

use clip_image::{ImageError, Limits, Pixels, Preprocess};
use clip_tokenizer::{Overflow, Tokenizer, TokenizerError};

use crate::data::augment::{Augment, Draws};
use crate::data::ledger::{BadSample, Reason, Unusable};
use crate::data::options::{CaptionChoice, LongCaptions};
use crate::data::order::{Order, Position};
use crate::data::pairs::Pairs;

/// Samples that are tried for a place.
const TRIES: u64 = 64;

/// How a model sees images and texts.
#[derive(Clone)]
pub struct Recipe {
    /// Size, filter, colours and order of conversion; the whole of it for `Crop::Evaluation`.
    pub preprocess: Preprocess,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Tokens of a text at most, start and end included.
    pub context_length: usize,
}

/// What is made of images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Images {
    /// Pixels.
    #[default]
    Decoded,
    /// Nothing: their features are kept.
    Kept {
        /// Samples whose images could not be used when the features were made.
        unusable: BTreeSet<u64>,
    },
}

/// A pair as the step wants it, but for the normalisation of its pixels.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) sample: u64,
    pub(super) key: String,
    /// None where images are not decoded.
    pub(super) pixels: Option<Pixels>,
    pub(super) text: Vec<u32>,
    pub(super) is_truncated: bool,
}

/// What stands in one place of a batch.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// None where none of the samples tried could be used.
    pub(super) pair: Option<Pair>,
    /// What was tried before.
    pub(super) bad: Vec<BadSample>,
    /// A caption that is too long, where that ends the run.
    pub(super) refused: Option<BadSample>,
}

/// Makes pairs; shared by all threads.
pub(super) struct Maker {
    pub(super) pairs: Pairs,
    pub(super) order: Order,
    pub(super) seed: u64,
    /// Pairs of a batch, over all ranks.
    pub(super) batch: u64,
    pub(super) augment: Augment,
    pub(super) recipe: Recipe,
    pub(super) images: Images,
    pub(super) limits: Limits,
}

impl Maker {
    /// Fills place `place` of a batch.
    ///
    /// A sample that cannot be used is replaced by the one that stands in the same place of the
    /// next batch, and so on, around the end of the epoch: a function of (seed, epoch, position)
    /// and of the data, whatever the ranks, and no two places of a batch take the same one at the
    /// same try. All batches keep their size; the sample that steps in is seen twice.
    pub(super) fn fill(&self, at: Position, place: u64) -> Place {
        let mut filled = Place::default();
        let position = at.batch * self.batch + place;
        let draws = Draws { seed: self.seed, epoch: at.epoch, position };
        for candidate in self.candidates(at, place) {
            let sample = self.order.sample(at.epoch, candidate);
            match self.pair(sample, draws) {
                Ok(pair) => {
                    filled.pair = Some(pair);
                    break;
                }
                Err(unusable) => {
                    let bad = unusable.of(self.pairs.key(sample));
                    let ends_the_run = bad.reason == Reason::LongCaption
                        && self.pairs.options().long_captions == LongCaptions::Refuse;
                    if ends_the_run {
                        filled.refused = Some(bad);
                        break;
                    }
                    filled.bad.push(bad);
                }
            }
        }
        filled
    }

    /// Positions within the epoch: the place's own, then those that stand in for it, none of which
    /// is in this batch itself.
    fn candidates(&self, at: Position, place: u64) -> impl Iterator<Item = u64> {
        let own: Range<u64> = at.batch * self.batch..(at.batch + 1) * self.batch;
        let (first, length, batch) = (own.start + place, self.order.length(), self.batch);
        let others = (1..TRIES).map(move |step| (first + step * batch) % length);
        std::iter::once(first).chain(others.filter(move |position| !own.contains(position)))
    }

    /// The number of the sample that the order has at a place.
    pub(super) fn planned(&self, at: Position, place: u64) -> u64 {
        self.order.sample(at.epoch, at.batch * self.batch + place)
    }

    fn pair(&self, sample: u64, draws: Draws) -> Result<Pair, Unusable> {
        if let Images::Kept { unusable } = &self.images
            && unusable.contains(&sample)
        {
            let detail = "its image could not be used when features were made";
            return Err(Unusable::new(Reason::DamagedImage, detail));
        }
        let caption = self.caption(sample, draws)?;
        let overflow = match self.pairs.options().long_captions {
            LongCaptions::Truncate => Overflow::Truncate,
            LongCaptions::Skip | LongCaptions::Refuse => Overflow::Refuse,
        };
        let tokenize =
            self.recipe.tokenizer.tokenize(&caption, self.recipe.context_length, overflow);
        let tokens = tokenize.map_err(|error: TokenizerError| {
            Unusable::new(Reason::LongCaption, error.to_string())
        })?;
        let pixels = match self.images {
            Images::Decoded => Some(self.pixels(sample, draws)?),
            Images::Kept { .. } => None,
        };
        let is_truncated = tokens.truncated();
        let key = self.pairs.key(sample);
        Ok(Pair { sample, key, pixels, text: tokens.ids, is_truncated })
    }

    fn caption(&self, sample: u64, draws: Draws) -> Result<String, Unusable> {
        let mut captions = self.pairs.captions(sample)?;
        let count = captions.len() as u64;
        let index = match self.pairs.options().captions {
            CaptionChoice::First => 0,
            CaptionChoice::InTurn => draws.epoch.checked_rem(count).unwrap_or(0),
            CaptionChoice::Random => draws.stream("caption").below(count),
        };
        if index >= count {
            return Err(Unusable::new(Reason::NoCaption, "has no caption"));
        }
        Ok(captions.swap_remove(index as usize))
    }

    fn pixels(&self, sample: u64, draws: Draws) -> Result<Pixels, Unusable> {
        let bytes = self.pairs.image(sample)?;
        let pixels = self.augment.pixels(&bytes, &self.limits, draws).map_err(|error| {
            let reason = match error {
                ImageError::Empty
                | ImageError::UnknownFormat(_)
                | ImageError::UnsupportedFormat { .. }
                | ImageError::Unsupported { .. } => Reason::NotAnImage,
                _ => Reason::DamagedImage,
            };
            Unusable::new(reason, error.to_string())
        })?;
        let size = self.augment.recipe().size;
        if (pixels.width, pixels.height) != (size, size) {
            let detail = format!("the recipe makes {} x {} of it", pixels.width, pixels.height);
            return Err(Unusable::new(Reason::DamagedImage, detail));
        }
        Ok(pixels)
    }
}
