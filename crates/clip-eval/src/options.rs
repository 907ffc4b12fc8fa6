//! What a person chooses: each option once, with its flag, its key in a suite file, its default and
//! its range.
//!
//! Options come in groups; a task reads a group whole or not at all. What a task reads is a struct
//! of its own, of which the identity of its results is made: no other option makes a result again.

use std::ops::RangeInclusive;
use std::path::PathBuf;
#[cfg(feature = "clap")]
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::statistics::Bootstrap;

/// Resamples, at most: a minute of work for each figure.
const MOST_RESAMPLES: usize = 1_000_000;
/// Images with a picture that a result keeps, at most.
const MOST_WRONG_IMAGES: usize = 1000;
/// C; the paper searches 10^-6 to 10^6.
const STRENGTHS: RangeInclusive<f64> = 1e-10..=1e10;
/// Examples per class, at most.
const MOST_SHOTS: usize = 1_000_000;
/// Draws of each number of shots, at most.
const MOST_DRAWS: usize = 1000;
/// Frames a second, at most.
const FASTEST: f64 = 1000.0;

/// How intervals are made, and what is drawn at random.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct IntervalOptions {
    /// Level of intervals; the paper has 0.995
    #[cfg_attr(feature = "clap", arg(long, default_value_t = IntervalOptions::default().level, value_name = "SHARE"))]
    #[cfg_attr(feature = "clap", arg(value_parser = checked(share), allow_negative_numbers = true))]
    pub level: f64,
    /// Of everything drawn at random
    #[cfg_attr(feature = "clap", arg(long, default_value_t = IntervalOptions::default().seed, value_name = "N"))]
    #[cfg_attr(feature = "clap", arg(allow_negative_numbers = true))]
    pub seed: u64,
    /// Resamples of a bootstrap
    #[cfg_attr(feature = "clap", arg(long, default_value_t = IntervalOptions::default().resamples, value_name = "N"))]
    #[cfg_attr(feature = "clap", arg(value_parser = checked(whole::<1, MOST_RESAMPLES>), allow_negative_numbers = true))]
    pub resamples: usize,
}

impl Default for IntervalOptions {
    fn default() -> Self {
        IntervalOptions { level: 0.95, seed: 0, resamples: 1000 }
    }
}

impl IntervalOptions {
    pub(crate) fn bootstrap(&self) -> Bootstrap {
        let resamples = u32::try_from(self.resamples).unwrap_or(u32::MAX);
        Bootstrap { level: self.level, resamples, seed: self.seed }
    }
}

/// What a result shows of its mistakes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MistakeOptions {
    /// Images most confidently wrong that a result keeps.
    pub wrong_images: usize,
}

impl Default for MistakeOptions {
    fn default() -> Self {
        MistakeOptions { wrong_images: 8 }
    }
}

/// The rows that logistic regression is fitted on.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct RowOptions {
    /// Rows that a probe sees: paper, projected, pre-projection or normalized
    #[cfg_attr(feature = "clap", arg(long, default_value = "paper", value_name = "KIND"))]
    #[cfg_attr(feature = "clap", arg(value_parser = probe_features))]
    pub probe_features: ProbeFeatures,
}

/// How the regularisation of a probe is found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct StrengthOptions {
    /// Regularisation strength C, in place of the paper's search
    #[cfg_attr(feature = "clap", arg(long, value_parser = checked(strength), value_name = "C"))]
    #[cfg_attr(feature = "clap", arg(allow_negative_numbers = true))]
    pub c: Option<f64>,
}

/// How many labelled images there are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct ShotOptions {
    /// Labelled images per class
    #[cfg_attr(feature = "clap", arg(long, value_delimiter = ',', value_name = "K"))]
    #[cfg_attr(feature = "clap", arg(default_values_t = ShotOptions::default().shots))]
    #[cfg_attr(feature = "clap", arg(value_parser = checked(whole::<1, MOST_SHOTS>), allow_negative_numbers = true))]
    pub shots: Vec<usize>,
    /// Draws of each number of shots
    #[cfg_attr(feature = "clap", arg(long, default_value_t = ShotOptions::default().draws, value_name = "N"))]
    #[cfg_attr(feature = "clap", arg(value_parser = checked(whole::<1, MOST_DRAWS>), allow_negative_numbers = true))]
    pub draws: usize,
}

impl Default for ShotOptions {
    fn default() -> Self {
        ShotOptions { shots: vec![1, 2, 4, 8, 16], draws: 3 }
    }
}

