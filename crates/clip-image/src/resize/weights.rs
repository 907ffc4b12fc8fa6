//! Which input pixels an output pixel is made of, and how much of each.
//!
//! In f64 and in Pillow's order of operations: another order gives other last bits, and then other
//! pixels.

use std::ops::Range;

use super::filter::Filter;

/// The weights of a range of output columns (or rows).
pub(super) struct Weights<W> {
    /// First input index of each output.
    firsts: Vec<usize>,
    /// Number of weights of each output.
    counts: Vec<usize>,
    /// `[outputs, stride]`; unused places are 0.
    values: Vec<W>,
    stride: usize,
}

impl Weights<f64> {
    /// Weights for the outputs `kept` when `extent` pixels become `output`. The last of the `input`
    /// pixels may lie partly behind the extent.
    pub(super) fn new(
        (input, extent): (u64, f64),
        output: u64,
        kept: Range<u64>,
        filter: &Filter,
    ) -> Self {
        let scale = extent / output as f64;
        let filter_scale = scale.max(1.0);
        let support = filter.support * filter_scale;
        let stride = support.ceil() as usize * 2 + 1;
        let narrowed = 1.0 / filter_scale;
        let outputs = (kept.end - kept.start) as usize;
        let mut weights = Self {
            firsts: Vec::with_capacity(outputs),
            counts: Vec::with_capacity(outputs),
            values: vec![0.0; outputs * stride],
            stride,
        };
        for (values, index) in weights.values.chunks_exact_mut(stride).zip(kept) {
            let center = (index as f64 + 0.5) * scale;
            let first = ((center - support + 0.5) as i64).max(0);
            let end = ((center + support + 0.5) as i64).min(input as i64);
            let count = (end - first) as usize;
            let mut sum = 0.0;
            for (offset, value) in values[..count].iter_mut().enumerate() {
                *value = (filter.value)(((offset as i64 + first) as f64 - center + 0.5) * narrowed);
                sum += *value;
            }
            if sum != 0.0 {
                for value in &mut values[..count] {
                    *value /= sum;
                }
            }
            weights.firsts.push(first as usize);
            weights.counts.push(count);
        }
        weights
    }

    /// In fixed point with `bits` bits behind the point, halves away from zero.
    pub(super) fn fixed(&self, bits: u32) -> Weights<i32> {
        let one = f64::from(1_u32 << bits);
        let fix = |value: &f64| (value * one + if *value < 0.0 { -0.5 } else { 0.5 }) as i32;
        Weights {
            firsts: self.firsts.clone(),
            counts: self.counts.clone(),
            values: self.values.iter().map(fix).collect(),
            stride: self.stride,
        }
    }
}

impl<W> Weights<W> {
    /// For each output: the first input index and the weights from there on.
    #[inline(always)] // into the passes, which are compiled once per instruction set
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (usize, &[W])> {
        let outputs =
            self.firsts.iter().zip(&self.counts).zip(self.values.chunks_exact(self.stride));
        outputs.map(|((first, count), values)| (*first, &values[..*count]))
    }

    /// The input indices that any of the outputs uses.
    pub(super) fn span(&self) -> Range<usize> {
        let start = self.firsts.iter().min().copied().unwrap_or(0);
        let end = self
            .firsts
            .iter()
            .zip(&self.counts)
            .map(|(first, count)| first + count)
            .max()
            .unwrap_or(0);
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Interpolation;
    use super::*;

    #[test]
    fn weights_of_an_output_sum_to_one() {
        let filter = Filter::of(Interpolation::Bicubic);
        for (input, output) in [(400, 224), (3, 224), (1, 7), (1000, 1)] {
            for (_, values) in
                Weights::new((input, input as f64), output, 0..output, &filter).iter()
            {
                assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }
}
