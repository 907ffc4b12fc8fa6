//! Weights and batches by formula (version 1, `clip_model::synthetic`).

use super::case::{Case, InitialRow};
use super::error::ReplayError;
use crate::batch::Batch;
use clip_model::{StateDict, Tensor, synthetic};
use std::path::Path;

/// Pictures and captions come from so many classes.
const CLASSES: u64 = 16;

impl Case {
    /// The weights of a seed.
    pub(super) fn weights(&self, seed: u64) -> StateDict {
        let tensor = |InitialRow(name, shape, scale, offset, ..): &InitialRow| {
            let count = shape.iter().product();
            let values = synthetic::uniform(seed, name, count, *scale, *offset);
            (name.clone(), Tensor::from_f32(shape, values))
        };
        let tensors = self.initial.rows.iter().map(tensor).collect();
        StateDict::from_tensors(format!("weights by formula, seed {seed}"), tensors)
    }

    /// The batch of a step: sample i shows class 5 i + step.
    pub(super) fn batch(&self, step: u64) -> Batch {
        let (pairs, resolution) = (self.config.batch as u64, self.config.resolution());
        let mut batch = Batch::default();
        for i in 0..pairs {
            let class = (5 * i + step) % CLASSES;
            let place = format!("step.{step}.sample.{i}");
            batch.samples.push(pairs * step + i);
            batch.keys.push(place.clone());
            let values = 3 * resolution * resolution;
            let unit = |name: &str| synthetic::uniform(self.seed, name, values, 1.0, 0.0);
            let noise = unit(&format!("{place}.pixels"));
            let picture = unit(&format!("class.{class}.pixels"));
            batch.pixels.extend(picture.iter().zip(noise).map(|(pixel, noise)| {
                let noise = 0.5 * noise;
                pixel + noise
            }));
            batch.texts.push(self.text(step, i, class));
        }
        batch
    }

    /// Start, four tokens of the class, some of the sample, end.
    fn text(&self, step: u64, i: u64, class: u64) -> Vec<u32> {
        let vocabulary = self.config.vocab_size as u32;
        let tokens = |name: &str, count| {
            let words = synthetic::words(self.seed, name, count);
            words.into_iter().map(|word| 1 + word % (vocabulary - 3)).collect::<Vec<u32>>()
        };
        let of_sample = 1 + (i + step) % 8;
        let mut text = vec![vocabulary - 2];
        text.extend(tokens(&format!("class.{class}.tokens"), 4));
        text.extend(tokens(&format!("step.{step}.sample.{i}.tokens"), of_sample as u32));
        text.push(vocabulary - 1);
        text
    }

    /// Whether weights and the first batch are those that the references were made with.
    pub(super) fn check_formula(&self, path: &Path) -> Result<(), ReplayError> {
        let fail = |reason| Err(ReplayError::Case { path: path.to_owned(), reason });
        let weights = self.weights(self.seed);
        for InitialRow(name, .., expected, _) in &self.initial.rows {
            let found = weights.get(name).map(|tensor| bits_sum(&tensor.to_f32()));
            if found.as_deref() != Some(expected) {
                return fail(format!("initial: the formula does not give `{name}`"));
            }
        }
        let batch = self.batch(0);
        if bits_sum(&batch.pixels) != self.batch_0.pixels_bits_sum {
            return fail("batch_0: the formula does not give these pixels".to_owned());
        }
        let is_padded = |(ids, text): (&Vec<u32>, &Vec<u32>)| {
            ids.starts_with(text) && ids[text.len()..].iter().all(|&id| id == 0)
        };
        let ids = &self.batch_0.token_ids;
        if ids.len() != batch.texts.len() || !ids.iter().zip(&batch.texts).all(is_padded) {
            return fail("batch_0: the formula does not give these tokens".to_owned());
        }
        Ok(())
    }
}

/// The check sum of the references: bits times place, summed.
fn bits_sum(values: &[f32]) -> String {
    let sum = values.iter().zip((0..65_521).cycle()).fold(0u64, |sum, (value, place)| {
        sum.wrapping_add(u64::from(value.to_bits()).wrapping_mul(1 + place))
    });
    format!("{sum:016x}")
}