/// The texts that images are to find.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct CaptionOptions {
    /// Sentence with {} for a caption; "{}" is the bare caption, as CLIP_benchmark has it
    #[cfg_attr(feature = "clap", arg(long, default_value_t = CaptionOptions::default().caption_template))]
    #[cfg_attr(feature = "clap", arg(value_parser = checked(caption_template), value_name = "TEXT"))]
    pub caption_template: String,
    /// Captions of an image that count [default: all]
    #[cfg_attr(feature = "clap", arg(long, value_parser = checked(whole::<1, { usize::MAX }>), value_name = "N"))]
    #[cfg_attr(feature = "clap", arg(allow_negative_numbers = true))]
    pub captions: Option<usize>,
}

impl Default for CaptionOptions {
    fn default() -> Self {
        CaptionOptions { caption_template: "a photo of {}".to_owned(), captions: None }
    }
}

/// What is done to images before any recipe.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct ImageOptions {
    /// Cut the copyright line off the photos of FGVC Aircraft
    #[cfg_attr(feature = "clap", arg(long))]
    pub strip_banner: bool,
}

/// Which items are scored.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct SplitOptions {
    /// Split to score, in place of the data set's test split
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME"))]
    pub split: Option<String>,
    /// A list for a split that is drawn, or that a copy lacks: lines `id<TAB>split`, or the ids of
    /// the training images
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub split_file: Option<PathBuf>,
}

/// What of a clip is looked at.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct FrameOptions {
    /// Frames of a clip that are looked at: middle or all
    #[cfg_attr(feature = "clap", arg(long, default_value = "middle", value_name = "WHICH"))]
    #[cfg_attr(feature = "clap", arg(value_parser = frames))]
    pub frames: Frames,
    /// So many of all frames a second [default: each frame]
    #[cfg_attr(feature = "clap", arg(long, requires = "frames", value_name = "N"))]
    #[cfg_attr(feature = "clap", arg(value_parser = checked(rate), allow_negative_numbers = true))]
    pub fps: Option<f64>,
    /// What is averaged over all frames: probabilities or logits
    #[cfg_attr(feature = "clap", arg(long, default_value = "probabilities", value_name = "WHAT"))]
    #[cfg_attr(feature = "clap", arg(value_parser = average))]
    pub average: Average,
}

/// The words of the classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct PromptOptions {
    /// Class names in place of ours: a JSON list, or CLIP_benchmark's file
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub classnames: Option<PathBuf>,
    /// Templates in place of ours: a JSON list, or CLIP_benchmark's file
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
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

/// Frames of a clip that zero-shot looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frames {
    /// Frame floor(n / 2) of n: the paper's Tables 10 and 11.
    #[default]
    Middle,
    /// All of them, averaged: the zero-shot row of its Table 15.
    All,
}

/// What is averaged over the frames of a clip; the paper does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// The softmax over the classes.
    #[default]
    Probabilities,
    /// Cosines at the checkpoint's temperature.
    Logits,
}

/// The options of one task.
pub trait TaskOptions: Serialize {
    /// Those of a run that the task reads.
    fn of(all: &EvalOptions) -> Self;

    /// Enters them among those of a run.
    fn enter(self, all: &mut EvalOptions);
}

