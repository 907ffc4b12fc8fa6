//! What a fit makes small: the cross-entropy of one class among many, or of many classes one by
//! one.

use super::loss_sums::LossSums;
use super::softmax::cross_entropy;
use super::targets::Targets;
use clip_data::Presence;
use std::ops::Range;

/// Targets as a fit sees them: of its rows alone, and only the classes that can be told apart.
pub(super) enum Loss {
    /// One of the fitted classes for each row.
    Softmax {
        /// `[rows]`, positions in `classes`.
        labels: Vec<u32>,
        /// The classes that occur, ascending; each has an output.
        classes: Vec<u32>,
    },
    /// Yes or no for each row and output.
    Logistic {
        /// `[rows, outputs]`: 1 yes, −1 no, 0 left out.
        signs: Vec<i8>,
        /// The class that each output is the yes of.
        classes: Vec<u32>,
    },
}

impl Loss {
    /// Of the rows of these indices. Two classes that occur are one question, as in scikit-learn:
    /// yes is the second of them.
    pub(super) fn new(targets: Targets<'_>, rows: &[usize]) -> Self {
        match targets {
            Targets::Class { labels, .. } => Self::of_labels(labels, rows),
            Targets::Presence { labels, classes } => Self::of_presence(labels, classes, rows),
        }
    }

    fn of_labels(labels: &[u32], rows: &[usize]) -> Self {
        let mut classes: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
        classes.sort_unstable();
        classes.dedup();
        let place = |row: &usize| classes.partition_point(|&class| class < labels[*row]);
        if let [_, yes] = classes[..] {
            let signs = rows.iter().map(|row| if place(row) == 1 { 1 } else { -1 }).collect();
            return Self::Logistic { signs, classes: vec![yes] };
        }
        Self::Softmax { labels: rows.iter().map(|row| place(row) as u32).collect(), classes }
    }

    /// Without the classes that are in every row or in none: nothing tells those.
    fn of_presence(labels: &[Presence], classes: usize, rows: &[usize]) -> Self {
        let occurs = |class: usize, presence| {
            rows.iter().any(|row| labels[row * classes + class] == presence)
        };
        let fitted: Vec<u32> = (0..classes)
            .filter(|&class| occurs(class, Presence::Present) && occurs(class, Presence::Absent))
            .map(|class| class as u32)
            .collect();
        let sign = |presence| match presence {
            Presence::Present => 1,
            Presence::Difficult => 0,
            Presence::Absent => -1,
        };
        let signs = rows.iter().flat_map(|row| {
            fitted.iter().map(move |&class| sign(labels[row * classes + class as usize]))
        });
        Self::Logistic { signs: signs.collect(), classes: fitted }
    }

    /// The class of each output.
    pub(super) fn classes(&self) -> &[u32] {
        match self {
            Self::Softmax { classes, .. } | Self::Logistic { classes, .. } => classes,
        }
    }

    /// Columns of the logits.
    pub(super) fn outputs(&self) -> usize {
        self.classes().len()
    }

    /// Whether there is anything to tell apart.
    pub(super) fn can_be_fitted(&self) -> bool {
        match self {
            Self::Softmax { classes, .. } => classes.len() > 1,
            Self::Logistic { classes, .. } => !classes.is_empty(),
        }
    }

    /// Turns logits `[outputs, samples]` into the gradient with respect to them. The `active`
    /// samples are the fit's rows from `first` on; the others get zeros.
    pub(super) fn apply(
        &self,
        logits: &mut [f32],
        active: Range<usize>,
        first: usize,
        intercepts: &[f32],
        sums: &mut LossSums,
    ) {
        let samples = logits.len() / self.outputs();
        match self {
            Self::Softmax { labels, .. } => {
                let labels = &labels[first..first + active.len()];
                cross_entropy(logits, samples, active, intercepts, labels, sums);
            }
            Self::Logistic { signs, .. } => {
                let outputs = self.outputs();
                for (output, logits) in logits.chunks_exact_mut(samples).enumerate() {
                    logits[..active.start].fill(0.0);
                    logits[active.end..].fill(0.0);
                    let signs = signs[first * outputs..].iter().skip(output).step_by(outputs);
                    for (logit, &sign) in logits[active.clone()].iter_mut().zip(signs) {
                        *logit =
                            logistic(*logit + intercepts[output], f64::from(sign), output, sums);
                    }
                }
            }
        }
    }
}

/// Adds `ln(1 + e^(−sign · logit))`; its derivative. Sign zero contributes nothing.
fn logistic(logit: f32, sign: f64, output: usize, sums: &mut LossSums) -> f32 {
    if sign == 0.0 {
        return 0.0;
    }
    let margin = sign * f64::from(logit);
    let exponential = (-margin.abs()).exp(); // at most one
    let greater = 1.0 / (1.0 + exponential); // probability of the likelier answer
    let wrong = if margin >= 0.0 { exponential * greater } else { greater };
    sums.loss += exponential.ln_1p() + (-margin).max(0.0);
    sums.curvature += exponential * greater * greater;
    sums.d_intercepts[output] -= sign * wrong;
    (-sign * wrong) as f32
}
