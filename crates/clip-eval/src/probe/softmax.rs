//! Cross-entropy of softmax and its gradient, 32 samples side by side.
//!
//! Logits stand class by class, `[classes, samples]`: what happens to a sample happens to 32 of
//! them in the lanes of vectors, and the compiler needs no help (SSE2, no FMA: the same bits
//! everywhere). One exponential per logit is a twentieth of the products' time.
//!
//! `p − 1` of the true class would lose what a good fit is about, so the true class is kept apart:
//! its gradient is minus the sum of the others.

use super::loss_sums::LossSums;
use std::ops::Range;

const LANES: usize = 32;
/// Classes whose exponentials are summed in f32 before they join a sum in f64.
const CLASSES_AT_A_TIME: usize = 64;

/// Turns logits `[classes, samples]` into the gradient of the cross-entropy with respect to them,
/// and adds what the samples contribute. Samples that are not `active` get zeros.
///
/// - `intercepts`: `[classes]`, added to the logits here
/// - `labels`: `[active]`, each below the number of classes
pub(super) fn cross_entropy(
    logits: &mut [f32],
    samples: usize,
    active: Range<usize>,
    intercepts: &[f32],
    labels: &[u32],
    sums: &mut LossSums,
) {
    for start in (0..samples).step_by(LANES) {
        let columns = start..samples.min(start + LANES);
        let inside = columns.start.max(active.start)..columns.end.min(active.end);
        if inside.is_empty() {
            logits.chunks_exact_mut(samples).for_each(|class| class[columns.clone()].fill(0.0));
            continue;
        }
        let labels = &labels[inside.start - active.start..inside.end - active.start];
        let lanes = inside.start - columns.start..inside.end - columns.start;
        Block { logits: &mut *logits, samples, columns, lanes, intercepts, labels }.compute(sums);
    }
}

/// Up to 32 columns of the logits, some lanes of which are active.
struct Block<'a> {
    logits: &'a mut [f32],
    samples: usize,
    columns: Range<usize>,
    lanes: Range<usize>,
    intercepts: &'a [f32],
    labels: &'a [u32],
}

impl Block<'_> {
    fn compute(mut self, sums: &mut LossSums) {
        let greatest = self.add_intercepts();
        let own = self.take_own();
        let others = self.exponentials(&greatest);
        let mut scale = [0.0; LANES]; // zero where not active
        let mut d_own = [0.0; LANES];
        for lane in self.lanes.clone() {
            let (others, margin) = (others[lane], f64::from(own[lane]) - f64::from(greatest[lane]));
            let own = margin.exp();
            let total = others + own;
            // Where the true class leads, its exponential is one and the rest may be tiny.
            sums.loss += if margin == 0.0 { others.ln_1p() } else { total.ln() - margin };
            scale[lane] = (1.0 / total) as f32;
            d_own[lane] = (-others / total) as f32;
            // 1 − p² of the true class; `scaled` takes off the squares of the others.
            sums.curvature += others / total * (1.0 + own / total);
        }
        sums.curvature -= self.scale(&scale, &mut sums.d_intercepts);
        for (lane, &label) in self.lanes.clone().zip(self.labels) {
            self.logits[label as usize * self.samples + self.columns.start + lane] = d_own[lane];
            sums.d_intercepts[label as usize] += f64::from(d_own[lane]);
        }
    }

    /// Adds each class's intercept; the greatest logit of every sample.
    fn add_intercepts(&mut self) -> [f32; LANES] {
        let mut greatest = [f32::MIN; LANES];
        for (class, &intercept) in self.logits.chunks_exact_mut(self.samples).zip(self.intercepts) {
            for (logit, greatest) in class[self.columns.clone()].iter_mut().zip(&mut greatest) {
                *logit += intercept;
                *greatest = if *logit > *greatest { *logit } else { *greatest };
            }
        }
        greatest
    }

    /// Takes the logit of the true class out: its exponential will be (almost) nothing.
    fn take_own(&mut self) -> [f32; LANES] {
        let mut own = [0.0; LANES];
        for (lane, &label) in self.lanes.clone().zip(self.labels) {
            let logit = &mut self.logits[label as usize * self.samples + self.columns.start + lane];
            own[lane] = std::mem::replace(logit, f32::NEG_INFINITY);
        }
        own
    }

    /// Logits become `exp(logit − greatest)`; their sums.
    fn exponentials(&mut self, greatest: &[f32; LANES]) -> [f64; LANES] {
        let mut sums = [0.0; LANES];
        for classes in self.logits.chunks_mut(self.samples * CLASSES_AT_A_TIME) {
            let mut part = [0.0_f32; LANES];
            for class in classes.chunks_exact_mut(self.samples) {
                let class = &mut class[self.columns.clone()];
                for ((logit, greatest), part) in class.iter_mut().zip(greatest).zip(&mut part) {
                    *logit = exp(*logit - greatest);
                    *part += *logit;
                }
            }
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(part));
        }
        sums
    }

    /// Exponentials become probabilities, which are added to the classes' sums; the sum of their
    /// squares.
    fn scale(&mut self, scale: &[f32; LANES], d_intercepts: &mut [f64]) -> f64 {
        let mut squares = [0.0_f32; LANES];
        for (class, d_intercept) in self.logits.chunks_exact_mut(self.samples).zip(d_intercepts) {
            let mut parts = [0.0_f32; LANES];
            let class = &mut class[self.columns.clone()];
            for (lane, (value, scale)) in class.iter_mut().zip(scale).enumerate() {
                *value *= scale;
                parts[lane] = *value;
                squares[lane] += *value * *value;
            }
            *d_intercept += f64::from(parts.iter().sum::<f32>());
        }
        squares.iter().map(|&square| f64::from(square)).sum()
    }
}

