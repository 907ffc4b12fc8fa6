//! L-BFGS for smooth convex functions (Nocedal 1980), with a metric in place of the usual multiple of
//! the identity, for values and gradients that are right to the rounding of f32.

use super::pairs::Pairs;
use super::step::{Point, step};

/// A function to be minimized.
pub(super) trait Function {
    /// Its value, and its gradient.
    fn evaluate(&mut self, at: &[f64], gradient: &mut [f64]) -> f64;

    /// Makes the metric fit the place evaluated last. Whether it has changed.
    fn refresh(&mut self) -> bool;

    /// Whether the metric knows the length of a step, not its direction alone.
    fn has_metric(&self) -> bool;

    /// The metric (about the inverse Hessian) times a vector.
    fn apply(&self, vector: Vec<f32>) -> Vec<f32>;

    /// Vector times metric times vector.
    fn norm_squared(&self, vector: &[f32]) -> f64;
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// No entry of the gradient is above the tolerance.
    Gradient,
    /// Neither value nor gradient fall any further in the arithmetic of f32.
    Precision,
    /// The iterations allowed are used up.
    Iterations,
}

/// Where a minimization ended.
pub(super) struct Minimum {
    pub(super) at: Vec<f64>,
    pub(super) value: f64,
    /// Greatest entry of the gradient.
    pub(super) gradient: f64,
    pub(super) iterations: usize,
    pub(super) evaluations: usize,
    pub(super) stop: Stop,
}

/// Iterations without progress after which there will be none.
const PATIENCE: usize = 12;
/// A smaller gain of value is none.
const GAIN: f64 = 3e-8;

/// Minimizes from a start until no entry of the gradient is above `tolerance`.
pub(super) fn minimize(
    function: &mut impl Function,
    mut at: Vec<f64>,
    tolerance: f64,
    most_iterations: usize,
) -> Minimum {
    let mut gradient = vec![0.0; at.len()];
    let mut value = function.evaluate(&at, &mut gradient);
    let (mut next, mut next_gradient) = (at.clone(), gradient.clone());
    let mut pairs = Pairs::default();
    let mut progress = Progress { value, gradient: greatest(&gradient), since: 0 };
    let (mut iterations, mut evaluations) = (0, 1);
    let stop = loop {
        if greatest(&gradient) <= tolerance {
            break Stop::Gradient;
        }
        if iterations == most_iterations {
            break Stop::Iterations;
        }
        if progress.has_ended(value, greatest(&gradient)) {
            break Stop::Precision;
        }
        if function.refresh() {
            pairs.rescale(|change| function.norm_squared(change));
        }
        let single: Vec<f32> = gradient.iter().map(|&value| value as f32).collect();
        let direction = pairs.direction(&single, |vector| function.apply(vector));
        let start = Point { value, slope: slope(&gradient, &direction) };
        let first = match pairs.is_empty() && !function.has_metric() {
            true => 1.0_f64.min(start.slope.abs().sqrt().recip()),
            false => 1.0,
        };
        let mut next_value = value;
        let found = (start.slope < 0.0).then(|| {
            step(start, first, |length| {
                evaluations += 1;
                let moves = at.iter().zip(&direction);
                next.iter_mut()
                    .zip(moves)
                    .for_each(|(next, (at, by))| *next = at + length * f64::from(*by));
                next_value = function.evaluate(&next, &mut next_gradient);
                Point { value: next_value, slope: slope(&next_gradient, &direction) }
            })
        });
        if found.flatten().is_none() {
            // What was learned may be what misleads; without it the metric alone must lead down.
            if pairs.is_empty() {
                break Stop::Precision;
            }
            pairs.clear();
            continue;
        }
        iterations += 1;
        pairs.push(difference(&next, &at), difference(&next_gradient, &gradient), |change| {
            function.norm_squared(change)
        });
        std::mem::swap(&mut at, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = next_value;
    };
    Minimum { at, value, gradient: greatest(&gradient), iterations, evaluations, stop }
}

/// When value or gradient last got better.
struct Progress {
    value: f64,
    gradient: f64,
    since: usize,
}

impl Progress {
    fn has_ended(&mut self, value: f64, gradient: f64) -> bool {
        self.since += 1;
        if value < self.value - GAIN * self.value.abs() || gradient < 0.5 * self.gradient {
            *self = Self { value, gradient, since: 0 };
        }
        self.since > PATIENCE
    }
}

fn greatest(gradient: &[f64]) -> f64 {
    gradient.iter().fold(0.0, |greatest, value| value.abs().max(greatest))
}

fn slope(gradient: &[f64], direction: &[f32]) -> f64 {
    gradient
        .iter()
        .zip(direction)
        .map(|(gradient, direction)| gradient * f64::from(*direction))
        .sum()
}

fn difference(to: &[f64], from: &[f64]) -> Vec<f32> {
    to.iter().zip(from).map(|(to, from)| (to - from) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Σ cosh(curvature_i · (x_i − i / 4))`, with the metric or without.
    struct Bowl {
        curvatures: Vec<f64>,
        metric: bool,
    }

    impl Function for Bowl {
        fn evaluate(&mut self, at: &[f64], gradient: &mut [f64]) -> f64 {
            let terms = at.iter().zip(&self.curvatures).zip(gradient).enumerate();
            terms
                .map(|(i, ((x, c), gradient))| {
                    *gradient = c * (c * (x - i as f64 / 4.0)).sinh();
                    (c * (x - i as f64 / 4.0)).cosh()
                })
                .sum()
        }

        fn refresh(&mut self) -> bool {
            false
        }

        fn has_metric(&self) -> bool {
            self.metric
        }

        fn apply(&self, vector: Vec<f32>) -> Vec<f32> {
            let of = |c: f64| if self.metric { (c * c).recip() as f32 } else { 1.0 };
            vector.iter().zip(&self.curvatures).map(|(value, &c)| value * of(c)).collect()
        }

        fn norm_squared(&self, vector: &[f32]) -> f64 {
            let applied = self.apply(vector.to_vec());
            vector.iter().zip(applied).map(|(a, b)| f64::from(*a) * f64::from(b)).sum()
        }
    }

    #[test]
    fn the_minimum_is_found_with_and_without_a_metric() {
        for metric in [false, true] {
            let curvatures = (0..30).map(|i| 1.5_f64.powi(-(i % 7))).collect();
            let mut bowl = Bowl { curvatures, metric };
            let found = minimize(&mut bowl, vec![0.0; 30], 1e-6, 1000);
            assert_eq!(found.stop, Stop::Gradient, "metric {metric}");
            let excess = found.value - 30.0;
            assert!(
                excess < 1e-6 && found.evaluations < 200,
                "{excess:e}, {} calls",
                found.evaluations
            );
        }
    }

    #[test]
    fn iterations_are_limited() {
        let mut bowl = Bowl { curvatures: vec![1.0, 0.01, 0.3], metric: false };
        let found = minimize(&mut bowl, vec![5.0; 3], 1e-12, 2);
        assert_eq!((found.stop, found.iterations), (Stop::Iterations, 2));
    }
}
