//! All pixels of an image in memory, channels side by side.
#![allow(clippy::arithmetic_side_effects, reason = "sizes were met by the pixel limit")]

use pulp::{Arch, Simd, WithSimd};

use super::color::JpegColor;
use super::frame::Frame;
use crate::decode::row_sink::RowSink;

/// Collects `[height, width, channels]`.
pub(super) struct Whole {
    pub(super) pixels: Vec<u8>,
    bytes: usize,
}

impl Whole {
    /// Takes no memory before the first row.
    pub(super) fn new(frame: &Frame, color: JpegColor) -> Self {
        Self { pixels: Vec::new(), bytes: frame.width * frame.height * color.channels() }
    }
}

impl RowSink for Whole {
    fn row(&mut self, _: (usize, usize), channels: &[&[u8]]) {
        if self.pixels.is_empty() {
            self.pixels.reserve_exact(self.bytes);
        }
        Arch::new().dispatch(Interleave { channels, pixels: &mut self.pixels });
    }
}

/// Appends a row of pixels; compiled once per instruction set.
struct Interleave<'a> {
    channels: &'a [&'a [u8]],
    pixels: &'a mut Vec<u8>,
}

impl WithSimd for Interleave<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { channels, pixels } = self;
        let start = pixels.len();
        pixels.resize(start + channels.iter().map(|channel| channel.len()).sum::<usize>(), 0);
        let row = pixels.get_mut(start..).unwrap_or_default();
        match channels {
            [a] => row.copy_from_slice(a),
            [a, b, c] => {
                for (((pixel, &a), &b), &c) in
                    row.as_chunks_mut::<3>().0.iter_mut().zip(*a).zip(*b).zip(*c)
                {
                    *pixel = [a, b, c];
                }
            }
            [a, b, c, d] => {
                let pixels = row.as_chunks_mut::<4>().0.iter_mut();
                for ((((pixel, &a), &b), &c), &d) in pixels.zip(*a).zip(*b).zip(*c).zip(*d) {
                    *pixel = [a, b, c, d];
                }
            }
            _ => {}
        }
    }
}
