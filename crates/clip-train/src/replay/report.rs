//! What a replay found.

use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// How far a case is from its reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// Its name: `vit`, `resnet`.
    pub case: String,
    /// Largest difference of a step's loss.
    pub loss_max_abs: f64,
    /// Largest relative difference of a step's gradient norm.
    pub grad_norm_max_rel: f64,
    /// The gradient of step 0 that is farthest from its reference.
    pub step0_grads_worst: WorstTensor,
    /// Largest difference of a final weight, those without a gradient in exact arithmetic left out.
    pub final_max_abs: f64,
    /// Whether everything is within the tolerances.
    pub ok: bool,
    /// Largest difference of a step's gradient factor.
    pub grad_factor_max_abs: f64,
    /// Largest difference of `logit_scale` before and after a step.
    pub logit_scale_max_abs: f64,
    /// Largest difference of a final key bias, which only rounding moves.
    pub final_key_bias_max_abs: f64,
    /// Errors of each variant and of the optimiser's state, by what they are errors of.
    pub variants: BTreeMap<String, BTreeMap<String, f64>>,
    /// What is not within its tolerance, in words.
    pub failures: Vec<String>,
}

/// A tensor and its error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorstTensor {
    /// Its name.
    pub tensor: String,
    /// L2 norm of the difference over that of the reference.
    pub relative_l2: f64,
}

/// Errors as they are found, each held against its tolerance.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// By variant and by what they are errors of: the largest.
    largest: BTreeMap<(String, String), Largest>,
    pub(super) failures: Vec<String>,
}

#[derive(Debug)]
struct Largest {
    error: f64,
    tolerance: f64,
    /// Of which tensor.
    of: String,
}

impl Errors {
    /// Notes an error; of several of one name the one that is farthest beyond its tolerance stays.
    pub(super) fn note(&mut self, variant: &str, what: &str, error: f64, tolerance: f64) {
        self.note_of(variant, what, "", error, tolerance);
    }

    /// The same of a tensor.
    pub(super) fn note_of(
        &mut self,
        variant: &str,
        what: &str,
        of: &str,
        error: f64,
        tolerance: f64,
    ) {
        let new = Largest { error, tolerance, of: of.to_owned() };
        let share = |largest: &Largest| largest.error / largest.tolerance;
        match self.largest.entry((variant.to_owned(), what.to_owned())) {
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
            // NaN is larger than anything.
            Entry::Occupied(mut entry) => {
                if error.is_nan() || share(&new) > share(entry.get()) {
                    entry.insert(new);
                }
            }
        }
    }

    /// Says so where an error is beyond its tolerance.
    pub(super) fn hold(&mut self, what: &str, error: f64, tolerance: f64) {
        if error.is_nan() || error > tolerance {
            self.failures.push(format!("{what}: {error:.3e}, tolerance {tolerance:.0e}"));
        }
    }

    /// Whether nothing is beyond its tolerance.
    pub(super) fn are_within(&self) -> bool {
        let is_within = |largest: &Largest| largest.error <= largest.tolerance;
        self.failures.is_empty() && self.largest.values().all(is_within)
    }

    /// These and others, of other names.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.largest.extend(others.largest);
        self.failures.extend(others.failures);
        self
    }

    /// Errors by variant, and all failures.
    pub(super) fn finish(mut self) -> (BTreeMap<String, BTreeMap<String, f64>>, Vec<String>) {
        let mut variants: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for ((variant, what), Largest { error, tolerance, of }) in std::mem::take(&mut self.largest)
        {
            let space = if of.is_empty() { "" } else { " of " };
            self.hold(&format!("{variant}: {what}{space}{of}"), error, tolerance);
            variants.entry(variant).or_default().insert(what, error);
        }
        (variants, self.failures)
    }
}
