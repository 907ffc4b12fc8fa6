//! Tensors by name, under the reference's names whatever the file called them.

use crate::architecture::Architecture;
use crate::error::CheckpointError;
use crate::parameters::Parameter;
use crate::tensor::Tensor;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The tensors of one checkpoint under the reference's names (PROTOCOL 1.6.1), and the path they
/// came from, which every error names.
#[derive(Debug, Clone)]
pub struct StateDict {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

impl StateDict {
    /// Tensors already under the reference's names; `path` is only for messages.
    pub fn from_tensors(path: impl Into<PathBuf>, tensors: BTreeMap<String, Tensor>) -> Self {
        Self { path: path.into(), tensors }
    }

    /// The file or directory the tensors came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Names and tensors in alphabetical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The tensor of this name, which must be there.
    pub(crate) fn tensor(&self, name: &str) -> Result<&Tensor, CheckpointError> {
        self.get(name).ok_or_else(|| CheckpointError::MissingTensor {
            path: self.path.clone(),
            name: name.to_owned(),
        })
    }

    /// A tensor that must have this shape and floating-point elements.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`], [`CheckpointError::WrongShape`], or
    /// [`CheckpointError::WrongDtype`].
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<&Tensor, CheckpointError> {
        let tensor = self.tensor(name)?;
        if tensor.shape() != shape {
            return Err(CheckpointError::WrongShape {
                path: self.path.clone(),
                name: name.to_owned(),
                found: tensor.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        if !tensor.dtype().is_float() {
            return Err(CheckpointError::WrongDtype {
                path: self.path.clone(),
                name: name.to_owned(),
                found: tensor.dtype().name().to_owned(),
                expected: "f64, f32, f16 or bf16",
            });
        }
        Ok(tensor)
    }

    /// Whether every parameter of `architecture` is there with its shape and floating-point
    /// elements.
    ///
    /// # Errors
    /// What [`StateDict::floats`] says of the first that is not, by name.
    pub fn check(&self, architecture: &Architecture) -> Result<(), CheckpointError> {
        let mut parameters = architecture.parameters();
        parameters.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for Parameter { name, shape, kind, .. } in parameters {
            match self.floats(&name, &shape) {
                Err(CheckpointError::MissingTensor { .. } | CheckpointError::WrongDtype { .. })
                    if kind.is_optional() => {}
                checked => drop(checked?),
            }
        }
        Ok(())
    }

    /// Puts a tensor in, returning the one of the same name that it replaces.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.tensors.insert(name.into(), tensor)
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        self.tensors.remove(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, tensor: Tensor) -> StateDict {
        StateDict::from_tensors("m.pt", BTreeMap::from([(name.to_owned(), tensor)]))
    }

    #[test]
    fn missing_and_misshaped_tensors_are_named() {
        let state_dict = one("visual.proj", Tensor::from_f32(&[1, 2], vec![1.0, 2.0]));
        let missing = state_dict.floats("text_projection", &[1]).unwrap_err();
        assert_eq!(missing.to_string(), "m.pt: tensor `text_projection` is missing");
        let wrong = state_dict.floats("visual.proj", &[2, 1]).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "m.pt: tensor `visual.proj` has shape [1, 2], expected [2, 1]"
        );
        assert_eq!(state_dict.floats("visual.proj", &[1, 2]).unwrap().to_f32(), [1.0, 2.0]);
    }
}
