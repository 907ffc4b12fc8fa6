//! Every value of a checkpoint read: NaN and infinities would make every embedding NaN.

use crate::error::CheckpointError;
use crate::state_dict::StateDict;
use crate::tensor::{Dtype, Tensor};
use rayon::prelude::*;

/// What [`super::Checkpoint::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// How many tensors there are.
    pub tensors: usize,
    /// How many values they have together.
    pub values: u64,
    /// Bytes they take in the file.
    pub bytes: u64,
    /// Tensors with NaN or infinite values, and how many.
    pub not_finite: Vec<(String, usize)>,
    /// Weights of more than one value that are all zero: legal, and usually a mistake. Biases are
    /// not listed.
    pub all_zero: Vec<String>,
}

impl CheckReport {
    /// Whether nothing was found that keeps the model from working.
    pub fn is_ok(&self) -> bool {
        self.not_finite.is_empty()
    }
}

pub(super) fn check(state_dict: &StateDict) -> CheckReport {
    let tensors: Vec<_> = state_dict.iter().collect();
    let found: Vec<_> = tensors
        .par_iter()
        .map(|(_, tensor)| {
            (count_not_finite(tensor), tensor.to_contiguous().iter().all(|&byte| byte == 0))
        })
        .collect();
    let named = || tensors.iter().zip(&found);
    CheckReport {
        tensors: tensors.len(),
        values: tensors.iter().map(|(_, tensor)| tensor.elements() as u64).sum(),
        bytes: tensors
            .iter()
            .map(|(_, t)| t.elements().saturating_mul(t.dtype().size()) as u64)
            .sum(),
        not_finite: named()
            .filter(|(_, (count, _))| *count > 0)
            .map(|((name, _), (count, _))| ((*name).to_owned(), *count))
            .collect(),
        all_zero: named()
            .filter(|((name, tensor), (_, zero))| {
                *zero && tensor.elements() > 1 && !name.ends_with("bias")
            })
            .map(|((name, _), _)| (*name).to_owned())
            .collect(),
    }
}

/// # Errors
/// [`CheckpointError::NotFinite`] for the first tensor by name that has such values.
pub(crate) fn refuse_not_finite(state_dict: &StateDict) -> Result<(), CheckpointError> {
    let tensors: Vec<_> = state_dict.iter().collect();
    let first = tensors.par_iter().find_map_first(|(name, tensor)| {
        let count = count_not_finite(tensor);
        (count > 0).then_some((*name, count))
    });
    match first {
        None => Ok(()),
        Some((name, count)) => Err(CheckpointError::NotFinite {
            path: state_dict.path().to_path_buf(),
            name: name.to_owned(),
            count,
        }),
    }
}

/// The scale of similarities: in released models 14.3 to 100, beyond these it makes one class of
/// all, or none.
const SCALES: std::ops::RangeInclusive<f32> = 0.001..=1000.0;
/// Scales that training arrives at: it begins at 14.3 and is held below 100.
const USUAL_SCALES: std::ops::Range<f32> = 1.0..101.0;

/// Refuses a `logit_scale` that makes nothing of similarities; warns of one that is odd.
///
/// # Errors
/// [`CheckpointError::WrongScale`], also for NaN and where the exponential is infinite or zero.
pub(crate) fn check_scale(state_dict: &StateDict) -> Result<Option<String>, CheckpointError> {
    let value = state_dict.get("logit_scale").and_then(|tensor| tensor.to_f32().first().copied());
    let Some(logarithm) = value else { return Ok(None) };
    let factor = logarithm.exp();
    if !SCALES.contains(&factor) {
        return Err(CheckpointError::WrongScale {
            path: state_dict.path().to_path_buf(),
            logarithm,
            factor,
        });
    }
    let odd = !USUAL_SCALES.contains(&factor);
    Ok(odd
        .then(|| format!("similarities are multiplied by {factor:.3}, CLIP's models by 14 to 100")))
}

const EXPONENT: u32 = f32::INFINITY.to_bits();

