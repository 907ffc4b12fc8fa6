//! How groups, shares and tests are said.

use std::fmt::Display;

use clip_audit::section::{Direction, Rate, Test};
use clip_eval::results::{Figure, Unit};

use crate::markup::Markup;
use crate::numbers::{MISSING, count, figure_interval, figure_value, how, number, points};
use crate::widgets::{numeric, soft};

/// Rows of a table that stand open; more are folded away.
pub(super) const OPEN_ROWS: usize = 20;

/// `Black · Female`; without levels all images.
pub(super) fn group(levels: &[String]) -> String {
    if levels.is_empty() { "all images".to_owned() } else { levels.join(" · ") }
}

/// `1 image`, `50,000 images`.
pub(super) fn images(items: usize) -> String {
    format!("{} image{}", count(items), if items == 1 { "" } else { "s" })
}

/// Value and interval.
pub(super) fn in_words(figure: &Figure) -> String {
    let interval = figure_interval(figure).map(|interval| format!(" {interval}"));
    figure_value(figure) + &interval.unwrap_or_default()
}

/// The same of a difference that has no direction: no sign in front.
pub(super) fn size_in_words(figure: &Figure) -> String {
    match figure.unit {
        Unit::Points => in_words(figure).replace('+', ""),
        _ => in_words(figure),
    }
}

/// A ratio of two shares with its interval, two decimals.
pub(super) fn ratio_in_words(ratio: &Figure) -> String {
    let text = |value: f64| match value.is_finite() && value.abs() < 1e6 {
        true => format!("{value:.2}"),
        false => MISSING.to_owned(),
    };
    let interval = ratio.interval().map(|(low, high)| format!(" [{}, {}]", text(low), text(high)));
    ratio.value.map_or_else(|| figure_value(ratio), text) + &interval.unwrap_or_default()
}

/// `85.7 % [80.1, 90.0]`, or that there are too few images.
pub(super) fn rate_in_words(rate: &Rate) -> String {
    rate.share.as_ref().map_or_else(|| too_few(rate), in_words)
}

fn too_few(rate: &Rate) -> String {
    format!("too few ({})", count(rate.items))
}

/// Value and interval as an entry.
pub(super) fn figure_entry(page: &mut Markup, figure: &Figure) {
    let is_small = figure.note.as_ref().is_some_and(|note| note.starts_with("too few"));
    if figure.value.is_none() && is_small {
        return numeric(page, "too few");
    }
    page.element("td", &[("class", &"num")], |page| {
        page.text(figure_value(figure));
        if let Some(interval) = figure_interval(figure) {
            page.text(" ");
            soft(page, interval);
        }
    });
}

/// A difference as an entry under a head that says `points`.
pub(super) fn points_entry(page: &mut Markup, figure: &Figure) {
    page.element("td", &[("class", &"num")], |page| {
        page.text(figure.value.map_or_else(|| MISSING.to_owned(), points));
        if let Some(interval) = figure_interval(figure) {
            page.text(" ");
            soft(page, interval);
        }
    });
}

/// A share as an entry, or that there are too few images.
pub(super) fn rate_entry(page: &mut Markup, rate: &Rate) {
    match &rate.share {
        Some(share) => figure_entry(page, share),
        None => numeric(page, too_few(rate)),
    }
}

/// `< 0.001`, or three decimals.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { number((p * 1000.0).round() / 1000.0) }
}

/// A corrected p as an entry.
pub(super) fn p_entry(page: &mut Markup, test: Option<&Test>) {
    numeric(page, test.map_or_else(String::new, |test| p_value(test.p_holm)));
}

/// What the test says of a difference between groups, and how it was corrected.
pub(super) fn tested(test: &Test, level: f64) -> String {
    let statistic = test.statistic.map(|value| format!(" {}", number(value)));
    let degrees = test.degrees_of_freedom.map(|degrees| match degrees {
        1 => ", 1 degree of freedom".to_owned(),
        _ => format!(", {degrees} degrees of freedom"),
    });
    let verdict = if test.p_holm < 1.0 - level {
        "Groups differ by more than chance explains"
    } else {
        "No difference beyond chance is shown"
    };
    let (statistic, degrees) = (statistic.unwrap_or_default(), degrees.unwrap_or_default());
    format!("{verdict}: {} ({}{statistic}{degrees}).", corrected(test), test.name)
}

