//! Bars that lie, one below the other, with names at their left.

use super::axis::Axis;
use super::picture::{WIDTH, svg};
use super::text::{LETTERS, fit, width};
use crate::markup::{Attributes, Markup, Px};

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
    let notes = rows.iter().map(|row| width(&row.note)).fold(0.0, f64::max);
    let (left, right) = (NAMES, WIDTH - notes - 10.0);
    let across = |value: f64| axis.scale.clamped(value).map(|place| left + place * (right - left));
    let bottom = rows.iter().map(Bar::height).sum::<f64>() + 4.0;
    let ticks: Vec<(f64, &str)> =
        axis.ticks.iter().filter_map(|(value, text)| Some((across(*value)?, &**text))).collect();

    let mut body = Markup::default();
    let grid = ticks.iter().map(|(x, _)| format!("M{} 0V{}", Px(*x), Px(bottom)));
    body.empty("path", &[("class", &"g"), ("d", &grid.collect::<String>())]);
    let mut middle = 2.0 - ROW / 2.0;
    for row in rows {
        middle += row.height();
        row.draw(&mut body, middle, right, across);
    }
    let base_line = format!("M{} 0V{b}H{}", Px(left), Px(right), b = Px(bottom));
    body.empty("path", &[("class", &"x"), ("d", &base_line)]);
    for (x, text) in ticks {
        let base = Px(bottom + LETTERS + 4.0);
        body.leaf("text", &[("class", &"k c"), ("x", &Px(x)), ("y", &base)], text);
    }
    let base = bottom + 2.0 * LETTERS + 9.0;
    body.leaf("text", &[("class", &"u e"), ("x", &Px(right)), ("y", &Px(base))], &axis.title);
    svg(page, title, description, base + 6.0, &body);
}

impl Bar {
    fn height(&self) -> f64 {
        if self.apart { ROW * 1.6 } else { ROW }
    }

    /// Name, bar, interval and note; `across` is the place of a value.
    fn draw(
        &self,
        body: &mut Markup,
        middle: f64,
        right: f64,
        across: impl Fn(f64) -> Option<f64>,
    ) {
        let base = Px(middle + LETTERS * 0.36);
        let place: Attributes<'_> = &[("class", &"n e"), ("x", &Px(NAMES - 6.0)), ("y", &base)];
        body.element("text", place, |text| {
            let name = fit(&self.name, NAMES - 8.0);
            text.text(&name);
            if name != self.name {
                text.leaf("title", &[], &self.name);
            }
        });
        if let Some(end) = across(self.value) {
            let (left, end) = (Px(NAMES), Px(end.max(NAMES + 0.5)));
            let bar = format!("M{left} {}H{end}v11H{left}z", Px(middle - 5.5));
            body.empty("path", &[("class", &"r s0"), ("d", &bar)]);
        }
        let ends = self.interval.and_then(|(low, high)| across(low).zip(across(high)));
        if let Some((low, high)) = ends {
            let whisker = format!("M{} {m}H{}", Px(low), Px(high), m = Px(middle));
            body.empty("path", &[("class", &"w i"), ("d", &whisker)]);
        }
        body.leaf("text", &[("class", &"k"), ("x", &Px(right + 6.0)), ("y", &base)], &self.note);
    }
}
