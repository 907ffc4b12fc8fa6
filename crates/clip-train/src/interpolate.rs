//! Models between models: weights mixed one by one. Between a model and its fine-tune lie some that
//! are better than both (WiSE-FT, Wortsman et al. 2022); the mean of several fine-tunes is a soup
//! (Wortsman et al. 2022b).

use std::collections::BTreeMap;

use clip_model::{Checkpoint, StateDict, Tensor};

use crate::start::in_short;

/// Why models cannot be mixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// They are not of one architecture.
    #[error("{first} and {other} cannot be mixed: {reason}")]
    Different {
        /// The first model.
        first: String,
        /// The one that is not like it.
        other: String,
        /// In what.
        reason: String,
    },
    /// There is none, or weights that are no share of each.
    #[error("models to mix: {0}")]
    Shares(&'static str),
}

/// A model whose every weight is the sum of those of the models, each times its share. Computed in
/// f64 and rounded to f32 once: a share of 1 among zeros gives that model's own bits. The logit
/// scale is mixed as it is trained, as a logarithm; counters and all that is no weight are those of
/// the first.
///
/// # Errors
/// No models, shares that are not finite, or models of several architectures.
pub fn mix(models: &[(f64, &Checkpoint)]) -> Result<Checkpoint, MixError> {
    let Some((_, first)) = models.first() else { return Err(MixError::Shares("there is none")) };
    if !models.iter().all(|(share, _)| share.is_finite()) {
        return Err(MixError::Shares("a share is not finite"));
    }
    for (_, other) in models {
        check(first, other)?;
    }
    let mut tensors = BTreeMap::new();
    for (name, tensor) in first.state_dict.iter() {
        let mixed = if tensor.dtype().is_float() {
            let mut sums = vec![-0.0; tensor.to_f32().len()]; // to which -0 adds up to -0
            for (share, model) in models.iter().filter(|(share, _)| *share != 0.0) {
                let values = model.state_dict.get(name).map(Tensor::to_f32).unwrap_or_default();
                for (sum, value) in sums.iter_mut().zip(values.iter()) {
                    *sum += share * f64::from(*value);
                }
            }
            let values = sums.into_iter().map(|sum| sum as f32).collect();
            Tensor::from_f32(tensor.shape(), values)
        } else {
            tensor.clone()
        };
        tensors.insert(name.to_owned(), mixed);
    }
    let mut mixed = (*first).clone();
    mixed.state_dict = StateDict::from_tensors("a mixture of models", tensors);
    mixed.released = mixed.released && models.iter().all(|(_, model)| model.released);
    Ok(mixed)
}

/// Whether a model can be mixed with the first.
fn check(first: &Checkpoint, other: &Checkpoint) -> Result<(), MixError> {
    let name = |model: &Checkpoint| model.state_dict.path().display().to_string();
    let different = |reason: String| {
        Err(MixError::Different { first: name(first), other: name(other), reason })
    };
    let (ours, theirs) = (&first.architecture, &other.architecture);
    if (&ours.image, &ours.text) != (&theirs.image, &theirs.text) {
        return different(format!("one is {}, the other {}", in_short(ours), in_short(theirs)));
    }
    if ours != theirs {
        let told = |model: &Checkpoint| {
            let architecture = &model.architecture;
            format!("{} dimensions with {}", architecture.embed_dim, architecture.activation.name())
        };
        return different(format!("they have {} and {}", told(first), told(other)));
    }
    let shape =
        |model: &Checkpoint, name: &str| model.state_dict.get(name).map(|t| t.shape().to_vec());
    let wrong = first
        .state_dict
        .iter()
        .filter(|(_, tensor)| tensor.dtype().is_float())
        .find(|(name, tensor)| shape(other, name).as_deref() != Some(tensor.shape()));
    match wrong {
        Some((name, _)) => different(format!("one has no tensor `{name}` like the other's")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clip_model::synthetic;
    use clip_rs::{LoadOptions, open_checkpoint};

    use super::*;

    #[test]
    fn ends_are_the_models_themselves_and_the_middle_is_their_mean() {
        let one = open_checkpoint("starter", &LoadOptions::default()).expect("built in");
        let mut two = one.clone();
        two.state_dict = synthetic::state_dict(&one.architecture, 3);
        let at = |share: f64| mix(&[(1.0 - share, &one), (share, &two)]).expect("alike");
        let values = |model: &Checkpoint| {
            model.state_dict.get("visual.conv1.weight").expect("there").to_f32()
        };
        assert_eq!(values(&at(0.0)), values(&one));
        assert_eq!(values(&at(1.0)), values(&two));
        let mean = values(&one)[7].midpoint(values(&two)[7]);
        assert!((values(&at(0.5))[7] - mean).abs() < 1e-6);
        let thrice = mix(&[(1.0 / 3.0, &one); 3]).expect("alike");
        assert!((values(&thrice)[7] - values(&one)[7]).abs() < 1e-6);
    }

    #[test]
    fn models_of_two_architectures_are_refused_by_what_differs() {
        let one = open_checkpoint("starter", &LoadOptions::default()).expect("built in");
        let mut two = one.clone();
        two.architecture.text.layers += 1;
        let error = mix(&[(0.5, &one), (0.5, &two)]).expect_err("different").to_string();
        assert!(error.contains("text width 128, 3 layers"), "{error}");
        assert_eq!(mix(&[]).expect_err("none"), MixError::Shares("there is none"));
        assert!(mix(&[(f64::NAN, &one)]).is_err());
    }
}
