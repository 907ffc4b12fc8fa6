//! Axes: a scale, its unit, and what is written at it.

use super::scale::Scale;
use crate::numbers::number;

/// Values to write at an axis.
const TICKS: usize = 6;

/// A scale with its words.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Quantity and unit.
    pub(crate) title: String,
    pub(crate) scale: Scale,
    /// Value and text of each tick, in order.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Fractions, written in per cent.
    pub(crate) fn percent(title: &str, scale: Scale) -> Axis {
        let values = scale.ticks(TICKS);
        let exact = |decimals: usize| {
            let scaled = |value: &f64| value * 100.0 * 10f64.powi(decimals as i32);
            values.iter().all(|value| (scaled(value) - scaled(value).round()).abs() < 1e-6)
        };
        let decimals = (0..3).find(|&decimals| exact(decimals)).unwrap_or(3);
        // Unequal ticks (99, 99.5) are each as short as they can be.
        let text = |value: f64| {
            let text = format!("{:.decimals$}", value * 100.0);
            if decimals > 0 && values.len() > 1 { short(&text) } else { text }
        };
        Axis::with_ticks(title, scale, values.iter().map(|&value| (value, text(value))).collect())
    }

    /// Plain numbers.
    pub(crate) fn plain(title: &str, scale: Scale) -> Axis {
        let ticks = scale.ticks(TICKS).into_iter().map(|value| (value, number(value))).collect();
        Axis::with_ticks(title, scale, ticks)
    }

    /// Powers of ten.
    pub(crate) fn powers(title: &str, scale: Scale) -> Axis {
        let text = |value: f64| format!("10{}", superscript(value.log10().round() as i32));
        let ticks = scale.ticks(TICKS + 1).into_iter().map(|value| (value, text(value))).collect();
        Axis::with_ticks(title, scale, ticks)
    }

    /// Ticks of the caller's choice.
    pub(crate) fn with_ticks(title: &str, scale: Scale, ticks: Vec<(f64, String)>) -> Axis {
        Axis { title: title.to_owned(), scale, ticks }
    }
}

fn short(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

fn superscript(number: i32) -> String {
    let raised = |digit: char| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => digit.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or('?'),
    };
    number.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn per_cent_has_as_many_decimals_as_its_steps_need() {
        assert_eq!(
            texts(&Axis::percent("", Scale::fixed(0.6, 0.8))),
            ["60", "65", "70", "75", "80"]
        );
        assert_eq!(texts(&Axis::percent("", Scale::fixed(0.99, 0.995))).first(), Some(&"99"));
        let logit = Axis::percent("", Scale::logit([0.9, 0.999]));
        assert!(texts(&logit) == ["90", "99", "99.9"], "{logit:?}");
    }

    #[test]
    fn powers_of_ten_are_raised() {
        assert_eq!(superscript(-10), "⁻¹⁰");
        assert_eq!(texts(&Axis::powers("", Scale::log(10.0, [1e-6, 1e6])))[0], "10⁻⁶");
    }
}
