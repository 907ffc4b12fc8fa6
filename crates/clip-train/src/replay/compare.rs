//! Differences between tensors, and between a tensor and its summary.

use super::case::{Summaries, Summary};
use super::report::{Errors, WorstTensor};
use clip_model::StateDict;
use std::collections::BTreeMap;

/// Values by the names of tensors, in the order of a file.
pub(super) type Tensors = BTreeMap<String, Vec<f32>>;

/// Gradients: L2 norm of the difference over that of the reference.
pub(super) const GRADIENT: f64 = 5e-5;
/// Gradients that are zero in exact arithmetic.
pub(super) const ZERO_GRADIENT: f64 = 1e-7;
/// Final weights.
pub(super) const WEIGHT: f64 = 1e-4;
/// Final key biases: their gradient is rounding, which AdamW divides by its own size.
pub(super) const KEY_BIAS: f64 = 1e-3;

/// Whether part of this tensor is a bias on keys, which changes no softmax.
pub(super) fn has_key_bias(name: &str) -> bool {
    name.ends_with("attn.in_proj_bias") || name.ends_with("attnpool.k_proj.bias")
}

/// The values of a final tensor that have a gradient, and those of its key bias.
pub(super) fn without_key_bias(name: &str, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let length = values.len();
    let keys = match name {
        _ if name.ends_with("attn.in_proj_bias") => length / 3..2 * length / 3,
        _ if name.ends_with("attnpool.k_proj.bias") => 0..length,
        _ => 0..0,
    };
    let (keys, rest): (Vec<_>, Vec<_>) =
        values.iter().enumerate().partition(|(i, _)| keys.contains(i));
    let values = |part: Vec<(usize, &f64)>| part.into_iter().map(|(_, &value)| value).collect();
    (values(rest), values(keys))
}

pub(super) fn l2(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// The larger of two, where NaN is larger than anything.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

pub(super) fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |largest, value| larger(value.abs(), largest))
}

/// Gradients against a state dict of references; notes what is missing or beyond its tolerance.
pub(super) fn gradients(found: &Tensors, expected: &StateDict, errors: &mut Errors) -> WorstTensor {
    let mut worst = WorstTensor { tensor: String::new(), relative_l2: -1.0 };
    for (name, tensor) in expected.iter() {
        let expected = tensor.to_f32();
        let Some(found) = found.get(name).filter(|found| found.len() == expected.len()) else {
            errors.failures.push(format!("step 0: `{name}` has no gradient of this shape"));
            continue;
        };
        let pairs = found.iter().zip(&expected);
        let difference = l2(pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)));
        let norm = l2(expected.iter().map(|&value| f64::from(value)));
        if norm < ZERO_GRADIENT {
            let largest = largest(found.iter().map(|&value| f64::from(value)));
            errors.hold(&format!("step 0: gradient of `{name}`"), largest, ZERO_GRADIENT);
            continue;
        }
        let relative_l2 = difference / norm;
        errors.hold(&format!("step 0: gradient of `{name}`"), relative_l2, GRADIENT);
        if relative_l2.is_nan() || relative_l2 > worst.relative_l2 {
            worst = WorstTensor { tensor: name.to_owned(), relative_l2 };
        }
    }
    worst
}

/// Gradients against summaries: errors of the norm and of the first values, relative to the norm.
pub(super) fn gradient_summaries(
    variant: &str,
    found: &Tensors,
    expected: &Summaries,
    errors: &mut Errors,
) {
    for (name, summary) in expected {
        match found.get(name) {
            None => errors.failures.push(format!("{variant}: `{name}` has no gradient")),
            Some(values) if summary.l2 < ZERO_GRADIENT => {
                let largest = largest(values.iter().map(|&value| f64::from(value)));
                errors.note_of(variant, "zero_grads_max_abs", name, largest, ZERO_GRADIENT);
            }
            Some(values) => {
                let error = summary_error(values, summary) / summary.l2;
                errors.note_of(variant, "grads_max_rel", name, error, GRADIENT);
            }
        }
    }
}

/// Weights, averages or statistics against summaries: the first values absolutely, the norm
/// relative to itself.
pub(super) fn weight_summaries(
    variant: &str,
    found: &Tensors,
    expected: &Summaries,
    errors: &mut Errors,
) {
    for (name, summary) in expected {
        match found.get(name) {
            None => errors.failures.push(format!("{variant}: `{name}` is missing")),
            Some(values) => {
                let error = summary_error(values, summary);
                let (what, tolerance) = match has_key_bias(name) {
                    true => ("key_bias_max_abs", KEY_BIAS),
                    false => ("weights_max_abs", WEIGHT * summary.l2.max(1.0)),
                };
                errors.note_of(variant, what, name, error, tolerance);
            }
        }
    }
}

/// The largest difference of the norm and of the first values.
fn summary_error(values: &[f32], summary: &Summary) -> f64 {
    let norm = l2(values.iter().map(|&value| f64::from(value)));
    let first = values.iter().zip(&summary.first);
    let first = largest(first.map(|(&value, expected)| f64::from(value) - expected));
    larger((norm - summary.l2).abs(), first)
}

/// Moments against summaries, relative to the norm. Those of key biases are rounding.
pub(super) fn moment_summaries(
    what: &str,
    (tolerance, zero): (f64, &[String]),
    found: &Tensors,
    expected: &Summaries,
    errors: &mut Errors,
) {
    for (name, summary) in expected {
        match found.get(name) {
            None => errors.failures.push(format!("{what}: `{name}` is missing")),
            Some(values) if !zero.contains(name) => {
                let error = summary_error(values, summary) / summary.l2;
                errors.note_of("optimizer", what, name, error, tolerance);
            }
            Some(_) => {}
        }
    }
}
