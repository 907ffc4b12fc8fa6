//! The exact interval of a share.

use super::binomial::Binomial;
use super::interval::{Interval, Method};

/// The interval of the probability behind `hits` of `trials`: at its lower end as many hits or more
/// have probability (1 − level) / 2, at its upper end as many or fewer.
///
/// The quantiles of the beta distribution by another name. `[0, 1]` for no trials.
///
/// # Panics
/// When there are more hits than trials, or the level is not between 0 and 1.
pub fn clopper_pearson(hits: u64, trials: u64, level: f64) -> Interval {
    assert!(hits <= trials, "{hits} hits of {trials}");
    super::check_level(level);
    let tail = (1.0 - level) / 2.0;
    let low = match hits {
        0 => 0.0,
        hits => crossing(|share| Binomial::new(trials, share).at_least(hits) >= tail),
    };
    let high = match hits {
        hits if hits == trials => 1.0,
        hits => crossing(|share| Binomial::new(trials, share).at_most(hits) <= tail),
    };
    Interval { level, low, high, method: Method::ClopperPearson }
}

/// The probability at which `reached`, once true, stays true: bisection to neighbouring numbers.
fn crossing(reached: impl Fn(f64) -> bool) -> f64 {
    let (mut below, mut above) = (0.0, 1.0);
    loop {
        let middle = (below + above) / 2.0;
        if middle <= below || middle >= above {
            return middle;
        }
        *if reached(middle) { &mut above } else { &mut below } = middle;
    }
}