/// `p = 0.03 after Holm's correction for 12 tests`.
pub(super) fn corrected(test: &Test) -> String {
    let p = |p: f64| format!("p {}{}", if p < 0.001 { "" } else { "= " }, p_value(p));
    match test.family {
        0 | 1 => format!("{}, the only test", p(test.p)),
        family => format!("{} after Holm's correction for {family} tests", p(test.p_holm)),
    }
}

/// ` Intervals: 95 %, Clopper-Pearson over images.` where figures have them.
pub(super) fn intervals<'f>(figures: impl IntoIterator<Item = &'f Figure>) -> String {
    let known = figures.into_iter().find(|figure| figure.interval().is_some());
    known.map_or_else(String::new, |figure| format!(" Intervals: {}.", how(figure)))
}

/// `higher is better`.
pub(super) fn direction(good: Direction) -> &'static str {
    match good {
        Direction::Higher => "higher is better",
        Direction::Lower => "lower is better",
    }
}

/// Sentences as a list, one by itself; nothing of none.
pub(super) fn list(page: &mut Markup, class: &str, sentences: &[impl Display]) {
    match sentences {
        [] => {}
        [one] => page.leaf("p", &[("class", &class)], one),
        all => page.element("ul", &[("class", &class)], |page| {
            all.iter().for_each(|sentence| page.leaf("li", &[], sentence));
        }),
    }
}

/// What is folded away where there is much of it.
pub(super) fn folded(
    page: &mut Markup,
    is_much: bool,
    what: &str,
    table: impl FnOnce(&mut Markup),
) {
    if !is_much {
        return page.element("div", &[], table);
    }
    page.element("details", &[], |page| {
        page.leaf("summary", &[], what);
        table(page);
    });
}

/// A table of which the first rows stand open and the others are folded away.
pub(super) fn first_rows<T>(
    page: &mut Markup,
    rows: &[T],
    what: &str,
    table: impl Fn(&mut Markup, &[T]),
) {
    let (first, rest) = rows.split_at(rows.len().min(OPEN_ROWS));
    page.element("div", &[], |page| {
        table(page, first);
        if !rest.is_empty() {
            let what = format!("{} more {what}", count(rest.len()));
            folded(page, true, &what, |page| table(page, rest));
        }
    });
}

/// Pictures with what there is to know about them.
pub(super) fn picture(page: &mut Markup, pictures: impl FnOnce(&mut Markup), caption: &str) {
    page.element("figure", &[], |page| {
        pictures(page);
        page.leaf("figcaption", &[], caption);
    });
    page.line();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_too_small_has_no_figure() {
        let rate = Rate { items: 7, hits: None, share: None };
        assert_eq!(rate_in_words(&rate), "too few (7)");
        let share = Figure { low: Some(0.8), high: Some(0.9), ..Figure::share("share", 0.857) };
        let rate = Rate { items: 70, hits: Some(60), share: Some(share) };
        assert_eq!(rate_in_words(&rate), "85.7 % [80.0, 90.0]");
    }

    #[test]
    fn tests_are_said_with_their_correction() {
        let mut test = Test {
            name: "chi-squared".into(),
            statistic: Some(12.5),
            degrees_of_freedom: Some(6),
            p: 0.0005,
            p_holm: 0.03,
            family: 12,
        };
        assert_eq!(
            tested(&test, 0.95),
            "Groups differ by more than chance explains: p = 0.03 after Holm's correction for 12 tests \
             (chi-squared 12.5, 6 degrees of freedom)."
        );
        test.p_holm = 0.6;
        test.family = 1;
        assert!(tested(&test, 0.95).starts_with("No difference beyond chance is shown"));
        assert!(tested(&test, 0.95).contains(": p < 0.001, the only test ("));
    }
}
