//! The innermost product: up to 12 rows by the 32 outputs of one panel, sums kept in registers.
//!
//! Every sum is one chain in the order of the inputs, starting from zero: its bits depend neither
//! on the height of the tile nor on the place in it. With FMA (avx2, avx512) the bits are the same
//! on both; the portable tile rounds products and is apart.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::panels::PanelRow;
use crate::cpu::isa::{Isa, Level};

/// Rows of the highest tile of any instruction set.
pub(super) const MAX_HEIGHT: usize = 12;
/// Inputs of one block. A block of a panel has 256 · 128 bytes = 32 kB.
pub(super) const MAX_DEPTH: usize = 256;
/// Distance between left rows in their buffer. Not a multiple of 4096 bytes, or all rows of a tile
/// would compete for the same eight lines of the first-level cache.
pub(super) const LEFT_STRIDE: usize = MAX_DEPTH + 16;

/// The sums of a tile; rows beyond its height are left as they are.
pub(super) type Sums = [PanelRow; MAX_HEIGHT];

/// Rows of the highest tile: as many as the registers hold beside one row of the panel.
pub(super) fn height(isa: Isa) -> usize {
    match isa.level() {
        Level::Portable => portable::HEIGHT,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::HEIGHT,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => avx512::HEIGHT,
    }
}

/// `sums[row] = Σ left[row · LEFT_STRIDE + input] · panel[input]` for `rows` rows.
pub(super) fn tile(isa: Isa, left: &[f32], rows: usize, panel: &[PanelRow], sums: &mut Sums) {
    debug_assert!(panel.len() <= MAX_DEPTH && rows <= height(isa));
    match isa.level() {
        Level::Portable => portable::tile(left, rows, panel, sums),
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::tile(left, rows, panel, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::tile(left, rows, panel, sums) },
    }
}

/// Where a row of a tile starts in the buffer, all rows checked to have `depth` values.
fn checked_left(left: &[f32], rows: usize, depth: usize) {
    assert!(rows > 0 && (rows - 1) * LEFT_STRIDE + depth <= left.len(), "left rows of a tile");
}
