//! What a person chooses of the audit of associations.

use std::path::PathBuf;

use clip_eval::options::by_name;
use clip_eval::results::identity::Choices;

use crate::group_table::GroupColumns;
use crate::options::GroupOptions;

/// Probabilities of the paper (PROTOCOL_EVAL 8.4).
pub(super) const THRESHOLDS: [f64; 2] = [0.005, 0.04];
/// Labels of each group in the paper's Figure 18.
const TOP: usize = 20;
/// The sentence around labels, of which the paper says nothing.
pub(super) const TEMPLATE: &str = "a photo of a {}.";

/// What a person chooses.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct AssociationOptions {
    /// Table of images and their groups, with a header: `file,gender`
    #[cfg_attr(feature = "clap", arg(long = "groups", value_name = "FILE"))]
    pub table: PathBuf,
    /// See [`GroupColumns`].
    #[cfg_attr(feature = "clap", command(flatten))]
    pub columns: GroupColumns,
    /// Folder that the paths of the table start in [default: the table's own]
    #[cfg_attr(feature = "clap", arg(long, value_name = "DIR"))]
    pub root: Option<PathBuf>,
    /// Labels to choose from, one a line
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub labels: PathBuf,
    /// Probability over the list above which a label is returned; may be repeated [default: 0.005
    /// and 0.04]
    #[cfg_attr(feature = "clap", arg(long = "threshold", value_name = "SHARE", value_parser = threshold, allow_negative_numbers = true))]
    pub thresholds: Vec<f64>,
    /// Labels of each group that are shown, the most associated first
    #[cfg_attr(feature = "clap", arg(long, default_value_t = TOP, value_name = "N", value_parser = crate::options::at_least_one))]
    pub top: usize,
    /// Sentence with {} for the label; of several the mean is taken [default: "a photo of a {}."]
    #[cfg_attr(feature = "clap", arg(long = "template", value_name = "TEXT", value_parser = crate::options::template))]
    pub templates: Vec<String>,
    /// Show the labels of a list with a content warning, after the warning
    #[cfg_attr(feature = "clap", arg(long))]
    pub show_labels: bool,
    /// See [`GroupOptions`].
    #[cfg_attr(feature = "clap", command(flatten))]
    pub groups: GroupOptions,
}

impl AssociationOptions {
    /// What identifies the file. Whether labels are shown changes no figure, and is no part of it.
    ///
    /// - `labels`, `table`: BLAKE3 of what they say
    pub(super) fn choices(&self, labels: &str, table: &str) -> Choices {
        let columns = &self.columns;
        let mut choices = Choices::default();
        choices.enter("labels", format!("blake3:{labels}").into(), false);
        choices.enter("groups", format!("blake3:{table}").into(), true);
        let file = columns.file_column.clone();
        choices.enter("file_column", file.into(), columns.file_column.is_none());
        let groups = columns.group_column.clone();
        choices.enter("group_column", groups.into(), columns.group_column.is_empty());
        let is_usual = self.thresholds.is_empty() || self.thresholds == THRESHOLDS;
        choices.enter("threshold", self.thresholds.clone().into(), is_usual);
        choices.enter("top", self.top.into(), self.top == TOP);
        choices.enter("template", self.templates.clone().into(), self.templates.is_empty());
        choices.enter_options(&by_name(&self.groups), &by_name(&GroupOptions::default()));
        choices
    }
}

#[cfg(feature = "clap")]
fn threshold(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("a probability between 0 and 1: 0.005 is 0.5 %".to_owned()),
    }
}
