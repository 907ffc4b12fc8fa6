//! From values to places on an axis: linear, logarithmic, logit.

/// How places follow from values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spacing {
    Linear,
    Log {
        base: f64,
    },
    /// ln(p / (1 - p)) of fractions: where lines of accuracy against accuracy are straight.
    Logit,
}

/// An axis without its looks; `low < high`, both representable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    spacing: Spacing,
    low: f64,
    high: f64,
}

/// Beyond it no figure of this laboratory makes sense, and sums could overflow.
const LARGEST: f64 = 1e12;

/// Shares nearer to 0 or 1 are not told apart on a logit axis.
const NEAREST: f64 = 1e-4;

impl Scale {
    /// From `low` to `high`.
    pub(crate) fn fixed(low: f64, high: f64) -> Scale {
        Scale { spacing: Spacing::Linear, low, high }
    }

    /// Around the values, ending on steps that [`Scale::ticks`] shows; `limits` are never crossed.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>, limits: (f64, f64)) -> Scale {
        let (low, high) = ends(values, -LARGEST, LARGEST).unwrap_or((0.0, 1.0));
        let span = if high > low { high - low } else { (high.abs() * 0.1).max(0.02) };
        let (low, high) = (low - 0.04 * span, high + 0.04 * span);
        let step = nice_step((high - low) / 5.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Scale { spacing: Spacing::Linear, low: low.max(limits.0), high: high.min(limits.1) }
            .ordered()
    }

    /// Around the values above zero, with some air.
    pub(crate) fn log(base: f64, values: impl IntoIterator<Item = f64>) -> Scale {
        let (low, high) = ends(values, 1e-12, LARGEST).unwrap_or((1.0, base));
        let air = (high / low).ln().mul_add(0.06, 0.1).exp();
        Scale { spacing: Spacing::Log { base }, low: low / air, high: high * air }
    }

    /// Around the shares, with some air.
    pub(crate) fn logit(values: impl IntoIterator<Item = f64>) -> Scale {
        let (low, high) = ends(values, NEAREST, 1.0 - NEAREST).unwrap_or((0.1, 0.9));
        let air = (logit(high) - logit(low)).mul_add(0.05, 0.1);
        let (low, high) = (logistic(logit(low) - air), logistic(logit(high) + air));
        Scale { spacing: Spacing::Logit, low, high }
    }

    /// Both ends.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// 0 at the low end, 1 at the high; none for what is not on the axis.
    pub(crate) fn at(&self, value: f64) -> Option<f64> {
        let place = self.place(value)?;
        (-1e-9..=1.0 + 1e-9).contains(&place).then_some(place)
    }

    /// [`Scale::at`], where what lies outside comes to the nearest end.
    pub(crate) fn clamped(&self, value: f64) -> Option<f64> {
        self.at(value.clamp(self.low, self.high))
    }

    fn place(&self, value: f64) -> Option<f64> {
        let stretch = |f: fn(f64) -> f64| (f(value) - f(self.low)) / (f(self.high) - f(self.low));
        let place = match self.spacing {
            Spacing::Linear => stretch(|value| value),
            Spacing::Log { .. } => stretch(f64::ln),
            Spacing::Logit => stretch(logit),
        };
        place.is_finite().then_some(place)
    }

    /// Values to write at the axis: round ones, at most about `most`.
    pub(crate) fn ticks(&self, most: usize) -> Vec<f64> {
        let gap = 1.0 / most.max(2) as f64;
        match self.spacing {
            Spacing::Linear => {
                let step = nice_step((self.high - self.low) * gap);
                let first = (self.low / step - 1e-9).ceil();
                let last = (self.high / step + 1e-9).floor();
                (0..=most * 2)
                    .map(|i| first + i as f64)
                    .take_while(|i| *i <= last)
                    .map(|i| i * step)
                    .collect()
            }
            Spacing::Log { base } => self.log_ticks(base, most),
            Spacing::Logit => {
                const ROUND: [f64; 21] = [
                    0.5, 0.9, 0.1, 0.7, 0.3, 0.99, 0.01, 0.95, 0.05, 0.8, 0.2, 0.6, 0.4, 0.98,
                    0.02, 0.995, 0.005, 0.999, 0.001, 0.85, 0.75,
                ];
                self.spread(&ROUND, gap)
            }
        }
    }

    /// Powers of the base; between them 2 and 5 times one where there is room (base 10).
    fn log_ticks(&self, base: f64, most: usize) -> Vec<f64> {
        let exponents = |value: f64| value.ln() / base.ln();
        let (first, last) = (exponents(self.low).ceil(), exponents(self.high).floor());
        let powers = (last - first + 1.0).max(0.0) as usize;
        let every = powers.div_ceil(most.max(1)).max(1);
        let mut ticks: Vec<f64> = (0..powers)
            .map(|i| first + i as f64)
            .filter(|i| i.rem_euclid(every as f64) == 0.0)
            .collect();
        ticks = ticks.into_iter().map(|exponent| base.powf(exponent)).collect();
        if base == 10.0 && powers <= 2 {
            let between = (first as i32 - 1..=last as i32)
                .flat_map(|i| [2.0, 5.0].map(|m| m * 10f64.powi(i)));
            ticks.extend(between.filter(|&value| self.at(value).is_some()));
        }
        ticks.sort_by(f64::total_cmp);
        ticks
    }

