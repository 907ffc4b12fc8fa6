//! What an audit says: sections of a few kinds, each with one sentence on what may and what may not
//! be concluded. Terminal, page and card draw every kind once.

use clip_eval::results::{Confusion, Figure, ReliabilityBin};
use serde::{Deserialize, Serialize};

/// One table or plot, and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Unique in the audit, for anchors and references: `gender-by-race-zero-shot`.
    pub id: String,
    /// Heading: `Gender accuracy by race, zero-shot`.
    pub title: String,
    /// The table.
    pub body: Body,
    /// What may be concluded from it and what may not, in one sentence each.
    pub conclusion: Conclusion,
    /// What else there is to know: what was left out, how it was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a section shows and what it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// What may be concluded, with the figures in it.
    pub may: String,
    /// What may not.
    pub may_not: String,
}

/// The kinds of tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A share of images by group.
    Rates(RateTable),
    /// The same share by group before and after something was changed, on the same images.
    Paired(PairedTable),
    /// Labels by how often they are returned for each group.
    Associations(AssociationTable),
    /// Figures of several things in columns.
    Figures(FigureTable),
    /// Where images go when the labels change.
    Flow(Flow),
    /// What is taken for what.
    Confusions {
        /// Worst first.
        pairs: Vec<Confusion>,
    },
    /// Whether probabilities mean what they say.
    Reliability {
        /// In order.
        bins: Vec<ReliabilityBin>,
    },
    /// Figures along a scale.
    Curves(Curves),
}

/// Hits among some images. A group that is too small has neither hits nor figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// How many images.
    pub items: usize,
    /// How many of them; none where there are too few images.
    pub hits: Option<usize>,
    /// Share 0..1 with its Clopper-Pearson interval; none where there are too few images.
    pub share: Option<Figure>,
}

/// A share of images by group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateTable {
    /// What is counted: `gender is right`, `answered with a crime-related label`.
    pub rate: String,
    /// Whether more of it is better or worse for people.
    pub good: Direction,
    /// What people are grouped by: `["race"]`, `["race", "gender", "age"]`.
    pub by: Vec<String>,
    /// All groups that occur, in the order of the data set's labels.
    pub rows: Vec<RateRow>,
    /// All images together.
    pub all: Rate,
    /// Groups below this size have no figure.
    pub min_group: usize,
    /// The groups against each other; none where fewer than two are large enough.
    pub disparity: Option<Disparity>,
}

/// Whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// An accuracy.
    Higher,
    /// A harm.
    Lower,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateRow {
    /// Its level of each attribute, in the order of `by`.
    pub group: Vec<String>,
    /// Its share.
    pub rate: Rate,
    /// The published value 0..1, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<f64>,
}

/// How far groups are apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disparity {
    /// The group that is served worst.
    pub worst: Vec<String>,
    /// The group that is served best.
    pub best: Vec<String>,
    /// Greatest difference of two groups' shares, in points; its interval holds for all pairs at
    /// once.
    pub gap: Figure,
    /// The lower share over the higher one.
    pub ratio: Figure,
    /// Whether the shares differ at all.
    pub test: Test,
}

/// A test of no difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// `chi-squared`, `chi-squared, 10000 permutations`, `Fisher exact`, `McNemar exact`.
    pub name: String,
    /// Where the test has one.
    pub statistic: Option<f64>,
    /// Where the test has them.
    pub degrees_of_freedom: Option<usize>,
    /// By itself.
    pub p: f64,
    /// Corrected by Holm for all tests of the audit's family.
    pub p_holm: f64,
    /// How many tests were corrected together.
    pub family: usize,
}

/// A share by group before and after a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedTable {
    /// What is counted.
    pub rate: String,
    /// Whether more of it is better.
    pub good: Direction,
    /// What people are grouped by; empty: all images in one row.
    pub by: Vec<String>,
    /// What it was before: `the label set`, `imagenet.txt`.
    pub before: String,
    /// What it is after: `with the class child`.
    pub after: String,
    /// Groups in order.
    pub rows: Vec<PairedRow>,
    /// All images together.
    pub all: PairedRow,
    /// Groups below this size have no figure.
    pub min_group: usize,
}

/// One group before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedRow {
    /// Its level of each attribute; empty for all.
    pub group: Vec<String>,
    /// Before.
    pub before: Rate,
    /// After.
    pub after: Rate,
    /// What the change is: images that were counted before alone, after alone, the difference after
    /// minus before with its interval, McNemar's test; none where there are too few images.
    pub change: Option<Change>,
    /// Published values before and after, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<(f64, f64)>,
}

