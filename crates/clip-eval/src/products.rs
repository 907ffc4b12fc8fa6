//! Matrix products on the device that a model runs on, whichever it is.

use clip_kernels::{Activation, Cpu, Device, Epilogue, Matrix, MatrixView, Precision, Reference};
use clip_rs::InstructionSet;

/// A matrix `[outputs, inputs]` packed for a device in f32, to multiply rows with.
pub(crate) struct PackedMatrix(Box<dyn Linear>);

impl PackedMatrix {
    /// Costs a pass over the matrix.
    pub(crate) fn new(device: InstructionSet, matrix: MatrixView<'_>) -> PackedMatrix {
        PackedMatrix(match device {
            InstructionSet::Cpu(isa) => OnDevice::boxed(Cpu::with_isa(isa), matrix),
            InstructionSet::Reference => OnDevice::boxed(Reference, matrix),
        })
    }

    /// `rows · matrixᵀ`, `[rows, outputs]`.
    pub(crate) fn multiply(&self, rows: &Matrix) -> Matrix {
        self.0.linear(rows, None, None)
    }

    /// The same plus `bias`, `[outputs]`, on every row.
    pub(crate) fn multiply_and_add(&self, rows: &Matrix, bias: &Vec<f32>) -> Matrix {
        self.0.linear(rows, Some(bias), None)
    }

    /// The same plus what there is `so_far`, `[rows, outputs]`, in its memory.
    pub(crate) fn accumulate(&self, rows: &Matrix, so_far: Option<Matrix>) -> Matrix {
        self.0.linear(rows, None, so_far)
    }
}

trait Linear: Send + Sync {
    fn linear(&self, rows: &Matrix, bias: Option<&Vec<f32>>, residual: Option<Matrix>) -> Matrix;
}

struct OnDevice<D: Device> {
    device: D,
    weight: D::Weight,
}

impl<D: Device<Rows = Matrix, Vector = Vec<f32>> + 'static> OnDevice<D> {
    fn boxed(device: D, matrix: MatrixView<'_>) -> Box<dyn Linear> {
        let weight = device.pack(matrix, Precision::F32).expect("memory for a packed matrix");
        Box::new(OnDevice { device, weight })
    }
}

impl<D: Device<Rows = Matrix, Vector = Vec<f32>>> Linear for OnDevice<D> {
    fn linear(&self, rows: &Matrix, bias: Option<&Vec<f32>>, residual: Option<Matrix>) -> Matrix {
        let epilogue = Epilogue { bias, residual, activation: Activation::None };
        self.device.linear(rows, &self.weight, epilogue).expect("memory for a product")
    }
}
