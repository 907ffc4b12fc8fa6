//! **Defines** the activations in f64.

use crate::{Activation, Matrix, Result};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// `activation(x)`, value by value.
pub(super) fn activate_rows(x: &Matrix, activation: Activation) -> Result<Matrix> {
    let mut out = Matrix::from_slice(x.values(), x.width())?;
    for value in out.values_mut() {
        *value = activate(f64::from(*value), activation) as f32;
    }
    Ok(out)
}

/// `dy · activation′(x)`, value by value.
pub(super) fn activation_backward(x: &Matrix, mut dy: Matrix, activation: Activation) -> Matrix {
    for (dy, &x) in dy.values_mut().iter_mut().zip(x.values()) {
        *dy = (f64::from(*dy) * slope(f64::from(x), activation)) as f32;
    }
    dy
}

/// The activation of one value (PROTOCOL 1.1).
pub(crate) fn activate(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::None => x,
        Activation::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
        // `erfc` of the negated argument keeps the digits that `1 + erf` loses on the left tail.
        Activation::Gelu => 0.5 * x * erfc(-x * FRAC_1_SQRT_2),
        Activation::Relu if x < 0.0 => 0.0,
        Activation::Relu => x,
    }
}

/// The derivative of the activation of one value; that of ReLU is 0 at 0.
pub(crate) fn slope(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::None => 1.0,
        Activation::QuickGelu => {
            let sigmoid = 1.0 / (1.0 + (-1.702 * x).exp());
            sigmoid * (1.0 + 1.702 * x * (1.0 - sigmoid))
        }
        Activation::Gelu => {
            let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
            0.5 * erfc(-x * FRAC_1_SQRT_2) + x * density
        }
        Activation::Relu if x <= 0.0 => 0.0,
        Activation::Relu => 1.0,
    }
}

/// The complementary error function: power series near zero, continued fraction in the tails.
fn erfc(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.5 { 1.0 - erf_series(x) } else { erfc_fraction(x) }
}

/// `2/√π · Σ 2ⁿ x²ⁿ⁺¹ e^(−x²) / (1·3·…·(2n+1))`: all terms positive, so nothing cancels.
fn erf_series(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..100 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// `e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …))))`, from the inside out.
fn erfc_fraction(x: f64) -> f64 {
    let inner = (1..=100).rev().fold(x, |tail, n| x + f64::from(n) / 2.0 / tail);
    (-x * x).exp() / PI.sqrt() / inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erfc_equals_published_digits() {
        // Abramowitz and Stegun, table 7.1 and 7.3; further digits from their series.
        for (x, expected) in [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.157_299_207_050_285_13),
            (2.0, 0.004_677_734_981_047_266),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_035e-12),
            (-1.0, 1.842_700_792_949_715),
        ] {
            assert!(
                (erfc(x) / expected - 1.0).abs() < 1e-12,
                "erfc({x}) = {} against {expected}",
                erfc(x)
            );
        }
    }

    #[test]
    fn activations_have_their_limits() {
        assert_eq!(activate(-3.0, Activation::Relu), 0.0);
        assert_eq!(activate(2.0, Activation::None), 2.0);
        assert!((activate(1.0, Activation::QuickGelu) - 0.845_795_765_895_4).abs() < 1e-10);
        assert!((activate(1.0, Activation::Gelu) - 0.841_344_746_068_542_9).abs() < 1e-15);
        assert!(activate(f64::NAN, Activation::Relu).is_nan());
    }
}
