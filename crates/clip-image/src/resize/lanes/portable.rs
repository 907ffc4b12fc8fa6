//! The definition, in plain arithmetic.

use super::column::{Column, HALF, LANES, Lanes, to_byte};

/// For every processor.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Portable;

impl Lanes for Portable {
    #[inline(always)]
    fn turn(self, square: [Column; LANES]) -> [Column; LANES] {
        std::array::from_fn(|row| std::array::from_fn(|column| square[column][row]))
    }

    #[inline(always)]
    fn weigh<const CHANNELS: usize>(
        self,
        pixels: &[[Column; CHANNELS]],
        weights: &[i32],
    ) -> [Column; CHANNELS] {
        let mut sums = [[HALF; LANES]; CHANNELS];
        for (pixel, weight) in pixels.iter().zip(weights) {
            for (sum, byte) in sums.as_flattened_mut().iter_mut().zip(pixel.as_flattened()) {
                *sum = sum.wrapping_add(weight.wrapping_mul(i32::from(*byte)));
            }
        }
        sums.map(|lanes| lanes.map(to_byte))
    }
}
