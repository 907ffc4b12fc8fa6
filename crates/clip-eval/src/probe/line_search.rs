//! How far to go along a direction: strong Wolfe conditions on a convex function.
//!
//! The slope of a convex function grows along a line, so its sign says on which side the minimum
//! lies and the secant through two slopes where; values only confirm that the step is a gain.

/// A step must gain this share of what the first slope promises.
const SUFFICIENT: f64 = 1e-4;
/// A slope is flat when it is at most this share of the first one.
const FLAT: f64 = 0.9;
/// What two values may differ by through rounding alone, relative: logits are f32.
const ROUNDING: f64 = 1e-7;
/// Evaluations after which a direction is given up.
const MOST: usize = 20;
/// How much farther a step goes at most while the slope still falls steeply.
const STRETCH: f64 = 4.0;

/// Value and slope at the start or after a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// A step that meets the conditions, `evaluate` having been called with it last. None where there
/// is none to be found.
///
/// - `start`: with a negative slope
/// - `first`: the step tried first
pub(super) fn line_search<E>(
    start: Point,
    first: f64,
    mut evaluate: impl FnMut(f64) -> Result<Point, E>,
) -> Result<Option<f64>, E> {
    let noise = ROUNDING * start.value.abs();
    let (mut near, mut near_slope) = (0.0, start.slope);
    let mut far: Option<(f64, Option<f64>)> = None; // a step too long, and its slope if that helps
    let mut length = first;
    for _ in 0..MOST {
        let Point { value, slope } = evaluate(length)?;
        let gains = value <= start.value + SUFFICIENT * length * start.slope + noise;
        if gains && slope.abs() <= FLAT * start.slope.abs() {
            return Ok(Some(length));
        }
        if gains && slope < 0.0 {
            (near, near_slope) = (length, slope);
        } else {
            far = Some((length, (slope.is_finite() && slope > 0.0).then_some(slope)));
        }
        length = match far {
            None => length * STRETCH,
            Some((far, slope)) => {
                let width = far - near;
                let share = slope.map_or(0.5, |slope| near_slope / (near_slope - slope));
                near + width * share.clamp(0.1, 0.9)
            }
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(start: Point, first: f64, evaluate: impl Fn(f64) -> Point) -> Option<f64> {
        let Ok(found) =
            line_search(start, first, |x| Ok::<_, std::convert::Infallible>(evaluate(x)));
        found
    }

    /// A function and its slope.
    type Case = (&'static str, fn(f64) -> f64, fn(f64) -> f64);

    #[test]
    fn a_step_is_found_whether_the_first_is_too_short_or_too_long() {
        let cases: [Case; 3] = [
            ("parabola", |x| (x - 1.0) * (x - 1.0), |x| 2.0 * (x - 1.0)),
            (
                "softplus",
                |x| (x - 3.0).exp().ln_1p() - 0.1 * x,
                |x| 1.0 / (1.0 + (3.0 - x).exp()) - 0.1,
            ),
            ("steep", |x| (5.0 * x).exp() - 40.0 * x, |x| 5.0 * (5.0 * x).exp() - 40.0),
        ];
        for (name, value, slope) in cases {
            let at = |x: f64| Point { value: value(x), slope: slope(x) };
            for first in [1e-6, 1e-3, 1.0, 100.0] {
                let found =
                    search(at(0.0), first, at).unwrap_or_else(|| panic!("{name} from {first}"));
                assert!(
                    value(found) < value(0.0) && slope(found).abs() <= FLAT * slope(0.0).abs(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_function_that_never_gains_has_no_step() {
        assert!(
            search(Point { value: 1.0, slope: -1.0 }, 1.0, |_| Point { value: 2.0, slope: -1.0 })
                .is_none()
        );
        let nan = |_| Point { value: f64::NAN, slope: f64::NAN };
        assert!(search(Point { value: 1.0, slope: -1.0 }, 1.0, nan).is_none());
    }
}
