//! Batch norm while it is trained (PROTOCOL 1.2): at inference it is folded into its convolution.

use super::{BackwardPass, Pass, Places};
use crate::image_pass::BatchNormMode;
use clip_kernels::{Activation, Device, Result, Train};

/// What CLIP adds to the variance.
pub(crate) const EPS: f64 = 1e-5;
/// How far running statistics move towards those of a batch.
const MOMENTUM: f64 = 0.1;

/// `(x − mean) / √(variance + eps) · weight + bias` of each column.
pub(crate) struct TrainableBatchNorm {
    parameters: [usize; 2], // weight, bias: [width]
    running: [usize; 2],    // mean, variance: [width]
    width: usize,
}

/// The batch norms of a pass: where they take their statistics from, and what they saw.
pub(crate) struct BatchNorms {
    pub(crate) mode: BatchNormMode,
    pub(crate) observed: Vec<ObservedStatistics>,
}

/// What a norm divides by.
pub(crate) struct Statistics<D: Device> {
    rows: D::Rows, // mean, then population variance: [2, width]
    /// Whether they depend on what is normed.
    of_batch: bool,
}

/// Statistics of a batch on their way to a norm's running ones.
pub(crate) struct ObservedStatistics {
    running: [usize; 2],
    statistics: Vec<f32>, // [2, width]
    rows: usize,
}

impl BatchNorms {
    /// Of a pass that begins.
    pub(crate) fn new(mode: BatchNormMode) -> Self {
        Self { mode, observed: Vec::new() }
    }
}

impl ObservedStatistics {
    /// Moves the running statistics, the variance towards the unbiased one.
    pub(crate) fn follow<D: Train>(&self, device: &D, values: &mut [D::Rows]) -> Result<()> {
        let width = self.statistics.len() / 2;
        let unbiased = self.rows as f64 / self.rows.saturating_sub(1).max(1) as f64;
        for (place, factor) in [(0, 1.0), (1, unbiased)] {
            let rows = &mut values[self.running[place]];
            let mut running = device.read(rows)?;
            let seen = &self.statistics[place * width..(place + 1) * width];
            for (running, &seen) in running.iter_mut().zip(seen) {
                let seen = f64::from(seen) * factor;
                *running = ((1.0 - MOMENTUM) * f64::from(*running) + MOMENTUM * seen) as f32;
            }
            device.write(rows, &running)?;
        }
        Ok(())
    }
}

impl TrainableBatchNorm {
    /// `weight`, `bias`, `running_mean` and `running_var` of one branch.
    pub(crate) fn find(places: &Places<'_>) -> Self {
        let parameters = [places.index("weight"), places.index("bias")];
        let running = [places.index("running_mean"), places.index("running_var")];
        Self { parameters, running, width: places.size(parameters[0]).1 }
    }

    pub(crate) fn parameters(&self) -> [usize; 2] {
        self.parameters
    }

    /// The statistics that `x [rows, width]` is normed with.
    pub(crate) fn statistics<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        x: &D::Rows,
        rows: usize,
        norms: &mut BatchNorms,
    ) -> Result<Statistics<D>> {
        let device = pass.device;
        match norms.mode {
            BatchNormMode::Batch => {
                let statistics = device.column_statistics(x)?;
                let (running, observed) = (self.running, device.read(&statistics)?);
                norms.observed.push(ObservedStatistics { running, statistics: observed, rows });
                Ok(Statistics { rows: statistics, of_batch: true })
            }
            BatchNormMode::Running => {
                let [mean, variance] = self.running.map(|place| device.read(&pass.values[place]));
                let rows = device.to_device([mean?, variance?].concat(), self.width)?;
                Ok(Statistics { rows, of_batch: false })
            }
        }
    }

    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        x: &D::Rows,
        statistics: &Statistics<D>,
        activation: Activation,
    ) -> Result<D::Rows> {
        let [weight, bias] = self.parameters.map(|place| pass.vector(place, 0..self.width));
        pass.device.batch_norm(x, &statistics.rows, &weight?, &bias?, EPS, activation)
    }

    /// What went in and the gradient of what came out, before an activation, `-> dx`.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        x: &D::Rows,
        statistics: &Statistics<D>,
        dy: &D::Rows,
    ) -> Result<D::Rows> {
        let pass = back.pass;
        let weight = pass.vector(self.parameters[0], 0..self.width)?;
        let Statistics { rows, of_batch } = statistics;
        back.norm_gradients(self.parameters, self.width, |gradients| {
            pass.device.batch_norm_backward(x, rows, *of_batch, &weight, EPS, dy, gradients)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_kernels::{Matrix, Reference};

    #[test]
    fn running_statistics_move_a_tenth_of_the_way_to_the_unbiased_ones() {
        let mut values = [Matrix::new(vec![1.0], 1), Matrix::new(vec![2.0], 1)];
        let statistics = vec![11.0, 3.0];
        let observed = ObservedStatistics { running: [0, 1], statistics, rows: 4 };
        observed.follow(&Reference, &mut values).unwrap();
        assert_eq!(values.each_ref().map(|value| value.row(0)[0]), [2.0, 2.2]);
    }
}
