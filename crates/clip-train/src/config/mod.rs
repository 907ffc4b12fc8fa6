//! What a person chooses: every key once, with its words, its default and its range.
//!
//! ```text
//! C.toml ──▶ table ─┐
//! flags ────────────┴─▶ merged ──▶ Config (unknown keys, types, ranges refused by name)
//! ```

mod define;
mod read;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::{CaptionChoice, Crop, DataOptions, Format, LongCaptions, MaxBad, TextLines};

pub use self::define::Key;
use self::define::{configuration, marked};
pub use self::read::{ConfigError, Draft};

configuration! {
    /// What is trained: a checkpoint, a named architecture, or sizes.
    model: Model {
        /// Checkpoint to start from, whatever clip-rs loads: a name, `hf:owner/name`, or a path
        from: Option<String> = None;
        /// Architecture by its name (`ViT-B/32`, `RN50`, ...), with weights drawn anew
        architecture: Option<String> = None;
        /// Side of the pictures in pixels
        resolution: Option<usize> = None, 1..=4096;
        /// Length of an embedding
        embed_dim: Option<usize> = None, 1..=65_536;
        /// Side of a patch in pixels; divides the resolution
        patch_size: Option<usize> = None, 1..=4096;
        /// Features of a token of the image tower, or channels of a ResNet's stem
        image_width: Option<usize> = None, 1..=65_536;
        /// Blocks of the image tower
        image_layers: Option<usize> = None, 1..=1000;
        /// Attention heads of the image tower [default: one for 64 features]
        image_heads: Option<usize> = None, 1..=65_536;
        /// Bottlenecks of a ResNet's four stages, in place of image_layers
        image_blocks: Option<[usize; 4]> = None, 1..=1000;
        /// Features of a token of the text tower
        text_width: Option<usize> = None, 1..=65_536;
        /// Blocks of the text tower
        text_layers: Option<usize> = None, 1..=1000;
        /// Attention heads of the text tower [default: one for 64 features]
        text_heads: Option<usize> = None, 1..=65_536;
        /// Longest text in tokens
        context_length: Option<usize> = None, 3..=100_000;
        /// Activation of the MLPs: quickgelu or gelu
        activation: Option<String> = None => global;
    }

    /// What it learns from.
    data: Data {
        /// Pairs of pictures and captions: shards (`train-{000000..000005}.tar`), CSV, TSV, JSONL,
        /// Parquet, folders; `::` joins several
        source: String = String::new();
        /// What they are, where their names do not say it: webdataset, csv, parquet, folder, jsonl
        format: Format = Format::Auto;
        /// How often an epoch uses the samples of each source joined by `::` [default: once]
        weights: Vec<f64> = Vec::new();
        /// Column, or key, of the pictures [default: the usual ones]
        image_column: Option<String> = None;
        /// Columns, or keys, of the captions [default: the usual ones]
        caption_columns: Vec<String> = Vec::new();
        /// What divides the cells of a table [default: what fits]
        separator: Option<char> = None;
        /// Where paths of pictures begin [default: in the folder of the file that names them]
        image_root: Option<PathBuf> = None => free;
        /// Caption of a picture that has several: random, first, or in-turn (by epochs)
        captions: CaptionChoice = CaptionChoice::Random;
        /// What the lines of a text file are: captions, or one-caption
        text_lines: TextLines = TextLines::Captions;
        /// What becomes of captions that are too long: skip, truncate or refuse
        long_captions: LongCaptions = LongCaptions::Skip;
        /// Draw samples with replacement, in place of each once an epoch
        resampled: bool = false;
        /// What is seen of a picture: resized-crop (open_clip's), square (the paper's) or
        /// evaluation
        crop: Crop = Crop::ResizedCrop;
        /// Least and largest share of a picture that a crop has [default: 0.9,1; of a square 1,1]
        scale: Option<[f64; 2]> = None, 1e-3..=1.0;
        /// Least and largest width through height of a crop
        ratio: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0], 1e-2..=100.0;
        /// Changes of brightness, contrast, saturation and hue, at most
        color_jitter: Option<[f64; 4]> = None, 0.0..=1000.0;
        /// How probable they are
        color_jitter_prob: f64 = 0.0, 0.0..=1.0;
        /// How probable it is that a picture loses its colours
        gray_scale_prob: f64 = 0.0, 0.0..=1.0;
        /// Samples that may be unusable before the run ends: 100, or 0.01 for one in a hundred
        max_bad: MaxBad = MaxBad::Share(0.01) => free;
        /// Threads that make batches beside the step [default: as many as the step has]
        workers: Option<usize> = None, 1..=4096 => free;
        /// Batches that are made ahead
        prefetch: usize = 2, 1..=1000 => free;
    }

    /// How much of it a step sees.
    batch: BatchOptions {
        /// Pairs of a step, over all ranks
        batch_size: usize = 64, 2..=1 << 24;
        /// Parts that a batch is computed in, one after the other; all negatives stay
        accumulate: usize = 1, 1..=1 << 20;
        /// Compute activations again on the way back, block by block: less memory, more time
        checkpointing: bool = false => free;
    }

    /// What is minimised.
    objective: ObjectiveOptions {
        /// contrastive (InfoNCE, the paper's) or sigmoid (SigLIP's) [default: contrastive; sigmoid
        /// for a checkpoint with a logit bias]
        loss: Option<Loss> = None;
        /// Captions that are equal in a batch are each other's positives, not negatives
        multi_positive: bool = false;
        /// Checkpoint to distil from; it stays as it is
        teacher: Option<String> = None;
        /// Weight of the distillation beside the loss
        distillation: f64 = 1.0, 0.0..=1e6;
        /// Logit scale to begin with [default: 1 / 0.07, of SigLIP 10; that of the checkpoint]
        initial_scale: Option<f64> = None, 1.0..=1000.0;
        /// Logit bias to begin with, of the sigmoid loss [default: -10; that of the checkpoint]
        initial_bias: Option<f64> = None, -1000.0..=1000.0;
        /// Greatest logit scale
        max_scale: f64 = 100.0, 1.0..=1000.0;
    }

    /// How weights move.
    optimizer: OptimizerOptions {
        /// Learning rate after the warm-up [default: 5e-4, of a checkpoint 1e-5]
        learning_rate: Option<f64> = None, 0.0..=10.0;
        /// Decay of the first moment
        beta1: f64 = 0.9, 0.0..=0.999_999;
        /// Decay of the second moment [default: 0.98 for a ViT, 0.999 for a ResNet]
        beta2: Option<f64> = None, 0.0..=0.999_999_9;
        /// Added to the root of the second moment [default: 1e-6 for a ViT, 1e-8 for a ResNet]
        eps: Option<f64> = None, 0.0..=1.0;
        /// Weight decay of all weights that are no gains or biases
        weight_decay: f64 = 0.2, 0.0..=10.0;
        /// Greatest norm of all gradients together [default: no limit]
        clip_norm: Option<f64> = None, 1e-6..=1e6;
        /// Learning rate of a block by that of the block above [default: 1]
        layer_decay: Option<f64> = None, 0.01..=1.0;
        /// Factor of the image tower's learning rate
        image_rate: f64 = 1.0, 0.0..=1000.0;
        /// Factor of the text tower's learning rate
        text_rate: f64 = 1.0, 0.0..=1000.0;
    }

    /// How long, and how fast at which step.
    schedule: ScheduleOptions {
        /// Passes over the data
        epochs: u64 = 32, 1..=1_000_000;
        /// Steps, in place of epochs
        steps: Option<u64> = None, 1..=u64::MAX;
        /// Shape after the warm-up: cosine, constant or constant-cooldown
        schedule: Shape = Shape::Cosine;
        /// Steps in which the learning rate rises to its height [default: 2000, at most a tenth]
        warmup: Option<u64> = None, 0..=u64::MAX;
        /// Steps of the cool-down at the end
        cooldown: u64 = 0, 0..=u64::MAX;
        /// Learning rate at the end of the cool-down
        cooldown_end: f64 = 0.0, 0.0..=10.0;
        /// Power of the cool-down: 1 is a straight line
        cooldown_power: f64 = 1.0, 0.01..=100.0;
    }

    /// What of the model is trained, and what is kept beside it.
    towers: Towers {
        /// Leave the image tower as it is (LiT); its features are computed once
        lock_image: bool = false;
        /// Groups at the end of a locked image tower that are trained all the same: 1 is the
        /// projection, 2 the last block too, and so on
        unlocked_image_groups: usize = 0, 0..=1000;
        /// Leave the text tower as it is
        lock_text: bool = false;
        /// Groups at the end of a locked text tower that are trained all the same
        unlocked_text_groups: usize = 0, 0..=1000;
        /// Leave the logit scale, and the bias of the sigmoid loss, as they are
        freeze_logit_scale: bool = false;
        /// Batch norms use their running statistics and leave them as they are
        freeze_batch_norm: bool = false;
        /// Share of patches that a step does not look at
        patch_dropout: f64 = 0.0, 0.0..=0.95;
        /// Rank of adapters in place of whole weights (LoRA)
        lora_rank: Option<usize> = None, 1..=4096;
        /// Scale of the adapters times their rank [default: the rank]
        lora_alpha: Option<f64> = None, 0.0..=1e6;
        /// Adapters at the MLPs, too, not at the attentions alone
        lora_mlp: bool = false;
        /// Decay of a moving average of all weights, kept beside them
        moving_average: Option<f64> = None, 0.0..=0.999_999_9;
    }

    /// The run itself.
    run: RunOptions {
        /// Of the weights, the order, the crops: of everything drawn at random
        seed: u64 = 0;
        /// Precision of the products: f32 or bf16
        precision: Option<TrainPrecision> = None => global;
        /// Threads; the bits do not depend on it
        threads: Option<usize> = None, 1..=4096 => global free;
        /// Steps between checkpoints; 0: at the end only
        checkpoint_every: u64 = 1000, 0..=u64::MAX => free;
        /// Minutes between checkpoints, too [default: no limit]
        checkpoint_minutes: Option<f64> = None, 0.01..=1e6 => free;
        /// Checkpoints that are kept, the newest
        keep: usize = 3, 1..=1_000_000 => free;
        /// Steps in a row that may be skipped because a value is not finite
        max_bad_steps: u64 = 10, 0..=u64::MAX => free;
        /// Write TensorBoard's event files, too
        tensorboard: bool = true => free;
    }

    /// What a fine-tune must not lose.
    guard: GuardOptions {
        /// Data sets whose zero-shot accuracy is compared with that of the model it began with
        guard: Vec<String> = Vec::new();
        /// Folder of these data sets
        guard_root: Option<PathBuf> = None => free;
        /// Steps between two looks; 0: at the end only
        guard_every: u64 = 0, 0..=u64::MAX;
        /// Loss of accuracy, as a share, from which on it warns
        guard_loss: f64 = 0.02, 0.0..=1.0;
    }
}

