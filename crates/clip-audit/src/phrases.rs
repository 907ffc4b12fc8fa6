//! Figures and groups as they stand in sentences.

use clip_eval::results::Figure;

use crate::section::{Disparity, Test};

/// `91.2 %`
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// `91.2 % (88.1 to 93.8)`, in per cent; `no figure` where there is none.
pub(crate) fn with_interval(figure: &Figure) -> String {
    match (figure.value, figure.interval()) {
        (None, _) => "no figure".to_owned(),
        (Some(value), None) => percent(value),
        (Some(value), Some((low, high))) => {
            format!("{} ({:.1} to {:.1})", percent(value), 100.0 * low, 100.0 * high)
        }
    }
}

/// `3.8 points (0.5 to 7.1)`
pub(crate) fn points(figure: &Figure) -> String {
    let Some(value) = figure.value else { return "no figure".to_owned() };
    let tenths = |share: f64| format!("{:.1}", 100.0 * share).replace('-', "−");
    match figure.interval() {
        Some((low, high)) => {
            format!("{} points ({} to {})", tenths(value), tenths(low), tenths(high))
        }
        None => format!("{} points", tenths(value)),
    }
}

/// `p = 0.012 after Holm's correction of 9 tests`
pub(crate) fn corrected(test: &Test) -> String {
    format!("p {} after Holm's correction of {} tests", p(test.p_holm), test.family)
}

/// `= 0.012`, `= 3e-7`, `< 1e-99`
fn p(p: f64) -> String {
    match p {
        0.001.. => format!("= {p:.3}"),
        1e-99.. => format!("= {p:.0e}"),
        _ => "< 1e-99".to_owned(),
    }
}

/// Whether the test speaks at the level of the intervals.
pub(crate) fn is_shown(disparity: &Disparity) -> bool {
    disparity.test.p_holm <= 1.0 - disparity.gap.level.unwrap_or(0.95)
}

/// `Black, Female`
pub(crate) fn group(levels: &[String]) -> String {
    levels.join(", ")
}

/// `race, gender and age`
pub(crate) fn list<S: AsRef<str>>(words: &[S], and: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match &words[..] {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}

/// The first letter in upper case.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_listed_as_people_do() {
        assert_eq!(list(&["race"], "and"), "race");
        assert_eq!(list(&["race", "gender", "age"], "or"), "race, gender or age");
        assert_eq!(capital("age"), "Age");
        assert_eq!(group(&["Black".to_owned(), "Female".to_owned()]), "Black, Female");
        assert_eq!([p(0.25), p(0.00123)], ["= 0.250", "= 0.001"]);
        assert_eq!([p(0.000_000_31), p(0.0)], ["= 3e-7", "< 1e-99"]);
    }
}
