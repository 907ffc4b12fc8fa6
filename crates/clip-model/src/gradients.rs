//! Gradients of a model's parameters.

use clip_kernels::Device;

/// One gradient for each trainable parameter, in its parameter's shape on the device. What has none
/// is frozen: nothing is computed for it.
pub struct Gradients<D: Device> {
    of: Vec<Option<D::Rows>>,
}

impl<D: Device> Gradients<D> {
    /// By the parameters' indices.
    pub(crate) fn new(of: Vec<Option<D::Rows>>) -> Self {
        Self { of }
    }

    /// How many parameters there are, trainable or not.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The gradient of a parameter; nothing where it is frozen.
    pub fn get(&self, parameter: usize) -> Option<&D::Rows> {
        self.of.get(parameter)?.as_ref()
    }

    /// The gradient of a parameter, to be changed.
    pub fn get_mut(&mut self, parameter: usize) -> Option<&mut D::Rows> {
        self.of.get_mut(parameter)?.as_mut()
    }

    /// Whether this parameter is trained.
    pub fn is_trainable(&self, parameter: usize) -> bool {
        self.get(parameter).is_some()
    }

    /// Takes a gradient out: its parameter counts as frozen until [`Gradients::put`].
    pub fn take(&mut self, parameter: usize) -> Option<D::Rows> {
        self.of.get_mut(parameter)?.take()
    }

    /// Puts a gradient in its place.
    ///
    /// # Panics
    /// When there is no such parameter.
    pub fn put(&mut self, parameter: usize, gradient: D::Rows) {
        self.of[parameter] = Some(gradient);
    }
}