/// A task of `clip-rs eval` on a data set, every so many steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Id in the catalogue, or files of one's own: `folder:PATH`, `csv:PATH`, `webdataset:PATH`.
    pub dataset: String,
    /// zeroshot, retrieval, probe, fewshot or robustness.
    #[serde(default = "zeroshot")]
    pub task: String,
    /// Folder that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Split to score, in place of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Steps between two; 0: at the end only.
    #[serde(default)]
    pub every: u64,
}

fn zeroshot() -> String {
    "zeroshot".to_owned()
}

/// Words that a key can have, as they are written.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $word_doc:literal])+ $word:ident),+ })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(rename_all = "kebab-case")]
            pub enum $name { $($(#[doc = $word_doc])+ $word),+ }
        )+
    };
}

words! {
    /// The loss (PROTOCOL 2.3).
    Loss {
        /// Symmetric cross-entropy over the batch.
        Contrastive,
        /// Of every pair by itself, with a bias.
        Sigmoid
    }

    /// The learning rate after its warm-up (PROTOCOL 2.4).
    Shape {
        /// Half a cosine, down to zero.
        Cosine,
        /// The same to the end.
        Constant,
        /// The same, and down at the end.
        ConstantCooldown
    }

    /// Of the products.
    TrainPrecision {
        /// Exact.
        F32,
        /// Products in bf16; weights, sums, norms and losses in f32.
        Bf16
    }
}

