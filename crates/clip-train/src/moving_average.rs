//! A moving average of the weights (EMA), saved and evaluated beside them.

use crate::rows::{self, dimensions};
use clip_kernels::{Result, Train};
use clip_model::TrainableClip;

/// `average = decay · average + (1 − decay) · weight` after every step, of everything that steps
/// change: trained parameters and the running statistics of batch norms. It begins at the weights.
pub(crate) struct MovingAverage<D: Train> {
    decay: f64,
    /// By the parameters' indices; nothing for what never changes.
    values: Vec<Option<D::Rows>>,
}

impl<D: Train> MovingAverage<D> {
    /// Of the parameters for which `changes`.
    pub(crate) fn new(
        model: &TrainableClip<D>,
        decay: f64,
        changes: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let copy = |index: usize| -> Result<Option<D::Rows>> {
            let width = dimensions(&model.parameters()[index]).1;
            changes(index)
                .then(|| rows::copy(model.device(), model.value(index), width))
                .transpose()
        };
        let values = (0..model.parameters().len()).map(copy).collect::<Result<_>>()?;
        Ok(Self { decay, values })
    }

    /// Takes the weights after a step in.
    pub(crate) fn update(&mut self, model: &TrainableClip<D>) -> Result<()> {
        for (index, average) in self.values.iter_mut().enumerate() {
            if let Some(average) = average {
                model.device().moving_average(average, model.value(index), self.decay)?;
            }
        }
        Ok(())
    }

    /// Exchanges weights and averages; a second call undoes it.
    pub(crate) fn swap(&mut self, model: &mut TrainableClip<D>) {
        for (index, average) in self.values.iter_mut().enumerate() {
            if let Some(average) = average {
                std::mem::swap(average, model.value_mut(index));
            }
        }
    }

    /// Averages by the parameters' indices.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (usize, &mut D::Rows)> {
        let values = self.values.iter_mut().enumerate();
        values.filter_map(|(index, value)| Some((index, value.as_mut()?)))
    }
}
