//! The activations of sixteen f32, and their derivatives.

use super::exponential::exp;
use super::lanes::Lanes;
use std::f32::consts::FRAC_1_SQRT_2;

/// A function of each lane. A type and not a closure, because a closure keeps the instructions of
/// its own compilation (see `Vectorize`).
pub(super) trait Activate {
    fn of<L: Lanes>(x: L) -> L;
    /// The derivative.
    fn slope<L: Lanes>(x: L) -> L;
}

pub(super) struct Identity;
pub(super) struct QuickGelu;
pub(super) struct Gelu;
pub(super) struct Relu;

impl Activate for Identity {
    #[inline(always)]
    fn of<L: Lanes>(x: L) -> L {
        x
    }

    #[inline(always)]
    fn slope<L: Lanes>(_: L) -> L {
        L::splat(1.0)
    }
}

impl Activate for QuickGelu {
    #[inline(always)]
    fn of<L: Lanes>(x: L) -> L {
        x.mul(sigmoid_of_scaled(x))
    }

    /// `s + 1.702 · x · s · (1 − s)`.
    #[inline(always)]
    fn slope<L: Lanes>(x: L) -> L {
        let sigmoid = sigmoid_of_scaled(x);
        let falling = L::splat(1.0).sub(sigmoid).mul(sigmoid);
        x.mul(L::splat(1.702)).mul_add(falling, sigmoid)
    }
}

/// `sigmoid(1.702 · x)`.
#[inline(always)]
fn sigmoid_of_scaled<L: Lanes>(x: L) -> L {
    exp(x.mul(L::splat(-1.702))).add(L::splat(1.0)).reciprocal()
}

/// NaN stays NaN.
impl Activate for Relu {
    #[inline(always)]
    fn of<L: Lanes>(x: L) -> L {
        x.zero_below(L::splat(0.0), x)
    }

    /// 0 at 0: no number above it is below the smallest one.
    #[inline(always)]
    fn slope<L: Lanes>(x: L) -> L {
        x.zero_below(L::splat(f32::from_bits(1)), L::splat(1.0))
    }
}

/// `p` of [`Gelu`], highest power first: a least-squares fit of relative error on `|z| ≤ 9.5`, made
/// for this file: 2.8e-8 in exact arithmetic, 2e-7 evaluated in f32.
const TAIL: [f32; 10] = [
    0.027_211_56,
    -0.066_792_09,
    -0.082_148_06,
    0.300_072_86,
    -0.088_485_33,
    0.279_181_67,
    0.173_820_53,
    0.232_115_75,
    0.224_992_13,
    3.100_888e-5,
];

/// `x/2 · erfc(−x/√2)`, by the tail of `erfc` on both sides so that the left one keeps its digits:
/// `erfc(|z|) = e^(−z²) · p(1 / (1 + 0.4·|z|))`.
impl Activate for Gelu {
    #[inline(always)]
    fn of<L: Lanes>(x: L) -> L {
        // On the right x − |tail|, on the left −|tail|.
        let half = L::splat(-0.5);
        let tail = x.abs().mul(half).mul(scaled_erfc(x)).mul(exp(x.mul(half).mul(x)));
        Relu::of(x).add(tail)
    }

    /// `Φ(x) + x · φ(x)`: on the left `e^(−x²/2) · (p/2 − |x|/√2π)`, on the right what that lacks
    /// to 1.
    #[inline(always)]
    fn slope<L: Lanes>(x: L) -> L {
        let density = L::splat(-(0.5 * std::f32::consts::FRAC_2_SQRT_PI * FRAC_1_SQRT_2));
        let factor = x.abs().mul_add(density, scaled_erfc(x).mul(L::splat(0.5)));
        let left = factor.mul(exp(x.mul(L::splat(-0.5)).mul(x)));
        let rest = left.mul_add(L::splat(-2.0), L::splat(1.0));
        left.add(x.zero_below(L::splat(0.0), rest))
    }
}

/// `p(1 / (1 + 0.4·|z|))` for `z = x/√2`.
#[inline(always)]
fn scaled_erfc<L: Lanes>(x: L) -> L {
    let t = x.abs().mul_add(L::splat(0.4 * FRAC_1_SQRT_2), L::splat(1.0)).reciprocal();
    let mut polynomial = L::splat(TAIL[0]);
    for coefficient in &TAIL[1..] {
        polynomial = polynomial.mul_add(t, L::splat(*coefficient));
    }
    polynomial
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::{Isa, Vectorize};
    use crate::{Activation, reference};

    struct Activated(f32, Activation, bool);

    impl Activated {
        #[inline(always)]
        fn with<L: Lanes, A: Activate>(&self) -> f32 {
            let mut values = [0.0; 16];
            let x = L::splat(self.0);
            if self.2 { A::slope(x) } else { A::of(x) }.store(&mut values);
            values[3]
        }
    }

    impl Vectorize for Activated {
        type Output = f32;

        #[inline(always)]
        fn run<L: Lanes>(self) -> f32 {
            match self.1 {
                Activation::None => self.with::<L, Identity>(),
                Activation::QuickGelu => self.with::<L, QuickGelu>(),
                Activation::Gelu => self.with::<L, Gelu>(),
                Activation::Relu => self.with::<L, Relu>(),
            }
        }
    }

    #[test]
    fn activations_equal_their_definition() {
        for isa in Isa::available() {
            for activation in Activation::ALL {
                for step in -4000..=4000 {
                    let x = step as f32 / 200.0;
                    let expected = reference::activate(f64::from(x), activation);
                    // A few roundings of the argument of `exp`, which grows with x² in the tail of
                    // GELU.
                    let allowed = 4e-7 * expected.abs() * (1.0 + f64::from(x * x) / 8.0) + 1e-36;
                    let found = isa.vectorize(Activated(x, activation, false));
                    let error = (f64::from(found) - expected).abs();
                    let case = isa.name();
                    assert!(
                        error <= allowed,
                        "{case}: {activation:?}({x}) = {found} against {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn slopes_equal_their_definition() {
        for isa in Isa::available() {
            for activation in Activation::ALL {
                for step in -4000..=4000 {
                    let x = step as f32 / 200.0;
                    let expected = reference::slope(f64::from(x), activation);
                    // Two terms that nearly cancel where the slope is zero; in the tails one.
                    let scale = expected.abs().max(f64::from((-x.abs()).exp()));
                    let allowed = 4e-7 * scale * (1.0 + f64::from(x * x) / 8.0) + 1e-36;
                    let found = isa.vectorize(Activated(x, activation, true));
                    let error = (f64::from(found) - expected).abs();
                    let case = isa.name();
                    assert!(
                        error <= allowed,
                        "{case}: {activation:?}′({x}) = {found} against {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn nan_stays_nan() {
        for (isa, slope) in Isa::available().flat_map(|isa| [(isa, false), (isa, true)]) {
            for activation in Activation::ALL {
                let is_constant = matches!(activation, Activation::None | Activation::Relu);
                if !(slope && is_constant) {
                    let found = isa.vectorize(Activated(f32::NAN, activation, slope));
                    assert!(found.is_nan(), "{activation:?}");
                }
            }
        }
    }
}
