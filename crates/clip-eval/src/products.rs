//! Matrix products on the device that a model runs on, whichever it is.

use clip_kernels::{
    Activation, Cpu, Device, DeviceError, Epilogue, Matrix, MatrixView, Precision, Reference,
};
use clip_rs::InstructionSet;

/// A matrix `[outputs, inputs]` packed for a device in f32, to multiply rows with.
pub(crate) struct PackedMatrix(Box<dyn Linear>);

impl PackedMatrix {
    /// Costs a pass over the matrix.
    ///
    /// # Errors
    /// The device has no room for it.
    pub(crate) fn new(
        device: InstructionSet,
        matrix: MatrixView<'_>,
    ) -> Result<PackedMatrix, DeviceError> {
        Ok(PackedMatrix(match device {
            InstructionSet::Cpu(isa) => OnDevice::boxed(Cpu::with_isa(isa), matrix)?,
            InstructionSet::Reference => OnDevice::boxed(Reference, matrix)?,
        }))
    }

    /// `rows · matrixᵀ`, `[rows, outputs]`.
    ///
    /// # Errors
    /// The device has no room for the product.
    pub(crate) fn multiply(&self, rows: &Matrix) -> Product {
        self.0.linear(rows, None, None)
    }

    /// The same plus `bias`, `[outputs]`, on every row.
    ///
    /// # Errors
    /// The device has no room for the product.
    pub(crate) fn multiply_and_add(&self, rows: &Matrix, bias: &Vec<f32>) -> Product {
        self.0.linear(rows, Some(bias), None)
    }

    /// The same plus what there is `so_far`, `[rows, outputs]`, in its memory.
    ///
    /// # Errors
    /// The device has no room for the product.
    pub(crate) fn accumulate(&self, rows: &Matrix, so_far: Option<Matrix>) -> Product {
        self.0.linear(rows, None, so_far)
    }
}

type Product = Result<Matrix, DeviceError>;

trait Linear: Send + Sync {
    fn linear(&self, rows: &Matrix, bias: Option<&Vec<f32>>, residual: Option<Matrix>) -> Product;
}

struct OnDevice<D: Device> {
    device: D,
    weight: D::Weight,
}

impl<D: Device<Rows = Matrix, Vector = Vec<f32>> + 'static> OnDevice<D> {
    fn boxed(device: D, matrix: MatrixView<'_>) -> Result<Box<dyn Linear>, DeviceError> {
        let weight = device.pack(matrix, Precision::F32)?;
        Ok(Box::new(OnDevice { device, weight }))
    }
}

impl<D: Device<Rows = Matrix, Vector = Vec<f32>>> Linear for OnDevice<D> {
    fn linear(&self, rows: &Matrix, bias: Option<&Vec<f32>>, residual: Option<Matrix>) -> Product {
        let epilogue = Epilogue { bias, residual, activation: Activation::None };
        self.device.linear(rows, &self.weight, epilogue)
    }
}
