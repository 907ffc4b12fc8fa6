//! `exp` in f32 arithmetic that the compiler can vectorise: no table, no branch, no call.

/// `log2(e)`.
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// `ln 2` in two parts: the first has 9 significant bits, so that its product with a small integer is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding `1.5 · 2²³` rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// Below, the result would be subnormal: 0 is returned. Above, `2ⁿ` would be: infinite, a little
/// before `eˣ` itself is.
const LOWEST: f32 = -87.3;
const HIGHEST: f32 = 88.3;

/// `eˣ` within 2 ulp; 0 below −87.3, infinite above 88.3, NaN for NaN.
///
/// `x = n·ln 2 + r`, `|r| ≤ ln 2 / 2`: Taylor's polynomial of degree 7 for `eʳ` (remainder 5e-9),
/// and `2ⁿ` written into the exponent.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut polynomial = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        polynomial = polynomial * r + coefficient;
    }
    let power_of_two = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    let result = polynomial * power_of_two;
    let result = if x < LOWEST { 0.0 } else { result };
    if x > HIGHEST { f32::INFINITY } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_stays_within_two_ulp() {
        let mut worst = 0.0_f64;
        for step in 0..=1_000_000 {
            let x = LOWEST + (HIGHEST - LOWEST) * step as f32 / 1e6;
            let expected = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) / expected - 1.0).abs());
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "relative error {worst:e}");
    }

    #[test]
    fn exp_has_its_limits() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }
}
