//! A plot in the making: axes, and what stands between them.

use super::axis::Axis;
use super::kind::{Kind, shape};
use super::legend::{self, Key};
use super::picture::{WIDTH, svg};
use super::scale::Scale;
use super::text::{Area, LETTERS, place, width};
use crate::markup::{Markup, Px};

/// A point with its interval and what is said when a pointer rests on it.
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) tip: String,
}

/// A plot of y against x in the making.
pub(crate) struct Plot {
    title: String,
    height: f64,
    area: Area,
    x: Scale,
    y: Scale,
    body: Markup,
}

impl Plot {
    /// Draws legend, grid and axes around an area of `height` units.
    pub(crate) fn new(title: &str, height: f64, x: &Axis, y: &Axis, keys: &[Key]) -> Plot {
        let mut body = Markup::default();
        let below_legend = legend::draw(&mut body, keys);
        let widest = y.ticks.iter().map(|(_, text)| width(text)).fold(0.0, f64::max);
        let top = below_legend + LETTERS + 10.0;
        let area = Area { left: widest + 10.0, top, right: WIDTH - 14.0, bottom: top + height };
        let plot_height = area.bottom + 38.0;
        let mut plot = Plot {
            title: title.to_owned(),
            height: plot_height,
            area,
            x: x.scale,
            y: y.scale,
            body,
        };
        plot.axes(x, y);
        plot
    }

