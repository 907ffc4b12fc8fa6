//! What happens to the sums of a tile: what is there already, bias, activation, then they are
//! stored.

use super::micro_kernel::{MAX_MR, Sums};
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

    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.target_columns.len() == NR {
            return self.whole::<L>();
        }
        // Rows of the last panel are stored whole beside the target, and what belongs to it is
        // copied.
        let (target, rows, columns) =
            (self.target, self.target_rows.clone(), self.target_columns.clone());
        // SAFETY: within the rectangle that the caller of `MacroKernel::compute` has for itself.
        let part = |row| unsafe { target.part(row, columns.clone()) };
        let mut tile = [[0.0; NR]; MAX_MR];
        for (row, whole) in rows.clone().zip(&mut tile) {
            whole[..columns.len()].copy_from_slice(part(row));
        }
        let beside = Target::new(tile.as_flattened_mut(), NR);
        let (target_rows, target_columns) = (0..rows.len(), 0..NR);
        StoreTile { target: beside, target_rows, target_columns, ..self }.whole::<L>();
        for (row, whole) in rows.zip(&tile) {
            part(row).copy_from_slice(&whole[..columns.len()]);
        }
    }
}

impl StoreTile<'_> {
    /// Everything that is the same for all values is decided out here, so that a row is one loop
    /// without a branch or a call: at the speed of int8 anything else shows.
    #[inline(always)]
    fn whole<L: Lanes>(self) {
        match self.epilogue.activation {
            Activation::None => self.activated::<L, Identity>(),
            Activation::QuickGelu => self.activated::<L, QuickGelu>(),
            Activation::Gelu => self.activated::<L, Gelu>(),
            Activation::Relu => self.activated::<L, Relu>(),
        }
    }

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
        let bias = [L::load(&bias.0[0]), L::load(&bias.0[1])];
        let steps = [L::load(&scale.steps.0[0]), L::load(&scale.steps.0[1])];
        let weight_sums = [L::load(&scale.sums.0[0]), L::load(&scale.sums.0[1])];
        let first_column = self.target_columns.start;
        for (index, (row, sums)) in self.target_rows.zip(self.sums).enumerate() {
            // SAFETY: within the rectangle that the caller of `MacroKernel::compute` has for itself,
            // or beside the target.
            let out = unsafe { self.target.part(row, first_column..first_column + NR) };
            let [low, high] = out.as_chunks_mut::<LANES>().0 else {
                unreachable!("a panel has two halves")
            };
            let [low_sums, high_sums]: &[[u32; LANES]; 2] = bytemuck::cast_ref(&sums.0);
            let mut values = [L::load_bits(low_sums), L::load_bits(high_sums)];
            if INTEGERS {
                // Σ (x − zero) · w in numbers.
                let RowScale { step, zero } = self.row_scales[index];
                let (step, offset) = (L::splat(step), L::splat(-step * zero as f32));
                let [low, high] = values;
                values = [
                    low.integers_to_numbers()
                        .mul_add(step.mul(steps[0]), offset.mul(weight_sums[0])),
                    high.integers_to_numbers()
                        .mul_add(step.mul(steps[1]), offset.mul(weight_sums[1])),
                ];
            }
            if ACCUMULATE {
                values = [values[0].add(L::load(low)), values[1].add(L::load(high))];
            }
            let values = [values[0].add(bias[0]), values[1].add(bias[1])];
            // Both before either is stored, so that they are computed side by side.
            let values = [A::of(values[0]), A::of(values[1])];
            values[0].store(low);
            values[1].store(high);
        }
    }
}
