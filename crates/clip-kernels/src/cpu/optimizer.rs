//! The optimiser's step and the norm of a gradient: one pass over memory each.

use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::Lanes;
use super::target::{Target, for_each_chunk};
use super::thread_team;
use crate::{AdamW, Matrix};

/// Values of one task: 64 KiB of each operand.
const VALUES: usize = 1 << 14;

/// One step of AdamW. Coefficients are found in f64; what is taken off a parameter is one number,
/// so that a decay of less than the last bit of `1 − learning_rate · weight_decay` is not lost.
pub(super) fn adamw(
    isa: Isa,
    parameter: &mut Matrix,
    gradient: &Matrix,
    first_moment: &mut Matrix,
    second_moment: &mut Matrix,
    step: AdamW,
) {
    let coefficients = Coefficients::of(step);
    let count = gradient.values().len();
    let targets = [parameter, first_moment, second_moment]
        .map(|matrix| Target::new(matrix.values_mut(), count.max(1)));
    thread_team::for_each(count.div_ceil(VALUES), |task| {
        let values = task * VALUES..count.min((task + 1) * VALUES);
        // SAFETY: the values of one task are its own.
        let [w, m, v] = targets.map(|target| unsafe { target.part(0, values.clone()) });
        isa.vectorize(Step { w, m, v, g: &gradient.values()[values], coefficients });
    });
}

#[derive(Clone, Copy)]
struct Coefficients {
    /// Of what is there, and of the gradient.
    first: [f32; 2],
    /// Of what is there, and of the squared gradient.
    second: [f32; 2],
    decay: f32,
    step_size: f32,
    /// `1 / √(1 − β₂ᵗ)`, of the root of the second moment.
    root: f32,
    eps: f32,
}

impl Coefficients {
    fn of(step: AdamW) -> Self {
        let AdamW { learning_rate, beta1, beta2, eps, weight_decay, step, gradient_factor } = step;
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        Self {
            first: [beta1 as f32, ((1.0 - beta1) * gradient_factor) as f32],
            second: [beta2 as f32, ((1.0 - beta2) * gradient_factor * gradient_factor) as f32],
            decay: (learning_rate * weight_decay) as f32,
            step_size: (learning_rate / correction(beta1)) as f32,
            root: (1.0 / correction(beta2).sqrt()) as f32,
            eps: eps as f32,
        }
    }
}

struct Step<'a> {
    w: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    g: &'a [f32],
    coefficients: Coefficients,
}

impl Vectorize for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Coefficients { first, second, decay, step_size, root, eps } = self.coefficients;
        let moments = self.m.iter_mut().zip(self.v);
        for (((w, &g), m), v) in
            self.w.iter_mut().zip(self.g).zip(moments).map(|((w, g), (m, v))| (((w, g), m), v))
        {
            *m = multiply_add(L::FUSED, first[0], *m, first[1] * g);
            *v = multiply_add(L::FUSED, second[0], *v, second[1] * g * g);
            let denominator = multiply_add(L::FUSED, v.sqrt(), root, eps);
            *w -= multiply_add(L::FUSED, decay, *w, step_size * *m / denominator);
        }
    }
}

/// `Σ x²`: in f64, 16 lanes of each task's values, then the tasks in order.
pub(super) fn squared_norm(isa: Isa, x: &Matrix) -> f64 {
    let values = x.values();
    let mut sums = vec![0.0; values.len().div_ceil(VALUES)];
    for_each_chunk(&mut sums, 1, |task, sum| {
        let values = &values[task * VALUES..values.len().min((task + 1) * VALUES)];
        sum[0] = isa.vectorize(SquaredNorm { values });
    });
    sums.iter().sum()
}

struct SquaredNorm<'a> {
    values: &'a [f32],
}

impl Vectorize for SquaredNorm<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self) -> f64 {
        let (chunks, tail) = self.values.as_chunks::<16>();
        let mut sums = [0.0_f64; 16];
        for chunk in chunks {
            for (sum, &value) in sums.iter_mut().zip(chunk) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
        for (sum, &value) in sums.iter_mut().zip(tail) {
            *sum += f64::from(value) * f64::from(value);
        }
        sums.iter().sum()
    }
}