/// `ln 2` in two parts: the first has 9 significant bits, so that its product with a small integer
/// is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding `1.5 · 2²³` rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// Below, the result would be subnormal: the result of this is returned, 1.6e-38.
const LOWEST: f32 = -87.0;
/// `eʳ` for `|r| ≤ ln 2 / 2`, lowest power first (those of clip-kernels' exponential).
const POWERS: [f32; 7] =
    [1.0, 1.0, 0.499_999_9, 0.166_664_2, 4.166_823e-2, 8.374_857e-3, 1.383_679_4e-3];

/// `eˣ` of a number that is not positive, within 3 ulp.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if x > LOWEST { x } else { LOWEST };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let squared = r * r;
    let high = squared * POWERS[6] + (r * POWERS[5] + POWERS[4]);
    let low = squared * (r * POWERS[3] + POWERS[2]) + (r * POWERS[1] + POWERS[0]);
    let power_of_two = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    (squared * squared * high + low) * power_of_two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_stays_within_three_ulp() {
        let mut worst = 0.0_f64;
        for step in 0..=1_000_000 {
            let x = LOWEST * step as f32 / 1e6;
            worst = worst.max((f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs());
        }
        assert!(worst < 3.0 * f64::from(f32::EPSILON), "relative error {worst:e}");
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn gradient_of_a_sample_sums_to_zero_and_the_others_stay_out() {
        let (classes, samples, active) = (5, 75, 3..70);
        let mut logits: Vec<f32> = (0..classes * samples).map(|i| (i % 17) as f32 - 8.0).collect();
        let labels: Vec<u32> = active.clone().map(|i| (i % classes) as u32).collect();
        let mut sums = LossSums::zeros(classes);
        let intercepts = [0.5, 0.0, -1.0, 3.0, 0.25];
        let before = logits.clone();
        cross_entropy(&mut logits, samples, active.clone(), &intercepts, &labels, &mut sums);
        let mut loss = 0.0;
        let mut curvature = 0.0;
        for sample in 0..samples {
            let of = |class: usize| f64::from(before[class * samples + sample] + intercepts[class]);
            let total: f64 = (0..classes).map(|class| of(class).exp()).sum();
            let gradient = |class: usize| f64::from(logits[class * samples + sample]);
            assert!((0..classes).map(gradient).sum::<f64>().abs() < 1e-6);
            if !active.contains(&sample) {
                assert!((0..classes).all(|class| gradient(class) == 0.0));
                continue;
            }
            let label = labels[sample - active.start] as usize;
            loss += total.ln() - of(label);
            for class in 0..classes {
                let p = of(class).exp() / total;
                let expected = p - if class == label { 1.0 } else { 0.0 };
                assert!(
                    (gradient(class) - expected).abs() < 1e-6,
                    "sample {sample}, class {class}"
                );
                curvature += p * (1.0 - p);
            }
        }
        assert!((sums.loss / loss - 1.0).abs() < 1e-6);
        assert!((sums.curvature / curvature - 1.0).abs() < 1e-5);
    }
}
