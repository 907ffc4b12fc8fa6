//! What stands between the axes.

use super::text::place;
use super::{Plot, Px};

/// How something is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Line,
    Dashed,
    /// A filled shape.
    Mark,
    /// Its outline.
    Hollow,
    /// The ends of an interval.
    Whisker,
    /// Area between the ends of intervals.
    Band,
    Bar,
    /// Many small grey points.
    Dots,
    /// The same, hardly to be seen.
    FaintDots,
}

impl Kind {
    /// Class of the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Kind::Line => "l",
            Kind::Dashed => "l d",
            Kind::Mark => "m",
            Kind::Hollow => "h",
            Kind::Whisker => "w",
            Kind::Band => "b",
            Kind::Bar => "r",
            Kind::Dots => "z",
            Kind::FaintDots => "z f",
        }
    }
}

/// A point with its interval and what is said when a pointer rests on it.
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) tip: String,
}

impl Plot {
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

/// Outline of a series' mark: nine colours and five shapes, so that neighbours differ without colour.
pub(super) fn shape(series: usize, x: f64, y: f64) -> String {
    let (x, y) = (Px(x), Px(y));
    match series % 5 {
        0 => format!("M{x} {y}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"),
        1 => format!("M{x} {y}m-3.5 -3.5h7v7h-7z"),
        2 => format!("M{x} {y}m0 -4.5l4.5 8h-9z"),
        3 => format!("M{x} {y}m0 -5l5 5l-5 5l-5 -5z"),
        _ => format!("M{x} {y}m0 4.5l4.5 -8h-9z"),
    }
}
