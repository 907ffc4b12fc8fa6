//! One thing to be scored: where its pixels are, and what is true of it.

use std::sync::Arc;

use crate::error::DataError;

/// One image or clip of a split.
#[derive(Debug, Clone)]
pub struct Item {
    /// Where its pixels are.
    pub media: Media,
    /// What is true of it.
    pub target: Target,
}

/// Where pixels are. Paths are relative to the folder of the split.
#[derive(Debug, Clone)]
pub enum Media {
    /// An image file, and what is cut off before preprocessing.
    File {
        /// Relative path with `/`.
        path: Box<str>,
        /// Pixels cut off.
        border: Border,
    },
    /// One of many images in one file: an array, or a member of an archive.
    Record {
        /// The file.
        records: Arc<dyn Records>,
        /// From 0.
        index: usize,
    },
    /// A clip: the middle frame stands for it, unless all frames are asked for.
    Video {
        /// Relative path with `/`.
        path: Box<str>,
        /// Start and end in seconds; the whole file otherwise.
        span: Option<(f64, f64)>,
    },
}

/// A file of many images.
pub trait Records: std::fmt::Debug + Send + Sync {
    /// What record `index` is called in results and errors: unique in the split.
    fn name(&self, index: usize) -> String;

    /// The bytes of an image file: a member as it is, an array as a PPM or PGM.
    ///
    /// # Errors
    /// The file cannot be read.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError>;
}

/// Pixels that a protocol cuts off before preprocessing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Border {
    /// From all four sides.
    pub all: u32,
    /// From the foot alone.
    pub foot: u32,
}

/// What is true of an item. Classes are positions in the prompt file.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// One class.
    Class(u32),
    /// Any of these classes is right.
    OneOf(Box<[u32]>),
    /// One entry per class.
    Labels(Box<[Presence]>),
    /// The captions of an image.
    Captions(Box<[Box<str>]>),
    /// A text to be chosen among candidates.
    Word {
        /// The right one, as published.
        truth: Box<str>,
        /// All of them; the task's own where empty.
        candidates: Arc<[Box<str>]>,
    },
    /// A frame of a robustness set: right if the prediction is one of `labels`.
    Frame {
        /// Accepted classes.
        labels: Box<[u32]>,
        /// Position of its anchor among the items; its own if it is one.
        anchor: usize,
    },
    /// A segment of RareAct.
    Segment {
        /// The verb and noun asked about.
        class: u32,
        /// 0 negative, 1 positive, 2 verb only, 3 noun only, 4 both but not together.
        annotation: u8,
        /// The video it is cut from.
        video: Box<str>,
    },
    /// A face of FairFace: positions in the lists of the prompt file.
    Person {
        /// In `race_csv`.
        race: u32,
        /// In `gender_csv`.
        gender: u32,
        /// In `age_csv`.
        age: u32,
    },
    /// Not published.
    Unknown,
}

/// An entry of a multi-label target: whether a class is in an image (VOC2007).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Not there.
    Absent,
    /// There, but only as instances marked difficult: left out of this class's score.
    Difficult,
    /// There.
    Present,
}

impl Item {
    /// An image file of one class.
    pub fn file(path: impl Into<Box<str>>, target: Target) -> Item {
        Item { media: Media::File { path: path.into(), border: Border::default() }, target }
    }

    /// The records of one file, each with its target.
    pub fn of_records(
        records: impl Records + 'static,
        targets: impl IntoIterator<Item = Target>,
    ) -> Vec<Item> {
        let records: Arc<dyn Records> = Arc::new(records);
        let item = |(index, target)| Item {
            media: Media::Record { records: Arc::clone(&records), index },
            target,
        };
        targets.into_iter().enumerate().map(item).collect()
    }

    /// What it is called in results: unique in the split, the same on every machine.
    ///
    /// RareAct asks about some segments more than once: these share their id, as they share their
    /// pixels.
    pub fn id(&self) -> String {
        match &self.media {
            Media::File { path, .. } => path.to_string(),
            Media::Record { records, index } => records.name(*index),
            Media::Video { path, span: None } => path.to_string(),
            Media::Video { path, span: Some((start, end)) } => format!("{path}#{start}-{end}"),
        }
    }
}
