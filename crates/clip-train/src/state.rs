//! What a checkpoint holds beside the model's weights.

use crate::error::TrainError;
use crate::moving_average::MovingAverage;
use crate::trainer::Trainer;
use clip_kernels::Train;
use clip_model::{Dtype, StateDict, Tensor, TrainableClip};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that the next step depends on, but for the model's own state dict.
#[derive(Debug, Clone)]
pub struct TrainerState {
    /// `first_moment.NAME`, `second_moment.NAME` and `average.NAME` in the parameter's shape, and
    /// of adapters `lora.NAME.{base, a, b}` with the moments of A and B. All f32.
    pub tensors: StateDict,
    /// Counters.
    pub progress: Progress,
}

/// Counters of a trainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Updates made.
    pub steps: u64,
    /// Steps skipped, because something was not finite.
    pub skipped: u64,
}

/// One tensor of a state.
struct Entry<'a, D: Train> {
    name: String,
    /// The parameter that it is like; nothing for A and B of an adapter.
    parameter: Option<usize>,
    shape: Vec<usize>,
    rows: &'a mut D::Rows,
}

impl<D: Train> Trainer<D> {
    /// What has to be saved beside the model's state dict to go on bit for bit.
    ///
    /// # Errors
    /// [`TrainError::Device`].
    pub fn state(&mut self) -> Result<TrainerState, TrainError> {
        let progress = Progress { steps: self.steps, skipped: self.skipped };
        let (model, entries) = self.entries();
        let mut tensors = BTreeMap::new();
        for entry in entries {
            let tensor = match entry.parameter {
                Some(index) => model.tensor_of(index, entry.rows)?,
                None => Tensor::from_f32(&entry.shape, model.device().read(entry.rows)?),
            };
            tensors.insert(entry.name, tensor);
        }
        Ok(TrainerState {
            tensors: StateDict::from_tensors("state of training", tensors),
            progress,
        })
    }

    /// Goes on from a state. This trainer was made with the options of the one that was saved, and
    /// with its model as it was then.
    ///
    /// # Errors
    /// [`TrainError::State`] when a tensor is missing, has another shape, or has no place here;
    /// nothing has changed then.
    pub fn restore(&mut self, state: &TrainerState) -> Result<(), TrainError> {
        let (model, entries) = self.entries();
        check(&entries, &state.tensors)?;
        for entry in entries {
            if let Some(tensor) = state.tensors.get(&entry.name) {
                match entry.parameter {
                    Some(index) => *entry.rows = model.rows_of(index, tensor)?,
                    None => model.device().write(entry.rows, &tensor.to_f32())?,
                }
            }
        }
        self.steps = state.progress.steps;
        self.skipped = state.progress.skipped;
        Ok(())
    }

    /// The adapters alone: `NAME.lora_a` `[rank, width]`, `NAME.lora_b` `[rows, rank]` and
    /// `lora.alpha`; nothing where the trainer has none.
    ///
    /// # Errors
    /// [`TrainError::Device`].
    pub fn adapters(&self) -> Result<Option<StateDict>, TrainError> {
        let Some(lora) = &self.options.lora else { return Ok(None) };
        let alpha = Tensor::from_f32(&[], vec![lora.alpha as f32]);
        let mut tensors = BTreeMap::from([("lora.alpha".to_owned(), alpha)]);
        for adapter in &self.adapters {
            for (which, factor) in [("a", &adapter.a), ("b", &adapter.b)] {
                let values = self.model.device().read(&factor.values)?;
                let tensor = Tensor::from_f32(&factor.shape, values);
                tensors.insert(format!("{}.lora_{which}", adapter.name), tensor);
            }
        }
        Ok(Some(StateDict::from_tensors("adapters", tensors)))
    }

