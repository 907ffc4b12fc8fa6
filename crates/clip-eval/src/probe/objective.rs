//! The probe's objective over packed features: value, gradient and preconditioner.
//!
//! Computed is the objective divided by `C · rows`, as in newer scikit-learn, so that a tolerance
//! means the same for every strength and size.

use super::lbfgs::Objective;
use super::loss::Loss;
use super::loss_sums::LossSums;
use super::preconditioner::{FLOOR, Preconditioner, ScatterMatrices};
use super::targets::TrainingSet;
use clip_kernels::{DeviceError, Matrix};
use rayon::prelude::*;
use std::ops::Range;

/// Chunks are summed up in at most so many groups, side by side; within a group in f32 in the order
/// of the chunks, the groups in f64.
const GROUPS: usize = 32;
/// The preconditioner is made anew when the curvature has changed by this factor.
const STALE: f64 = 4.0;
/// What the preconditioner's floor grows by where no length of its steps leads down.
const DAMPING: f64 = 100.0;

/// `mean cross-entropy + penalty / 2 · |W|²` of `[outputs, width + 1]` coefficients, the intercept
/// last.
pub(super) struct ProbeObjective<'a> {
    set: TrainingSet<'a>,
    loss: &'a Loss,
    /// `1 / (C · rows)`.
    penalty: f64,
    /// Mean `p · (1 − p)` at the last evaluation.
    curvature: f64,
    /// With the curvature it was made for; none where it does not pay.
    preconditioner: Option<(Preconditioner, f64)>,
    preconditioner_pays: bool,
    /// The least share of the mean eigenvalue that the preconditioner takes a direction to have.
    floor: f64,
    /// Computed for the first preconditioner.
    scatter: Option<ScatterMatrices>,
}

/// What one group of chunks contributes.
struct Group {
    sums: LossSums,
    /// `[outputs, width]`; none without active rows.
    d_weights: Option<Matrix>,
}

impl<'a> ProbeObjective<'a> {
    pub(super) fn new(set: TrainingSet<'a>, loss: &'a Loss, c: f64) -> Self {
        let rows = set.rows.len();
        Self {
            loss,
            penalty: 1.0 / (c * rows as f64),
            curvature: 0.25,
            preconditioner: None,
            preconditioner_pays: Preconditioner::pays(set.features.width(), rows, loss.outputs()),
            floor: FLOOR,
            scatter: None,
            set,
        }
    }

    fn width(&self) -> usize {
        self.set.features.width()
    }

    /// Rows of a chunk that belong to the training set, within the chunk.
    fn active(&self, chunk: usize) -> Range<usize> {
        let (rows, set) = (self.set.features.rows_of(chunk), &self.set.rows);
        let start = set.start.clamp(rows.start, rows.end);
        start - rows.start..set.end.clamp(start, rows.end) - rows.start
    }

    fn group(
        &self,
        chunks: Range<usize>,
        weights: &Matrix,
        intercepts: &[f32],
    ) -> Result<Group, DeviceError> {
        let mut group = Group { sums: LossSums::zeros(intercepts.len()), d_weights: None };
        for chunk in chunks {
            let active = self.active(chunk);
            if active.is_empty() {
                continue;
            }
            let first = self.set.features.rows_of(chunk).start + active.start - self.set.rows.start;
            self.set.features.with(chunk, |packed| {
                let mut logits = packed.samples.multiply(weights)?; // [outputs, rows]
                self.loss.apply(logits.values_mut(), active, first, intercepts, &mut group.sums);
                let so_far = group.d_weights.take();
                group.d_weights = Some(packed.columns.accumulate(&logits, so_far)?); // [outputs, width]
                Ok(())
            })?;
        }
        Ok(group)
    }
}

