//! L-BFGS for smooth convex functions (Nocedal 1980), with a preconditioner in place of the usual
//! multiple of the identity, for values and gradients that are right to the rounding of f32.

use super::lbfgs_history::LbfgsHistory;
use super::line_search::{Point, line_search};
use super::options::Options;
use clip_kernels::DeviceError;
use std::sync::atomic::Ordering;

/// A function to be minimized, on a device that may have no room for it.
pub(super) trait Objective {
    /// Its value, and its gradient.
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DeviceError>;

    /// The most that a value with this gradient can be above the minimum.
    fn gap(&self, gradient: &[f64]) -> f64;

    /// Makes the preconditioner fit the place evaluated last. Whether it has changed.
    fn refresh_preconditioner(&mut self) -> Result<bool, DeviceError>;

    /// Makes the preconditioner's steps shorter where it knows least, in the end takes it away.
    /// Whether there was one.
    fn damp_preconditioner(&mut self) -> bool;

    /// Whether there is one: it knows the length of a step, not its direction alone.
    fn has_preconditioner(&self) -> bool;

    /// The preconditioner (about the inverse Hessian) times a vector.
    fn precondition(&self, vector: Vec<f32>) -> Result<Vec<f32>, DeviceError>;

    /// Vector times preconditioner times vector.
    fn norm_squared(&self, vector: &[f32]) -> Result<f64, DeviceError>;
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminationReason {
    /// No entry of the gradient is above the tolerance, and the value is near the minimum.
    Gradient,
    /// Neither value nor gradient fall any further in the arithmetic of f32, near the minimum.
    Precision,
    /// They fall no further, and the minimum may be far.
    Stalled,
    /// The iterations allowed are used up.
    Iterations,
    /// Somebody wanted it to end.
    Stopped,
}

/// Where a minimization ended.
pub(super) struct Minimum {
    pub(super) x: Vec<f64>,
    pub(super) value: f64,
    /// Greatest entry of the gradient.
    pub(super) gradient: f64,
    pub(super) iterations: usize,
    pub(super) evaluations: usize,
    pub(super) termination: TerminationReason,
}

/// Iterations without progress after which there will be none.
const PATIENCE: usize = 12;
/// A smaller gain of value is none.
const GAIN: f64 = 3e-8;
/// The value is near the minimum where the gap is at most this share of it. The gap is a bound, and
/// far above what the value exceeds the minimum by: there, 2 % at most where classes can be told
/// apart without an error and C is 1e6, next to nothing elsewhere.
const NEAR: f64 = 0.1;

/// Minimizes from `start` until no entry of the gradient is above the tolerance and the value is
/// near the minimum: where classes can be told apart without an error, every long `x` has a gradient
/// next to zero.
pub(super) fn minimize(
    objective: &mut impl Objective,
    start: Vec<f64>,
    options: &Options<'_>,
) -> Result<Minimum, DeviceError> {
    let mut state = State::new(objective, start)?;
    let mut progress =
        Progress { value: state.value, gradient: greatest(&state.gradient), since: 0 };
    let mut iterations = 0;
    let termination = loop {
        let gradient = greatest(&state.gradient);
        if gradient <= options.tolerance && state.is_near(objective) {
            break TerminationReason::Gradient;
        }
        if iterations == options.most_iterations {
            break TerminationReason::Iterations;
        }
        if options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            break TerminationReason::Stopped;
        }
        if progress.has_ended(state.value, gradient) {
            break state.no_progress(objective);
        }
        if state.step(objective)? {
            iterations += 1;
        } else if !state.history.is_empty() {
            // What was learned may be what misleads; without it the preconditioner alone must lead
            // down.
            state.history.clear();
        } else if !objective.damp_preconditioner() {
            // Not even the gradient itself leads down.
            break state.no_progress(objective);
        }
    };
    let State { x, value, gradient, evaluations, .. } = state;
    let gradient = greatest(&gradient);
    Ok(Minimum { x, value, gradient, iterations, evaluations, termination })
}

/// Where a minimization stands.
struct State {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    history: LbfgsHistory,
    evaluations: usize,
    /// Room for the place and the gradient that are tried.
    next: Vec<f64>,
    next_gradient: Vec<f64>,
}

impl State {
    fn new(objective: &mut impl Objective, x: Vec<f64>) -> Result<State, DeviceError> {
        let mut gradient = vec![0.0; x.len()];
        let value = objective.evaluate(&x, &mut gradient)?;
        let (next, next_gradient) = (x.clone(), gradient.clone());
        let history = LbfgsHistory::default();
        Ok(State { x, value, gradient, history, evaluations: 1, next, next_gradient })
    }

    fn is_near(&self, objective: &impl Objective) -> bool {
        objective.gap(&self.gradient) <= NEAR * self.value
    }

    /// Why to end where nothing gets better.
    fn no_progress(&self, objective: &impl Objective) -> TerminationReason {
        if self.is_near(objective) {
            TerminationReason::Precision
        } else {
            TerminationReason::Stalled
        }
    }

