//! Low-rank adapters: a weight becomes `W₀ + alpha/rank · B · A`, and only A and B are trained
//! (Hu et al. 2021).
//!
//! The towers see the whole weight and give its gradient; that of the adapters follows from it. So
//! a saved model has its adapters merged, and they are saved alone, too.

use crate::error::TrainError;
use crate::optimizer::{Group, OptimizerOptions, Slot, Update};
use clip_kernels::{Epilogue, Precision, Result, Train, WeightOrder};
use clip_model::parameters::{Parameter, ParameterKind};
use clip_model::random::Stream;

/// Which weights get adapters, and of which size.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraOptions {
    /// Rows of A, columns of B.
    pub rank: usize,
    /// The product is multiplied with `alpha / rank`.
    pub alpha: f64,
    /// Which matrices, in every tower that is not locked.
    pub kinds: Vec<ParameterKind>,
}

impl LoraOptions {
    /// Both matrices of every attention: Hu et al.'s choice, with the fused query, key and value as
    /// one.
    pub fn of_attention(rank: usize, alpha: f64) -> Self {
        let kinds = vec![ParameterKind::AttentionIn, ParameterKind::AttentionOut];
        Self { rank, alpha, kinds }
    }

    /// Whether an adapter can stand at a weight of this kind: matrices that are multiplied, and as
    /// a file has them.
    pub(crate) fn is_possible(kind: ParameterKind) -> bool {
        use ParameterKind as Kind;
        matches!(
            kind,
            Kind::AttentionIn
                | Kind::AttentionOut
                | Kind::MlpIn
                | Kind::MlpOut
                | Kind::PoolMatrix
                | Kind::Projection
                | Kind::PatchConvolution
        )
    }
}

/// The adapter of one weight.
pub(crate) struct Adapter<D: Train> {
    /// The weight's index.
    pub(crate) parameter: usize,
    /// The weight's name.
    pub(crate) name: String,
    /// `alpha / rank`
    factor: f32,
    /// W₀, `[rows, width]`.
    pub(crate) base: D::Rows,
    /// `[rank, width]`
    pub(crate) a: Factor<D>,
    /// `[rows, rank]`
    pub(crate) b: Factor<D>,
}

/// A or B: its values, and its part of the optimiser.
pub(crate) struct Factor<D: Train> {
    pub(crate) values: D::Rows,
    pub(crate) slot: Slot<D>,
    pub(crate) shape: [usize; 2],
}

impl<D: Train> Factor<D> {
    fn new(device: &D, group: Group, shape: [usize; 2], values: Vec<f32>) -> Result<Self> {
        let [rows, width] = shape;
        let values = device.to_device(values, width)?;
        Ok(Self { values, slot: Slot::new(device, group, rows, width)?, shape })
    }
}

/// Gradients of A and B.
pub(crate) struct AdapterGradients<D: Train> {
    pub(crate) a: D::Rows,
    pub(crate) b: D::Rows,
}

impl<D: Train> Adapter<D> {
    /// An adapter that changes nothing yet: A is uniform in ±√(1/width), as a new linear layer is,
    /// B is zero.
    pub(crate) fn new(
        device: &D,
        (index, parameter): (usize, &Parameter),
        weight: &D::Rows,
        options: &LoraOptions,
        group: Group,
        seed: u64,
    ) -> std::result::Result<Self, TrainError> {
        let (rows, width) = crate::rows::dimensions(parameter);
        let rank = options.rank;
        let mut stream = Stream::new(seed, &format!("lora {}", parameter.name), 0, 0);
        let bound = (width as f64).recip().sqrt();
        let a = (0..rank * width).map(|_| stream.uniform(-bound, bound) as f32).collect();
        Ok(Self {
            parameter: index,
            name: parameter.name.clone(),
            factor: (options.alpha / rank as f64) as f32,
            base: crate::rows::copy(device, weight, width)?,
            a: Factor::new(device, group, [rank, width], a)?,
            b: Factor::new(device, group, [rows, rank], vec![0.0; rows * rank])?,
        })
    }

    fn pack_a(&self, device: &D, order: WeightOrder) -> Result<D::Weight> {
        device.pack_parameter(&self.a.values, 0..self.a.shape[0], order, Precision::F32)
    }

    /// `W₀ + factor · B · A`
    pub(crate) fn weight(&self, device: &D) -> Result<D::Rows> {
        let a = self.pack_a(device, WeightOrder::InputMajor)?;
        let product = device.linear(&self.b.values, &a, Epilogue::none())?;
        device.add(device.scale(product, self.factor)?, &self.base)
    }

    /// `dA = factor · Bᵀ · dW`, `dB = factor · dW · Aᵀ`
    pub(crate) fn gradients(&self, device: &D, d_weight: &D::Rows) -> Result<AdapterGradients<D>> {
        let [rank, width] = self.a.shape;
        let mut d_a = device.zeros(rank, width)?;
        device.weight_gradient(&self.b.values, d_weight, Precision::F32, &mut d_a, 0)?;
        let a = self.pack_a(device, WeightOrder::OutputMajor)?;
        let d_b = device.linear(d_weight, &a, Epilogue::none())?;
        Ok(AdapterGradients {
            a: device.scale(d_a, self.factor)?,
            b: device.scale(d_b, self.factor)?,
        })
    }

    /// Moves A and B one step.
    pub(crate) fn step(
        &mut self,
        device: &D,
        options: &OptimizerOptions,
        update: Update,
        gradients: &AdapterGradients<D>,
    ) -> Result<()> {
        let Self { a, b, .. } = self;
        a.slot.step(device, options, update, &mut a.values, &gradients.a)?;
        b.slot.step(device, options, update, &mut b.values, &gradients.b)
    }
}
