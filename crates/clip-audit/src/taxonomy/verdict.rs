//! What is required of a taxonomy, and whether the figures hold it: each is compared by the end of
//! its interval that speaks against it.

use std::str::FromStr;

use clip_eval::results::{Figure, Unit};

use super::images::said;
use crate::section::{Direction, Rate, RateTable, Requirement, Verdict};

/// A figure that something can be required of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Share of right answers.
    Accuracy,
    /// Mean over classes of the share that is right.
    MeanPerClass,
    /// The least share of a class.
    WorstClass,
    /// The least share of a group.
    WorstGroup,
    /// The greatest difference of two groups.
    Gap,
    /// The lower of two groups' shares over the higher one.
    Ratio,
    /// Calibration error.
    Ece,
    /// Share of images with the same answer under every sentence.
    Stability,
    /// How well the probability tells images whose class is absent.
    AbsentAuroc,
}

/// All of them by their words.
const MEASURES: [(&str, Measure); 9] = [
    ("accuracy", Measure::Accuracy),
    ("mean-per-class", Measure::MeanPerClass),
    ("worst-class", Measure::WorstClass),
    ("worst-group", Measure::WorstGroup),
    ("gap", Measure::Gap),
    ("ratio", Measure::Ratio),
    ("ece", Measure::Ece),
    ("stability", Measure::Stability),
    ("absent-auroc", Measure::AbsentAuroc),
];

/// Groups or classes that a reason names.
const NAMED: usize = 5;

impl Measure {
    /// Its word.
    pub fn name(self) -> &'static str {
        MEASURES.iter().find(|(_, measure)| *measure == self).map_or("", |(name, _)| name)
    }

    /// Whether it needs groups.
    pub fn is_of_groups(self) -> bool {
        matches!(self, Measure::WorstGroup | Measure::Gap | Measure::Ratio)
    }

    fn good(self) -> Direction {
        match self {
            Measure::Gap | Measure::Ece => Direction::Lower,
            _ => Direction::Higher,
        }
    }
}

/// A threshold: `accuracy=0.9`; of `gap` and `ece` at most, of all others at least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Required {
    /// Of what.
    pub measure: Measure,
    /// 0..=1.
    pub threshold: f64,
}

impl FromStr for Required {
    type Err = String;

    fn from_str(text: &str) -> Result<Required, String> {
        let known = || MEASURES.map(|(name, _)| name).join(", ");
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is no NAME=VALUE; names: {}", known()))?;
        let found = MEASURES.iter().find(|(known, _)| *known == name.trim());
        let (_, measure) =
            found.ok_or_else(|| format!("there is no `{name}`; there are {}", known()))?;
        match value.trim().parse::<f64>() {
            Ok(threshold) if (0.0..=1.0).contains(&threshold) => {
                Ok(Required { measure: *measure, threshold })
            }
            _ => Err(format!(
                "`{value}` is no threshold from 0 to 1, as all these figures are shares"
            )),
        }
    }
}

/// What was measured of a cell.
pub(super) struct Evidence<'a> {
    /// Its name.
    pub(super) of: &'a str,
    pub(super) accuracy: Option<&'a Figure>,
    pub(super) mean_per_class: Option<&'a Figure>,
    pub(super) ece: Option<&'a Figure>,
    pub(super) stability: Option<&'a Figure>,
    pub(super) absent_auroc: Option<&'a Figure>,
    pub(super) classes: &'a [(String, Rate)],
    pub(super) groups: &'a [RateTable],
}

impl Evidence<'_> {
    /// The figure, and the end of its interval that speaks against it.
    fn figure(&self, measure: Measure) -> Figure {
        let groups = || {
            self.groups
                .iter()
                .flat_map(|table| table.rows.iter().map(|row| (row.group.join(", "), &row.rate)))
        };
        let found = match measure {
            Measure::Accuracy => self.accuracy.cloned(),
            Measure::MeanPerClass => self.mean_per_class.cloned(),
            Measure::Ece => self.ece.cloned(),
            Measure::Stability => self.stability.cloned(),
            Measure::AbsentAuroc => self.absent_auroc.cloned(),
            Measure::WorstClass => {
                Some(least("class", self.classes.iter().map(|(name, rate)| (name.clone(), rate))))
            }
            Measure::WorstGroup => Some(least("group", groups())),
            Measure::Gap => self.between(|found| &found.gap, |a, b| a.high > b.high),
            Measure::Ratio => self.between(|found| &found.ratio, |a, b| a.low < b.low),
        };
        found.unwrap_or_else(|| Figure::undefined(measure.name(), Unit::Share, "was not measured"))
    }

    /// The worst of all columns' gaps or ratios; none of a column with a group that has no figure.
    fn between(
        &self,
        of: fn(&crate::section::Disparity) -> &Figure,
        is_worse: fn(&Figure, &Figure) -> bool,
    ) -> Option<Figure> {
        let mut worst: Option<Figure> = None;
        for table in self.groups {
            let rows = table.rows.iter().map(|row| (row.group.join(", "), &row.rate));
            if let Some(reason) = too_small("group", rows) {
                return Some(Figure::undefined("between groups", Unit::Points, &reason));
            }
            let Some(found) = &table.disparity else {
                let reason = format!("fewer than two groups by {}", table.by.join(" x "));
                return Some(Figure::undefined("between groups", Unit::Points, &reason));
            };
            let figure = of(found);
            if worst.as_ref().is_none_or(|worst| is_worse(figure, worst)) {
                worst = Some(figure.clone());
            }
        }
        worst
    }
}

