//! The activations of sixteen f32.

use super::exponential::exp;
use super::lanes::Lanes;

/// A function of each lane. A type and not a closure, because a closure keeps the instructions of
/// its own compilation (see `Vectorize`).
pub(super) trait Activate {
    fn of<L: Lanes>(x: L) -> L;
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
}

impl Activate for QuickGelu {
    #[inline(always)]
    fn of<L: Lanes>(x: L) -> L {
        x.mul(exp(x.mul(L::splat(-1.702))).add(L::splat(1.0)).reciprocal())
    }
}

/// NaN stays NaN.
impl Activate for Relu {
    #[inline(always)]
    fn of<L: Lanes>(x: L) -> L {
        x.zero_below(L::splat(0.0), x)
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
        let slope = L::splat(0.4 * std::f32::consts::FRAC_1_SQRT_2);
        let t = x.abs().mul_add(slope, L::splat(1.0)).reciprocal();
        let mut polynomial = L::splat(TAIL[0]);
        for coefficient in &TAIL[1..] {
            polynomial = polynomial.mul_add(t, L::splat(*coefficient));
        }
        // On the right x − |tail|, on the left −|tail|.
        let half = L::splat(-0.5);
        let tail = x.abs().mul(half).mul(polynomial).mul(exp(x.mul(half).mul(x)));
        Relu::of(x).add(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::{Isa, Vectorize};
    use crate::{Activation, reference};

    struct Activated(f32, Activation);

    impl Vectorize for Activated {
        type Output = f32;

        #[inline(always)]
        fn run<L: Lanes>(self) -> f32 {
            let x = L::splat(self.0);
            let mut values = [0.0; 16];
            match self.1 {
                Activation::None => x,
                Activation::QuickGelu => QuickGelu::of(x),
                Activation::Gelu => Gelu::of(x),
                Activation::Relu => Relu::of(x),
            }
            .store(&mut values);
            values[3]
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
                    let found = isa.vectorize(Activated(x, activation));
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
    fn nan_stays_nan() {
        for isa in Isa::available() {
            for activation in Activation::ALL {
                assert!(isa.vectorize(Activated(f32::NAN, activation)).is_nan(), "{activation:?}");
            }
        }
    }
}
