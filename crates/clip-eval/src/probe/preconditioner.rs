//! The preconditioner of a fit, from how its features scatter.
//!
//! The Hessian of the mean cross-entropy is, class by class, a mean of `p·(1 − p)·x·xᵀ` (`x` with a
//! one behind it for the intercept), and the rows that count for a class are those near it. So with
//! one number `curvature` for `p·(1 − p)`, class `k` is taken to have
//!
//! ```text
//! curvature · (scatter within classes + mean_k · mean_kᵀ) + penalty
//! ```
//!
//! whose inverse needs one small factor for all classes: eliminating the intercept takes the mean
//! out. L-BFGS learns what is left. Evaluations until scikit-learn's objective is reached (10,000 x
//! 512, 100 classes, C = 0.316 and 1; scikit-learn takes 69 and 56 steps): 13 and 11. Tried: second
//! moments of all rows for every class, 21 and 20; those weighted with each row's own `p·(1 − p)`,
//! 22 and 18; mixtures of both scatters, 15 and 15; 20 pairs of history instead of 10, no
//! difference.

use super::cholesky::inverse_factor;
use super::features::Features;
use super::loss::Loss;
use super::packed::PackedFeatures;
use crate::products::PackedMatrix;
use clip_kernels::{DeviceError, Matrix, MatrixView};
use clip_rs::InstructionSet;
use rayon::prelude::*;

/// Rows are enough at so many times the width: they make a preconditioner, not a result.
const ROWS_PER_COLUMN: usize = 8;
/// Rows multiplied at a time.
const BLOCK: usize = 960;
/// The least share of the mean eigenvalue that a fit begins with: beyond it lies the rounding of the
/// scatter, which are sums in f32.
pub(super) const FLOOR: f64 = 1e-6;

/// Scatter within classes `[width, width]` and the means of the classes' packed rows; of one class in a fit that asks
/// yes or no.
pub(super) struct ScatterMatrices {
    scatter: Vec<f64>,
    /// `[outputs, width]`.
    means: Matrix,
    /// Whether the outputs compete: what all of them have in common then changes no probability.
    compete: bool,
    device: InstructionSet,
}

impl ScatterMatrices {
    /// Of the rows of these indices.
    pub(super) fn of(
        packed: &PackedFeatures<'_>,
        order: &[usize],
        loss: &Loss,
    ) -> Result<Self, DeviceError> {
        let (features, device) = (packed.features(), packed.device());
        let class_of = |place: usize| match loss {
            Loss::Softmax { labels, .. } => labels[place] as usize,
            Loss::Logistic { .. } => 0,
        };
        let mut members = vec![Vec::new(); loss.outputs()];
        order.iter().enumerate().for_each(|(place, &row)| members[class_of(place)].push(row));
        let mut means = means_of(features, &members);
        if let Loss::Logistic { .. } = loss {
            let first = means.row(0).to_vec();
            let all = means.values_mut().chunks_exact_mut(first.len());
            all.for_each(|mean| mean.copy_from_slice(&first));
        }
        let step = order.len().div_ceil(ROWS_PER_COLUMN * features.width()).max(1);
        let places: Vec<usize> = (0..order.len()).step_by(step).collect();
        let centred = |&place: &usize| (features.row(order[place]), means.row(class_of(place)));
        let rows: Vec<(&[f32], &[f32])> = places.iter().map(centred).collect();
        let scatter = scatter_of(device, &rows, features.width())?;
        for mean in means.values_mut().chunks_exact_mut(features.width()) {
            mean.iter_mut().zip(packed.centre()).for_each(|(mean, centre)| *mean -= centre);
        }
        Ok(Self { scatter, means, compete: matches!(loss, Loss::Softmax { .. }), device })
    }

    /// The preconditioner for this curvature and penalty. None where the sum is not positive
    /// definite.
    ///
    /// - `floor`: the least share of the mean eigenvalue that any direction is taken to have
    pub(super) fn preconditioner(
        &self,
        curvature: f64,
        penalty: f64,
        floor: f64,
    ) -> Result<Option<Preconditioner>, DeviceError> {
        let width = self.means.width();
        let mut matrix: Vec<f64> = self.scatter.iter().map(|value| value * curvature).collect();
        let trace: f64 = matrix.iter().step_by(width + 1).sum();
        let floor = floor * trace / width as f64;
        matrix.iter_mut().step_by(width + 1).for_each(|value| *value += floor + penalty);
        let Some(factor) = inverse_factor(matrix, width) else { return Ok(None) };
        let rows: Vec<f32> = factor.iter().map(|&value| value as f32).collect();
        let pack = |view| PackedMatrix::new(self.device, view);
        Ok(Some(Preconditioner {
            forth: pack(MatrixView::input_major(&rows, width, width))?,
            back: pack(MatrixView::output_major(&rows, width, width))?,
            means: self.means.clone(),
            compete: self.compete,
            curvature,
        }))
    }
}

