//! The horizontal pass of 8-bit modes, 16 rows at a time.
//!
//! ```text
//! rows [16, columns, CHANNELS]  or, from a decoder, [CHANNELS, 16, columns]
//!    │ turn
//!    ▼
//! columns [columns, CHANNELS, 16]
//!    │ weigh: each output is a weighted sum of neighbouring columns
//!    ▼
//! [outputs, CHANNELS, 16] ── turn ──> rows [16, outputs, CHANNELS]
//! ```

use std::ops::Range;

use super::lanes::{Column, LANES, Lanes, PRECISION, WithLanes, dispatch};
use super::weights::Weights;

/// Makes rows narrower or wider; keeps its buffers from strip to strip.
pub(super) struct HorizontalPass<const CHANNELS: usize> {
    weights: Weights<i32>,
    /// The input columns that have a weight.
    pub(super) span: Range<usize>,
    inputs: Vec<[Column; CHANNELS]>,
    outputs: Vec<[Column; CHANNELS]>,
}

/// Up to 16 rows, from the first column of the span on.
pub(super) enum Strip<'a> {
    /// Channels side by side; rows this many bytes apart.
    Interleaved(&'a [u8], usize),
    /// Channel after channel, each of 16 rows as long as the span.
    Planar(&'a [u8]),
}

impl<const CHANNELS: usize> HorizontalPass<CHANNELS> {
    pub(super) fn new(weights: &Weights<f64>) -> Self {
        let span = weights.span();
        Self {
            inputs: vec![[[0; LANES]; CHANNELS]; span.len()],
            outputs: vec![[[0; LANES]; CHANNELS]; weights.iter().len()],
            weights: weights.fixed(PRECISION),
            span,
        }
    }

    /// How many columns come out.
    pub(super) fn width(&self) -> usize {
        self.outputs.len()
    }

    /// Writes as many rows of `[width, CHANNELS]` as fit into `out`.
    pub(super) fn strip(&mut self, strip: Strip<'_>, out: &mut [u8]) {
        dispatch(StripPass { pass: self, strip, out });
    }
}

/// A strip on its way through; compiled once per instruction set.
struct StripPass<'a, const CHANNELS: usize> {
    pass: &'a mut HorizontalPass<CHANNELS>,
    strip: Strip<'a>,
    out: &'a mut [u8],
}

impl<const CHANNELS: usize> WithLanes for StripPass<'_, CHANNELS> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let Self { pass: HorizontalPass { weights, span, inputs, outputs }, strip, out } = self;
        match strip {
            Strip::Interleaved(rows, stride) => {
                lanes.to_columns(rows, stride, inputs.as_flattened_mut(), 1);
            }
            Strip::Planar(planes) => {
                for (channel, plane) in planes.chunks_exact(LANES * span.len()).enumerate() {
                    lanes.to_columns(
                        plane,
                        span.len(),
                        &mut inputs.as_flattened_mut()[channel..],
                        CHANNELS,
                    );
                }
            }
        }
        for (output, (first, weights)) in outputs.iter_mut().zip(weights.iter()) {
            *output = lanes.weigh(&inputs[first - span.start..][..weights.len()], weights);
        }
        lanes.to_rows(outputs.as_flattened(), out);
    }
}
