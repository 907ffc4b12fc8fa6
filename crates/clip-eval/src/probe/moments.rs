//! Second moments of features, and the metric they give: the preconditioner of a fit.
//!
//! The Hessian of the mean cross-entropy is, class by class, a mean of `p·(1 − p)·x·xᵀ`. With one
//! number `curvature` for `p·(1 − p)` it is `curvature · moments + penalty`, the same for every class:
//! one small matrix whose inverse turns the features' long valleys into a bowl. L-BFGS learns what is
//! left. Digits at C = 0.316: 15 iterations instead of 62; at C = 1000 and a tight tolerance 95
//! instead of 280. Weighting the moments with each sample's own `p·(1 − p)` saved another fifth at
//! C = 1000 and nothing below C = 1: not worth new moments for every metric.

use super::cholesky::inverse_factor;
use super::features::Features;
use clip_kernels::{Cpu, Device, Epilogue, Matrix, MatrixView, PackedWeight, Precision};

/// Rows are enough at so many times the width: they make a metric, not a result.
const ROWS_PER_COLUMN: usize = 8;
/// Rows multiplied at a time.
const BLOCK: usize = 960;
/// The least share of the mean eigenvalue that any direction is taken to have: beyond it lies the
/// rounding of the moments, which are sums in f32.
const FLOOR: f64 = 1e-6;

/// The mean of `x·xᵀ`, `x` with a one behind it for the intercept, `[width + 1, width + 1]`.
pub(super) struct Moments {
    values: Vec<f64>,
    side: usize,
}

impl Moments {
    pub(super) fn of(features: Features<'_>, order: &[usize]) -> Self {
        let side = features.width() + 1;
        let step = order.len().div_ceil(ROWS_PER_COLUMN * side).max(1);
        let rows: Vec<usize> = order.iter().copied().step_by(step).collect();
        let device = Cpu::new();
        let mut sum = Matrix::zeros(side, side);
        for block in rows.chunks(BLOCK) {
            let mut columns = vec![0.0; side * block.len()]; // [side, rows]
            for (place, &row) in block.iter().enumerate() {
                let values = features.row(row).iter().copied().chain([1.0]);
                values.enumerate().for_each(|(column, value)| columns[column * block.len() + place] = value);
            }
            let packed = device.pack(MatrixView::output_major(&columns, side, block.len()), Precision::F32);
            let columns = Matrix::new(columns, block.len());
            sum = device.linear(&columns, &packed, Epilogue::none().residual(sum));
        }
        let count = rows.len().max(1) as f64;
        Self { values: sum.values().iter().map(|&value| f64::from(value) / count).collect(), side }
    }

    /// Whether a metric costs less than it saves, in a fit of so many rows and outputs. A factor takes
    /// `side³ / 3` steps in f64 and saves some tens of evaluations, each of them bound by reading the
    /// features twice (150) or by multiplying (7 for each output); the constants are measured ratios.
    pub(super) fn pay(width: usize, rows: usize, outputs: usize) -> bool {
        width * width <= rows * (150 + 7 * outputs)
    }

    /// The metric `(curvature · moments + penalty)⁻¹`; the intercept has no penalty. None where the
    /// sum is not positive definite.
    pub(super) fn metric(&self, curvature: f64, penalty: f64) -> Option<Metric> {
        let side = self.side;
        let mut matrix: Vec<f64> = self.values.iter().map(|value| value * curvature).collect();
        let trace: f64 = matrix.iter().step_by(side + 1).sum();
        let floor = FLOOR * trace / side as f64;
        for (place, value) in matrix.iter_mut().step_by(side + 1).enumerate() {
            *value += floor + if place + 1 < side { penalty } else { 0.0 };
        }
        let rows: Vec<f32> = inverse_factor(matrix, side)?.iter().map(|&value| value as f32).collect();
        let (device, precision) = (Cpu::new(), Precision::F32);
        Some(Metric {
            forth: device.pack(MatrixView::input_major(&rows, side, side), precision),
            back: device.pack(MatrixView::output_major(&rows, side, side), precision),
            side,
        })
    }
}

/// `AᵀA` with `A` the inverse of a Cholesky factor: positive whatever the rounding.
pub(super) struct Metric {
    forth: PackedWeight,
    back: PackedWeight,
    side: usize,
}

impl Metric {
    /// `vector · AᵀA`, row by row, `[outputs, width + 1]`.
    pub(super) fn apply(&self, vector: Vec<f32>) -> Vec<f32> {
        let half = self.half(vector);
        Cpu::new().linear(&half, &self.back, Epilogue::none()).into_values()
    }

    /// `|A · vector|²`.
    pub(super) fn norm_squared(&self, vector: Vec<f32>) -> f64 {
        self.half(vector).values().iter().map(|&value| f64::from(value) * f64::from(value)).sum()
    }

    fn half(&self, vector: Vec<f32>) -> Matrix {
        Cpu::new().linear(&Matrix::new(vector, self.side), &self.forth, Epilogue::none())
    }
}