    /// Takes saved [`adapters`](Self::adapters) in; the weights become those of the model that this
    /// trainer began with and these adapters.
    ///
    /// # Errors
    /// [`TrainError::State`] when one is missing, has another shape or alpha, or has no place here;
    /// nothing has changed then.
    pub fn load_adapters(&mut self, saved: &StateDict) -> Result<(), TrainError> {
        let fail = |reason: String| Err(TrainError::State { reason });
        let alpha = self.options.lora.as_ref().map_or(0.0, |lora| lora.alpha as f32);
        match saved.get("lora.alpha").map(Tensor::to_f32).as_deref() {
            Some([found]) if *found == alpha => {}
            found => return fail(format!("`lora.alpha` is {found:?}, expected {alpha}")),
        }
        for adapter in &self.adapters {
            for (which, factor) in [("a", &adapter.a), ("b", &adapter.b)] {
                let name = format!("{}.lora_{which}", adapter.name);
                if !saved.get(&name).is_some_and(|tensor| is_like(tensor, &factor.shape)) {
                    return fail(format!("`{name}` is missing or not f32 {:?}", factor.shape));
                }
            }
        }
        if saved.len() != 1 + 2 * self.adapters.len() {
            return fail("it has adapters of other weights, too".to_owned());
        }
        for adapter in &mut self.adapters {
            let (device, weight) = self.model.device_and_value_mut(adapter.parameter);
            for (which, factor) in [("a", &mut adapter.a), ("b", &mut adapter.b)] {
                if let Some(tensor) = saved.get(&format!("{}.lora_{which}", adapter.name)) {
                    device.write(&mut factor.values, &tensor.to_f32())?;
                }
            }
            *weight = adapter.weight(device)?;
        }
        Ok(())
    }

    fn entries(&mut self) -> (&TrainableClip<D>, Vec<Entry<'_, D>>) {
        let parameters = self.model.parameters();
        let mut entries = Vec::new();
        let mut of_parameter = |kind: &str, index: usize, rows| {
            let parameter = &parameters[index];
            let (name, shape) = (format!("{kind}.{}", parameter.name), parameter.shape.clone());
            entries.push(Entry { name, parameter: Some(index), shape, rows });
        };
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Some(slot) = slot {
                of_parameter("first_moment", index, &mut slot.first_moment);
                of_parameter("second_moment", index, &mut slot.second_moment);
            }
        }
        for (index, rows) in self.average.iter_mut().flat_map(MovingAverage::values_mut) {
            of_parameter("average", index, rows);
        }
        for adapter in &mut self.adapters {
            let (index, name) = (adapter.parameter, adapter.name.as_str());
            let name = |end: &str| format!("lora.{name}.{end}");
            let shape = parameters[index].shape.clone();
            let base = &mut adapter.base;
            entries.push(Entry { name: name("base"), parameter: Some(index), shape, rows: base });
            for (which, factor) in [("a", &mut adapter.a), ("b", &mut adapter.b)] {
                let shape = factor.shape.to_vec();
                for (end, rows) in [
                    ("", &mut factor.values),
                    (".first_moment", &mut factor.slot.first_moment),
                    (".second_moment", &mut factor.slot.second_moment),
                ] {
                    let name = name(&format!("{which}{end}"));
                    entries.push(Entry { name, parameter: None, shape: shape.clone(), rows });
                }
            }
        }
        (&self.model, entries)
    }
}

fn is_like(tensor: &Tensor, shape: &[usize]) -> bool {
    tensor.shape() == shape && tensor.dtype() == Dtype::F32
}

/// Whether the tensors are those of the entries, no more and no less.
fn check<D: Train>(entries: &[Entry<'_, D>], tensors: &StateDict) -> Result<(), TrainError> {
    let fail = |reason: String| Err(TrainError::State { reason });
    for Entry { name, shape, .. } in entries {
        match tensors.get(name) {
            Some(tensor) if is_like(tensor, shape) => {}
            Some(tensor) => {
                let (dtype, found) = (tensor.dtype().name(), tensor.shape());
                return fail(format!("`{name}` is {dtype} {found:?}, expected f32 {shape:?}"));
            }
            None => return fail(format!("`{name}` is missing: it was saved with other options")),
        }
    }
    let has_place = |name: &&str| entries.iter().any(|entry| entry.name == *name);
    match tensors.names().find(|name| !has_place(name)) {
        Some(name) => fail(format!("`{name}` has no place here: it was saved with other options")),
        None => Ok(()),
    }
}
