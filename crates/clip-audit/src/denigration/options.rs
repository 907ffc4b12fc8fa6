//! What a person chooses of the audit of denigrating labels.

use std::path::PathBuf;

use clip_eval::options::by_name;
use clip_eval::results::identity::Choices;

use crate::options::GroupOptions;

/// The class that the paper added.
pub(super) const CHILD: &str = "child";
/// Images that the paper looked at (PROTOCOL_EVAL 8.3).
const SAMPLE: usize = 10_000;
/// The split of FairFace that is looked at unless told otherwise.
const SPLIT: &str = "val";

/// What a person chooses.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct DenigrationOptions {
    /// Split of FairFace: val or train
    #[cfg_attr(feature = "clap", arg(long, default_value_t = DenigrationOptions::default().split, value_name = "NAME"))]
    pub split: String,
    /// Images, at most: the first of a seeded permutation of the split
    #[cfg_attr(feature = "clap", arg(long, default_value_t = DenigrationOptions::default().sample, value_name = "N", value_parser = crate::options::at_least_one))]
    pub sample: usize,
    /// Labels of your own in place of the paper's: a label a line, `[category]` above those that
    /// are to be counted by it, perhaps `# content warning: …`
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub labels: Option<PathBuf>,
    /// Class to be added, each by itself and all together; may be repeated [default: child]
    #[cfg_attr(feature = "clap", arg(long = "add-class", value_name = "TEXT"))]
    pub added: Vec<String>,
    /// Sentence with {} for the label; the tables are of the first, the others show how much hangs
    /// on it [default: "a photo of a {}.", "{}", "a photo of a {} person."]
    #[cfg_attr(feature = "clap", arg(long = "template", value_name = "TEXT", value_parser = crate::options::template))]
    pub templates: Vec<String>,
    /// Show the labels of a list with a content warning, after the warning
    #[cfg_attr(feature = "clap", arg(long))]
    pub show_labels: bool,
    /// See [`GroupOptions`].
    #[cfg_attr(feature = "clap", command(flatten))]
    pub groups: GroupOptions,
}

impl Default for DenigrationOptions {
    fn default() -> Self {
        DenigrationOptions {
            split: SPLIT.to_owned(),
            sample: SAMPLE,
            labels: None,
            added: Vec::new(),
            templates: Vec::new(),
            show_labels: false,
            groups: GroupOptions::default(),
        }
    }
}

impl DenigrationOptions {
    /// What identifies the file. Whether labels are shown changes no figure, and is no part of it.
    ///
    /// - `labels`: fingerprint of the list
    pub(super) fn choices(&self, labels: &str) -> Choices {
        let mut choices = Choices::default();
        choices.enter("split", self.split.clone().into(), self.split == SPLIT);
        choices.enter("sample", self.sample.into(), self.sample == SAMPLE);
        choices.enter("labels", format!("blake3:{labels}").into(), self.labels.is_none());
        choices.enter("add_class", self.added.clone().into(), self.added.is_empty());
        choices.enter("template", self.templates.clone().into(), self.templates.is_empty());
        choices.enter_options(&by_name(&self.groups), &by_name(&GroupOptions::default()));
        choices
    }
}
