//! What things of a plot look like: the look, and a series' own shape.

use crate::markup::Px;

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

/// Outline of a series' mark: nine colours and five shapes, so that neighbours differ without
/// colour.
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
