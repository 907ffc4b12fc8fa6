//! Bars that lie, one below the other, with names at their left.

use super::text::{LETTERS, fit, width};
use super::{Axis, Px, WIDTH, svg};
use crate::markup::Markup;

const ROW: f64 = 17.0;
const NAMES: f64 = 146.0;

/// One bar.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// Written at its right.
    pub(crate) note: String,
    /// Whether a gap is left above it.
    pub(crate) apart: bool,
}

/// Draws `rows` from the top along `axis`, whose title stands below.
pub(crate) fn bars(page: &mut Markup, title: &str, description: &str, axis: &Axis, rows: &[Bar]) {
    let mut body = Markup::default();
    let notes = rows.iter().map(|row| width(&row.note)).fold(0.0, f64::max);
    let (left, right) = (NAMES, WIDTH - notes - 10.0);
    let across = |value: f64| axis.scale.clamped(value).map(|place| left + place * (right - left));
    let bottom = rows.iter().map(|row| if row.apart { ROW * 1.6 } else { ROW }).sum::<f64>() + 4.0;

    let grid: String = axis
        .ticks
        .iter()
        .filter_map(|(value, _)| Some(format!("M{} 0V{}", Px(across(*value)?), Px(bottom))))
        .collect();
    body.empty("path", &[("class", &"g"), ("d", &grid)]);
    let mut middle = 2.0 - ROW / 2.0;
    for row in rows {
        middle += if row.apart { ROW * 1.6 } else { ROW };
        let base = middle + LETTERS * 0.36;
        body.element(
            "text",
            &[("class", &"n e"), ("x", &Px(left - 6.0)), ("y", &Px(base))],
            |text| {
                let name = fit(&row.name, NAMES - 8.0);
                text.text(&name);
                if name != row.name {
                    text.leaf("title", &[], &row.name);
                }
            },
        );
        if let Some(end) = across(row.value) {
            let bar = format!(
                "M{} {}H{}v11H{}z",
                Px(left),
                Px(middle - 5.5),
                Px(end.max(left + 0.5)),
                Px(left)
            );
            body.empty("path", &[("class", &"r s0"), ("d", &bar)]);
        }
        if let Some((low, high)) =
            row.interval.and_then(|(low, high)| Some((across(low)?, across(high)?)))
        {
            let whisker = format!("M{} {m}H{}", Px(low), Px(high), m = Px(middle));
            body.empty("path", &[("class", &"w i"), ("d", &whisker)]);
        }
        body.leaf("text", &[("class", &"k"), ("x", &Px(right + 6.0)), ("y", &Px(base))], &row.note);
    }
    body.empty(
        "path",
        &[("class", &"x"), ("d", &format!("M{} 0V{b}H{}", Px(left), Px(right), b = Px(bottom)))],
    );
    for (value, text) in &axis.ticks {
        if let Some(x) = across(*value) {
            body.leaf(
                "text",
                &[("class", &"k c"), ("x", &Px(x)), ("y", &Px(bottom + LETTERS + 4.0))],
                text,
            );
        }
    }
    let base = bottom + 2.0 * LETTERS + 9.0;
    body.leaf("text", &[("class", &"u e"), ("x", &Px(right)), ("y", &Px(base))], &axis.title);
    svg(page, title, description, base + 6.0, &body);
}
