//! A model at work: its provenance, its features on disk, and whom it tells of its progress.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use clip_data::{Item, Items, PromptSet, Split, Target};
use clip_rs::{Clip, ComputeEnv, LoadOptions, ModelProvenance, Overflow};

use crate::error::{EvalError, Result};
use crate::features::frames::{self, AllFrames};
use crate::features::head::Head;
use crate::features::{FeatureCache, SplitFeatures};
use crate::options::FrameOptions;
use crate::progress::{Progress, Step, silent};
use crate::results::{Provenance, Skipped, SplitRead};

/// What the rows of a probe may take in memory unless told otherwise.
const PROBE_MEMORY: usize = 4 << 30;
/// Texts encoded between two reports of progress.
const TEXTS_AT_A_TIME: usize = 2048;

/// One model, its features, and whom it tells of its steps.
pub struct EvalContext {
    /// The model, loaded to convert images to RGB first and to keep the penultimate layer.
    pub clip: Clip,
    /// What identifies it.
    pub model: ModelProvenance,
    /// Bytes that the rows of a probe may take in memory; more are mapped from a file. Results do
    /// not depend on it.
    pub probe_memory: usize,
    pub(crate) cache: FeatureCache,
    progress: Box<Progress<'static>>,
}

/// Items and what a result says of where they come from.
#[derive(Debug, Clone)]
pub struct ItemList {
    /// Id of the data set.
    pub dataset: String,
    /// What people call it.
    pub title: String,
    /// Name of the split.
    pub split: String,
    /// Items of the complete split, as published.
    pub expected: Option<usize>,
    /// In order.
    pub items: Arc<Items>,
    /// What the reader guessed or drew.
    pub notes: Vec<String>,
    /// What belongs to the split and is no item of it: what its lists name and is not there, what
    /// the reader left out.
    pub not_listed: Vec<Skipped>,
}

/// A split with the features of its usable items.
pub struct EncodedSplit {
    /// What was read.
    pub list: ItemList,
    /// Rows of those that could be used, and what was skipped.
    pub rows: SplitFeatures,
    /// What of clips was looked at.
    pub notes: Vec<String>,
}

impl EvalContext {
    /// Loads a model as tasks need it: images become RGB first, the penultimate layer is kept.
    ///
    /// # Errors
    /// It cannot be loaded, or the cache cannot be used.
    pub fn load(
        model: &str,
        options: &LoadOptions,
        cache: &Path,
        writer: &str,
    ) -> Result<EvalContext> {
        let load = LoadOptions { convert_first: true, penultimate: true, ..options.clone() };
        EvalContext::new(Clip::load_with(model, &load)?, cache, writer)
    }

    /// Takes a model. `writer` tells processes apart that share a cache.
    ///
    /// # Errors
    /// The cache cannot be used, or the weights are gone.
    pub fn new(clip: Clip, cache: &Path, writer: &str) -> Result<EvalContext> {
        let model = clip.provenance()?;
        let cache = FeatureCache::open(cache, &clip, &model.tensors_sha256, writer)?;
        Ok(EvalContext { clip, model, cache, progress: silent(), probe_memory: PROBE_MEMORY })
    }

    /// Key of the folder its features are in.
    pub fn features_key(&self) -> String {
        self.cache.key()
    }

