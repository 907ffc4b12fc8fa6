//! A model's gradients become their sum over the ranks, while the backward pass goes on.

use super::collective::Collective;
use super::reducer::GradientReducer;
use crate::error::TrainError;
use clip_kernels::Train;
use clip_model::Gradients;
use std::sync::Arc;

/// The gradients of one step on their way to their sum over the ranks; nothing to do for a rank
/// alone.
pub(crate) struct GradientReduction {
    reducer: Option<GradientReducer>,
    failed: Option<TrainError>,
}

impl GradientReduction {
    /// For one step.
    pub(crate) fn new(collective: &Arc<dyn Collective>) -> Self {
        let is_needed = collective.size() > 1;
        let reducer = is_needed.then(|| GradientReducer::new(Arc::clone(collective)));
        Self { reducer, failed: None }
    }

    /// This parameter's gradient is whole on this rank. All ranks say so in the same order.
    pub(crate) fn ready<D: Train>(
        &mut self,
        device: &D,
        parameter: usize,
        gradients: &mut Gradients<D>,
    ) {
        if let (Some(reducer), None) = (&mut self.reducer, &self.failed) {
            self.failed = send(reducer, device, parameter, gradients).err();
        }
    }

    /// Returns when every gradient that was ready is the sum over the ranks.
    ///
    /// # Errors
    /// [`TrainError::Collective`], [`TrainError::Device`].
    pub(crate) fn finish<D: Train>(
        self,
        device: &D,
        gradients: &mut Gradients<D>,
    ) -> Result<(), TrainError> {
        match (self.failed, self.reducer) {
            (Some(failed), _) => Err(failed),
            (None, None) => Ok(()),
            (None, Some(mut reducer)) => reducer.finish(write_into(device, gradients)),
        }
    }
}

fn send<D: Train>(
    reducer: &mut GradientReducer,
    device: &D,
    parameter: usize,
    gradients: &mut Gradients<D>,
) -> Result<(), TrainError> {
    if let Some(gradient) = gradients.get(parameter) {
        reducer.ready(parameter, &device.read(gradient)?)?;
    }
    reducer.take(write_into(device, gradients))
}

/// Puts sums in the place of a rank's own gradients.
fn write_into<D: Train>(
    device: &D,
    gradients: &mut Gradients<D>,
) -> impl FnMut(usize, &[f32]) -> Result<(), TrainError> {
    |parameter, sum| match gradients.get_mut(parameter) {
        Some(gradient) => Ok(device.write(gradient, sum)?),
        None => Ok(()),
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