/// How many values are NaN or infinite. Costs little where they are to be read anyway.
pub(crate) fn count(values: &[f32]) -> usize {
    let is_special = |value: &f32| value.to_bits() & EXPONENT == EXPONENT;
    // Nearly always there is none, and finding that out needs no branch.
    let (chunks, tail) = values.as_chunks::<16>();
    let mut special = [0u32; 16];
    for chunk in chunks {
        for (special, value) in special.iter_mut().zip(chunk) {
            *special |= u32::from(is_special(value));
        }
    }
    if special == [0; 16] && !tail.iter().any(is_special) {
        return 0;
    }
    values.iter().filter(|value| is_special(value)).count()
}

/// Bytes a thread looks at in one go.
const CHUNK: usize = 1 << 20;

/// A value is NaN or infinite exactly when all bits of its exponent are set.
fn count_not_finite(tensor: &Tensor) -> usize {
    let bytes = tensor.to_contiguous();
    let count = |of: fn(&[u8]) -> usize| bytes.par_chunks(CHUNK).map(of).sum();
    match tensor.dtype() {
        Dtype::F16 => count(|chunk| {
            let special = |&b: &[u8; 2]| u16::from_le_bytes(b) & 0x7C00 == 0x7C00;
            chunk.as_chunks().0.iter().filter(|b| special(b)).count()
        }),
        Dtype::Bf16 => count(|chunk| {
            let special = |&b: &[u8; 2]| u16::from_le_bytes(b) & 0x7F80 == 0x7F80;
            chunk.as_chunks().0.iter().filter(|b| special(b)).count()
        }),
        Dtype::F32 => count(|chunk| {
            let special = |&b: &[u8; 4]| u32::from_le_bytes(b) & EXPONENT == EXPONENT;
            chunk.as_chunks().0.iter().filter(|b| special(b)).count()
        }),
        // What overflows f32 is infinite for the model.
        Dtype::F64 => count(|chunk| {
            let special = |&b: &[u8; 8]| !(f64::from_le_bytes(b) as f32).is_finite();
            chunk.as_chunks().0.iter().filter(|b| special(b)).count()
        }),
        Dtype::I64 | Dtype::I32 | Dtype::I16 | Dtype::I8 | Dtype::U8 | Dtype::Bool => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::SharedBytes;

    #[test]
    fn scales_that_make_nothing_of_similarities_are_refused() {
        let of = |value: f32| {
            let scale = Tensor::from_f32(&[], vec![value]);
            check_scale(&StateDict::from_tensors(
                "m.pt",
                [("logit_scale".to_owned(), scale)].into(),
            ))
        };
        for value in
            [100.0, 14.2857, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -100.0, 88.8, 50.0]
        {
            let error = of(value).unwrap_err().to_string();
            assert!(error.contains("`logit_scale` is "), "{error}");
        }
        for value in [2.6592, 4.6052, 4.6055, 0.07] {
            assert_eq!(of(value).unwrap(), None, "{value}");
        }
        assert!(of(6.0).unwrap().unwrap().contains("multiplied by 403.4"));
    }

    #[test]
    fn nan_and_infinity_are_counted_in_every_floating_type() {
        let values = [0.0f32, 1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -65504.0];
        let half: Vec<u8> =
            values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect();
        let brain: Vec<u8> =
            values.iter().flat_map(|&v| half::bf16::from_f32(v).to_le_bytes()).collect();
        let double: Vec<u8> = values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect();
        for (dtype, bytes) in [(Dtype::F16, half), (Dtype::Bf16, brain), (Dtype::F64, double)] {
            let tensor = Tensor::from_bytes(dtype, vec![6], SharedBytes::new(bytes), 0).unwrap();
            assert_eq!(count_not_finite(&tensor), 3, "{dtype:?}");
        }
        assert_eq!(count_not_finite(&Tensor::from_f32(&[6], values.to_vec())), 3);
        for length in 0..40 {
            for place in 0..length {
                let mut values = vec![f32::MAX; length];
                values[place] = f32::NEG_INFINITY;
                assert_eq!(count(&values), 1, "place {place} of {length}");
            }
            assert_eq!(count(&vec![f32::MIN_POSITIVE; length]), 0);
        }
    }
}
