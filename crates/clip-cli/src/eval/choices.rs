//! What a person chooses of an evaluation: the flags of all tasks, and those that one task reads.

use std::path::PathBuf;
use std::str::FromStr;

use clip_eval::suite::Verb;
use clip_eval::{Average, EvalOptions, Frames, ProbeFeatures};

/// The flags of one task.
pub(super) trait TaskFlags: clap::Args {
    /// Whose they are.
    const VERB: Verb;

    /// Enters them.
    fn apply(self, options: &mut EvalOptions);
}

/// Read by every task; part of every result.
#[derive(clap::Args)]
pub(super) struct CommonFlags {
    /// Split to score, in place of the data set's test split
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// A list for a split that is drawn, or that a copy lacks: lines `id<TAB>split`, or the ids of the training images
    #[arg(long, value_name = "FILE")]
    split_file: Option<PathBuf>,
    /// Level of intervals; the paper has 0.995
    #[arg(long, default_value_t = EvalOptions::default().level, value_parser = level, value_name = "SHARE")]
    #[arg(allow_negative_numbers = true)]
    level: f64,
    /// Of everything drawn at random
    #[arg(long, default_value_t = EvalOptions::default().seed, value_name = "N", allow_negative_numbers = true)]
    seed: u64,
    /// Resamples of a bootstrap
    #[arg(long, default_value_t = EvalOptions::default().resamples, value_parser = resamples, value_name = "N")]
    #[arg(allow_negative_numbers = true)]
    resamples: usize,
}

/// What is done to images before any recipe.
#[derive(clap::Args)]
pub(super) struct ImageFlags {
    /// Cut the copyright line off the photos of FGVC Aircraft
    #[arg(long)]
    strip_banner: bool,
}

/// The words of the classes.
#[derive(clap::Args)]
pub(super) struct PromptFlags {
    /// Class names in place of ours: a JSON list, or CLIP_benchmark's file
    #[arg(long, value_name = "FILE")]
    classnames: Option<PathBuf>,
    /// Templates in place of ours: a JSON list, or CLIP_benchmark's file
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct ZeroShotFlags {
    #[command(flatten)]
    prompts: PromptFlags,
    /// Frames of a clip that are looked at: middle or all
    #[arg(long, default_value = "middle", value_parser = frames, value_name = "WHICH")]
    frames: Frames,
    /// So many of all frames a second [default: each frame]
    #[arg(long, requires = "frames", value_parser = rate, value_name = "N", allow_negative_numbers = true)]
    fps: Option<f64>,
    /// What is averaged over all frames: probabilities or logits
    #[arg(long, default_value = "probabilities", value_parser = average, value_name = "WHAT")]
    average: Average,
    #[command(flatten)]
    images: ImageFlags,
}

#[derive(clap::Args)]
pub(super) struct RobustnessFlags {
    #[command(flatten)]
    prompts: PromptFlags,
}

#[derive(clap::Args)]
pub(super) struct RetrievalFlags {
    /// Sentence with {} for a caption; "{}" is the bare caption, as CLIP_benchmark has it
    #[arg(long, default_value_t = EvalOptions::default().caption_template, value_name = "TEXT")]
    #[arg(value_parser = caption_template)]
    caption_template: String,
    /// Captions of an image that count [default: all]
    #[arg(long, value_parser = captions, value_name = "N", allow_negative_numbers = true)]
    captions: Option<usize>,
}

/// The rows that logistic regression is fitted on.
#[derive(clap::Args)]
pub(super) struct ProbeRowFlags {
    /// Rows that a probe sees: paper, projected, pre-projection or normalized
    #[arg(long, default_value = "paper", value_parser = probe_features, value_name = "KIND")]
    probe_features: ProbeFeatures,
}

#[derive(clap::Args)]
pub(super) struct ProbeFlags {
    #[command(flatten)]
    rows: ProbeRowFlags,
    /// Regularisation strength C, in place of the paper's search
    #[arg(long, value_parser = strength, value_name = "C", allow_negative_numbers = true)]
    c: Option<f64>,
    #[command(flatten)]
    images: ImageFlags,
}

#[derive(clap::Args)]
pub(super) struct FewShotFlags {
    #[command(flatten)]
    prompts: PromptFlags,
    #[command(flatten)]
    rows: ProbeRowFlags,
    /// Labelled images per class
    #[arg(long, value_delimiter = ',', default_values_t = EvalOptions::default().shots, value_name = "K")]
    #[arg(value_parser = shots, allow_negative_numbers = true)]
    shots: Vec<usize>,
    /// Draws of each number of shots
    #[arg(long, default_value_t = EvalOptions::default().draws, value_parser = draws, value_name = "N")]
    #[arg(allow_negative_numbers = true)]
    draws: usize,
    #[command(flatten)]
    images: ImageFlags,
}

impl CommonFlags {
    /// The choices of a run: these, and those of its task.
    pub(super) fn with(self, task: impl TaskFlags) -> EvalOptions {
        let mut options = EvalOptions {
            split: self.split,
            split_file: self.split_file,
            level: self.level,
            seed: self.seed,
            resamples: self.resamples,
            ..EvalOptions::default()
        };
        task.apply(&mut options);
        options
    }
}

impl PromptFlags {
    fn apply(self, options: &mut EvalOptions) {
        options.classnames = self.classnames;
        options.templates = self.templates;
    }
}

impl TaskFlags for ZeroShotFlags {
    const VERB: Verb = Verb::Zeroshot;

