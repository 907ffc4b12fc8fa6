//! A model at work: its provenance, its features on disk, and what all tasks share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clip_data::{PromptSet, ReadOptions, Split, Task};
use clip_rs::{Clip, Computation, ModelProvenance};
use serde::{Deserialize, Serialize};

use crate::frames::{self, Average, Frames};
use crate::head::{Head, blake3_of};
use crate::results::{
    Cell, CellCounts, CellProvenance, Details, Figure, Identity, SCHEMA, Skipped, SplitRead, Unit,
};
use crate::suite::Verb;
use crate::{EvalError, FeatureCache, SplitFeatures};

/// What a person can choose; becomes part of every result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalOptions {
    /// Level of intervals.
    pub level: f64,
    /// Of everything drawn at random.
    pub seed: u64,
    /// Resamples of a bootstrap.
    pub resamples: usize,
    /// Images most confidently wrong that a result keeps.
    pub wrong_images: usize,
    /// Rows that a probe sees.
    pub probe_features: ProbeFeatures,
    /// Regularisation strength of the probe; searched for if none.
    pub c: Option<f64>,
    /// Examples per class of the few-shot task.
    pub shots: Vec<usize>,
    /// Draws of each number of shots.
    pub draws: usize,
    /// Put in front of every caption (`{}` stands for it).
    pub caption_template: String,
    /// Captions of an image that count; all if none.
    pub captions: Option<usize>,
    /// Cuts the copyright line off the photos of FGVC Aircraft.
    pub strip_banner: bool,
    /// Split that is scored, in place of the data set's own.
    pub split: Option<String>,
    /// Item ids of a split that is drawn at random, one a line.
    pub split_file: Option<PathBuf>,
    /// Frames of a clip that zero-shot looks at; other tasks take the middle one.
    pub frames: Frames,
    /// So many of all frames a second; each if none.
    pub fps: Option<f64>,
    /// What is averaged over all frames.
    pub average: Average,
    /// Class names in place of ours, as JSON.
    pub classnames: Option<PathBuf>,
    /// Templates in place of ours, as JSON.
    pub templates: Option<PathBuf>,
}

/// Rows that a probe sees. PROTOCOL_EVAL 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeFeatures {
    /// Before the projection for a ViT, after `c_proj` for a ResNet: the paper's.
    #[default]
    Paper,
    /// After the projection into the joint space, as the README's example.
    Projected,
    /// Before the projection, for a ResNet too.
    PreProjection,
    /// After the projection, rows of norm 1.
    Normalized,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions {
            level: 0.95,
            seed: 0,
            resamples: 1000,
            wrong_images: 8,
            probe_features: ProbeFeatures::Paper,
            c: None,
            shots: vec![1, 2, 4, 8, 16],
            draws: 3,
            caption_template: "a photo of {}".to_owned(),
            captions: None,
            strip_banner: false,
            split: None,
            split_file: None,
            frames: Frames::Middle,
            fps: None,
            average: Average::Probabilities,
            classnames: None,
            templates: None,
        }
    }
}

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many texts will be encoded.
    Texts(usize),
    /// So many images will be looked at.
    Images(usize),
    /// So many fits at most.
    Fits(usize),
    /// So many more are done.
    Done(usize),
}

/// Told of every step.
pub type Progress<'a> = dyn FnMut(Step) + 'a;

/// One model and where its features are kept.
pub struct Laboratory {
    /// The model, loaded to convert images to RGB first and to keep the penultimate layer.
    pub clip: Clip,
    /// What identifies it.
    pub model: ModelProvenance,
    pub(crate) cache: FeatureCache,
    /// Splits seen since the last job began.
    pub(crate) read: Vec<SplitRead>,
    /// Choices of all tasks.
    pub options: EvalOptions,
    /// Bytes that the rows of a probe may take in memory; more are mapped from a file. Results do not depend on it.
    pub probe_memory: usize,
}

/// What the rows of a probe may take in memory unless told otherwise.
const PROBE_MEMORY: usize = 4 << 30;

/// A split with its features.
pub(crate) struct Seen {
    pub(crate) split: Arc<Split>,
    pub(crate) rows: SplitFeatures,
}

impl Laboratory {
    /// Takes a model into the laboratory. `writer` tells processes apart that share a cache.
    ///
    /// # Errors
    /// The cache cannot be used, or the weights are gone.
    pub fn new(
        clip: Clip,
        cache: &Path,
        writer: &str,
        options: EvalOptions,
    ) -> Result<Laboratory, EvalError> {
        let model = clip.provenance()?;
        let cache = FeatureCache::open(cache, &clip, &model.tensors_sha256, writer)?;
        Ok(Laboratory { clip, model, cache, read: Vec::new(), options, probe_memory: PROBE_MEMORY })
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
    pub(crate) fn see(
        &mut self,
        split: Split,
        progress: &mut Progress<'_>,
    ) -> Result<Seen, EvalError> {
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
    ) -> Result<Seen, EvalError> {
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
        Ok(Seen { split, rows })
    }

    pub(crate) fn head(
        &self,
        prompts: &PromptSet,
        progress: &mut Progress<'_>,
    ) -> Result<Head, EvalError> {
        progress(Step::Texts(prompts.count_prompts()));
        Head::cached(&self.clip, prompts, &self.cache, |done| progress(Step::Done(done)))
    }

    /// A cell with everything but its figures.
    pub(crate) fn cell(
        &self,
        task: &str,
        seen: &Seen,
        prompts: Option<&PromptSet>,
        started: Instant,
    ) -> Cell {
        let (split, rows) = (&seen.split, &seen.rows);
        let computation = Computation::of(&self.clip);
        Cell {
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
            provenance: CellProvenance {
                weights_sha256: self.model.tensors_sha256.clone(),
                recipe: serde_json::to_value(self.clip.recipe()).unwrap_or_default(),
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
            counts: CellCounts {
                expected: split.info.expected,
                found: split.items.len(),
                scored: rows.usable.len(),
                skipped: split.absent.len() + split.left_out.len() + rows.skipped.len(),
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
    let absent = split.absent.iter().map(move |path| skipped(path, "is not there"));
    absent.chain(split.left_out.iter().map(move |left| skipped(&left.input, &left.reason)))
}

/// Who trained a model of this name, in CLIP_benchmark's word.
fn pretrained(name: &str) -> &'static str {
    if clip_rs::model::registry::find(name).is_ok() { "openai" } else { "custom" }
}

/// BLAKE3 of all item ids and targets in order.
pub(crate) fn fingerprint(split: &Split) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in split.lines() {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}
