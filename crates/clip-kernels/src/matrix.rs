//! Matrices in this machine's memory: activations of both host devices, and views of weights to be
//! packed.

use crate::{DeviceError, Result, buffers};

/// A row-major matrix of f32, `[rows, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    values: Vec<f32>,
    rows: usize,
    width: usize,
}

impl Matrix {
    /// Takes `values` as `[values.len() / width, width]`.
    ///
    /// # Panics
    /// When the width is zero or does not divide the number of values.
    pub fn new(values: Vec<f32>, width: usize) -> Self {
        assert!(width > 0, "a matrix needs at least one column");
        assert!(
            values.len().is_multiple_of(width),
            "{} values are no rows of {width}",
            values.len()
        );
        Self { rows: values.len() / width, values, width }
    }

    /// Values of any kind, for an operation that writes all of them.
    pub(crate) fn unwritten(rows: usize, width: usize) -> Result<Self> {
        let values = rows.checked_mul(width).and_then(buffers::take);
        let no_memory = || DeviceError::out_of_memory::<f32>("activations", rows, width);
        Ok(Self::new(values.ok_or_else(no_memory)?, width))
    }

    /// Zeros, for an operation that adds to them.
    pub(crate) fn zeros(rows: usize, width: usize) -> Result<Self> {
        let mut zeros = Self::unwritten(rows, width)?;
        zeros.values.fill(0.0);
        Ok(zeros)
    }

    /// Takes a copy of `values` as rows of `width`.
    pub(crate) fn from_slice(values: &[f32], width: usize) -> Result<Self> {
        let mut rows = Self::unwritten(values.len() / width, width)?;
        rows.values.copy_from_slice(values);
        Ok(rows)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row, `[width]`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// One row, `[width]`.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.width..(row + 1) * self.width]
    }

    /// The values row by row, `[rows · width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values row by row, `[rows · width]`.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Gives the values up, row by row.
    pub fn into_values(mut self) -> Vec<f32> {
        std::mem::take(&mut self.values)
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        buffers::give(std::mem::take(&mut self.values));
    }
}

/// The values of a weight `[outputs, inputs]` on their way to a device, in either of the two orders
/// files have.
#[derive(Debug, Clone, Copy)]
pub struct MatrixView<'a> {
    values: &'a [f32],
    outputs: usize,
    inputs: usize,
    output_stride: usize,
    input_stride: usize,
}

impl<'a> MatrixView<'a> {
    /// Stored `[outputs, inputs]`, as linear layers and convolutions are.
    ///
    /// # Panics
    /// When the number of values is not `outputs · inputs`.
    pub fn output_major(values: &'a [f32], outputs: usize, inputs: usize) -> Self {
        assert_eq!(values.len(), outputs * inputs, "values of a weight [{outputs}, {inputs}]");
        Self { values, outputs, inputs, output_stride: inputs, input_stride: 1 }
    }

    /// Stored `[inputs, outputs]`, as the right-multiplied projections are (`visual.proj`,
    /// `text_projection`).
    ///
    /// # Panics
    /// When the number of values is not `inputs · outputs`.
    pub fn input_major(values: &'a [f32], inputs: usize, outputs: usize) -> Self {
        assert_eq!(values.len(), outputs * inputs, "values of a weight [{inputs}, {outputs}]");
        Self { values, outputs, inputs, output_stride: 1, input_stride: outputs }
    }

    /// Features a row has after the product.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Features a row has before the product.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The weight from one input to one output.
    #[inline]
    pub fn at(&self, output: usize, input: usize) -> f32 {
        self.values[output * self.output_stride + input * self.input_stride]
    }

    /// The values as they are stored.
    pub(crate) fn values(&self) -> &'a [f32] {
        self.values
    }

    /// Whether they are stored `[outputs, inputs]`.
    pub(crate) fn is_output_major(&self) -> bool {
        self.input_stride == 1 && self.output_stride == self.inputs
    }
}