    fn apply(self, options: &mut EvalOptions) {
        self.prompts.apply(options);
        options.frames = self.frames;
        options.fps = self.fps;
        options.average = self.average;
        options.strip_banner = self.images.strip_banner;
    }
}

impl TaskFlags for RobustnessFlags {
    const VERB: Verb = Verb::Robustness;

    fn apply(self, options: &mut EvalOptions) {
        self.prompts.apply(options);
    }
}

impl TaskFlags for RetrievalFlags {
    const VERB: Verb = Verb::Retrieval;

    fn apply(self, options: &mut EvalOptions) {
        options.caption_template = self.caption_template;
        options.captions = self.captions;
    }
}

impl TaskFlags for ProbeFlags {
    const VERB: Verb = Verb::Probe;

    fn apply(self, options: &mut EvalOptions) {
        options.probe_features = self.rows.probe_features;
        options.c = self.c;
        options.strip_banner = self.images.strip_banner;
    }
}

impl TaskFlags for FewShotFlags {
    const VERB: Verb = Verb::Fewshot;

    fn apply(self, options: &mut EvalOptions) {
        self.prompts.apply(options);
        options.probe_features = self.rows.probe_features;
        options.shots = self.shots;
        options.draws = self.draws;
        options.strip_banner = self.images.strip_banner;
    }
}

/// A value of a flag, refused by the rule that suite files and programs are under.
fn checked<T: FromStr<Err: std::fmt::Display> + Clone>(
    text: &str,
    enter: impl FnOnce(&mut EvalOptions, T),
) -> Result<T, String> {
    let value: T = text.parse().map_err(|error: T::Err| error.to_string())?;
    let mut options = EvalOptions { frames: Frames::All, ..EvalOptions::default() };
    enter(&mut options, value.clone());
    options.validate().map_err(|error| error.reason)?;
    Ok(value)
}

pub(super) fn level(text: &str) -> Result<f64, String> {
    checked(text, |options, level| options.level = level)
}

fn resamples(text: &str) -> Result<usize, String> {
    checked(text, |options, resamples| options.resamples = resamples)
}

fn strength(text: &str) -> Result<f64, String> {
    checked(text, |options, c| options.c = Some(c))
}

fn shots(text: &str) -> Result<usize, String> {
    checked(text, |options, shots| options.shots = vec![shots])
}

fn draws(text: &str) -> Result<usize, String> {
    checked(text, |options, draws| options.draws = draws)
}

fn captions(text: &str) -> Result<usize, String> {
    checked(text, |options, captions| options.captions = Some(captions))
}

fn caption_template(text: &str) -> Result<String, String> {
    checked(text, |options, template| options.caption_template = template)
}

fn rate(text: &str) -> Result<f64, String> {
    checked(text, |options, rate| options.fps = Some(rate))
}

fn frames(text: &str) -> Result<Frames, String> {
    match text {
        "middle" => Ok(Frames::Middle),
        "all" => Ok(Frames::All),
        _ => Err("there are middle and all".to_owned()),
    }
}

fn average(text: &str) -> Result<Average, String> {
    match text {
        "probabilities" => Ok(Average::Probabilities),
        "logits" => Ok(Average::Logits),
        _ => Err("there are probabilities and logits".to_owned()),
    }
}

fn probe_features(text: &str) -> Result<ProbeFeatures, String> {
    match text {
        "paper" => Ok(ProbeFeatures::Paper),
        "projected" => Ok(ProbeFeatures::Projected),
        "pre-projection" | "pre-cproj" => Ok(ProbeFeatures::PreProjection),
        "normalized" => Ok(ProbeFeatures::Normalized),
        _ => Err("there are paper, projected, pre-projection and normalized".to_owned()),
    }
}
