//! **Defines** the optimiser's step, the norm of a gradient and the moving average.

use crate::{AdamW, Matrix};

/// Decay, moments, update (PROTOCOL 2.4):
///
/// `w −= lr · wd · w`, `m = β₁ m + (1 − β₁) g`, `v = β₂ v + (1 − β₂) g²`,
/// `w −= lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)`.
pub(super) fn adamw(
    parameter: &mut Matrix,
    gradient: &Matrix,
    first_moment: &mut Matrix,
    second_moment: &mut Matrix,
    step: AdamW,
) {
    let AdamW { learning_rate, beta1, beta2, eps, weight_decay, step, gradient_factor } = step;
    let power = |beta: f64| beta.powf(step as f64);
    let places = parameter.values_mut().iter_mut().zip(gradient.values());
    let moments = first_moment.values_mut().iter_mut().zip(second_moment.values_mut());
    for ((w, &g), (m, v)) in places.zip(moments) {
        let g = f64::from(g) * gradient_factor;
        let first = beta1 * f64::from(*m) + (1.0 - beta1) * g;
        let second = beta2 * f64::from(*v) + (1.0 - beta2) * g * g;
        let corrected = (first / (1.0 - power(beta1)), second / (1.0 - power(beta2)));
        let decayed = f64::from(*w) * (1.0 - learning_rate * weight_decay);
        *w = (decayed - learning_rate * corrected.0 / (corrected.1.sqrt() + eps)) as f32;
        (*m, *v) = (first as f32, second as f32);
    }
}

/// `Σ x²`.
pub(super) fn squared_norm(x: &Matrix) -> f64 {
    x.values().iter().map(|&x| f64::from(x).powi(2)).sum()
}

/// `average = decay · average + (1 − decay) · x`.
pub(super) fn moving_average(average: &mut Matrix, x: &Matrix, decay: f64) {
    for (average, &x) in average.values_mut().iter_mut().zip(x.values()) {
        *average = (decay * f64::from(*average) + (1.0 - decay) * f64::from(x)) as f32;
    }
}
