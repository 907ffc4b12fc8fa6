//! What a person chooses of an audit of classes.

use std::path::PathBuf;

use super::verdict::Required;
use crate::options::GroupOptions;

/// What the choice of classes does to answers: lists of labels and sets of sentences on the same
/// images.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "clap", derive(clap::Args), group(skip))]
pub struct Taxonomy {
    /// Data set of the catalogue by id; or your own: `folder:PATH` with a folder for each class,
    /// `csv:PATH` with columns file and label, `webdataset:PATH` with shards
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME"))]
    pub dataset: String,
    /// Folder of the data sets, or of this one; paths of your own files start there
    #[cfg_attr(feature = "clap", arg(long, value_name = "DIR"))]
    pub root: Option<PathBuf>,
    /// Split in place of the data set's test split
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME"))]
    pub split: Option<String>,
    /// List of labels, one a line, called as a class is, or `label -> class`; may be repeated
    /// [default: the data set's names]
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub labels: Vec<PathBuf>,
    /// Show the texts of lists with a content warning
    #[cfg_attr(feature = "clap", arg(long))]
    pub show_labels: bool,
    /// Sentences with {} for the label: a JSON list, or one a line; may be repeated: each file is a
    /// set of its own [default: the data set's]
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub templates: Vec<PathBuf>,
    /// Sentence with {} for the label; all that are given are one set
    #[cfg_attr(feature = "clap", arg(long, value_name = "TEXT"))]
    pub template: Vec<String>,
    /// Table that says the group of each image
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE", requires = "group_column"))]
    pub groups: Option<PathBuf>,
    /// Column of the table that says the group; may be repeated
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME", requires = "groups"))]
    pub group_column: Vec<String>,
    /// Column of the table that names the image [default: file, path, image or the like]
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME", requires = "groups"))]
    pub file_column: Option<String>,
    /// Label to add to every list, alone each; `label -> class` where it stands for one; may be
    /// repeated
    #[cfg_attr(feature = "clap", arg(long, value_name = "LABEL"))]
    pub add_class: Vec<String>,
    /// Draws of classes for each image
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Taxonomy::DRAWS, value_name = "N", value_parser = draws))]
    pub draws: usize,
    /// Share of answers that are to be right where an answer is given
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Taxonomy::PRECISION, value_name = "SHARE", value_parser = precision))]
    pub answer_precision: f64,
    /// Threshold, may be repeated: accuracy, mean-per-class, worst-class, worst-group, ratio,
    /// stability, absent-auroc (at least), gap, ece (at most); compared with the end of the interval
    /// that speaks against it
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME=VALUE"))]
    pub require: Vec<Required>,
    /// List of labels that is to meet the thresholds, by the name of its file [default: every list]
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME", requires = "require"))]
    pub judge: Option<String>,
    /// How groups are measured.
    #[cfg_attr(feature = "clap", command(flatten))]
    pub options: GroupOptions,
}

impl Taxonomy {
    /// Draws of classes unless told otherwise.
    pub const DRAWS: usize = 10;
    /// Precision unless told otherwise.
    pub const PRECISION: f64 = 0.9;

    /// Of a data set, with everything else as it is unless told otherwise.
    pub fn of(dataset: impl Into<String>) -> Taxonomy {
        Taxonomy {
            dataset: dataset.into(),
            root: None,
            split: None,
            labels: Vec::new(),
            show_labels: false,
            templates: Vec::new(),
            template: Vec::new(),
            groups: None,
            group_column: Vec::new(),
            file_column: None,
            add_class: Vec::new(),
            draws: Taxonomy::DRAWS,
            answer_precision: Taxonomy::PRECISION,
            require: Vec::new(),
            judge: None,
            options: GroupOptions::default(),
        }
    }
}

#[cfg(feature = "clap")]
fn draws(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(draws @ 1..=1000) => Ok(draws),
        _ => Err(format!("{text} is no number of draws from 1 to 1000")),
    }
}

#[cfg(feature = "clap")]
fn precision(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(precision) if precision > 0.0 && precision <= 1.0 => Ok(precision),
        _ => Err(format!("{text} is no share above 0 and up to 1")),
    }
}
