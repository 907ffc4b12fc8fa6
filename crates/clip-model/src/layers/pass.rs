//! What every layer uses while it is trained: the parameters on the way forward, and their
//! gradients on the way back.

use crate::gradients::Gradients;
use crate::parameter_rows;
use crate::parameters::Parameter;
use clip_kernels::{Precision, Result, Train, WeightOrder};
use std::collections::HashMap;
use std::ops::Range;

/// One place in the tree of parameter names, as a [`Loader`](super::Loader) is of tensors.
pub(crate) struct Places<'a> {
    parameters: &'a [Parameter],
    by_name: &'a HashMap<String, usize>,
    prefix: String,
}

impl<'a> Places<'a> {
    /// The root.
    pub(crate) fn new(parameters: &'a [Parameter], by_name: &'a HashMap<String, usize>) -> Self {
        Self { parameters, by_name, prefix: String::new() }
    }

    /// The branch called `name`.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..*self }
    }

    /// The index of a parameter.
    ///
    /// # Panics
    /// When the architecture has none of this name.
    pub(crate) fn index(&self, name: &str) -> usize {
        let name = format!("{}{name}", self.prefix);
        *self.by_name.get(&name).unwrap_or_else(|| panic!("no parameter is called `{name}`"))
    }

    /// Rows and width of a parameter on the device.
    pub(crate) fn size(&self, index: usize) -> (usize, usize) {
        let parameter = &self.parameters[index];
        (parameter_rows::rows(parameter), parameter_rows::width(parameter))
    }
}

/// A pass through a tower: the device and the parameters.
pub(crate) struct Pass<'a, D: Train> {
    pub(crate) device: &'a D,
    /// Of the products, unless a layer says otherwise.
    pub(crate) precision: Precision,
    /// By the parameters' indices.
    pub(crate) values: &'a [D::Rows],
}

impl<D: Train> Clone for Pass<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Train> Copy for Pass<'_, D> {}

impl<D: Train> Pass<'_, D> {
    /// Columns of a vector.
    pub(crate) fn vector(&self, parameter: usize, columns: Range<usize>) -> Result<D::Vector> {
        self.device.vector_of(&self.values[parameter], columns)
    }

    /// Rows of a weight, packed.
    pub(crate) fn pack(
        &self,
        parameter: usize,
        rows: Range<usize>,
        order: WeightOrder,
    ) -> Result<D::Weight> {
        self.device.pack_parameter(&self.values[parameter], rows, order, self.precision)
    }
}

/// The way back: gradients are added, and each is told of when it is whole.
pub(crate) struct BackwardPass<'a, D: Train> {
    pub(crate) pass: Pass<'a, D>,
    pub(crate) gradients: &'a mut Gradients<D>,
    pub(crate) on_ready: &'a mut dyn FnMut(usize, &mut Gradients<D>),
}

impl<D: Train> BackwardPass<'_, D> {
    /// Whether any of these is trained.
    pub(crate) fn trains(&self, parameters: &[usize]) -> bool {
        parameters.iter().any(|&parameter| self.gradients.is_trainable(parameter))
    }

    /// Nothing will be added to these any more.
    pub(crate) fn ready(&mut self, parameters: &[usize]) {
        for &parameter in parameters {
            if self.gradients.is_trainable(parameter) {
                (self.on_ready)(parameter, self.gradients);
            }
        }
    }

    /// Backward of a norm whose gain and bias are these: `backward` is given where their gradients
    /// go, nothing where both are frozen.
    pub(crate) fn norm_gradients<R>(
        &mut self,
        [gain, bias]: [usize; 2],
        width: usize,
        backward: impl FnOnce(Option<(&mut D::Rows, &mut D::Rows)>) -> Result<R>,
    ) -> Result<R> {
        if !self.trains(&[gain, bias]) {
            return backward(None);
        }
        // Where one of the two is frozen, what would be its gradient is thrown away.
        let place = |gradient: Option<D::Rows>| match gradient {
            Some(gradient) => Ok((gradient, true)),
            None => Ok((self.pass.device.zeros(1, width)?, false)),
        };
        let (mut d_gain, trains_gain) = place(self.gradients.take(gain))?;
        let (mut d_bias, trains_bias) = place(self.gradients.take(bias))?;
        let result = backward(Some((&mut d_gain, &mut d_bias)));
        for (parameter, gradient, trains) in
            [(gain, d_gain, trains_gain), (bias, d_bias, trains_bias)]
        {
            if trains {
                self.gradients.put(parameter, gradient);
            }
        }
        result
    }
}
