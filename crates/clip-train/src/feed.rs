//! Batches for the steps; of a locked image tower without pictures, once all their features are
//! kept.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clip_kernels::Train;
use clip_rs::Tokenizer;

use crate::data::{Counters, Crop, Images, Loader, LoaderOptions, LoaderState, Position};
use crate::data::{Recipe, Share};
use crate::distributed::Collective;
use crate::preflight::{Plan, cleaning};
use crate::run_error::RunError;
use crate::{Batch, KeptFeatures, KeptOptions, Lock, Trainer};

/// The data of a run, batch after batch.
pub(crate) struct Feed<'a> {
    plan: &'a Plan,
    recipe: Recipe,
    options: LoaderOptions,
    loader: Loader,
    /// Of loaders before this one.
    waited: Duration,
    kept: Option<Arc<KeptFeatures>>,
    images_are_kept: bool,
}

impl<'a> Feed<'a> {
    /// Begins where `state` ended.
    ///
    /// - `out`: folder of the run, where features are kept
    /// - `images_are_kept`: whether pictures were no longer decoded there
    pub(crate) fn begin<D: Train>(
        plan: &'a Plan,
        (out, threads): (&Path, usize),
        collective: &dyn Collective,
        trainer: &mut Trainer<D>,
        (state, images_are_kept): (Option<&LoaderState>, bool),
    ) -> Result<Self, RunError> {
        let preprocess = clip_rs::preprocess_of(&plan.start, &mut Vec::new())?;
        let source = format!("{} {preprocess:?}", plan.config.data.source);
        let recipe = Recipe {
            preprocess,
            tokenizer: Tokenizer::with_cleaning(cleaning(&plan.start)),
            context_length: plan.start.architecture.text.context_length,
        };
        let kept = match can_keep(plan) {
            false => None,
            true => Some(trainer.keep_image_features(&KeptOptions {
                folder: out.join("features"),
                source,
                is_augmented: false,
                even_if_augmented: false,
            })?),
        };
        let share = Share { rank: collective.rank() as u64, ranks: collective.size() as u64 };
        let mut options = LoaderOptions {
            batch: plan.config.batch.batch_size as u64,
            share,
            seed: plan.config.run.seed,
            threads,
            images: Images::Decoded,
        };
        let bad = state.map(|state| state.bad.iter().map(|bad| bad.key.clone()).collect());
        let images = match (&kept, bad) {
            (Some(kept), Some(bad)) if images_are_kept => unusable(plan, kept, &bad),
            _ => None,
        };
        let images_are_kept = images.is_some();
        options.images = images.unwrap_or_default();
        let loader = Loader::new(&plan.pairs, recipe.clone(), &options, state)?;
        let waited = Duration::ZERO;
        Ok(Self { plan, recipe, options, loader, waited, kept, images_are_kept })
    }

    /// The next batch.
    pub(crate) fn next(&mut self) -> Result<Batch, RunError> {
        let Position { epoch, batch } = self.loader.position();
        // At the begin of an epoch alone, so that a run which was resumed does it there, too.
        if epoch > 0 && batch == 0 && !self.images_are_kept {
            self.keep_images()?;
        }
        Ok(self.loader.next_batch()?)
    }

    /// Stops to decode pictures, if the features of all that can be used are kept.
    fn keep_images(&mut self) -> Result<(), RunError> {
        let Some(kept) = self.kept.as_ref().filter(|_| self.options.share.ranks == 1) else {
            return Ok(());
        };
        let bad = self.loader.ledger().samples().map(|bad| bad.key).collect();
        if let Some(images) = unusable(self.plan, kept, &bad) {
            self.waited += self.loader.waited();
            self.options.images = images;
            let state = self.loader.state();
            let recipe = self.recipe.clone();
            self.loader = Loader::new(&self.plan.pairs, recipe, &self.options, Some(&state))?;
            self.images_are_kept = true;
        }
        Ok(())
    }

    pub(crate) fn images_are_kept(&self) -> bool {
        self.images_are_kept
    }

    /// The batch that comes next.
    pub(crate) fn position(&self) -> Position {
        self.loader.position()
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.loader.counters()
    }

    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
    }

    /// How long steps have waited for batches.
    pub(crate) fn waited(&self) -> Duration {
        self.waited + self.loader.waited()
    }
}

/// Whether each picture has one set of features for the whole run.
fn can_keep(plan: &Plan) -> bool {
    let data = &plan.config.data;
    plan.trainer.image_lock == Lock::Locked
        && plan.teacher.is_none() // which looks at pictures
        && data.crop == Crop::Evaluation
        && data.color_jitter_prob == 0.0
        && data.gray_scale_prob == 0.0
}

/// What to make of pictures when features are kept: nothing, if each sample has its own or is known
/// to be bad.
fn unusable(plan: &Plan, kept: &KeptFeatures, bad: &HashSet<String>) -> Option<Images> {
    let lacking = (0..plan.pairs.len()).filter(|&sample| !kept.contains_all(&[sample]));
    let is_bad = |sample: u64| bad.contains(&plan.pairs.key(sample)).then_some(sample);
    let unusable: Option<BTreeSet<u64>> = lacking.map(is_bad).collect();
    Some(Images::Kept { unusable: unusable? })
}