    /// The first of `candidates`, best first, that keep a distance of `gap` from each other; in
    /// order.
    fn spread(&self, candidates: &[f64], gap: f64) -> Vec<f64> {
        let mut chosen: Vec<(f64, f64)> = Vec::new();
        for &value in candidates {
            let Some(place) = self.at(value) else { continue };
            if chosen.iter().all(|(other, _)| (other - place).abs() >= gap) {
                chosen.push((place, value));
            }
        }
        chosen.sort_by(|a, b| a.0.total_cmp(&b.0));
        chosen.into_iter().map(|(_, value)| value).collect()
    }

    /// Limits that cut everything away leave the limits themselves.
    fn ordered(self) -> Scale {
        if self.low < self.high { self } else { Scale { low: self.high - 1.0, ..self } }
    }
}

/// ln(p / (1 - p)).
pub(crate) fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

/// Its inverse.
pub(crate) fn logistic(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// The least of 1, 2, 5 times a power of ten that is at least `step`.
fn nice_step(step: f64) -> f64 {
    if !(step > 0.0 && step.is_finite()) {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= step * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

/// Least and greatest, each brought between the bounds; none of no finite value.
fn ends(values: impl IntoIterator<Item = f64>, least: f64, greatest: f64) -> Option<(f64, f64)> {
    let mut finite = values
        .into_iter()
        .filter(|value| value.is_finite())
        .map(|value| value.clamp(least, greatest));
    let first = finite.next()?;
    Some(finite.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_axes_end_on_round_steps() {
        let scale = Scale::linear([0.631, 0.754], (0.0, 1.0));
        let (low, high) = scale.ends();
        assert!((low - 0.6).abs() < 1e-9 && (high - 0.8).abs() < 1e-9, "{scale:?}");
        let ticks: Vec<String> = scale.ticks(5).iter().map(|tick| format!("{tick:.2}")).collect();
        assert_eq!(ticks, ["0.60", "0.65", "0.70", "0.75", "0.80"]);
    }

    #[test]
    fn axes_of_one_value_of_none_and_of_nonsense_have_a_width() {
        for values in
            [vec![0.5], vec![], vec![f64::NAN, f64::INFINITY], vec![1e300, -1e300], vec![0.0, 0.0]]
        {
            let scales = [
                Scale::linear(values.clone(), (f64::MIN, f64::MAX)),
                Scale::linear(values.clone(), (0.0, 1.0)),
                Scale::log(10.0, values.clone()),
                Scale::log(2.0, values.clone()),
                Scale::logit(values.clone()),
            ];
            for scale in scales {
                let (low, high) = scale.ends();
                assert!(low < high && (high - low).is_finite(), "{values:?}: {scale:?}");
                assert!(scale.ticks(5).len() <= 12, "{values:?}: {scale:?}");
                assert!(
                    scale.ticks(5).iter().all(|tick| scale.at(*tick).is_some()),
                    "{values:?}: {scale:?}"
                );
            }
        }
    }

    #[test]
    fn logarithmic_places_are_equal_for_equal_factors() {
        let scale = Scale::log(2.0, [1.0, 16.0]);
        let places: Vec<f64> =
            [1.0, 2.0, 4.0, 8.0, 16.0].iter().filter_map(|&value| scale.at(value)).collect();
        assert_eq!(places.len(), 5);
        assert!(
            places
                .windows(3)
                .all(|three| ((three[2] - three[1]) - (three[1] - three[0])).abs() < 1e-12)
        );
        assert_eq!(scale.ticks(8), [1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(scale.at(0.0), None);
        assert_eq!(scale.at(-1.0), None);
    }

    #[test]
    fn logit_axis_is_symmetric_around_one_half() {
        let scale = Scale::logit([0.1, 0.9]);
        assert!((scale.at(0.5).expect("inside") - 0.5).abs() < 1e-12);
        assert!(
            (scale.at(0.2).expect("inside") + scale.at(0.8).expect("inside") - 1.0).abs() < 1e-12
        );
        assert_eq!((scale.at(0.0), scale.at(1.0), scale.at(f64::NAN)), (None, None, None));
        assert!(scale.ticks(6).contains(&0.5));
    }

    #[test]
    fn decades_are_thinned_when_there_are_many() {
        let ticks = Scale::log(10.0, [1e-6, 1e6]).ticks(7);
        assert!(ticks.len() <= 7 && ticks.contains(&1.0), "{ticks:?}");
        assert_eq!(Scale::log(10.0, [4.0, 190.0]).ticks(7), [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
    }
}
