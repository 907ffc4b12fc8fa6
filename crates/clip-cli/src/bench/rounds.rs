//! Interleaved rounds and their medians.

use std::time::Instant;

/// Calls shorter than this are repeated within a round until they fill it.
const SECONDS_OF_A_ROUND: f64 = 0.1;

/// One thing that is measured in every round: a number.
pub(super) struct Measurement<'a, E>(Box<dyn FnMut() -> Result<f64, E> + 'a>);

impl<'a, E> Measurement<'a, E> {
    /// Seconds of a call; several calls and their mean where one is short.
    pub(super) fn seconds(mut call: impl FnMut() -> Result<(), E> + 'a) -> Measurement<'a, E> {
        Measurement(Box::new(move || {
            let (started, mut calls) = (Instant::now(), 0.0);
            loop {
                call()?;
                calls += 1.0;
                let seconds = started.elapsed().as_secs_f64();
                if seconds >= SECONDS_OF_A_ROUND {
                    return Ok(seconds / calls);
                }
            }
        }))
    }

    /// A value that measures itself.
    pub(super) fn value(call: impl FnMut() -> Result<f64, E> + 'a) -> Measurement<'a, E> {
        Measurement(Box::new(call))
    }
}

/// The median of each measurement over `rounds` rounds, after one that does not count.
pub(super) fn medians<E>(
    measurements: &mut [Measurement<'_, E>],
    rounds: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<f64>, E> {
    let mut values = vec![Vec::with_capacity(rounds); measurements.len()];
    for round in 0..=rounds {
        for (Measurement(measure), values) in measurements.iter_mut().zip(&mut values) {
            let value = measure()?;
            if round > 0 {
                values.push(value);
            }
        }
        progress(round + 1, rounds + 1);
    }
    Ok(values.into_iter().map(median).collect())
}

/// The middle value, of an even number the mean of the middle two; NaN of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_or_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn first_round_does_not_count() {
        let mut next = [100.0, 1.0, 2.0, 3.0].into_iter();
        let mut measurements =
            [Measurement::value(move || Ok::<f64, ()>(next.next().unwrap_or(f64::NAN)))];
        let mut told = Vec::new();
        let medians =
            medians(&mut measurements, 3, |done, of| told.push((done, of))).expect("no error");
        assert_eq!((medians, told), (vec![2.0], vec![(1, 4), (2, 4), (3, 4), (4, 4)]));
    }
}
