//! Dots with their intervals along one axis, one row a thing, names at the left.

use super::axis::Axis;
use super::kind::{Kind, shape};
use super::legend::{self, Key};
use super::picture::{WIDTH, svg};
use super::text::{LETTERS, fit, width};
use crate::markup::{Markup, Px};

/// Height of a dot with its interval.
const LANE: f64 = 10.0;
/// Between rows.
const AIR: f64 = 7.0;
/// The widest that names beside their dots may be; wider ones stand above them.
const NAMES: f64 = 140.0;

/// One dot.
pub(crate) struct Dot {
    /// Colour and shape.
    pub(crate) series: usize,
    /// Filled or not.
    pub(crate) kind: Kind,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// Said when a pointer rests on it.
    pub(crate) tip: String,
}

/// Dots of one thing, one below the other.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) dots: Vec<Dot>,
    /// Written at its right.
    pub(crate) note: String,
    /// Whether a rule is drawn above it.
    pub(crate) apart: bool,
    /// Whether the first two dots are joined: the same thing before and after.
    pub(crate) joined: bool,
}

/// A plot of rows of dots.
pub(crate) struct DotPlot<'a> {
    pub(crate) title: &'a str,
    pub(crate) axis: &'a Axis,
    pub(crate) keys: &'a [Key],
    pub(crate) rows: &'a [Row],
    /// Stands above the notes.
    pub(crate) note_head: &'a str,
    /// A value for all rows, as a dashed line.
    pub(crate) reference: Option<f64>,
}

impl DotPlot<'_> {
    /// Draws it; `description` says in words what is to be seen.
    pub(crate) fn draw(&self, page: &mut Markup, description: &str) {
        let mut body = Markup::default();
        let top = legend::draw(&mut body, self.keys) + LETTERS + 7.0;
        let names = self.rows.iter().map(|row| width(&row.name)).fold(0.0, f64::max);
        let (beside, above) =
            if names <= NAMES { (names + 6.0, 0.0) } else { (0.0, LETTERS + 6.0) };
        let notes = self.rows.iter().map(|row| width(&row.note)).fold(0.0, f64::max);
        let notes = notes.max(width(self.note_head));
        let (left, right) = ((beside + 4.0).max(8.0), WIDTH - notes - 12.0);
        let across = |value: f64| Some(left + self.axis.scale.clamped(value)? * (right - left));
        let bottom = top + self.rows.iter().map(|row| above + row.height()).sum::<f64>();

        self.grid(&mut body, (top, bottom), across);
        if !self.note_head.is_empty() {
            word(&mut body, "u", right + 8.0, top - 6.0, self.note_head);
        }
        if let Some(x) = self.reference.and_then(across) {
            let line = format!("M{} {}V{}", Px(x), Px(top), Px(bottom));
            body.empty("path", &[("class", &"l d s8"), ("d", &line)]);
        }
        let mut row_top = top;
        for row in self.rows {
            if above > 0.0 {
                let base = row_top + row.air() + LETTERS + 3.0;
                word(&mut body, "n", left + 4.0, base, &fit(&row.name, WIDTH - left - 4.0));
            }
            if row.apart {
                let rule = format!("M0 {}H{WIDTH}", Px(row_top + AIR / 2.0));
                body.empty("path", &[("class", &"g"), ("d", &rule)]);
            }
            row.draw(&mut body, row_top + above, right, across);
            if beside > 0.0 {
                let base = row_top + row.middle() + LETTERS * 0.36;
                word(&mut body, "n e", left - 6.0, base, &row.name);
            }
            row_top += above + row.height();
        }
        let base_line = format!("M{} {}V{}H{}", Px(left), Px(top), Px(bottom), Px(right));
        body.empty("path", &[("class", &"x"), ("d", &base_line)]);
        let base = bottom + 2.0 * LETTERS + 9.0;
        word(&mut body, "u e", right, base, &self.axis.title);
        svg(page, self.title, description, base + 6.0, &body);
    }

    fn grid(
        &self,
        body: &mut Markup,
        (top, bottom): (f64, f64),
        across: impl Fn(f64) -> Option<f64>,
    ) {
        let mut grid = String::new();
        let mut free_from = f64::NEG_INFINITY;
        for (value, text) in &self.axis.ticks {
            let Some(x) = across(*value) else { continue };
            grid += &format!("M{} {}V{}", Px(x), Px(top), Px(bottom));
            let half = width(text) / 2.0;
            if x - half >= free_from {
                word(body, "k c", x, bottom + LETTERS + 4.0, text);
                free_from = x + half + 3.0;
            }
        }
        body.empty("path", &[("class", &"g"), ("d", &grid)]);
    }
}

