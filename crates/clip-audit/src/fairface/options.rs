//! What a person chooses of the audit of FairFace.

use std::str::FromStr;

use clip_data::PromptSet;
use clip_eval::options::{RowOptions, by_name};
use clip_eval::results::identity::Choices;
use serde_json::Value;

use crate::options::GroupOptions;

/// What a person chooses.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct FairfaceOptions {
    /// Sentence with {} for the words of race, gender and age, in place of "a photo of a {}."; of
    /// several the mean is taken
    #[cfg_attr(feature = "clap", arg(long = "template", value_name = "TEXT", value_parser = crate::options::template))]
    pub templates: Vec<String>,
    /// Margin around the faces of this release, to be recorded: 0.25 or 1.25
    #[cfg_attr(feature = "clap", arg(long, value_name = "MARGIN"))]
    pub padding: Option<Padding>,
    /// Leave the linear probe out
    #[cfg_attr(feature = "clap", arg(long))]
    pub without_probe: bool,
    /// Regularisation strength C of the probe, or `search` for the paper's search [default: search
    /// on split `train`; 0.316 where there is no `train` and folds of `val` take its place]
    #[cfg_attr(
        feature = "clap",
        arg(
            long,
            value_name = "C",
            conflicts_with = "without_probe",
            allow_negative_numbers = true
        )
    )]
    pub c: Option<Strength>,
    /// See [`RowOptions`].
    #[cfg_attr(feature = "clap", command(flatten))]
    pub rows: RowOptions,
    /// See [`GroupOptions`].
    #[cfg_attr(feature = "clap", command(flatten))]
    pub groups: GroupOptions,
}

/// The two releases of the faces. PROTOCOL_EVAL 8.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// 0.25: the main one.
    Narrow,
    /// 1.25.
    Wide,
}

impl Padding {
    /// As the release is called.
    pub fn name(self) -> &'static str {
        match self {
            Padding::Narrow => "0.25",
            Padding::Wide => "1.25",
        }
    }
}

impl FromStr for Padding {
    type Err = String;

    fn from_str(text: &str) -> Result<Padding, String> {
        let all = [Padding::Narrow, Padding::Wide];
        all.into_iter()
            .find(|padding| padding.name() == text)
            .ok_or_else(|| "FairFace is published with padding 0.25 and 1.25".to_owned())
    }
}

/// How strong a probe is held back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strength {
    /// The paper's search on images held out of those that are learned from.
    Search,
    /// This inverse strength.
    C(f64),
}

impl Strength {
    /// The number; none where it is to be searched.
    pub fn c(self) -> Option<f64> {
        match self {
            Strength::Search => None,
            Strength::C(c) => Some(c),
        }
    }
}

impl FromStr for Strength {
    type Err = String;

    fn from_str(text: &str) -> Result<Strength, String> {
        if text == "search" {
            return Ok(Strength::Search);
        }
        clip_eval::options::c(text)
            .map(Strength::C)
            .map_err(|reason| format!("{reason}; or `search`"))
    }
}

impl FairfaceOptions {
    /// FairFace's words in the sentences that were chosen.
    pub(super) fn prompts(&self, usual: &PromptSet) -> PromptSet {
        let mut prompts = usual.clone();
        if !self.templates.is_empty() {
            prompts.templates.clone_from(&self.templates);
            prompts.source = format!("{}; templates given by the user", prompts.source);
        }
        prompts
    }

    /// What identifies the file; what has no part in it is left out.
    pub(super) fn choices(&self) -> Choices {
        let mut choices = Choices::default();
        choices.enter("template", self.templates.clone().into(), self.templates.is_empty());
        let padding = self.padding.map_or("not said", Padding::name);
        choices.enter("padding", padding.into(), self.padding.is_none());
        choices.enter("without_probe", self.without_probe.into(), !self.without_probe);
        if !self.without_probe {
            let c = match self.c {
                None => Value::from("usual"),
                Some(Strength::Search) => "search".into(),
                Some(Strength::C(c)) => c.into(),
            };
            choices.enter("c", c, self.c.is_none());
            choices.enter_options(&by_name(&self.rows), &by_name(&RowOptions::default()));
        }
        choices.enter_options(&by_name(&self.groups), &by_name(&GroupOptions::default()));
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line_are_read_or_refused_with_the_range() {
        assert_eq!("1.25".parse(), Ok(Padding::Wide));
        assert!("1".parse::<Padding>().is_err_and(|reason| reason.contains("0.25 and 1.25")));
        assert_eq!("search".parse(), Ok(Strength::Search));
        assert_eq!("0.316".parse(), Ok(Strength::C(0.316)));
        for text in ["0", "-1", "inf", "NaN", "a lot", ""] {
            assert!(
                text.parse::<Strength>().is_err_and(|reason| reason.contains("search")),
                "{text}"
            );
        }
    }
}
