//! Batches made ahead of the step, the same for any number of threads and ranks, from any position
//! on.

mod maker;
mod queue;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clip_image::Limits;
use serde::{Deserialize, Serialize};

pub use self::maker::{Images, Recipe};
use self::maker::{Maker, Place};
use self::queue::Queue;
use super::augment::Augment;
use super::error::DataError;
use super::ledger::{BadSample, Counters, Ledger, Seen};
use super::order::{Position, Share};
use super::pairs::Pairs;
use crate::Batch;

/// How batches are made of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Pairs of a batch, over all ranks and all parts that are accumulated.
    pub batch: u64,
    /// Which part of it is made here.
    pub share: Share,
    /// Of the order and of all draws.
    pub seed: u64,
    /// Threads that make batches beside the step, where the choices of the data do not say it.
    pub threads: usize,
    /// What is made of images.
    pub images: Images,
}

/// Where a loader stands and what it has seen: what a checkpoint keeps of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoaderState {
    /// The batch that comes next.
    pub position: Position,
    /// What was seen before it.
    pub counters: Counters,
    /// Samples that could not be used, met on this rank.
    pub bad: Vec<BadSample>,
    /// Samples there are, and pairs of a batch: they must be the same to go on.
    samples: u64,
    batch: u64,
    seed: u64,
    /// A bit for each sample, in hexadecimal: whether it was seen.
    seen: String,
}

/// Makes batches, epoch after epoch without an end.
pub struct Loader {
    maker: Arc<Maker>,
    queue: Arc<Queue<Place, Joined>>,
    threads: Vec<JoinHandle<()>>,
    share: Share,
    batches_per_epoch: u64,
    position: Position,
    counters: Counters,
    ledger: Ledger,
    seen: Seen,
    waited: Duration,
}

/// The places of a batch, joined.
struct Joined {
    batch: Batch,
    truncated: u64,
    /// What each place of this rank has, and what was tried before.
    samples: Vec<Option<u64>>,
    bad: Vec<BadSample>,
    refused: Option<BadSample>,
    /// What an empty place lacked.
    unfilled: Option<BadSample>,
}

impl Loader {
    /// Begins where `state` ended, or at the first batch; nothing before it is read.
    ///
    /// # Errors
    /// A batch larger than an epoch, or that the ranks cannot share; a state of other data.
    pub fn new(
        pairs: &Pairs,
        recipe: Recipe,
        options: &LoaderOptions,
        state: Option<&LoaderState>,
    ) -> Result<Self, DataError> {
        let (batch, ranks) = (options.batch, options.share.ranks);
        if batch.checked_rem(ranks) != Some(0) {
            return Err(DataError::UnevenBatch { batch, ranks });
        }
        let maker = Maker {
            order: pairs.order(options.seed),
            seed: options.seed,
            batch,
            augment: Augment::new(pairs.options(), &recipe.preprocess),
            recipe,
            images: options.images.clone(),
            limits: Limits::default(),
            pairs: pairs.clone(),
        };
        let mut loader = Self {
            maker: Arc::new(maker),
            queue: Arc::new(Queue::new((batch / ranks) as usize, pairs.options().prefetch)),
            threads: Vec::new(),
            share: options.share,
            batches_per_epoch: pairs.batches_per_epoch(batch)?,
            position: Position::default(),
            counters: Counters::default(),
            ledger: pairs.ledger().clone(),
            seen: Seen::of(pairs.len()),
            waited: Duration::ZERO,
        };
        loader.counters.skipped = pairs.ledger().by_reason();
        if let Some(state) = state {
            loader.restore(state)?;
        }
        loader.start(pairs.options().workers.unwrap_or(options.threads).max(1));
        Ok(loader)
    }

    fn restore(&mut self, state: &LoaderState) -> Result<(), DataError> {
        let seen = Seen::from_hex(&state.seen).filter(|seen| seen.bytes() == self.seen.bytes());
        for (what, was, is) in [
            ("samples", state.samples, self.maker.pairs.len()),
            ("pairs of a batch", state.batch, self.maker.batch),
            ("seed", state.seed, self.maker.seed),
        ] {
            if was != is {
                return Err(DataError::Changed { what, was, is });
            }
        }
        let (was, is) = (state.seen.len() as u64 / 2, self.seen.bytes() as u64);
        self.seen = seen.ok_or(DataError::Changed { what: "bytes of what was seen", was, is })?;
        self.position = state.position;
        self.counters = state.counters.clone();
        state.bad.iter().cloned().for_each(|bad| self.ledger.note(bad));
        Ok(())
    }

