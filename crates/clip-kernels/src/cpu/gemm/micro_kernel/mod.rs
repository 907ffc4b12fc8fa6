//! The innermost product: up to 12 rows by the 32 outputs of one panel, sums kept in registers.
//!
//! Every sum is one chain in the order of the words, starting from zero: its bits depend neither
//! on the height of the tile nor on the place in it. Within a word of two bf16 the order is the
//! instruction set's own; sums of integers are exact.
//!
//! While a tile computes it asks for its part of the panel that comes next, a little with every word:
//! weights stream through the second-level cache and are there when the next panel begins. Asked for
//! all at once, more lines would be under way than the processor has room for, and it would wait.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::packed_words;
use super::panels::{NR, PanelRow};
use crate::Precision;
use crate::cpu::isa::{Isa, Level};

/// Rows of the highest tile of any instruction set.
pub(in crate::cpu) const MAX_MR: usize = 12;

/// The sums of a tile: f32 in f32 and bf16, i32 in int8. Rows beyond its height are lhs as they
/// are.
pub(in crate::cpu) type Sums = [PanelRow; MAX_MR];

/// What a tile multiplies.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Operands<'a> {
    /// Rows of words, `stride` apart.
    pub(in crate::cpu) lhs: &'a [u32],
    pub(in crate::cpu) stride: usize,
    pub(in crate::cpu) rows: usize,
    /// As many words as a row of this block has.
    pub(in crate::cpu) panel: &'a [PanelRow],
    /// Rows of a panel that will be needed soon, asked for evenly over the words of this one.
    pub(in crate::cpu) ahead: &'a [PanelRow],
}

impl Operands<'_> {
    /// That every row has a word for each row of the panel: what the unchecked reads rely on.
    fn check(&self, height: usize) {
        assert!(
            self.rows == height
                && height > 0
                && (height - 1) * self.stride + self.panel.len() <= self.lhs.len(),
            "lhs rows of a tile"
        );
    }

    /// Bytes of `ahead` for each word. Less than a line asks for most lines several times, which
    /// costs less than finding out when.
    #[inline(always)]
    fn bytes_ahead(&self) -> usize {
        size_of_val(self.ahead).div_ceil(self.panel.len().max(1))
    }

    /// So many bytes into `ahead`, or a little beyond.
    #[inline(always)]
    fn ahead(&self, bytes: usize) -> *const i8 {
        self.ahead.as_ptr().cast::<i8>().wrapping_add(bytes)
    }
}

/// Rows of the highest tile: as many as the registers hold beside one row of the panel.
pub(in crate::cpu) fn mr(isa: Isa, precision: Precision) -> usize {
    match (isa.level(), precision) {
        (Level::Portable, _) => portable::MR,
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { .. }, Precision::F32)
        | (Level::Avx512 { bf16: true, .. }, Precision::Bf16)
        | (Level::Avx512 { vnni: true, .. }, Precision::Int8) => avx512::MR,
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2 | Level::Avx512 { .. }, _) => avx2::mr(precision),
    }
}

/// `sums[row] = Σ lhs[row] · panel`, words multiplied as their precision says.
pub(in crate::cpu) fn micro_kernel(
    isa: Isa,
    precision: Precision,
    operands: Operands<'_>,
    sums: &mut Sums,
) {
    match (isa.level(), precision) {
        (Level::Portable, _) => portable::tile(precision, operands, sums),
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { .. }, Precision::F32) => unsafe { avx512::tile_f32(operands, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { bf16: true, .. }, Precision::Bf16) => unsafe {
            avx512::tile_bf16(operands, sums);
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { vnni: true, .. }, Precision::Int8) => unsafe {
            avx512::tile_int8(operands, sums);
        },
        // SAFETY: as above; every AVX-512 processor has AVX2.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2 | Level::Avx512 { .. }, _) => unsafe { avx2::tile(precision, operands, sums) },
    }
}

/// Multiplies and adds in all the registers of a tile, so many times; gives the number of
/// operations (2 for a multiply-add).
pub(in crate::cpu) fn multiply_in_registers(isa: Isa, precision: Precision, steps: usize) -> usize {
    let words = match (isa.level(), precision) {
        (Level::Portable, _) => portable::multiply_in_registers(precision, steps),
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { .. }, Precision::F32) => unsafe { avx512::multiply_f32(steps) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { bf16: true, .. }, Precision::Bf16) => unsafe {
            avx512::multiply_bf16(steps)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512 { vnni: true, .. }, Precision::Int8) => unsafe {
            avx512::multiply_int8(steps)
        },
        // SAFETY: as above; every AVX-512 processor has AVX2.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2 | Level::Avx512 { .. }, _) => unsafe {
            avx2::multiply_in_registers(precision, steps)
        },
    };
    2 * words * packed_words::inputs_of(precision)
}

/// The two bf16 of a word as f32.
#[inline(always)]
fn bf16_of(word: u32) -> [f32; 2] {
    [f32::from_bits(word << 16), f32::from_bits(word & 0xFFFF_0000)]
}

const _: () = assert!(NR == 32, "the tiles are written for panels of 32");
