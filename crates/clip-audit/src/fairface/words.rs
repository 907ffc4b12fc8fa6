//! Figures and groups as they stand in sentences.

use clip_eval::results::{Figure, Unit};

use crate::section::{Rate, RateRow, RateTable};

/// `91.2 %`
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// `91.2 % (88.1 to 93.8)`, in per cent; `no figure` where there is none.
pub(super) fn with_interval(figure: &Figure) -> String {
    match (figure.value, figure.interval()) {
        (None, _) => "no figure".to_owned(),
        (Some(value), None) => percent(value),
        (Some(value), Some((low, high))) => {
            format!("{} ({:.1} to {:.1})", percent(value), 100.0 * low, 100.0 * high)
        }
    }
}

/// `3.8 points (0.5 to 7.1)`
pub(super) fn points(figure: &Figure) -> String {
    let Some(value) = figure.value else { return "no figure".to_owned() };
    let value = 100.0 * value;
    match figure.interval() {
        Some((low, high)) => {
            format!("{value:.1} points ({:.1} to {:.1})", 100.0 * low, 100.0 * high)
        }
        None => format!("{value:.1} points"),
    }
}

/// `Black, Female`
pub(super) fn group(levels: &[String]) -> String {
    levels.join(", ")
}

/// `race, gender and age`
pub(super) fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The first letter in upper case.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// A rate as a column of a table of figures.
pub(super) fn figure(name: &str, rate: &Rate, min_group: usize) -> Figure {
    match &rate.share {
        Some(share) => share.clone().named(name),
        None => too_few(name, rate.items, min_group),
    }
}

/// A group that is too small for a figure.
pub(super) fn too_few(name: &str, items: usize, min_group: usize) -> Figure {
    let reason = format!("{items} images, fewer than {min_group}");
    Figure::undefined(name, Unit::Share, &reason)
}

/// A group of a table.
pub(super) fn row_of<'t>(table: &'t RateTable, level: &str) -> Option<&'t RateRow> {
    table.rows.iter().find(|row| row.group.iter().map(String::as_str).eq([level]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_listed_as_people_do() {
        assert_eq!(list(&["race"]), "race");
        assert_eq!(list(&["race", "gender", "age"]), "race, gender and age");
        assert_eq!(capital("age"), "Age");
        assert_eq!(group(&["Black".to_owned(), "Female".to_owned()]), "Black, Female");
    }

    #[test]
    fn too_few_images_have_a_reason_in_place_of_a_figure() {
        let rate = Rate { items: 7, hits: None, share: None };
        let figure = figure("race", &rate, 20);
        assert_eq!((figure.value, figure.note.as_deref()), (None, Some("7 images, fewer than 20")));
        assert_eq!(with_interval(&figure), "no figure");
    }
}