/// The share whose interval reaches lowest: that all reach a threshold is said of each of them.
fn least<'a>(what: &str, rates: impl Iterator<Item = (String, &'a Rate)> + Clone) -> Figure {
    let name = format!("worst {what}");
    if let Some(reason) = too_small(what, rates.clone()) {
        return Figure::undefined(&name, Unit::Share, &reason);
    }
    let low = |figure: &Figure| figure.low.unwrap_or(f64::NEG_INFINITY);
    let shares = rates.filter_map(|(name, rate)| Some((name, rate.share.as_ref()?)));
    match shares.min_by(|a, b| low(a.1).total_cmp(&low(b.1))) {
        Some((group, figure)) => figure.clone().named(&format!("{name}: {group}")),
        None => Figure::undefined(&name, Unit::Share, &format!("there is no {what}")),
    }
}

/// Why nothing can be said of all of them.
fn too_small<'a>(what: &str, rates: impl Iterator<Item = (String, &'a Rate)>) -> Option<String> {
    let small: Vec<String> = rates
        .filter(|(_, rate)| rate.share.is_none())
        .map(|(name, rate)| format!("{name} ({})", rate.items))
        .collect();
    let more = small.len().saturating_sub(NAMED);
    let named = small.get(..NAMED).unwrap_or(&small).join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!small.is_empty()).then(|| format!("too few images of a {what} to know: {named}{more}"))
}

/// Compares every requirement with every cell; none without requirements.
pub(super) fn judge(
    required: &[Required],
    cells: &[Evidence<'_>],
    images: &str,
) -> Option<Verdict> {
    if required.is_empty() {
        return None;
    }
    let one = |required: &Required, cell: &Evidence<'_>| {
        let (figure, good) = (cell.figure(required.measure), required.measure.good());
        let end = if good == Direction::Higher { figure.low } else { figure.high };
        let compared = end.filter(|_| figure.value.is_some());
        let holds = |end: f64| match good {
            Direction::Higher => end >= required.threshold,
            Direction::Lower => end <= required.threshold,
        };
        Requirement {
            name: required.measure.name().to_owned(),
            of: cell.of.to_owned(),
            good,
            threshold: required.threshold,
            met: compared.is_some_and(holds),
            figure,
            compared,
        }
    };
    let requirements: Vec<Requirement> =
        cells.iter().flat_map(|cell| required.iter().map(|required| one(required, cell))).collect();
    let met = requirements.iter().all(|requirement| requirement.met);
    let text = text(&requirements, images);
    Some(Verdict { met, requirements, text })
}

fn text(requirements: &[Requirement], images: &str) -> String {
    let failed: Vec<String> = requirements.iter().filter(|one| !one.met).map(in_words).collect();
    let all = requirements.len();
    let verdict = match failed.len() {
        0 if all == 1 => format!("Met: {}.", in_words(&requirements[0])),
        0 => format!("Met: all {all} requirements hold on {images}."),
        count => format!(
            "Not met: {count} of {all} requirements do not hold on {images}. {}.",
            failed.join(". ")
        ),
    };
    format!(
        "{verdict} Each figure was compared by the end of its interval that speaks against it. The verdict is about these \
         labels, sentences and images alone: for others the test must be done again."
    )
}

fn in_words(requirement: &Requirement) -> String {
    let Requirement { name, of, threshold, figure, compared, good, .. } = requirement;
    let most = if *good == Direction::Higher { "at least" } else { "at most" };
    let which =
        figure.name.split_once(": ").map_or_else(String::new, |(_, which)| format!(" ({which})"));
    match compared {
        Some(end) => format!(
            "With {of} {name}{which} is {}, and {end:.4} is compared with {most} {threshold}",
            said(figure)
        ),
        None => {
            let reason = figure.note.as_deref().unwrap_or("there is no interval");
            format!("With {of} {name} of {most} {threshold} cannot be shown: {reason}")
        }
    }
}