/// Mean of each group of rows, `[groups, width]`.
fn means_of(features: Features<'_>, groups: &[Vec<usize>]) -> Matrix {
    let width = features.width();
    let mut means = Matrix::new(vec![0.0; groups.len() * width], width);
    means.values_mut().par_chunks_exact_mut(width).zip(groups).for_each(|(mean, rows)| {
        let mut sum = vec![0.0; width];
        for &row in rows {
            let values = sum.iter_mut().zip(features.row(row));
            values.for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let count = rows.len().max(1) as f64;
        mean.iter_mut().zip(sum).for_each(|(mean, sum)| *mean = (sum / count) as f32);
    });
    means
}

/// Mean of `(row − mean) · (row − mean)ᵀ`, `[width, width]`.
fn scatter_of(
    device: InstructionSet,
    rows: &[(&[f32], &[f32])],
    width: usize,
) -> Result<Vec<f64>, DeviceError> {
    let mut sum = Matrix::new(vec![0.0; width * width], width);
    for block in rows.chunks(BLOCK) {
        let mut columns = vec![0.0; width * block.len()]; // [width, rows]
        for (at, (row, mean)) in block.iter().enumerate() {
            for (column, (value, mean)) in row.iter().zip(*mean).enumerate() {
                columns[column * block.len() + at] = value - mean;
            }
        }
        let view = MatrixView::output_major(&columns, width, block.len());
        let packed = PackedMatrix::new(device, view)?;
        sum = packed.accumulate(&Matrix::new(columns, block.len()), Some(sum))?;
    }
    let count = rows.len().max(1) as f64;
    Ok(sum.values().iter().map(|&value| f64::from(value) / count).collect())
}

/// `(q, b) ↦ (r, b / curvature − mean · r)` with `r = AᵀA · (q − b · mean)`, `A` the inverse of a
/// Cholesky factor: positive whatever the rounding.
pub(super) struct Preconditioner {
    forth: PackedMatrix,
    back: PackedMatrix,
    means: Matrix,
    compete: bool,
    curvature: f64,
}

impl Preconditioner {
    /// Whether it costs less than it saves, in a fit of so many rows and outputs. A factor takes
    /// `width³ / 3` steps in f64 and saves some tens of evaluations, each of them bound by reading
    /// the features twice (150) or by multiplying (7 for each output).
    pub(super) fn pays(width: usize, rows: usize, outputs: usize) -> bool {
        width * width <= rows * (150 + 7 * outputs)
    }

    /// Maps each output's vector, `[outputs, width + 1]`.
    pub(super) fn apply(&self, mut vector: Vec<f32>) -> Result<Vec<f32>, DeviceError> {
        let side = self.means.width() + 1;
        let mapped = self.back.multiply(&self.half(&vector)?)?; // [outputs, width]
        for (output, vector) in vector.chunks_exact_mut(side).enumerate() {
            let (mapped, mean) = (mapped.row(output), self.means.row(output));
            let along: f64 =
                mapped.iter().zip(mean).map(|(r, mean)| f64::from(*r) * f64::from(*mean)).sum();
            vector[side - 1] = (f64::from(vector[side - 1]) / self.curvature - along) as f32;
            vector[..side - 1].copy_from_slice(mapped);
        }
        if self.compete {
            remove_common(&mut vector, side);
        }
        Ok(vector)
    }

    /// Vector times what it is mapped to.
    pub(super) fn norm_squared(&self, vector: &[f32]) -> Result<f64, DeviceError> {
        let square = |value: &f32| f64::from(*value) * f64::from(*value);
        let intercepts = vector.iter().skip(self.means.width()).step_by(self.means.width() + 1);
        Ok(self.half(vector)?.values().iter().map(square).sum::<f64>()
            + intercepts.map(square).sum::<f64>() / self.curvature)
    }

    /// `A · (q − b · mean)`, `[outputs, width]`.
    fn half(&self, vector: &[f32]) -> Result<Matrix, DeviceError> {
        let width = self.means.width();
        let mut rest = Matrix::new(vec![0.0; self.means.rows() * width], width);
        for (output, vector) in vector.chunks_exact(width + 1).enumerate() {
            let values = vector[..width].iter().zip(self.means.row(output));
            let rest = rest.row_mut(output).iter_mut();
            rest.zip(values).for_each(|(rest, (value, mean))| *rest = value - vector[width] * mean);
        }
        self.forth.multiply(&rest)
    }
}

/// Takes the mean of all rows off each, so that coefficients and intercepts that started with a sum
/// of zero keep it. Their means would otherwise carry the sum away, intercepts for good.
fn remove_common(rows: &mut [f32], side: usize) {
    let mut mean = vec![0.0; side];
    for row in rows.chunks_exact(side) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value));
    }
    let count = (rows.len() / side) as f64;
    for row in rows.chunks_exact_mut(side) {
        row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= (mean / count) as f32);
    }
}