    /// Place of a value; none if it is not between the axes.
    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.across(self.x.at(x)?), self.up(self.y.at(y)?)))
    }

    fn across(&self, place: f64) -> f64 {
        self.area.left + place * (self.area.right - self.area.left)
    }

    fn up(&self, place: f64) -> f64 {
        self.area.bottom - place * (self.area.bottom - self.area.top)
    }

    fn axes(&mut self, x: &Axis, y: &Axis) {
        let Area { left, top, right, bottom } = self.area;
        let mut grid = String::new();
        for (value, _) in &y.ticks {
            if let Some(place) = y.scale.at(*value) {
                grid += &format!("M{} {}H{}", Px(left), Px(self.up(place)), Px(right));
            }
        }
        for (value, _) in &x.ticks {
            if let Some(place) = x.scale.at(*value) {
                grid += &format!("M{} {}V{}", Px(self.across(place)), Px(top), Px(bottom));
            }
        }
        self.body.empty("path", &[("class", &"g"), ("d", &grid)]);
        let frame = format!("M{} {}V{}H{}", Px(left), Px(top), Px(bottom), Px(right));
        self.body.empty("path", &[("class", &"x"), ("d", &frame)]);
        for (value, text) in &y.ticks {
            if let Some(place) = y.scale.at(*value) {
                self.word("k e", left - 5.0, self.up(place) + LETTERS * 0.36, text);
            }
        }
        let mut free_from = f64::NEG_INFINITY;
        for (value, text) in &x.ticks {
            let Some(place) = x.scale.at(*value) else { continue };
            let (middle, half) = (self.across(place), width(text) / 2.0);
            // What would run into its neighbour stays away; its grid line remains.
            if middle - half >= free_from {
                self.word("k c", middle.min(WIDTH - half), bottom + LETTERS + 4.0, text);
                free_from = middle + half + 3.0;
            }
        }
        self.word("u", 0.0, top - 9.0, &y.title);
        self.word("u e", right, bottom + 2.0 * LETTERS + 10.0, &x.title);
    }

    /// A text; class `c` centres it, `e` ends it at `x`.
    fn word(&mut self, class: &str, x: f64, base: f64, text: &str) {
        self.body.leaf("text", &[("class", &class), ("x", &Px(x)), ("y", &Px(base))], text);
    }

    /// Writes the picture; `description` says in words what is to be seen, for those who cannot see
    /// it.
    pub(crate) fn svg(self, page: &mut Markup, description: &str) {
        svg(page, &self.title, description, self.height, &self.body);
    }

    /// A line through the points in their order; what is not between the axes interrupts it.
    pub(crate) fn line(
        &mut self,
        series: usize,
        kind: Kind,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) {
        let mut d = String::new();
        let mut pen_is_down = false;
        for (x, y) in points {
            let Some((x, y)) = self.at(x, y) else {
                pen_is_down = false;
                continue;
            };
            d += &format!("{}{} {}", if pen_is_down { 'L' } else { 'M' }, Px(x), Px(y));
            pen_is_down = true;
        }
        self.path(series, kind, &d);
    }

    /// The area between low and high, cut at the axes.
    pub(crate) fn band(&mut self, series: usize, points: &[(f64, f64, f64)]) {
        let corner = |x: f64, y: f64| {
            let (x, y) = (self.x.at(x)?, self.y.clamped(y)?);
            Some(format!("{} {}", Px(self.across(x)), Px(self.up(y))))
        };
        let there = points.iter().filter_map(|&(x, _, high)| corner(x, high));
        let back = points.iter().rev().filter_map(|&(x, low, _)| corner(x, low));
        let corners: Vec<String> = there.chain(back).collect();
        if corners.len() >= 4 {
            self.path(series, Kind::Band, &format!("M{}z", corners.join("L")));
        }
    }

    /// Many points of one look, without words.
    pub(crate) fn dots(&mut self, kind: Kind, points: impl IntoIterator<Item = (f64, f64)>) {
        let dot = |(x, y)| self.at(x, y).map(|(x, y)| format!("M{} {}h0", Px(x), Px(y)));
        let d: String = points.into_iter().filter_map(dot).collect();
        self.path(0, kind, &d);
    }

    /// Points that can be asked, each with its whisker.
    pub(crate) fn marks(&mut self, series: usize, kind: Kind, marks: &[Mark]) {
        for mark in marks {
            let Some((x, y)) = self.at(mark.x, mark.y) else { continue };
            let ends = mark
                .interval
                .and_then(|(low, high)| Some((self.y.clamped(low)?, self.y.clamped(high)?)));
            if let Some((low, high)) = ends {
                let (low, high) = (Px(self.up(low)), Px(self.up(high)));
                let whisker =
                    format!("M{0} {low}V{high}M{1} {low}h6M{1} {high}h6", Px(x), Px(x - 3.0));
                self.path(series, Kind::Whisker, &whisker);
            }
            let class = format!("{} s{}", kind.class(), series % 9);
            self.body.element("path", &[("class", &class), ("d", &shape(series, x, y))], |path| {
                path.leaf("title", &[], &mark.tip);
            });
        }
    }

    /// Names beside points, where there is room.
    pub(crate) fn names(&mut self, points: &[(f64, f64)], names: &[&str]) {
        let known: Vec<((f64, f64), &str)> = points
            .iter()
            .zip(names)
            .filter_map(|(&(x, y), name)| Some((self.at(x, y)?, *name)))
            .collect();
        let (points, names): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        for (place, name) in place(&points, &names, self.area).into_iter().zip(names) {
            if let Some((left, base)) = place {
                self.word("n", left, base, name);
            }
        }
    }

    /// Upright bars from the bottom: left and right end, height.
    pub(crate) fn columns(
        &mut self,
        series: usize,
        columns: impl IntoIterator<Item = (f64, f64, f64)>,
    ) {
        let mut d = String::new();
        for (left, right, height) in columns {
            let (Some(left), Some(right)) = (self.x.clamped(left), self.x.clamped(right)) else {
                continue;
            };
            let Some(top) = self.y.clamped(height) else { continue };
            let (left, right) = (self.across(left) + 0.5, self.across(right) - 0.5);
            d += &format!(
                "M{} {}V{}H{}V{}z",
                Px(left),
                Px(self.area.bottom),
                Px(self.up(top)),
                Px(right),
                Px(self.area.bottom)
            );
        }
        self.path(series, Kind::Bar, &d);
    }

    fn path(&mut self, series: usize, kind: Kind, d: &str) {
        if !d.is_empty() {
            let class = format!("{} s{}", kind.class(), series % 9);
            self.body.empty("path", &[("class", &class), ("d", &d)]);
        }
    }
}
