//! What happens to the sums of a tile: what is there already, bias, activation, then they are
//! stored.

use super::micro_kernel::Sums;
use super::panels::{NR, PanelScale, PanelVector};
use super::quantize::RowScale;
use crate::Activation;
use crate::cpu::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use crate::cpu::isa::Vectorize;
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::Target;
use std::ops::Range;

/// What happens to the sums when the last input is in: `activation(sum + bias)`.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct TileEpilogue<'a> {
    /// For all outputs of the panels.
    pub(in crate::cpu) bias: Option<&'a [f32]>,
    pub(in crate::cpu) activation: Activation,
    /// Whether the sums start from what the target holds instead of zero.
    pub(in crate::cpu) accumulate: bool,
}

impl TileEpilogue<'_> {
    /// The bare product.
    pub(in crate::cpu) const NONE: Self =
        TileEpilogue { bias: None, activation: Activation::None, accumulate: false };
}

/// Applies the epilogue to the sums of a tile and stores them.
pub(super) struct StoreTile<'a> {
    pub(super) sums: &'a Sums,
    /// In int8 one for each row.
    pub(super) row_scales: &'a [RowScale],
    /// Of the panel in int8.
    pub(super) panel_scale: Option<&'a PanelScale>,
    /// Of the panel, at most [`NR`].
    pub(super) outputs: Range<usize>,
    pub(super) epilogue: TileEpilogue<'a>,
    pub(super) target: Target<'a>,
    pub(super) target_rows: Range<usize>,
    pub(super) target_columns: Range<usize>,
}

impl Vectorize for StoreTile<'_> {
    type Output = ();

    /// Everything that is the same for all values is decided out here, so that a row is one loop
    /// without a branch: at the speed of int8 anything else shows.
    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.epilogue.activation {
            Activation::None => self.activated::<L, Identity>(),
            Activation::QuickGelu => self.activated::<L, QuickGelu>(),
            Activation::Gelu => self.activated::<L, Gelu>(),
            Activation::Relu => self.activated::<L, Relu>(),
        }
    }
}

impl StoreTile<'_> {
    #[inline(always)]
    fn activated<L: Lanes, A: Activate>(self) {
        match (self.panel_scale, self.epilogue.accumulate) {
            (Some(scale), false) => self.rows::<L, A, true, false>(scale),
            (Some(scale), true) => self.rows::<L, A, true, true>(scale),
            (None, false) => self.rows::<L, A, false, false>(&PanelScale::ZERO),
            (None, true) => self.rows::<L, A, false, true>(&PanelScale::ZERO),
        }
    }

    #[inline(always)]
    fn rows<L: Lanes, A: Activate, const INTEGERS: bool, const ACCUMULATE: bool>(
        self,
        scale: &PanelScale,
    ) {
        let mut bias = PanelVector::ZERO;
        if let Some(values) = self.epilogue.bias {
            bias.0.as_flattened_mut()[..self.outputs.len()].copy_from_slice(&values[self.outputs]);
        }
        for (index, row) in self.target_rows.enumerate() {
            // SAFETY: within the rectangle that the caller of `MacroKernel::compute` has for itself.
            let out = unsafe { self.target.part(row, self.target_columns.clone()) };
            let mut whole = PanelVector::ZERO; // of the row, where the panel is not full
            let is_whole = out.len() == NR;
            if !is_whole {
                whole.0.as_flattened_mut()[..out.len()].copy_from_slice(out);
            }
            let halves = if is_whole { out.as_chunks_mut::<LANES>().0 } else { &mut whole.0 };
            let sums = self.sums[index].0.as_chunks::<LANES>().0;
            let [low, high] = halves else { unreachable!("a panel has two halves") };
            let mut values = [L::load_bits(&sums[0]), L::load_bits(&sums[1])];
            if INTEGERS {
                // Σ (x − zero) · w in numbers.
                let RowScale { step, zero } = self.row_scales[index];
                let (step, offset) = (L::splat(step), L::splat(-step * zero as f32));
                for ((value, steps), sums) in
                    values.iter_mut().zip(&scale.steps.0).zip(&scale.sums.0)
                {
                    let factor = step.mul(L::load(steps));
                    *value = value.integers_to_numbers().mul_add(factor, offset.mul(L::load(sums)));
                }
            }
            if ACCUMULATE {
                values = [values[0].add(L::load(low)), values[1].add(L::load(high))];
            }
            let values = [values[0].add(L::load(&bias.0[0])), values[1].add(L::load(&bias.0[1]))];
            // Both before either is stored, so that they are computed side by side.
            let values = [A::of(values[0]), A::of(values[1])];
            values[0].store(low);
            values[1].store(high);
            if !is_whole {
                out.copy_from_slice(&whole.0.as_flattened()[..out.len()]);
            }
        }
    }
}