    fn start(&mut self, threads: usize) {
        let (start, batches) = (self.position, self.batches_per_epoch);
        let places = self.share.places(self.maker.batch);
        let at = move |batch: u64| {
            let number = start.batch + batch;
            Position { epoch: start.epoch + number / batches, batch: number % batches }
        };
        for _ in 0..threads {
            let (maker, queue) = (Arc::clone(&self.maker), Arc::clone(&self.queue));
            let first = places.start;
            let work = move || {
                let fill = |batch: u64, place: usize| maker.fill(at(batch), first + place as u64);
                queue.work(fill, |_, places| joined(&maker, places));
            };
            self.threads.push(std::thread::spawn(work));
        }
    }

    /// The next batch of this rank.
    ///
    /// # Errors
    /// More samples cannot be used than is allowed; a caption is too long where that is refused; no
    /// sample fits a place.
    pub fn next_batch(&mut self) -> Result<Batch, DataError> {
        let began = Instant::now();
        let joined = self.queue.take().ok_or(DataError::Worker)?;
        self.waited += began.elapsed();
        if let Some(refused) = joined.refused {
            return Err(DataError::LongCaption(refused));
        }
        for mut bad in joined.bad {
            if matches!(self.maker.images, Images::Kept { .. }) {
                // What was wrong with an image was found out when it was decoded.
                bad.reason = self.ledger.reason(&bad.key).unwrap_or(bad.reason);
            }
            *self.counters.skipped.entry(bad.reason).or_default() += 1;
            self.ledger.note(bad);
        }
        self.maker.pairs.check_bad(&self.ledger)?;
        if let Some(sample) = joined.unfilled
            && (self.share.ranks > 1 || joined.batch.is_empty())
        {
            let Position { epoch, batch } = self.position;
            return Err(DataError::NoReplacement { epoch, batch, sample });
        }
        self.count(&joined.samples);
        self.counters.truncated += joined.truncated;
        self.position.batch += 1;
        if self.position.batch == self.batches_per_epoch {
            self.position = Position { epoch: self.position.epoch + 1, batch: 0 };
        }
        Ok(joined.batch)
    }

    /// Counts what all ranks see: their own samples are known here but for replacements.
    fn count(&mut self, here: &[Option<u64>]) {
        let own = self.share.places(self.maker.batch);
        for place in 0..self.maker.batch {
            let sample = match own.contains(&place) {
                true => here.get((place - own.start) as usize).copied().flatten(),
                false => Some(self.maker.planned(self.position, place)),
            };
            let Some(sample) = sample else { continue };
            self.counters.seen += 1;
            self.counters.unique += u64::from(self.seen.note(sample));
        }
        self.counters.repeated = self.counters.seen - self.counters.unique;
    }

    /// The batch that comes next.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Batches of an epoch.
    pub fn batches_per_epoch(&self) -> u64 {
        self.batches_per_epoch
    }

    /// What was seen of the data.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What could not be used of it.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How long [`Loader::next_batch`] has waited, altogether: what the step lost to the data.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// What a checkpoint keeps; with it, [`Loader::new`] goes on as if nothing had happened.
    pub fn state(&self) -> LoaderState {
        LoaderState {
            position: self.position,
            counters: self.counters.clone(),
            bad: self.ledger.samples().collect(),
            samples: self.maker.pairs.len(),
            batch: self.maker.batch,
            seed: self.maker.seed,
            seen: self.seen.to_hex(),
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.queue.stop();
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // a panic has been told as it happened
        }
    }
}

fn joined(maker: &Maker, places: Vec<Place>) -> Joined {
    let recipe = maker.augment.recipe();
    let side = recipe.size as usize;
    let values = 3 * side * side;
    let mut joined = Joined {
        batch: Batch::default(),
        truncated: 0,
        samples: Vec::with_capacity(places.len()),
        bad: Vec::new(),
        refused: None,
        unfilled: None,
    };
    let decoded =
        places.iter().filter(|place| place.pair.as_ref().is_some_and(|pair| pair.pixels.is_some()));
    joined.batch.pixels = vec![0.0; decoded.count() * values];
    let mut inputs = joined.batch.pixels.chunks_exact_mut(values.max(1));
    for place in places {
        joined.samples.push(place.pair.as_ref().map(|pair| pair.sample));
        if place.pair.is_none() && joined.unfilled.is_none() {
            joined.unfilled = place.bad.first().cloned();
        }
        joined.bad.extend(place.bad);
        joined.refused = joined.refused.or(place.refused);
        let Some(pair) = place.pair else { continue };
        if let Some((pixels, input)) = pair.pixels.zip(inputs.next()) {
            pixels.write_input(recipe.mean, recipe.std, input);
        }
        joined.truncated += u64::from(pair.is_truncated);
        joined.batch.samples.push(pair.sample);
        joined.batch.keys.push(pair.key);
        joined.batch.texts.push(pair.text);
    }
    joined
}
