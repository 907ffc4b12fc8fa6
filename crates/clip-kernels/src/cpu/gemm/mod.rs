//! Products of rows with packed weights: one engine for linear layers, patches, convolutions,
//! attention and similarity.
//!
//! ```text
//! product                splits rows and panels of the output over threads, never the inputs
//!   └ MacroKernel        one thread's rectangle, MC rows × KC words: packs left rows, then panel by panel
//!       └ micro_kernel   MR × NR sums in registers, per instruction set
//!           └ epilogue   adds what is there, bias, activation, and stores
//! ```
//!
//! Why not the `gemm` crate: in 0.19 a row multiplied alone has other bits than the same row among
//! others (measured for 768 x 768, 768 x 3072, 3072 x 768 and 512 x 2048), because a single row
//! takes another path, and it neither keeps a packed weight nor finishes sums with bias and
//! activation.

#[cfg(target_arch = "x86_64")]
mod bf16;
mod epilogue;
mod huge_pages;
mod im2col;
mod lhs;
mod macro_kernel;
mod micro_kernel;
mod pack;
mod packed_words;
mod panels;
mod quantize;
mod rhs;

pub(super) use epilogue::TileEpilogue;
pub(super) use huge_pages::Use;
pub(super) use im2col::Im2col;
pub(super) use lhs::{Lhs, Part};
pub(super) use macro_kernel::{KC, MC, MacroKernel};
pub(super) use micro_kernel::{MAX_MR, Operands, Sums, micro_kernel, mr, multiply_in_registers};
pub use pack::PackedWeight;
pub(super) use packed_words::{
    count as count_words, from_pair as words_of_pair, from_row as words_of_row,
    inputs_of as inputs_of_word,
};
pub(super) use panels::{NR, PanelRow, Panels};
pub(super) use rhs::Rhs;

use super::isa::Isa;
use super::target::Target;
use super::thread_team;

/// Rows of the left side times panels into `out [rows, outputs]`.
pub(super) fn product(
    isa: Isa,
    lhs: Lhs<'_>,
    rows: usize,
    panels: Panels<'_>,
    out: &mut [f32],
    epilogue: TileEpilogue<'_>,
) {
    if rows == 0 || panels.outputs == 0 {
        return;
    }
    assert_eq!(out.len(), rows * panels.outputs, "values of a product");
    let target = Target::new(out, panels.outputs);
    let split = Split::new(rows, panels.count(), thread_team::size());
    thread_team::for_each(split.row_blocks * split.panel_blocks, |task| {
        let (row_block, panel_block) = (task / split.panel_blocks, task % split.panel_blocks);
        let rows = part(rows, split.row_blocks, row_block);
        let panel_range = part(panels.count(), split.panel_blocks, panel_block);
        let target_row = rows.start;
        let block = MacroKernel {
            lhs,
            rows,
            panels,
            panel_range,
            target,
            target_row,
            target_column: 0,
            epilogue,
        };
        // SAFETY: each task has its own pair of row part and panel part; the parts do not overlap.
        unsafe { block.compute(isa) };
    });
}

/// How an output is cut into rectangles. No choice here can change a bit of the result.
struct Split {
    row_blocks: usize,
    panel_blocks: usize,
}

impl Split {
    /// Rows are cut first, because a block of panels has to take the left rows anew and hands its
    /// outputs to other threads; panels only where there are not enough rows for every thread.
    fn new(rows: usize, panels: usize, threads: usize) -> Self {
        /// Fewer rows are not worth reading the weight once more for.
        const LEAST_ROWS: usize = 24;
        let blocks = rows.div_ceil(MC);
        if threads == 1 {
            return Self { row_blocks: blocks, panel_blocks: 1 };
        }
        if rows >= LEAST_ROWS * threads {
            return Self { row_blocks: blocks.next_multiple_of(threads), panel_blocks: 1 };
        }
        Self { row_blocks: blocks, panel_blocks: threads.min(panels) }
    }
}

/// Part `index` of `0..length` cut into `parts` of about the same size.
pub(super) fn part(length: usize, parts: usize, index: usize) -> std::ops::Range<usize> {
    index * length / parts..(index + 1) * length / parts
}
