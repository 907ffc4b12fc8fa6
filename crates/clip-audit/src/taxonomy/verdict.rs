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
                Ok(Required { measure: *measure, threshold: threshold.abs() }) // −0 is 0
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
    let level = requirements.iter().find_map(|one| one.compared.and(one.figure.level));
    // A level below the usual makes intervals short and thresholds easy to meet.
    let level = level.map_or_else(String::new, |level| format!("{} % ", tidy(100.0 * level)));
    format!(
        "{verdict} Each figure was compared by the end of its {level}interval that speaks against it. The verdict is about these \
         labels, sentences and images alone: for others the test must be done again."
    )
}

/// A number without what decimals of binary fractions add: `99.9`.
fn tidy(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

fn in_words(requirement: &Requirement) -> String {
    let Requirement { name, of, threshold, figure, compared, good, met } = requirement;
    let which = figure.name.split_once(": ");
    let which = which.map_or_else(String::new, |(_, which)| format!(" ({which})"));
    if compared.is_none() {
        let most = if *good == Direction::Higher { "at least" } else { "at most" };
        let reason = figure.note.as_deref().unwrap_or("there is no interval");
        return format!("With {of}, {name} of {most} {threshold} cannot be shown: {reason}");
    }
    let end = match (good, met) {
        (Direction::Higher, true) => "lower end reaches",
        (Direction::Higher, false) => "lower end does not reach",
        (Direction::Lower, true) => "upper end stays within",
        (Direction::Lower, false) => "upper end exceeds",
    };
    format!("With {of}, {name}{which} is {}, whose {end} {threshold}", said(figure))
}

#[cfg(test)]
mod tests {
    use clip_eval::statistics::{Interval, Method};

    use super::*;
    use crate::groups::Grouping;
    use crate::options::GroupOptions;
    use crate::rates::{Counted, rate, rate_table};

    fn figure(name: &str, low: f64, value: f64, high: f64) -> Figure {
        let method = Method::Bootstrap { resamples: 100, seed: 0 };
        Figure::share(name, value)
            .within(Some(Interval { level: 0.95, low, high, method }), "images")
    }

    fn group_table(hits: [usize; 2], items: [usize; 2]) -> RateTable {
        let by = Grouping {
            by: vec!["camera".to_owned()],
            names: vec![vec!["old".to_owned()], vec!["new".to_owned()]],
            of_item: [0, 1]
                .into_iter()
                .flat_map(|group| vec![Some(group as u32); items[group]])
                .collect(),
        };
        let hits: Vec<bool> =
            (0..2).flat_map(|group| (0..items[group]).map(move |at| at < hits[group])).collect();
        let counted = Counted { rate: "right", good: Direction::Higher };
        rate_table(counted, &hits, &by, &GroupOptions::default())
    }

    struct Measured {
        figures: [Figure; 5],
        classes: Vec<(String, Rate)>,
        groups: Vec<RateTable>,
    }

    fn measured() -> Measured {
        let options = GroupOptions::default();
        let class = |name: &str, hits, items| (name.to_owned(), rate(hits, items, &options));
        Measured {
            figures: [
                figure("accuracy", 0.75, 0.8, 0.85),
                figure("mean_per_class", 0.7, 0.78, 0.84),
                figure("ece", 0.01, 0.03, 0.06),
                figure("stability", 0.5, 0.6, 0.7),
                figure("absent_auroc", 0.8, 0.85, 0.9),
            ],
            classes: vec![class("cat", 90, 100), class("dog", 18, 20)],
            groups: vec![group_table([180, 140], [200, 200])],
        }
    }

    fn evidence(of: &Measured) -> Evidence<'_> {
        let [accuracy, mean_per_class, ece, stability, absent_auroc] =
            of.figures.each_ref().map(Some);
        let (classes, groups) = (&*of.classes, &*of.groups);
        Evidence {
            of: "v1.txt",
            accuracy,
            mean_per_class,
            ece,
            stability,
            absent_auroc,
            classes,
            groups,
        }
    }

    fn judged(measured: &Measured, measure: Measure, threshold: f64) -> Verdict {
        let required = [Required { measure, threshold }];
        judge(&required, &[evidence(measured)], "500 images of pets (test)")
            .expect("something is required")
    }

    #[test]
    fn every_threshold_is_met_at_its_end_and_not_beyond() {
        let measured = measured();
        for (_, measure) in MEASURES {
            let end =
                judged(&measured, measure, 0.5).requirements[0].compared.expect("an interval");
            let beyond = match measure.good() {
                Direction::Higher => end.next_up(),
                Direction::Lower => end.next_down(),
            };
            let equal = judged(&measured, measure, end);
            assert!(
                equal.met && equal.text.starts_with("Met: "),
                "{measure:?} {end}: {}",
                equal.text
            );
            let not = judged(&measured, measure, beyond);
            assert!(!not.met && !not.requirements[0].met, "{measure:?} {end}");
            assert!(
                not.text.starts_with("Not met: 1 of 1 requirements do not hold on 500 images"),
                "{}",
                not.text
            );
            assert!(not.text.contains(measure.name()), "{}", not.text);
        }
    }

    #[test]
    fn ends_that_speak_against_a_figure_are_compared() {
        let measured = measured();
        let compared = |measure| judged(&measured, measure, 0.5).requirements[0].compared;
        assert_eq!(compared(Measure::Accuracy), Some(0.75));
        assert_eq!(compared(Measure::Ece), Some(0.06));
        let gap = &measured.groups[0].disparity.as_ref().expect("two groups").gap;
        assert_eq!(compared(Measure::Gap), gap.high);
        assert!(gap.high > gap.value);
        // Of two classes with the same share, that with fewer images could be worse.
        let worst = &judged(&measured, Measure::WorstClass, 0.5).requirements[0];
        assert_eq!((&*worst.figure.name, worst.compared), ("worst class: dog", worst.figure.low));
        let group = &judged(&measured, Measure::WorstGroup, 0.9).requirements[0];
        assert_eq!(group.figure.name, "worst group: new");
    }

    #[test]
    fn what_cannot_be_shown_is_not_met_and_says_why() {
        let mut measured = measured();
        measured.figures[1] =
            Figure::share("mean_per_class", 1.0).without("no interval: all draws are alike");
        measured.classes.push(("owl".to_owned(), rate(3, 3, &GroupOptions::default())));
        measured.groups.push(group_table([30, 1], [40, 1]));
        for (measure, reason) in [
            (Measure::MeanPerClass, "no interval: all draws are alike"),
            (Measure::WorstClass, "too few images of a class to know: owl (3)"),
            (Measure::WorstGroup, "too few images of a group to know: new (1)"),
            (Measure::Gap, "too few images of a group to know: new (1)"),
            (Measure::Ratio, "too few images of a group to know: new (1)"),
        ] {
            let verdict =
                judged(&measured, measure, if measure == Measure::Gap { 1.0 } else { 0.0 });
            assert!(!verdict.met && verdict.requirements[0].compared.is_none(), "{measure:?}");
            assert!(verdict.text.contains(reason), "{measure:?}: {}", verdict.text);
        }
        measured.groups.clear();
        assert!(judged(&measured, Measure::Gap, 1.0).text.contains("was not measured"));
        assert_eq!(judge(&[], &[evidence(&measured)], "images"), None);
    }

    #[test]
    fn one_list_that_fails_fails_all() {
        let (good, mut bad) = (measured(), measured());
        bad.figures[0] = figure("accuracy", 0.6, 0.7, 0.8);
        let required = [Required { measure: Measure::Accuracy, threshold: 0.7 }];
        let verdict =
            judge(&required, &[evidence(&good), evidence(&bad)], "500 images").expect("required");
        let met: Vec<bool> = verdict.requirements.iter().map(|one| one.met).collect();
        assert_eq!((verdict.met, met), (false, vec![true, false]));
    }

    #[test]
    fn verdict_names_the_level_of_its_intervals() {
        let mut measured = measured();
        assert!(judged(&measured, Measure::Accuracy, 0.5).text.contains("of its 95 % interval"));
        measured.figures[0].level = Some(0.1);
        assert!(judged(&measured, Measure::Accuracy, 0.5).text.contains("of its 10 % interval"));
        measured.figures[0] = Figure::undefined("accuracy", Unit::Share, "too few");
        assert!(judged(&measured, Measure::Accuracy, 0.5).text.contains("of its interval that"));
    }

    #[test]
    fn requirements_are_read_as_typed() {
        let required: Required = "worst-group=0.8".parse().expect("one");
        assert_eq!(required, Required { measure: Measure::WorstGroup, threshold: 0.8 });
        let zero: Required = "gap=-0".parse().expect("one");
        assert!(zero.threshold.is_sign_positive());
        for (text, reason) in [
            ("recall=0.9", "there is no `recall`; there are accuracy, mean-per-class, worst-class"),
            ("accuracy", "no NAME=VALUE"),
            ("accuracy=90", "no threshold from 0 to 1"),
            ("accuracy=NaN", "no threshold from 0 to 1"),
            ("gap=", "no threshold from 0 to 1"),
        ] {
            let found = text.parse::<Required>().expect_err("refused");
            assert!(found.contains(reason), "{text}: {found}");
        }
    }
}