    /// One step along the direction of L-BFGS; false where none leads down.
    fn step(&mut self, objective: &mut impl Objective) -> Result<bool, DeviceError> {
        if objective.refresh_preconditioner()? {
            self.history.rescale(|change| objective.norm_squared(change))?;
        }
        let single: Vec<f32> = self.gradient.iter().map(|&value| value as f32).collect();
        let direction = self.history.direction(&single, |vector| objective.precondition(vector))?;
        let start = Point { value: self.value, slope: slope(&self.gradient, &direction) };
        let has_length = !self.history.is_empty() || objective.has_preconditioner();
        let first = if has_length { 1.0 } else { 1.0_f64.min(start.slope.abs().sqrt().recip()) };
        let mut value = self.value;
        if start.slope >= 0.0 || start.slope.is_nan() {
            return Ok(false);
        }
        let found = line_search(start, first, |length| {
            self.evaluations += 1;
            let moves = self.x.iter().zip(&direction);
            self.next
                .iter_mut()
                .zip(moves)
                .for_each(|(next, (x, by))| *next = x + length * f64::from(*by));
            value = objective.evaluate(&self.next, &mut self.next_gradient)?;
            Ok(Point { value, slope: slope(&self.next_gradient, &direction) })
        })?;
        if found.is_none() {
            return Ok(false);
        }
        let change = difference(&self.next_gradient, &self.gradient);
        let step = difference(&self.next, &self.x);
        self.history.push(step, change, |change| objective.norm_squared(change))?;
        std::mem::swap(&mut self.x, &mut self.next);
        std::mem::swap(&mut self.gradient, &mut self.next_gradient);
        self.value = value;
        Ok(true)
    }
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
    use std::sync::atomic::AtomicBool;

    /// `Σ cosh(curvature_i · (x_i − i / 4))`, with a preconditioner or without.
    struct Bowl {
        curvatures: Vec<f64>,
        /// What the inverse curvatures are multiplied by.
        preconditioner: Option<f32>,
    }

    impl Objective for Bowl {
        fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DeviceError> {
            let terms = x.iter().zip(&self.curvatures).zip(gradient).enumerate();
            Ok(terms
                .map(|(i, ((x, c), gradient))| {
                    *gradient = c * (c * (x - i as f64 / 4.0)).sinh();
                    (c * (x - i as f64 / 4.0)).cosh()
                })
                .sum())
        }

        fn gap(&self, gradient: &[f64]) -> f64 {
            let least = self.curvatures.iter().fold(f64::MAX, |least, c| c.min(least));
            gradient.iter().map(|value| value * value).sum::<f64>() / (2.0 * least * least)
        }

        fn refresh_preconditioner(&mut self) -> Result<bool, DeviceError> {
            Ok(false)
        }

        fn damp_preconditioner(&mut self) -> bool {
            self.preconditioner.take().is_some()
        }

        fn has_preconditioner(&self) -> bool {
            self.preconditioner.is_some()
        }

        fn precondition(&self, vector: Vec<f32>) -> Result<Vec<f32>, DeviceError> {
            let of =
                |c: f64| self.preconditioner.map_or(1.0, |factor| factor * (c * c).recip() as f32);
            Ok(vector.iter().zip(&self.curvatures).map(|(value, &c)| value * of(c)).collect())
        }

        fn norm_squared(&self, vector: &[f32]) -> Result<f64, DeviceError> {
            let applied = self.precondition(vector.to_vec())?;
            Ok(vector.iter().zip(applied).map(|(a, b)| f64::from(*a) * f64::from(b)).sum())
        }
    }

    #[test]
    fn the_minimum_is_found_with_and_without_a_preconditioner() {
        for preconditioner in [None, Some(1.0)] {
            let curvatures = (0..30).map(|i| 1.5_f64.powi(-(i % 7))).collect();
            let mut bowl = Bowl { curvatures, preconditioner };
            let options = Options { tolerance: 1e-6, ..Options::default() };
            let found = minimize(&mut bowl, vec![0.0; 30], &options).expect("room");
            assert_eq!(found.termination, TerminationReason::Gradient, "{preconditioner:?}");
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
        let mut bowl = Bowl { curvatures: vec![1.0, 0.01, 0.3], preconditioner: None };
        let options = Options { tolerance: 1e-12, most_iterations: 2, stop: None };
        let found = minimize(&mut bowl, vec![5.0; 3], &options).expect("room");
        assert_eq!((found.termination, found.iterations), (TerminationReason::Iterations, 2));
    }

    #[test]
    fn a_preconditioner_that_leads_up_is_taken_away() {
        let mut bowl = Bowl { curvatures: vec![1.0, 0.5, 0.3], preconditioner: Some(-1.0) };
        let found = minimize(&mut bowl, vec![0.0; 3], &Options::default()).expect("room");
        assert_eq!(found.termination, TerminationReason::Gradient);
        assert!(bowl.preconditioner.is_none());
    }

    #[test]
    fn what_is_no_number_is_no_minimum() {
        let mut bowl = Bowl { curvatures: vec![1.0, 0.5], preconditioner: None };
        let found = minimize(&mut bowl, vec![f64::NAN; 2], &Options::default()).expect("room");
        assert_eq!(found.termination, TerminationReason::Stalled);
    }

    #[test]
    fn a_small_gradient_alone_is_no_minimum() {
        let mut bowl = Bowl { curvatures: vec![1.0, 1e-4], preconditioner: Some(1.0) };
        let start = vec![0.0, 1e4]; // the second's gradient there is 1.2e-4, the value e / 2
        let options = Options { tolerance: 1e-3, ..Options::default() };
        let found = minimize(&mut bowl, start, &options).expect("room");
        assert_eq!(found.termination, TerminationReason::Gradient);
        assert!(found.iterations > 0 && found.value < 2.1, "{}", found.value);
    }

    #[test]
    fn it_ends_when_it_is_stopped() {
        let mut bowl = Bowl { curvatures: vec![1.0, 0.01, 0.3], preconditioner: None };
        let stop = AtomicBool::new(true);
        let options = Options { stop: Some(&stop), ..Options::default() };
        let found = minimize(&mut bowl, vec![5.0; 3], &options).expect("room");
        assert_eq!((found.termination, found.iterations), (TerminationReason::Stopped, 0));
    }
}