    /// Who trained it, in CLIP_benchmark's word.
    pub fn pretrained(&self) -> &'static str {
        if clip_rs::model::registry::find(&self.model.name).is_ok() { "openai" } else { "custom" }
    }

    /// What results of this model are computed with, before anything of a split is entered.
    ///
    /// - `prompts`: BLAKE3 of class names and templates, and where they come from
    pub fn provenance(&self, prompts: Option<(String, String)>) -> Provenance {
        let environment = ComputeEnv::of(&self.clip);
        let (prompts_blake3, prompts_source) = prompts.unzip();
        Provenance {
            weights_sha256: self.model.tensors_sha256.clone(),
            recipe: serde_json::to_value(self.clip.preprocess()).unwrap_or_default(),
            precision: environment.precision.to_owned(),
            isa: environment.isa.to_owned(),
            prompts_blake3,
            prompts_source,
            split_blake3: String::new(),
            read: Vec::new(),
            features_key: Some(self.features_key()),
            predictions_blake3: None,
            options: serde_json::Value::Null,
        }
    }

    /// Who is told of the steps from now on; the one before is dropped.
    pub fn listen(&mut self, progress: Box<Progress<'static>>) {
        self.progress = progress;
    }

    /// Tells whoever listens of a step.
    ///
    /// # Errors
    /// [`EvalError::Interrupted`] where the work is to end.
    pub fn tell(&mut self, step: Step) -> Result<()> {
        tell(&mut self.progress, step)
    }

    /// Features of items that stand in no result by themselves.
    ///
    /// # Errors
    /// The cache cannot be used; [`EvalError::Interrupted`].
    pub fn features_of(&mut self, items: &Arc<Items>) -> Result<SplitFeatures> {
        let EvalContext { clip, cache, progress, .. } = self;
        cache.features_of(clip, items, |done| tell(progress, Step::Done(done)))
    }

    /// Reads a split and gets the features of its items; of a clip its middle frame's.
    ///
    /// # Errors
    /// No item of it can be used.
    pub fn encode_split(&mut self, list: impl Into<ItemList>) -> Result<EncodedSplit> {
        let list = list.into();
        self.tell(Step::Images(list.items.len()))?;
        let rows = self.features_of(&list.items)?;
        EncodedSplit::new(list, rows, || "the middle frame stands for a clip".to_owned())
    }

    /// Reads a split of clips and scores each by all its frames: `[usable, classes]`, logits or
    /// logarithms of probabilities. There are no rows of features: they were looked at one batch
    /// after another.
    ///
    /// # Errors
    /// No item of it can be used.
    pub(crate) fn encode_all_frames(
        &mut self,
        split: Split,
        head: &Head,
        options: &FrameOptions,
    ) -> Result<(EncodedSplit, Vec<f32>)> {
        let list = ItemList::from(split);
        self.tell(Step::Images(list.items.len()))?;
        let EvalContext { clip, cache, progress, .. } = self;
        let (rows, scores) = AllFrames { clip, cache, head, options }
            .score(&list.items, |done| tell(progress, Step::Done(done)))?;
        Ok((EncodedSplit::new(list, rows, || frames::note_of_all(options))?, scores))
    }

    /// The head of class names and templates, made once ever.
    ///
    /// # Errors
    /// There is no class or no template, or its file cannot be written.
    pub fn head(&mut self, prompts: &PromptSet) -> Result<Head> {
        self.tell(Step::Texts(prompts.count_prompts()))?;
        let EvalContext { clip, cache, progress, .. } = self;
        Head::cached(clip, prompts, cache, |done| tell(progress, Step::Done(done)))
    }

    /// Logits of images, `[images, classes]`.
    pub fn logits(&self, head: &Head, rows: &SplitFeatures) -> Vec<f32> {
        head.logits(rows.features.clone().normalize().as_slice(), self.clip.scale())
    }

    /// `[texts, width]`, rows of norm 1, and how many texts were too long.
    pub(crate) fn embed_texts<S: AsRef<str> + Sync>(
        &mut self,
        texts: &[S],
    ) -> Result<(Vec<f32>, usize)> {
        self.tell(Step::Texts(texts.len()))?;
        let (mut rows, mut truncated) = (Vec::new(), 0);
        for texts in texts.chunks(TEXTS_AT_A_TIME) {
            let (features, cut) = self.clip.encode_texts_with(texts, Overflow::Truncate)?;
            rows.extend_from_slice(features.normalize().as_slice());
            truncated += cut.len();
            self.tell(Step::Done(texts.len()))?;
        }
        Ok((rows, truncated))
    }
}

fn tell(progress: &mut Progress<'static>, step: Step) -> Result<()> {
    match progress(step) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(EvalError::Interrupted),
    }
}

impl From<Split> for ItemList {
    fn from(split: Split) -> ItemList {
        let skipped =
            |input: String, reason: String| Skipped { input, stage: "list".to_owned(), reason };
        let missing =
            split.missing.into_iter().map(|path| skipped(path, "is not there".to_owned()));
        let left_out = split.left_out.into_iter().map(|left| skipped(left.input, left.reason));
        ItemList {
            dataset: split.dataset.id.clone(),
            title: split.dataset.title.clone(),
            split: split.info.name,
            expected: split.info.expected,
            items: Arc::new(split.items),
            notes: split.notes,
            not_listed: missing.chain(left_out).collect(),
        }
    }
}

impl EncodedSplit {
    /// # Errors
    /// No item of it can be used.
    fn new(
        list: ItemList,
        rows: SplitFeatures,
        looked_at: impl FnOnce() -> String,
    ) -> Result<EncodedSplit> {
        if !rows.usable.is_empty() {
            let notes = frames::notes(&list.items, looked_at);
            return Ok(EncodedSplit { list, rows, notes });
        }
        let said = |skip: &Skipped| format!("{}: {}", skip.input, skip.reason);
        let reason = match (rows.skipped.first(), list.not_listed.first()) {
            (Some(skip), _) => format!("no item can be used; the first: {}", said(skip)),
            (None, Some(left)) => format!("the split has no item; {}", said(left)),
            (None, None) => "the split has no item".to_owned(),
        };
        Err(EvalError::task("features", &list.dataset, reason))
    }

    /// The usable items.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.rows.usable.iter().map(|&item| &self.list.items[item])
    }

    /// What is true of the usable items.
    pub fn targets(&self) -> Vec<&Target> {
        self.items().map(|item| &item.target).collect()
    }

    /// What a result says of having read it.
    pub fn read(&self) -> SplitRead {
        SplitRead {
            dataset: self.list.dataset.clone(),
            split: self.list.split.clone(),
            blake3: self.rows.content_blake3.clone(),
        }
    }
}