/// All options of a run: defines [`EvalOptions`], which a suite file names one by one in whatever
/// order.
macro_rules! eval_options {
    ($($group:ident: $type:ident { $($name:ident),+ }),+ $(,)?) => {
        /// Everything that can be chosen of a run; part of every result.
        #[derive(Debug, Clone, PartialEq, Default, Serialize)]
        pub struct EvalOptions {
            $(#[doc = concat!("See [`", stringify!($type), "`].")] #[serde(flatten)] pub $group: $type),+
        }

        impl<'de> Deserialize<'de> for EvalOptions {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EvalOptions, D::Error> {
                #[derive(Deserialize)]
                #[serde(field_identifier)]
                #[allow(non_camel_case_types, reason = "the names as they are written")]
                enum Name { $($($name),+),+ }

                struct ByName;

                impl<'de> Visitor<'de> for ByName {
                    type Value = EvalOptions;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("struct EvalOptions")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EvalOptions, A::Error> {
                        let mut all = EvalOptions::default();
                        while let Some(name) = map.next_key()? {
                            match name { $($(Name::$name => all.$group.$name = map.next_value()?),+),+ }
                        }
                        Ok(all)
                    }
                }

                deserializer.deserialize_struct("EvalOptions", &[$($(stringify!($name)),+),+], ByName)
            }
        }
    };
}

eval_options! {
    intervals: IntervalOptions { level, seed, resamples },
    mistakes: MistakeOptions { wrong_images },
    rows: RowOptions { probe_features },
    strength: StrengthOptions { c },
    shots: ShotOptions { shots, draws },
    captions: CaptionOptions { caption_template, captions },
    images: ImageOptions { strip_banner },
    scored: SplitOptions { split, split_file },
    clips: FrameOptions { frames, fps, average },
    prompts: PromptOptions { classnames, templates },
}

/// The groups that one task reads; those behind `unflagged` have no flag of the task.
macro_rules! task_options {
    ($(#[$doc:meta])* $name:ident { $($group:ident: $type:ident),+ } unflagged { $($hidden:ident: $of:ident),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize)]
        #[cfg_attr(feature = "clap", derive(clap::Args))]
        pub struct $name {
            $(
                #[doc = concat!("See [`", stringify!($type), "`].")]
                #[serde(flatten)]
                #[cfg_attr(feature = "clap", command(flatten))]
                pub $group: $type,
            )+
            $(
                #[doc = concat!("See [`", stringify!($of), "`].")]
                #[serde(flatten)]
                #[cfg_attr(feature = "clap", arg(skip))]
                pub $hidden: $of,
            )*
        }

        impl TaskOptions for $name {
            fn of(all: &EvalOptions) -> Self {
                $name { $($group: all.$group.clone(),)+ $($hidden: all.$hidden.clone()),* }
            }

            fn enter(self, all: &mut EvalOptions) {
                $(all.$group = self.$group;)+
                $(all.$hidden = self.$hidden;)*
            }
        }
    };
}

task_options! {
    /// Read by zero-shot classification.
    ZeroShotOptions {
        prompts: PromptOptions, clips: FrameOptions, images: ImageOptions, scored: SplitOptions,
        intervals: IntervalOptions
    } unflagged { mistakes: MistakeOptions }
}

task_options! {
    /// Read by retrieval.
    RetrievalOptions {
        captions: CaptionOptions, scored: SplitOptions, intervals: IntervalOptions
    } unflagged { images: ImageOptions }
}

task_options! {
    /// Read by the linear probe.
    ProbeOptions {
        rows: RowOptions, strength: StrengthOptions, images: ImageOptions, scored: SplitOptions,
        intervals: IntervalOptions
    } unflagged {}
}

task_options! {
    /// Read by the few-shot curve.
    FewShotOptions {
        prompts: PromptOptions, rows: RowOptions, shots: ShotOptions, images: ImageOptions,
        scored: SplitOptions, intervals: IntervalOptions
    } unflagged {}
}

task_options! {
    /// Read by robustness.
    RobustnessOptions {
        prompts: PromptOptions, scored: SplitOptions, intervals: IntervalOptions
    } unflagged { images: ImageOptions }
}

/// A choice outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {reason}")]
pub struct OutOfRange {
    /// Name of the option, as in a suite file.
    pub option: &'static str,
    /// What was given, and what there is.
    pub reason: String,
}

impl EvalOptions {
    /// Refuses what no task could obey.
    ///
    /// # Errors
    /// The first option out of its range.
    pub fn validate(&self) -> Result<(), OutOfRange> {
        let EvalOptions { intervals, captions: texts, clips, .. } = self;
        let some_shots = match self.shots.shots.is_empty() {
            true => Err("there is none".to_owned()),
            false => Ok(()),
        };
        let all_frames = |is_default: bool| match clips.frames == Frames::All || is_default {
            true => Ok(()),
            false => Err("has a meaning with frames = all only".to_owned()),
        };
        let rules = [
            ("level", share(&intervals.level)),
            ("resamples", whole::<1, MOST_RESAMPLES>(&intervals.resamples)),
            ("wrong_images", whole::<0, MOST_WRONG_IMAGES>(&self.mistakes.wrong_images)),
            ("c", self.strength.c.iter().try_for_each(strength)),
            ("shots", some_shots),
            ("shots", self.shots.shots.iter().try_for_each(whole::<1, MOST_SHOTS>)),
            ("draws", whole::<1, MOST_DRAWS>(&self.shots.draws)),
            ("captions", texts.captions.iter().try_for_each(whole::<1, { usize::MAX }>)),
            ("caption_template", caption_template(&texts.caption_template)),
            ("fps", clips.fps.iter().try_for_each(rate)),
            ("fps", all_frames(clips.fps.is_none())),
            ("average", all_frames(clips.average == Average::default())),
        ];
        rules
            .into_iter()
            .try_for_each(|(option, rule)| rule.map_err(|reason| OutOfRange { option, reason }))
    }
}

/// Options by the names that a suite file has for them.
pub fn by_name(options: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(options)) => options,
        _ => Map::new(), // numbers, texts and lists always become an object
    }
}

/// Whether a level is one; the reason if not.
fn share(level: &f64) -> Result<(), String> {
    match *level > 0.0 && *level < 1.0 {
        true => Ok(()),
        false => Err(format!("{level} is no share between 0 and 1, such as 0.95")),
    }
}

fn strength(c: &f64) -> Result<(), String> {
    match STRENGTHS.contains(c) {
        true => Ok(()),
        false => Err(format!("{c} is no strength from 1e-10 to 1e10")),
    }
}

fn caption_template(template: &String) -> Result<(), String> {
    match template.contains("{}") {
        true => Ok(()),
        false => Err(format!("`{template}` has no {{}} for the caption")),
    }
}

