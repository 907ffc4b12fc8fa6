//! `U = G·g·Gᵀ` of every output and channel, packed place by place.

use super::tiles::{PLACES, load_columns, sixteen};
use crate::cpu::gemm::{
    NR, PackedWeight, PanelRow, Use, count_words, inputs_of_word, words_of_row,
};
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::Target;
use crate::cpu::thread_team;
use crate::cpu::transpose::Transpose;
use crate::{Precision, Result};
use std::ops::Range;

/// Which way a kernel is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cpu) enum Side {
    /// From channels to outputs.
    Forward,
    /// From outputs back to channels: turned by half a turn.
    Backward,
}

/// A kernel of 3 × 3, `[outputs, 9 · channels]`.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Kernel<'a> {
    pub(in crate::cpu) values: &'a [f32],
    pub(in crate::cpu) outputs: usize,
    pub(in crate::cpu) channels: usize,
}

/// Rows of a place transformed at a time: sixteen lanes, of channels or of outputs.
const ROWS: usize = LANES;

impl Kernel<'_> {
    /// Packs the kernel, in parallel; [`Side::Backward`] in f32.
    pub(in crate::cpu) fn pack(
        &self,
        isa: Isa,
        side: Side,
        precision: Precision,
        memory: Use,
    ) -> Result<PackedWeight> {
        let (outputs, inputs) = match side {
            Side::Forward => (self.outputs, self.channels),
            Side::Backward => (self.channels, self.outputs),
        };
        let panels = outputs.div_ceil(NR);
        PackedWeight::transformed(outputs, 9 * inputs, precision, memory, |rows| {
            if rows.is_empty() {
                return;
            }
            let target = Target::new(rows, count_words(precision, inputs));
            let blocks = inputs.div_ceil(ROWS);
            thread_team::for_each(panels * blocks, |task| {
                let (panel, first) = (task / blocks, task % blocks * ROWS);
                let rows = first..inputs.min(first + ROWS);
                let words = first / inputs_of_word(precision)..count_words(precision, rows.end);
                // SAFETY: each task has its own panel and words of every place.
                let places = std::array::from_fn(|place| unsafe {
                    target.part(place * panels + panel, words.clone())
                });
                let outputs = panel * NR..outputs.min((panel + 1) * NR);
                match side {
                    Side::Forward => self.pack_forward(isa, outputs, rows, precision, places),
                    Side::Backward => {
                        assert_eq!(precision, Precision::F32, "the way back");
                        isa.vectorize(PackBackward {
                            kernel: self,
                            channels: outputs,
                            rows,
                            places,
                        });
                    }
                }
            });
        })
    }

    /// Sixteen channels of 32 outputs: lanes are channels, and turned.
    fn pack_forward(
        &self,
        isa: Isa,
        outputs: Range<usize>,
        channels: Range<usize>,
        precision: Precision,
        places: [&mut [PanelRow]; PLACES],
    ) {
        let mut transformed = [[[0.0; LANES]; NR]; PLACES];
        isa.vectorize(TransformRows {
            kernel: self,
            outputs,
            channel: channels.start,
            out: &mut transformed,
        });
        for (place, transformed) in places.into_iter().zip(&transformed) {
            let mut words = [[0; LANES]; NR];
            for (words, values) in words.iter_mut().zip(transformed) {
                words_of_row(isa, precision, values, &mut words[..count_words(precision, LANES)]);
            }
            Transpose {
                source: words.as_flattened(),
                source_stride: LANES,
                rows: NR,
                columns: place.len(),
                out: bytemuck::cast_slice_mut(place),
                stride: NR,
            }
            .run(isa);
        }
    }

    /// Up to sixteen channels of the taps of one output.
    #[inline(always)]
    fn taps<L: Lanes>(&self, output: usize, channel: usize) -> [[f32; LANES]; 9] {
        let row = &self.values[output * 9 * self.channels..][..9 * self.channels];
        let mut taps = [[0.0; LANES]; 9];
        for (tap, lanes) in row.chunks_exact(self.channels).zip(&mut taps) {
            load_columns::<L>(sixteen(tap, channel)).store(lanes);
        }
        taps
    }
}

/// Sixteen channels of some outputs, at most 32.
struct TransformRows<'a> {
    kernel: &'a Kernel<'a>,
    outputs: Range<usize>,
    channel: usize,
    out: &'a mut [[[f32; LANES]; NR]; PLACES],
}

impl Vectorize for TransformRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (place, output) in self.outputs.enumerate() {
            let taps = self.kernel.taps::<L>(output, self.channel);
            for (out, lanes) in self.out.iter_mut().zip(transform(&taps)) {
                out[place] = lanes;
            }
        }
    }
}

/// Some rows of a panel: rows are the outputs of the kernel, lanes its channels.
struct PackBackward<'a> {
    kernel: &'a Kernel<'a>,
    channels: Range<usize>,
    rows: Range<usize>,
    places: [&'a mut [PanelRow]; PLACES],
}

impl Vectorize for PackBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        for (index, output) in self.rows.enumerate() {
            for half in 0..NR / LANES {
                let channel = self.channels.start + half * LANES;
                let mut lanes = [[0.0; LANES]; PLACES];
                if channel < self.channels.end {
                    let mut taps = self.kernel.taps::<L>(output, channel);
                    taps.reverse();
                    lanes = transform(&taps);
                }
                for (place, lanes) in self.places.iter_mut().zip(lanes) {
                    place[index].0.as_chunks_mut::<LANES>().0[half] = bytemuck::cast(lanes);
                }
            }
        }
    }
}

/// `G·g·Gᵀ` of each lane, in f64. Loops, as a closure keeps the instructions of its own
/// compilation.
#[inline(always)]
fn transform(taps: &[[f32; LANES]; 9]) -> [[f32; LANES]; PLACES] {
    let mut columns = [[[0.0; LANES]; 4]; 3]; // G·g
    for (x, column) in columns.iter_mut().enumerate() {
        *column = times_g(&wide(&taps[x]), &wide(&taps[3 + x]), &wide(&taps[6 + x]));
    }
    let mut out = [[0.0; LANES]; PLACES];
    for (y, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let row = times_g(&columns[0][y], &columns[1][y], &columns[2][y]);
        for (out, values) in out.iter_mut().zip(&row) {
            for (out, value) in out.iter_mut().zip(values) {
                *out = *value as f32;
            }
        }
    }
    out
}

#[inline(always)]
fn wide(values: &[f32; LANES]) -> [f64; LANES] {
    let mut out = [0.0; LANES];
    for (out, &value) in out.iter_mut().zip(values) {
        *out = f64::from(value);
    }
    out
}

/// `G` times a column.
#[inline(always)]
fn times_g(a: &[f64; LANES], b: &[f64; LANES], c: &[f64; LANES]) -> [[f64; LANES]; 4] {
    let mut out = [*a, [0.0; LANES], [0.0; LANES], *c];
    for lane in 0..LANES {
        out[1][lane] = (a[lane] + b[lane] + c[lane]) / 2.0;
        out[2][lane] = (a[lane] - b[lane] + c[lane]) / 2.0;
    }
    out
}
