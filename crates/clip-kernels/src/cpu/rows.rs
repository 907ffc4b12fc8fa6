//! Operations that only move values, or add rows to rows of a table.

use super::gemm::words_of_row;
use super::isa::{Isa, Vectorize};
use super::lanes::Lanes;
use super::target::{Target, for_each_chunk};
use super::thread_team;
use crate::{Matrix, Precision, Result};
use std::ops::Range;

/// `[items, channels · cells]` to `[items · cells, channels]`.
pub(super) fn channels_last(images: &Matrix, channels: usize) -> Result<Matrix> {
    let cells = images.width() / channels;
    let mut out = Matrix::unwritten(images.rows() * cells, channels)?;
    if cells == 0 {
        return Ok(out);
    }
    /// Cells of a task.
    const CELLS: usize = 1 << 13;
    let tasks = cells.div_ceil(CELLS);
    let target = Target::new(out.values_mut(), cells * channels);
    thread_team::for_each(images.rows() * tasks, |task| {
        let (item, first) = (task / tasks, task % tasks * CELLS);
        let range = first..cells.min(first + CELLS);
        // SAFETY: the cells of one task, which nobody else writes.
        let out = unsafe { target.part(item, range.start * channels..range.end * channels) };
        let planes = images.row(item);
        // Pictures: three planes at once, in the compiler's own order of vectors.
        if let (3, Some(red)) = (channels, planes.get(range.clone())) {
            let (green, blue) = (&planes[cells..][range.clone()], &planes[2 * cells..][range]);
            let colors = red.iter().zip(green).zip(blue);
            for (cell, ((&red, &green), &blue)) in out.as_chunks_mut::<3>().0.iter_mut().zip(colors)
            {
                *cell = [red, green, blue];
            }
            return;
        }
        for (cell, out) in range.zip(out.chunks_exact_mut(channels)) {
            for (channel, out) in out.iter_mut().enumerate() {
                *out = planes[channel * cells + cell];
            }
        }
    });
    Ok(out)
}

/// The maps in bf16, two channels a word; their bits as f32.
pub(super) fn bf16_words(isa: Isa, maps: &Matrix) -> Result<Matrix> {
    /// Words of a task.
    const WORDS: usize = 1 << 14;
    let mut out = Matrix::unwritten(maps.rows(), maps.width() / 2)?;
    for_each_chunk(out.values_mut(), WORDS, |task, out| {
        let values = &maps.values()[2 * WORDS * task..][..2 * out.len()];
        words_of_row(isa, Precision::Bf16, values, bytemuck::cast_slice_mut(out));
    });
    Ok(out)
}

/// Adds row `i` of `rows` to row `places[i]` of a table, in this order; threads share the columns.
pub(super) fn add_rows_to(isa: Isa, table: &mut Matrix, places: &[usize], rows: &Matrix) {
    /// Columns of a task: 8 cache lines of each row.
    const COLUMNS: usize = 128;
    let width = table.width();
    let table = Target::new(table.values_mut(), width);
    thread_team::for_each(width.div_ceil(COLUMNS), |task| {
        let columns = task * COLUMNS..width.min((task + 1) * COLUMNS);
        isa.vectorize(AddColumns { table, columns, places, rows });
    });
}

/// Some columns of all rows; nobody else may use these columns of the table.
struct AddColumns<'a> {
    table: Target<'a>,
    columns: Range<usize>,
    places: &'a [usize],
    rows: &'a Matrix,
}

impl Vectorize for AddColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (row, &place) in self.places.iter().enumerate() {
            // SAFETY: the columns of one task, which nobody else uses.
            let out = unsafe { self.table.part(place, self.columns.clone()) };
            let values = &self.rows.row(row)[self.columns.clone()];
            out.iter_mut().zip(values).for_each(|(out, value)| *out += value);
        }
    }
}
