//! The learning rate of every step (PROTOCOL 2.4).

/// How the learning rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// Half a cosine down to zero: the paper's.
    Cosine,
    /// It stays.
    Constant,
    /// It stays, and falls in the last `steps` to `end` as `(1 − e)^power`.
    CoolDown {
        /// How many of the last steps.
        steps: u64,
        /// 1 falls on a straight line.
        power: f64,
        /// The learning rate at the end.
        end: f64,
    },
}

/// The learning rate as a function of the step alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The learning rate at the end of the warm-up.
    pub peak: f64,
    /// Steps of the linear warm-up.
    pub warmup: u64,
    /// Steps of the whole run.
    pub total: u64,
    /// What follows the warm-up.
    pub decay: Decay,
}

impl Schedule {
    /// The learning rate of `step`, counted from 0; that of the end for steps beyond it.
    ///
    /// Source: PROTOCOL 2.4. Checked by `golden/training`.
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        match self.decay {
            Decay::Cosine => {
                let passed = share(step - self.warmup, self.total.saturating_sub(self.warmup));
                0.5 * self.peak * (1.0 + (std::f64::consts::PI * passed).cos())
            }
            Decay::Constant => self.peak,
            Decay::CoolDown { steps, power, end } => {
                let begin = self.total.saturating_sub(steps);
                if step < begin {
                    return self.peak;
                }
                let left = 1.0 - share(step - begin, self.total - begin);
                left.powf(power) * (self.peak - end) + end
            }
        }
    }
}

/// How much of `whole` is over, at most 1.
fn share(part: u64, whole: u64) -> f64 {
    if part >= whole { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(decay: Decay) -> Vec<f64> {
        let schedule = Schedule { peak: 1.0, warmup: 2, total: 6, decay };
        (0..8).map(|step| schedule.learning_rate(step)).collect()
    }

    fn assert_near(found: &[f64], expected: &[f64]) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-15;
        assert!(found.iter().zip(expected).all(near), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn warm_up_ends_at_the_peak_and_the_cosine_at_zero() {
        let half = std::f64::consts::FRAC_1_SQRT_2 / 2.0;
        let expected = [0.5, 1.0, 1.0, 0.5 + half, 0.5, 0.5 - half, 0.0, 0.0];
        assert_near(&rates(Decay::Cosine), &expected);
    }

    #[test]
    fn constant_stays_and_cool_down_falls_in_the_end() {
        assert_near(&rates(Decay::Constant), &[0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let straight = rates(Decay::CoolDown { steps: 2, power: 1.0, end: 0.2 });
        assert_near(&straight, &[0.5, 1.0, 1.0, 1.0, 1.0, 0.6, 0.2, 0.2]);
        let square = rates(Decay::CoolDown { steps: 2, power: 2.0, end: 0.0 });
        assert_near(&square, &[0.5, 1.0, 1.0, 1.0, 1.0, 0.25, 0.0, 0.0]);
    }

    #[test]
    fn a_run_that_is_all_warm_up_has_a_rate() {
        let schedule = Schedule { peak: 2.0, warmup: 4, total: 4, decay: Decay::Cosine };
        assert_eq!(schedule.learning_rate(3), 2.0);
        assert_eq!(schedule.learning_rate(4), 0.0);
        let no_warmup = Schedule { warmup: 0, ..schedule };
        assert_eq!(no_warmup.learning_rate(0), 2.0);
    }
}