fn rate(fps: &f64) -> Result<(), String> {
    match *fps > 0.0 && *fps <= FASTEST {
        true => Ok(()),
        false => Err(format!("{fps} is no rate above 0 and up to {FASTEST} frames a second")),
    }
}

fn whole<const LEAST: usize, const MOST: usize>(value: &usize) -> Result<(), String> {
    match (LEAST..=MOST).contains(value) {
        true => Ok(()),
        false if MOST == usize::MAX => Err(format!("{value} is not {LEAST} or more")),
        false => Err(format!("{value} is no whole number from {LEAST} to {MOST}")),
    }
}

/// Reads the value of a flag under the rule that suite files and programs are under.
#[cfg(feature = "clap")]
fn checked<T: FromStr<Err: std::fmt::Display>>(
    rule: fn(&T) -> Result<(), String>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let value: T = text.parse().map_err(|error: T::Err| error.to_string())?;
        rule(&value).map(|()| value)
    }
}

/// Reads the value of a flag that `level` is, for commands that are no task.
///
/// # Errors
/// It is no share between 0 and 1; in words.
pub fn level(text: &str) -> Result<f64, String> {
    let level: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    share(&level).map(|()| level)
}

/// Reads the value of a flag that `c` is, for commands that are no task.
///
/// # Errors
/// It is no strength from 1e-10 to 1e10; in words.
pub fn c(text: &str) -> Result<f64, String> {
    let c: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    strength(&c).map(|()| c)
}

/// A word of a suite file.
#[cfg(feature = "clap")]
fn word<T: serde::de::DeserializeOwned>(text: &str, there_are: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("there are {there_are}"))
}

#[cfg(feature = "clap")]
fn frames(text: &str) -> Result<Frames, String> {
    word(text, "middle and all")
}

#[cfg(feature = "clap")]
fn average(text: &str) -> Result<Average, String> {
    word(text, "probabilities and logits")
}

#[cfg(feature = "clap")]
fn probe_features(text: &str) -> Result<ProbeFeatures, String> {
    let text = if text == "pre-cproj" { "pre-projection" } else { text };
    word(text, "paper, projected, pre-projection and normalized")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options of which one is not the default.
    fn with(change: impl FnOnce(&mut EvalOptions)) -> EvalOptions {
        let mut options = EvalOptions::default();
        change(&mut options);
        options
    }

    #[test]
    fn what_no_task_could_obey_is_refused_by_name() {
        assert_eq!(EvalOptions::default().validate(), Ok(()));
        let wrong = [
            ("level", with(|all| all.intervals.level = 95.0)),
            ("level", with(|all| all.intervals.level = f64::NAN)),
            ("resamples", with(|all| all.intervals.resamples = 0)),
            ("resamples", with(|all| all.intervals.resamples = 100_000_000_000)),
            ("wrong_images", with(|all| all.mistakes.wrong_images = 1_000_000)),
            ("c", with(|all| all.strength.c = Some(0.0))),
            ("c", with(|all| all.strength.c = Some(-1.0))),
            ("c", with(|all| all.strength.c = Some(f64::NAN))),
            ("c", with(|all| all.strength.c = Some(f64::INFINITY))),
            ("shots", with(|all| all.shots.shots = vec![1, 0])),
            ("shots", with(|all| all.shots.shots = Vec::new())),
            ("draws", with(|all| all.shots.draws = 0)),
            ("captions", with(|all| all.captions.captions = Some(0))),
            (
                "caption_template",
                with(|all| all.captions.caption_template = "a photo of".to_owned()),
            ),
            (
                "fps",
                with(|all| {
                    all.clips =
                        FrameOptions { fps: Some(0.0), frames: Frames::All, ..all.clips.clone() }
                }),
            ),
            (
                "fps",
                with(|all| {
                    all.clips = FrameOptions {
                        fps: Some(f64::NAN),
                        frames: Frames::All,
                        ..all.clips.clone()
                    }
                }),
            ),
            ("fps", with(|all| all.clips.fps = Some(1.0))),
            ("average", with(|all| all.clips.average = Average::Logits)),
        ];
        for (option, options) in wrong {
            assert_eq!(
                options.validate().map_err(|error| error.option),
                Err(option),
                "{options:?}"
            );
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let text = "c = 0.5\nshots = [1]\nframes = \"all\"\nprobe_features = \"pre-projection\"\n";
        let read: EvalOptions = toml::from_str(text).expect("options");
        let written = serde_json::to_value(&read).expect("JSON");
        assert_eq!(serde_json::from_value::<EvalOptions>(written.clone()).expect("again"), read);
        assert_eq!((&written["c"], &written["frames"]), (&0.5.into(), &"all".into()));
        assert_eq!(written.as_object().map(Map::len), Some(18));
    }
}
