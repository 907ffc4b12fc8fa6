//! `exp` of sixteen f32: no table, no branch, no call.

use super::lanes::Lanes;

/// `ln 2` in two parts: the first has 9 significant bits, so that its product with a small integer
/// is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding `1.5 · 2²³` rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// Below, the result would be subnormal: 0 is returned.
const LOWEST: f32 = -87.3;
/// Above, the reciprocal of the result would be subnormal, which costs the processor a detour.
const HIGHEST: f32 = 87.0;
/// `eʳ` for `|r| ≤ ln 2 / 2`, lowest power first: the polynomial of degree 6 with the least
/// relative error, 1.9e-9 (found by the exchange algorithm of Remez for this file).
const POWERS: [f32; 7] =
    [1.0, 1.0, 0.499_999_9, 0.166_664_2, 4.166_823e-2, 8.374_857e-3, 1.383_679_4e-3];

/// `eˣ` within 2 ulp; 0 below −87.3, `e^87` = 6e37 above 87, NaN for NaN.
///
/// `x = n·ln 2 + r`, `|r| ≤ ln 2 / 2`; `2ⁿ` is written into the exponent.
#[inline(always)]
pub(super) fn exp<L: Lanes>(x: L) -> L {
    let x = x.at_most(L::splat(HIGHEST));
    let rounded = x.mul_add(L::splat(std::f32::consts::LOG2_E), L::splat(ROUND));
    let n = rounded.sub(L::splat(ROUND));
    let r = n.mul_add(L::splat(-LN_2_HIGH), x);
    let r = n.mul_add(L::splat(-LN_2_LOW), r);
    // In pairs of powers and pairs of pairs (Estrin): half as many steps that wait for each other.
    let power = |power: usize| L::splat(POWERS[power]);
    let squared = r.mul(r);
    let high = power(6).mul_add(squared, r.mul_add(power(5), power(4)));
    let low = squared.mul_add(r.mul_add(power(3), power(2)), r.mul_add(power(1), power(0)));
    let polynomial = squared.mul(squared).mul_add(high, low);
    x.zero_below(L::splat(LOWEST), polynomial.mul(rounded.power_of_two()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::{Isa, Vectorize};

    struct Exp(f32);

    impl Vectorize for Exp {
        type Output = f32;

        #[inline(always)]
        fn run<L: Lanes>(self) -> f32 {
            let mut values = [0.0; 16];
            exp(L::splat(self.0)).store(&mut values);
            values[7]
        }
    }

    #[test]
    fn exp_stays_within_two_ulp() {
        for isa in Isa::available() {
            let mut worst = 0.0_f64;
            for step in 0..=1_000_000 {
                let x = LOWEST + (HIGHEST - LOWEST) * step as f32 / 1e6;
                let expected = f64::from(x).exp();
                worst = worst.max((f64::from(isa.vectorize(Exp(x))) / expected - 1.0).abs());
            }
            assert!(
                worst < 2.0 * f64::from(f32::EPSILON),
                "{}: relative error {worst:e}",
                isa.name()
            );
        }
    }

    #[test]
    fn exp_has_its_limits() {
        for isa in Isa::available() {
            assert!((isa.vectorize(Exp(0.0)) - 1.0).abs() <= f32::EPSILON);
            assert_eq!(isa.vectorize(Exp(f32::NEG_INFINITY)), 0.0);
            assert!(isa.vectorize(Exp(f32::INFINITY)) > 6e37);
            assert!(isa.vectorize(Exp(f32::NAN)).is_nan());
        }
    }
}
