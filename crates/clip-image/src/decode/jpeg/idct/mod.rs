//! Inverse DCT: libjpeg's accurate integer method, with the 16-bit steps of its vector code.
//!
//! A column pass leaves two more fraction bits, a row pass removes them. Products have 13 fraction
//! bits. Sums of two inputs wrap at 16 bits and results saturate, as in libjpeg-turbo on x86-64; a
//! sound file never gets there, but a damaged one then still gives the same pixels.
//!
//! [`portable`] is the definition. [`avx2`] is the same in the multiply-add of pairs that the
//! definition is written in: the compiler does not find that instruction, nor the transposition, by
//! itself (a third of the speed).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "fixed arrays and constant indices; 32-bit sums of products of 16 bits wrap explicitly"
)]

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
pub(super) mod portable;
mod reduced;
mod transform;

use pulp::{Arch, NullaryFnOnce};

use super::frame::BLOCK;
use transform::COLUMN_FRACTION;
pub(super) use transform::Transform;

/// Something to do with whatever transform this processor does best.
pub(super) trait WithTransform {
    type Output;

    /// To be `inline(always)`: it is compiled once per instruction set.
    fn run(self, transform: impl Transform) -> Self::Output;
}

/// Runs `job` compiled for the instruction set of this processor.
pub(super) fn dispatch<J: WithTransform>(job: J) -> J::Output {
    match Arch::new() {
        #[cfg(target_arch = "x86_64")]
        Arch::V3(simd) => simd.vectorize(Job(job, avx2::Avx2(simd))),
        arch => arch.dispatch(Job(job, portable::Portable)),
    }
}

struct Job<J, T>(J, T);

impl<J: WithTransform, T: Transform> NullaryFnOnce for Job<J, T> {
    type Output = J::Output;

    #[inline(always)]
    fn call(self) -> J::Output {
        self.0.run(self.1)
    }
}

/// The samples of a block: `side` rows of as many, `stride` apart in `out`.
///
/// `any`: whether there may be a coefficient besides DC.
#[inline(always)]
pub(super) fn samples(
    transform: impl Transform,
    coefficients: &[i16; 64],
    any: bool,
    quant: &[i16; 64],
    side: usize,
    out: &mut [u8],
    stride: usize,
) {
    match side {
        _ if !any => inverse_of_dc(coefficients[0], quant[0], side, out, stride),
        BLOCK => transform.inverse(coefficients, quant, out, stride),
        4 => reduced::inverse(&reduced::FOUR, coefficients, quant, out, stride),
        2 => reduced::inverse(&reduced::TWO, coefficients, quant, out, stride),
        _ => inverse_of_dc(coefficients[0], quant[0], 1, out, stride),
    }
}

/// The samples of a block whose only coefficient is `dc`.
#[inline(always)]
fn inverse_of_dc(dc: i16, quant: i16, side: usize, out: &mut [u8], stride: usize) {
    let column = i32::from(dc.wrapping_mul(quant) << COLUMN_FRACTION);
    let shift = COLUMN_FRACTION + 3;
    let sample = (((column + (1 << (shift - 1))) >> shift).clamp(-128, 127) + 128) as u8;
    for line in out.chunks_mut(stride).take(side) {
        if side == BLOCK {
            line[..BLOCK].fill(sample); // one instruction, the length being known
        } else {
            line[..side].fill(sample);
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::portable::Portable;
    use super::{BLOCK, Transform, inverse_of_dc};

    /// Blocks from all zero to full of extremes, and quantisers up to 16 bits.
    fn blocks() -> impl Iterator<Item = ([i16; 64], [i16; 64])> {
        let mut state = 1u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u32
        };
        (0..20_000).map(move |_| {
            let (filled, bits) = (random() % 65, 1 + random() % 16);
            let rows = 1 + random() as usize % 8;
            let mut block = [0; 64];
            for _ in 0..filled {
                block[random() as usize % (rows * 8)] =
                    ((random() << (32 - bits)) as i32 >> (32 - bits)) as i16;
            }
            let quant_bits = 1 + random() % 16;
            (block, std::array::from_fn(|_| (random() % (1 << quant_bits)) as i16))
        })
    }

    #[test]
    fn avx2_gives_the_samples_of_the_definition() {
        let pulp::Arch::V3(simd) = pulp::Arch::new() else {
            return println!("skipped: this processor has no AVX2");
        };
        for (block, quant) in blocks() {
            let (mut expected, mut found) = ([0; 64], [0; 64]);
            Portable.inverse(&block, &quant, &mut expected, 8);
            super::avx2::Avx2(simd).inverse(&block, &quant, &mut found, 8);
            assert_eq!(expected, found, "{block:?} with {quant:?}");
        }
    }

    #[test]
    fn a_block_of_dc_alone_may_take_the_short_way() {
        for (mut block, quant) in blocks().take(2000) {
            block[1..].fill(0);
            let (mut expected, mut found) = ([0; 64], [0; 64]);
            Portable.inverse(&block, &quant, &mut expected, 8);
            inverse_of_dc(block[0], quant[0], BLOCK, &mut found, BLOCK);
            assert_eq!(expected, found, "{} with {}", block[0], quant[0]);
        }
    }
}
