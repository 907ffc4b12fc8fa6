//! Gradients of all ranks become their sum, while the backward pass goes on.

use super::{Collective, CollectiveError};
use crate::error::TrainError;
use clip_kernels::Train;
use clip_model::Gradients;

/// The gradients of one step on their way to their sum over the ranks.
///
/// Every rank calls [`ready`](Self::ready) for the same parameters in the same order, as its
/// backward pass does, and [`finish`](Self::finish) once.
pub struct GradientReduction<'a> {
    collective: &'a dyn Collective,
    pending: Vec<usize>,
}

impl<'a> GradientReduction<'a> {
    /// For one step.
    pub fn new(collective: &'a dyn Collective) -> Self {
        Self { collective, pending: Vec::new() }
    }

    /// This parameter's gradient is whole on this rank.
    pub fn ready<D: Train>(&mut self, parameter: usize, _: &mut Gradients<D>) {
        if self.collective.size() > 1 {
            self.pending.push(parameter);
        }
    }

    /// Returns when every gradient that was [`ready`](Self::ready) is the sum over the ranks.
    ///
    /// # Errors
    /// [`CollectiveError`], or what the device says.
    pub fn finish<D: Train>(
        self,
        device: &D,
        gradients: &mut Gradients<D>,
    ) -> Result<(), TrainError> {
        for parameter in self.pending {
            if let Some(gradient) = gradients.get_mut(parameter) {
                sum_over_ranks(device, self.collective, gradient)?;
            }
        }
        Ok(())
    }
}

/// Replaces the rows with their sum over the ranks.
pub(crate) fn sum_over_ranks<D: Train>(
    device: &D,
    collective: &dyn Collective,
    rows: &mut D::Rows,
) -> Result<(), TrainError> {
    if collective.size() > 1 {
        let mut values = device.read(rows)?;
        collective.all_reduce_sum(&mut values)?;
        device.write(rows, &values)?;
    }
    Ok(())
}