impl Data {
    /// The same for the data's own part: its keys have the same names.
    pub fn options(&self) -> DataOptions {
        let read = toml::Value::try_from(self).ok().and_then(|table| table.try_into().ok());
        read.unwrap_or_default() // a test holds that every key has its place
    }
}

impl Config {
    /// Refuses what no run could obey.
    ///
    /// # Errors
    /// The first of them, by its key.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_ranges()?;
        let refuse = |key: &'static str, reason: &str| {
            Err(ConfigError::OutOfRange { key, reason: reason.to_owned() })
        };
        let (towers, schedule) = (&self.towers, &self.schedule);
        if self.data.source.trim().is_empty() {
            return refuse("source", "there is nothing to train on");
        }
        self.data.options().check().map_err(|error| ConfigError::Data(Box::new(error)))?;
        if !self.batch.batch_size.is_multiple_of(self.batch.accumulate) {
            return refuse("accumulate", "does not divide batch_size");
        }
        if schedule.schedule != Shape::ConstantCooldown && schedule.cooldown > 0 {
            return refuse("cooldown", "has a meaning with schedule = \"constant-cooldown\" only");
        }
        if self.objective.initial_bias.is_some() && self.objective.loss == Some(Loss::Contrastive) {
            return refuse("initial_bias", "has a meaning with the sigmoid loss only");
        }
        if !towers.lock_image && towers.unlocked_image_groups > 0 {
            return refuse("unlocked_image_groups", "has a meaning with lock_image only");
        }
        if !towers.lock_text && towers.unlocked_text_groups > 0 {
            return refuse("unlocked_text_groups", "has a meaning with lock_text only");
        }
        if towers.lora_rank.is_none() && towers.lora_alpha.is_some() {
            return refuse("lora_alpha", "has a meaning with lora_rank only");
        }
        Ok(())
    }

    /// As a table of sections; what is not set is not in it.
    pub fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).unwrap_or_default() // numbers, words and lists always fit
    }

    /// As a file has it.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    /// The first key in which another configuration differs and that a run may not change while
    /// it goes on: its name, and both values.
    pub fn first_change(&self, other: &Config) -> Option<(String, String, String)> {
        let (ours, theirs) = (self.to_table(), other.to_table());
        let shown = |value: Option<&toml::Value>| {
            value.map_or_else(|| "not set".to_owned(), ToString::to_string)
        };
        let value = |table: &toml::Table, key: &Key| {
            shown(table.get(key.section).and_then(|section| section.get(key.name)))
        };
        let changed = KEYS.iter().filter(|key| !key.is_free).find_map(|key| {
            let (ours, theirs) = (value(&ours, key), value(&theirs, key));
            (ours != theirs).then(|| (key.name.to_owned(), ours, theirs))
        });
        let eval = || {
            let (ours, theirs) = (shown(ours.get("eval")), shown(theirs.get("eval")));
            (ours != theirs).then(|| ("eval".to_owned(), ours, theirs))
        };
        changed.or_else(eval)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_keys_share_a_name_and_each_is_in_a_written_configuration() {
        let names: BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), KEYS.len());
        let config = Config::default();
        let written = serde_json::to_value(&config).expect("JSON");
        for key in KEYS {
            assert!(written[key.section].get(key.name).is_some(), "{}", key.name);
        }
        let again: Config = toml::from_str(&config.to_toml()).expect("its own words");
        assert_eq!(again, config);
    }

    #[test]
    fn choices_of_the_data_reach_it() {
        let mut data = Data::default();
        assert_eq!(data.options(), DataOptions::default());
        data.source = "a.tar".to_owned();
        (data.scale, data.separator) = (Some([0.5, 0.75]), Some(';'));
        (data.max_bad, data.crop) = (MaxBad::Count(3), Crop::Square);
        let options = data.options();
        assert_eq!(toml::Value::try_from(&options).ok(), toml::Value::try_from(&data).ok());
        assert_eq!((options.separator, options.max_bad), (Some(';'), MaxBad::Count(3)));
    }

    #[test]
    fn defaults_are_within_their_ranges() {
        let mut config = Config::default();
        config.data.source = "a.tar".to_owned();
        config.check().expect("usual");
    }

    #[test]
    fn what_no_run_could_obey_is_refused_by_its_key() {
        type Change = fn(&mut Config);
        let with = |change: Change| {
            let mut config = Config::default();
            config.data.source = "a.tar".to_owned();
            change(&mut config);
            config.check().expect_err("nonsense").to_string()
        };
        let cases: [(&str, Change); 8] = [
            ("source: there is nothing", |c| c.data.source.clear()),
            ("batch_size: 1 is not from 2 to", |c| c.batch.batch_size = 1),
            ("accumulate: does not divide", |c| c.batch.accumulate = 3),
            ("weight_decay: NaN is not from 0 to 10", |c| c.optimizer.weight_decay = f64::NAN),
            ("scale: 2 is not from", |c| c.data.scale = Some([0.9, 2.0])),
            ("cooldown: has a meaning", |c| c.schedule.cooldown = 5),
            ("lora_alpha: has a meaning", |c| c.towers.lora_alpha = Some(1.0)),
            ("steps: 0 is not 1 or more", |c| c.schedule.steps = Some(0)),
        ];
        for (reason, change) in cases {
            let error = with(change);
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn change_of_a_key_that_may_not_change_is_named() {
        let (one, mut other) = (Config::default(), Config::default());
        other.run.threads = Some(4);
        other.run.keep = 9;
        assert_eq!(one.first_change(&other), None);
        other.optimizer.clip_norm = Some(1.0);
        let told = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(one.first_change(&other), told("clip_norm", "not set", "1.0"));
    }
}