impl Row {
    fn height(&self) -> f64 {
        self.air() + self.dots.len().max(1) as f64 * LANE + AIR / 2.0
    }

    /// Above the first dot.
    fn air(&self) -> f64 {
        if self.apart { AIR * 1.5 } else { AIR / 2.0 }
    }

    /// Middle of the dots below the row's top.
    fn middle(&self) -> f64 {
        self.air() + self.dots.len().max(1) as f64 * LANE / 2.0
    }

    /// Dots and note; `across` is the place of a value.
    fn draw(&self, body: &mut Markup, top: f64, right: f64, across: impl Fn(f64) -> Option<f64>) {
        let height = |lane: usize| top + self.air() + (lane as f64 + 0.5) * LANE;
        if let (true, [before, after, ..]) = (self.joined, self.dots.as_slice())
            && let Some((from, to)) = across(before.value).zip(across(after.value))
        {
            let joint = format!("M{} {}L{} {}", Px(from), Px(height(0)), Px(to), Px(height(1)));
            body.empty("path", &[("class", &"w s8"), ("d", &joint)]);
        }
        for (lane, dot) in self.dots.iter().enumerate() {
            dot.draw(body, height(lane), &across);
        }
        word(body, "k", right + 8.0, top + self.middle() + LETTERS * 0.36, &self.note);
    }
}

impl Dot {
    fn draw(&self, body: &mut Markup, y: f64, across: impl Fn(f64) -> Option<f64>) {
        let Some(x) = across(self.value) else { return };
        let series = self.series % 9;
        let ends = self.interval.and_then(|(low, high)| across(low).zip(across(high)));
        if let Some((low, high)) = ends {
            let (low, high) = (Px(low), Px(high));
            let whisker = format!("M{low} {0}H{high}M{low} {1}v5M{high} {1}v5", Px(y), Px(y - 2.5));
            let class = format!("{} s{series}", Kind::Whisker.class());
            body.empty("path", &[("class", &class), ("d", &whisker)]);
        }
        let class = format!("{} s{series}", self.kind.class());
        body.element("path", &[("class", &class), ("d", &shape(self.series, x, y))], |path| {
            path.leaf("title", &[], &self.tip);
        });
    }
}

fn word(body: &mut Markup, class: &str, x: f64, base: f64, text: &str) {
    if !text.is_empty() {
        body.leaf("text", &[("class", &class), ("x", &Px(x)), ("y", &Px(base))], text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Scale;

    #[test]
    fn a_row_is_as_high_as_its_dots_and_values_that_are_none_leave_no_dot() {
        let dot = |value| Dot {
            series: 0,
            kind: Kind::Mark,
            value,
            interval: Some((value, f64::NAN)),
            tip: "said".to_owned(),
        };
        let row =
            |dots| Row { name: "a".into(), dots, note: String::new(), apart: false, joined: true };
        assert_eq!(row(vec![dot(0.1), dot(0.2)]).height() - row(vec![dot(0.1)]).height(), LANE);
        let axis = Axis::percent("share, %", Scale::fixed(0.0, 1.0));
        let rows = [row(vec![dot(f64::NAN), dot(0.5)]), row(vec![])];
        let plot = DotPlot {
            title: "t",
            axis: &axis,
            keys: &[],
            rows: &rows,
            note_head: "",
            reference: None,
        };
        let mut page = Markup::default();
        plot.draw(&mut page, "what is to be seen");
        let page = page.finish();
        assert_eq!(page.matches("said").count(), 1);
        assert!(!page.contains("NaN"), "{page}");
    }
}