impl Objective for ProbeObjective<'_> {
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DeviceError> {
        let (side, outputs) = (self.width() + 1, self.loss.outputs());
        let weights =
            x.chunks_exact(side).flat_map(|row| row[..side - 1].iter().map(|&value| value as f32));
        let weights = Matrix::new(weights.collect(), side - 1);
        let intercepts: Vec<f32> = x.chunks_exact(side).map(|row| row[side - 1] as f32).collect();

        let chunks = self.set.features.chunks();
        let groups = chunks.min(GROUPS);
        let part = |group: usize| group * chunks / groups..(group + 1) * chunks / groups;
        let groups: Vec<Group> = (0..groups)
            .into_par_iter()
            .map(|group| self.group(part(group), &weights, &intercepts))
            .collect::<Result<_, _>>()?;

        let mean = 1.0 / self.set.rows.len() as f64;
        gradient.par_chunks_exact_mut(side).enumerate().for_each(|(output, gradient)| {
            gradient.fill(0.0);
            for Group { sums, d_weights } in &groups {
                let d_weights = d_weights.iter().flat_map(|d_weights| d_weights.row(output));
                gradient.iter_mut().zip(d_weights).for_each(|(sum, part)| *sum += f64::from(*part));
                gradient[side - 1] += sums.d_intercepts[output];
            }
            gradient.iter_mut().for_each(|sum| *sum *= mean);
            let weights = gradient.iter_mut().zip(weights.row(output));
            weights.for_each(|(gradient, weight)| *gradient += self.penalty * f64::from(*weight));
        });
        let total = |of: fn(&LossSums) -> f64| {
            groups.iter().map(|group| of(&group.sums)).sum::<f64>() * mean
        };
        self.curvature = total(|sums| sums.curvature) / outputs as f64;
        let squares: f64 =
            weights.values().iter().map(|&weight| f64::from(weight) * f64::from(weight)).sum();
        Ok(total(|sums| sums.loss) + 0.5 * self.penalty * squares)
    }

    /// The duality gap: the penalty curves the function by as much wherever the place, whatever the
    /// strength. It does not curve intercepts; each counts as the weight of one more column, as long
    /// as the rows are. So a value can be above by `penalty / 2 · |intercepts − best|² / spread`
    /// more, a small part of the penalty that is in it.
    fn gap(&self, gradient: &[f64]) -> f64 {
        let spread = self.set.features.spread();
        let squares = |row: &[f64]| {
            let (intercept, weights) = row.split_last().expect("an intercept");
            weights.iter().map(|value| value * value).sum::<f64>() + spread * intercept * intercept
        };
        gradient.chunks_exact(self.width() + 1).map(squares).sum::<f64>() / (2.0 * self.penalty)
    }

    fn refresh_preconditioner(&mut self) -> Result<bool, DeviceError> {
        let stale = |made: f64| self.curvature < made / STALE || self.curvature > made * STALE;
        let is_stale = self.preconditioner.as_ref().is_none_or(|&(_, made)| stale(made));
        if !self.preconditioner_pays || !is_stale {
            return Ok(false);
        }
        // A curvature of zero would make a preconditioner of the penalty alone.
        let curvature = self.curvature.max(f64::MIN_POSITIVE);
        let TrainingSet { features, rows, .. } = &self.set;
        let order = &features.order()[rows.clone()];
        let scatter = match &mut self.scatter {
            Some(scatter) => scatter,
            none => none.insert(ScatterMatrices::of(features, order, self.loss)?),
        };
        let found = scatter.preconditioner(curvature, self.penalty, self.floor)?;
        self.preconditioner_pays = found.is_some();
        self.preconditioner = found.map(|made| (made, curvature)).or(self.preconditioner.take());
        Ok(self.preconditioner_pays)
    }

    fn damp_preconditioner(&mut self) -> bool {
        self.floor *= DAMPING;
        self.preconditioner_pays &= self.floor < 1.0;
        self.preconditioner.take().is_some()
    }

    fn has_preconditioner(&self) -> bool {
        self.preconditioner.is_some()
    }

    fn precondition(&self, vector: Vec<f32>) -> Result<Vec<f32>, DeviceError> {
        match &self.preconditioner {
            Some((preconditioner, _)) => preconditioner.apply(vector),
            None => Ok(vector),
        }
    }

    fn norm_squared(&self, vector: &[f32]) -> Result<f64, DeviceError> {
        match &self.preconditioner {
            Some((preconditioner, _)) => preconditioner.norm_squared(vector),
            None => Ok(vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Features, PackedFeatures, Targets};
    use clip_data::Presence;
    use clip_rs::InstructionSet;
    use proptest::prelude::*;

    const ROWS: usize = 30;
    const WIDTH: usize = 4;
    const CLASSES: usize = 3;

    /// Every entry of the gradient against the change of the value along it.
    fn gradient_equals_differences(
        data: &[f32],
        targets: Targets<'_>,
        at: &[f64],
        c: f64,
    ) -> Result<(), TestCaseError> {
        let packed = PackedFeatures::new(
            InstructionSet::Reference,
            Features::new(data, WIDTH),
            (0..ROWS).collect(),
            PackedFeatures::MEMORY,
        )
        .expect("room");
        let rows: Vec<usize> = (2..ROWS - 3).collect();
        let loss = Loss::new(targets, &rows);
        let at = &at[..loss.outputs() * (WIDTH + 1)];
        let mut objective = ProbeObjective::new(
            TrainingSet { features: &packed, rows: 2..ROWS - 3, targets },
            &loss,
            c,
        );
        let (mut gradient, mut unused) = (vec![0.0; at.len()], vec![0.0; at.len()]);
        objective.evaluate(at, &mut gradient).expect("room");
        for place in 0..at.len() {
            let step = 1.0 / 64.0; // exact in f32; the error of the difference is of its square
            let mut value = |step: f64| {
                let mut moved = at.to_vec();
                moved[place] += step;
                objective.evaluate(&moved, &mut unused).expect("room")
            };
            let difference = (value(step) - value(-step)) / (2.0 * step);
            let tolerance = 2e-3 + 1e-3 * gradient[place].abs();
            prop_assert!(
                (gradient[place] - difference).abs() < tolerance,
                "{}: {} {}",
                place,
                gradient[place],
                difference
            );
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn gradient_equals_differences_of_the_value(
            data in prop::collection::vec(-2.0_f32..2.0, ROWS * WIDTH),
            labels in prop::collection::vec(0..CLASSES as u32, ROWS),
            presence in prop::collection::vec(0..3_u8, ROWS * CLASSES),
            at in prop::collection::vec(-32_i8..32, CLASSES * (WIDTH + 1)),
            exponent in -2.0_f64..2.0,
        ) {
            let at: Vec<f64> = at.into_iter().map(|value| f64::from(value) / 32.0).collect();
            let c = 10.0_f64.powf(exponent);
            gradient_equals_differences(&data, Targets::Class { labels: &labels, classes: CLASSES }, &at, c)?;
            let of = |value| [Presence::Absent, Presence::Difficult, Presence::Present][usize::from(value)];
            let presence: Vec<Presence> = presence.into_iter().map(of).collect();
            gradient_equals_differences(&data, Targets::Presence { labels: &presence, classes: CLASSES }, &at, c)?;
        }
    }
}
