//! What L-BFGS remembers: its last steps and how the gradient changed along each.
//!
//! The usual recursion reads and writes the direction forty times. Its numbers follow from inner
//! products, most of which are known from the step before, so here the direction is read and
//! written once for each of four sweeps: `sᵀg`, `g − Σ a·y`, `yᵀr`, `r + Σ b·s`.

use rayon::prelude::*;

/// Pairs kept; scipy's default, which scikit-learn uses.
pub(super) const HISTORY: usize = 10;
/// Values of a direction that one task sums up.
const PART: usize = 8192;
/// Products summed in f32 lanes before they join a sum in f64.
const RUN: usize = 1024;
const LANES: usize = 16;

/// The last pairs, oldest first.
#[derive(Default)]
pub(super) struct LbfgsHistory {
    steps: Vec<Vec<f32>>,
    changes: Vec<Vec<f32>>,
    /// `step_i · change_j` for `i ≤ j`, row `j` after row `j`.
    products: Vec<Vec<f64>>,
    /// Of the newest pair: one over the curvature that the preconditioner does not know of.
    scale: f64,
}

impl LbfgsHistory {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a pair with positive curvature, forgets the oldest beyond [`HISTORY`]; leaves out any
    /// other.
    ///
    /// - `norm_squared`: of a change, by the preconditioner
    pub(super) fn push<E>(
        &mut self,
        step: Vec<f32>,
        change: Vec<f32>,
        norm_squared: impl Fn(&[f32]) -> Result<f64, E>,
    ) -> Result<(), E> {
        let curvature = dot(&step, &change);
        if curvature.is_nan()
            || curvature <= 1e-12 * (dot(&step, &step) * dot(&change, &change)).sqrt()
        {
            return Ok(());
        }
        if self.steps.len() == HISTORY {
            self.steps.remove(0);
            self.changes.remove(0);
            self.products.remove(0);
            self.products.iter_mut().for_each(|row| _ = row.remove(0));
        }
        self.steps.push(step);
        self.products.push(dots(&self.steps, &change));
        self.changes.push(change);
        self.rescale(norm_squared)
    }

    /// Takes the scale of the newest pair anew, after the preconditioner has changed.
    pub(super) fn rescale<E>(
        &mut self,
        norm_squared: impl Fn(&[f32]) -> Result<f64, E>,
    ) -> Result<(), E> {
        if let (Some(change), Some(products)) = (self.changes.last(), self.products.last()) {
            self.scale = products[products.len() - 1] / norm_squared(change)?;
        }
        Ok(())
    }

    /// Minus the inverse Hessian, as far as it is known, times the gradient.
    pub(super) fn direction<E>(
        &self,
        gradient: &[f32],
        precondition: impl Fn(Vec<f32>) -> Result<Vec<f32>, E>,
    ) -> Result<Vec<f32>, E> {
        let count = self.steps.len();
        let along = dots(&self.steps, gradient);
        let mut first = vec![0.0; count];
        for i in (0..count).rev() {
            let newer: f64 = (i + 1..count).map(|j| first[j] * self.products[j][i]).sum();
            first[i] = (along[i] - newer) / self.products[i][i];
        }
        let rest = sum(1.0, gradient.to_vec(), &self.changes, first.iter().map(|a| -a));
        let scale = if count == 0 { 1.0 } else { self.scale };
        let mapped = precondition(rest)?;
        let along = dots(&self.changes, &mapped);
        let mut second = vec![0.0; count];
        for i in 0..count {
            let older: f64 = (0..i).map(|j| second[j] * self.products[i][j]).sum();
            second[i] = first[i] - (scale * along[i] + older) / self.products[i][i];
        }
        Ok(sum(-scale, mapped, &self.steps, second.iter().map(|b| -b)))
    }
}

/// `scale · vector + Σ factor · other`.
fn sum(
    scale: f64,
    mut vector: Vec<f32>,
    others: &[Vec<f32>],
    factors: impl Iterator<Item = f64>,
) -> Vec<f32> {
    let factors: Vec<f32> = factors.map(|factor| factor as f32).collect();
    vector.par_chunks_mut(PART).enumerate().for_each(|(part, values)| {
        values.iter_mut().for_each(|value| *value *= scale as f32);
        for (other, factor) in others.iter().zip(&factors) {
            let other = &other[part * PART..];
            values.iter_mut().zip(other).for_each(|(value, other)| *value += factor * other);
        }
    });
    vector
}

fn dots(vectors: &[Vec<f32>], with: &[f32]) -> Vec<f64> {
    vectors.par_iter().map(|vector| dot(vector, with)).collect()
}

fn dot(left: &[f32], right: &[f32]) -> f64 {
    let runs = left.chunks(RUN).zip(right.chunks(RUN));
    runs.map(|(left, right)| {
        let (left_lanes, left_rest) = left.as_chunks::<LANES>();
        let (right_lanes, right_rest) = right.as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for (left, right) in left_lanes.iter().zip(right_lanes) {
            for lane in 0..LANES {
                sums[lane] += left[lane] * right[lane];
            }
        }
        let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
        f64::from(sums.iter().sum::<f32>() + rest)
    })
    .sum()
}
