//! A model at work: its provenance, its features on disk, and what all tasks share.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::options::EvalOptions;
use crate::progress::{Progress, Step};
use clip_data::{PromptSet, ReadOptions, Split, Task};
use clip_rs::{Clip, ComputeEnv, ModelProvenance};

use crate::features::frames;
use crate::head::{Head, blake3_of};
use crate::results::{
    Counts, Details, Figure, Identity, Provenance, Record, SCHEMA, Skipped, SplitRead, Unit,
};
use crate::suite::Verb;
use crate::{EvalError, FeatureCache, SplitFeatures};

/// One model and where its features are kept.
pub struct EvalContext {
    /// The model, loaded to convert images to RGB first and to keep the penultimate layer.
    pub clip: Clip,
    /// What identifies it.
    pub model: ModelProvenance,
    pub(crate) cache: FeatureCache,
    /// Splits encoded since the last job began.
    pub(crate) read: Vec<SplitRead>,
    /// Choices of all tasks.
    pub options: EvalOptions,
    /// Bytes that the rows of a probe may take in memory; more are mapped from a file. Results do not depend on it.
    pub probe_memory: usize,
}

/// What the rows of a probe may take in memory unless told otherwise.
const PROBE_MEMORY: usize = 4 << 30;

/// A split with its features.
pub(crate) struct EncodedSplit {
    pub(crate) split: Arc<Split>,
    pub(crate) rows: SplitFeatures,
}

impl EvalContext {
    /// Takes a model into the context. `writer` tells processes apart that share a cache.
    ///
    /// # Errors
    /// The cache cannot be used, or the weights are gone.
    pub fn new(
        clip: Clip,
        cache: &Path,
        writer: &str,
        options: EvalOptions,
    ) -> Result<EvalContext, EvalError> {
        let model = clip.provenance()?;
        let cache = FeatureCache::open(cache, &clip, &model.tensors_sha256, writer)?;
        Ok(EvalContext {
            clip,
            model,
            cache,
            read: Vec::new(),
            options,
            probe_memory: PROBE_MEMORY,
        })
    }

    /// Key of the folder its features are in.
    pub fn features_key(&self) -> String {
        self.cache.key()
    }

    /// The prompts of a split, with the person's own in place of ours.
    ///
    /// # Errors
    /// A file of the person's cannot be used.
    pub fn prompts(&self, split: &Split) -> Result<PromptSet, EvalError> {
        let mut prompts = split.prompts.clone();
        prompts
            .override_from(self.options.classnames.as_deref(), self.options.templates.as_deref())?;
        Ok(prompts)
    }

    /// How a task's splits are read.
    pub(crate) fn read_options(&self, verb: Verb) -> ReadOptions {
        ReadOptions {
            strip_banner: self.options.strip_banner,
            captions: self.options.captions,
            split_file: self.options.split_file.clone(),
            task: Some(if verb == Verb::Retrieval {
                Task::Retrieval
            } else {
                Task::Classification
            }),
        }
    }

    /// Reads a split and gets the features of its items.
    pub(crate) fn encode_split(
        &mut self,
        split: Split,
        progress: &mut Progress<'_>,
    ) -> Result<EncodedSplit, EvalError> {
        let split = Arc::new(split);
        progress(Step::Images(split.items.len()));
        let rows = self.cache.features_of(&self.clip, &split, |done| progress(Step::Done(done)))?;
        self.enter_read(split, rows)
    }

    /// Remembers that a split was read.
    ///
    /// # Errors
    /// No item of it can be used.
    pub(crate) fn enter_read(
        &mut self,
        split: Arc<Split>,
        rows: SplitFeatures,
    ) -> Result<EncodedSplit, EvalError> {
        if rows.usable.is_empty() {
            let first = rows.skipped.first().map_or_else(
                || match not_listed(&split).next() {
                    Some(left) => format!("the split has no item; {}: {}", left.input, left.reason),
                    None => "the split has no item".to_owned(),
                },
                |skip| format!("no item can be used; the first: {}: {}", skip.input, skip.reason),
            );
            return Err(EvalError::task("features", &split.dataset.id, first));
        }
        let read = SplitRead {
            dataset: split.dataset.id.clone(),
            split: split.info.name.clone(),
            blake3: rows.content_blake3.clone(),
        };
        if !self.read.contains(&read) {
            self.read.push(read);
        }
        Ok(EncodedSplit { split, rows })
    }

    pub(crate) fn head(
        &self,
        prompts: &PromptSet,
        progress: &mut Progress<'_>,
    ) -> Result<Head, EvalError> {
        progress(Step::Texts(prompts.count_prompts()));
        Head::cached(&self.clip, prompts, &self.cache, |done| progress(Step::Done(done)))
    }

    /// A record with everything but its figures.
    pub(crate) fn record(
        &self,
        task: &str,
        encoded: &EncodedSplit,
        prompts: Option<&PromptSet>,
        started: Instant,
    ) -> Record {
        let (split, rows) = (&encoded.split, &encoded.rows);
        let computation = ComputeEnv::of(&self.clip);
        Record {
            schema: SCHEMA,
            clip_rs: env!("CARGO_PKG_VERSION").to_owned(),
            dataset: split.dataset.id.clone(),
            dataset_title: split.dataset.title.clone(),
            split: split.info.name.clone(),
            task: task.to_owned(),
            model: self.model.name.clone(),
            pretrained: pretrained(&self.model.name).to_owned(),
            language: "en".to_owned(),
            identity: Identity::default(),
            metrics: Default::default(),
            score: Figure::undefined("none", Unit::Share, "nothing is scored yet"),
            figures: Vec::new(),
            provenance: Provenance {
                weights_sha256: self.model.tensors_sha256.clone(),
                recipe: serde_json::to_value(self.clip.preprocess()).unwrap_or_default(),
                precision: computation.precision.to_owned(),
                isa: computation.isa.to_owned(),
                prompts_blake3: prompts.map(blake3_of),
                prompts_source: prompts.map(|prompts| prompts.source.clone()),
                split_blake3: fingerprint(split),
                read: self.read.clone(),
                features_key: Some(rows.key.clone()),
                predictions_blake3: None,
                options: serde_json::to_value(&self.options).unwrap_or_default(),
            },
            counts: Counts {
                expected: split.info.expected,
                found: split.items.len(),
                scored: rows.usable.len(),
                skipped: split.missing.len() + split.left_out.len() + rows.skipped.len(),
            },
            skipped: not_listed(split).chain(rows.skipped.iter().cloned()).collect(),
            notes: [
                split.notes.clone(),
                prompts.and_then(PromptSet::note).into_iter().collect(),
                frames::notes(&self.options, split, task),
            ]
            .concat(),
            details: Details::default(),
            wall_seconds: started.elapsed().as_secs_f64(),
        }
    }
}

/// What belongs to a split and is no item of it: what its lists name and is not there, and what the reader left out.
fn not_listed(split: &Split) -> impl Iterator<Item = Skipped> {
    let skipped = |input: &String, reason: &str| Skipped {
        input: input.clone(),
        stage: "list".to_owned(),
        reason: reason.to_owned(),
    };
    let absent = split.missing.iter().map(move |path| skipped(path, "is not there"));
    absent.chain(split.left_out.iter().map(move |left| skipped(&left.input, &left.reason)))
}

/// Who trained a model of this name, in CLIP_benchmark's word.
fn pretrained(name: &str) -> &'static str {
    if clip_rs::model::registry::find(name).is_ok() { "openai" } else { "custom" }
}

/// BLAKE3 of all item ids and targets in order.
pub(crate) fn fingerprint(split: &Split) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in split.items.lines() {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}