/// What a change did to a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Images counted before and not after.
    pub only_before: usize,
    /// Images counted after and not before.
    pub only_after: usize,
    /// After minus before, in points, with its interval.
    pub difference: Figure,
    /// McNemar's.
    pub test: Test,
}

/// Labels by how often a group gets them. A label is returned for an image where its probability
/// over the list exceeds the threshold. PROTOCOL_EVAL 8.4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssociationTable {
    /// What images are grouped by: `gender`.
    pub by: String,
    /// Groups with their sizes, in order.
    pub groups: Vec<(String, usize)>,
    /// 0.005, 0.04.
    pub threshold: f64,
    /// How many labels are in the list, on which probabilities depend.
    pub labels: usize,
    /// Temperature of the softmax, `exp(logit_scale)`.
    pub scale: f64,
    /// Labels most associated with a group first.
    pub rows: Vec<AssociationRow>,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssociationRow {
    /// Its text, or its number in the list where texts are not shown.
    pub label: String,
    /// For each group how often it is returned, in the order of `groups`.
    pub returned: Vec<Rate>,
    /// The group that gets it more often than the others.
    pub toward: String,
    /// Whether the groups differ.
    pub test: Test,
}

/// Figures of several things in columns: label lists, prompt sets, models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureTable {
    /// What a row is: `label list`.
    pub of: String,
    /// Rows in order; figures of a name stand in one column, and may be missing.
    pub rows: Vec<(String, Vec<Figure>)>,
}

/// Where images go when the labels change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Name of the labels before.
    pub before: String,
    /// Name of the labels after.
    pub after: String,
    /// How many images.
    pub items: usize,
    /// Answer before, answer after, images; largest first. Sums to `items`.
    pub cells: Vec<FlowCell>,
}

/// Images that had one answer and have another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowCell {
    /// Answer before.
    pub from: String,
    /// Answer after.
    pub to: String,
    /// How many.
    pub items: usize,
}

/// Curves over one scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Name of the scale, with its unit: `classes`.
    pub x: String,
    /// What is drawn over it: `share of answers unchanged`.
    pub y: String,
    /// Name of each curve, and its points.
    pub curves: Vec<(String, Vec<CurvePoint>)>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Place on the scale.
    pub x: f64,
    /// Figure there.
    pub y: Figure,
}

/// What was required, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether all requirements are met.
    pub met: bool,
    /// In the order in which they were given.
    pub requirements: Vec<Requirement>,
    /// The verdict in a few sentences.
    pub text: String,
}

/// One threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    /// As it was given: `accuracy`, `worst-group`, `gap`.
    pub name: String,
    /// What it is asked of: a label list, a model.
    pub of: String,
    /// At least (`Higher`) or at most (`Lower`).
    pub good: Direction,
    /// The threshold.
    pub threshold: f64,
    /// What was measured.
    pub figure: Figure,
    /// The unfavourable end of its interval, which is compared; none where there is no interval:
    /// then it is not met.
    pub compared: Option<f64>,
    /// Whether it is met.
    pub met: bool,
}

impl Test {
    /// A test by its name and p, not corrected yet, without a statistic.
    pub fn alone(name: &str, p: f64) -> Test {
        let (statistic, degrees_of_freedom) = (None, None);
        Test { name: name.to_owned(), statistic, degrees_of_freedom, p, p_holm: p, family: 1 }
    }
}

impl Disparity {
    /// Whether all groups have the same share: none is served worst, and none best.
    pub fn is_even(&self) -> bool {
        self.gap.value == Some(0.0)
    }
}

impl Section {
    /// A section without notes.
    pub fn new(id: &str, title: impl Into<String>, body: Body, conclusion: Conclusion) -> Section {
        Section { id: id.to_owned(), title: title.into(), body, conclusion, notes: Vec::new() }
    }

    /// With what else there is to know.
    #[must_use]
    pub fn with_notes(self, notes: Vec<String>) -> Section {
        Section { notes, ..self }
    }
}

impl Conclusion {
    /// Two sentences.
    pub fn new(may: impl Into<String>, may_not: impl Into<String>) -> Conclusion {
        Conclusion { may: may.into(), may_not: may_not.into() }
    }
}
