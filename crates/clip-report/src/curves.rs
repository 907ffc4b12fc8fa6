//! One plot as a file of its own: curves with intervals, as of a run of training or between two
//! models.

use crate::markup::{Markup, STYLE};
use crate::numbers::{number, percent};
use crate::plot::{Axis, HEIGHT, Key, Kind, Mark, Plot, Scale};

/// Points drawn of a curve, at most; of more every n-th.
const MOST_POINTS: usize = 1000;
/// Points that are marked one by one, at most.
const MOST_MARKS: usize = 40;

/// Curves over one quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// What is to be seen.
    pub title: String,
    /// Quantity and unit of the axis across.
    pub across: String,
    /// Quantity and unit of the axis up.
    pub up: String,
    /// Whether values are shares, written in per cent.
    pub is_share: bool,
    /// Each with its name.
    pub curves: Vec<Curve>,
}

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it is of.
    pub name: String,
    /// From left to right.
    pub points: Vec<CurvePoint>,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Ends of its interval.
    pub interval: Option<(f64, f64)>,
}

impl Curves {
    /// The plot as an SVG file that loads nothing, for light, dark and paper.
    pub fn svg(&self) -> String {
        let mut page = Markup::default();
        self.draw(&mut page);
        page.finish()
            .replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" ", 1)
            .replacen("</desc>", &format!("</desc><style>{STYLE}{ALONE}</style>"), 1)
            + "\n"
    }

    /// The plot in a page.
    pub(super) fn draw(&self, page: &mut Markup) {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let ends = points().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [point.y, low, high]
        });
        let y = match self.is_share {
            true => Axis::percent(&self.up, Scale::linear(ends, (0.0, 1.0))),
            false => Axis::plain(&self.up, Scale::linear(ends, (f64::MIN, f64::MAX))),
        };
        let across = points().map(|point| point.x);
        let (least, most) = across.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
        let x = match least < most {
            true => Scale::fixed(least, most),
            false => Scale::linear(points().map(|point| point.x), (f64::MIN, f64::MAX)),
        };
        let x = Axis::plain(&self.across, x);
        let keys = self.keys();
        let mut plot = Plot::new(&self.title, HEIGHT, &x, &y, &keys);
        for (series, curve) in self.curves.iter().enumerate() {
            let every = curve.points.len().div_ceil(MOST_POINTS).max(1);
            let drawn: Vec<&CurvePoint> = curve.points.iter().step_by(every).collect();
            let band = drawn.iter().filter_map(|point| {
                let (low, high) = point.interval?;
                Some((point.x, low, high))
            });
            plot.band(series, &band.collect::<Vec<_>>());
            plot.line(series, Kind::Line, drawn.iter().map(|point| (point.x, point.y)));
            if is_marked(curve) {
                let marks: Vec<Mark> = drawn.iter().map(|point| self.mark(curve, point)).collect();
                plot.marks(series, Kind::Mark, &marks);
            }
        }
        plot.svg(page, &self.said());
    }

    fn keys(&self) -> Vec<Key> {
        let kind = |curve| if is_marked(curve) { Kind::Mark } else { Kind::Line };
        let curves = self.curves.iter().enumerate();
        curves.map(|(series, curve)| Key::new(series, kind(curve), &curve.name)).collect()
    }

    fn value(&self, value: f64) -> String {
        if self.is_share { format!("{} %", percent(value)) } else { number(value) }
    }

    fn mark(&self, curve: &Curve, point: &CurvePoint) -> Mark {
        let tip = format!("{}, {}: {}", curve.name, number(point.x), self.value(point.y));
        Mark { x: point.x, y: point.y, interval: None, tip }
    }

    /// Where each curve begins and ends, in words.
    pub(super) fn said(&self) -> String {
        let of = |curve: &Curve| {
            let (first, last) = (curve.points.first()?, curve.points.last()?);
            let (from, to) = (self.value(first.y), self.value(last.y));
            Some(format!("{}: from {from} to {to}", curve.name))
        };
        self.curves.iter().filter_map(of).collect::<Vec<_>>().join("; ")
    }
}

/// Shapes tell curves apart without colour, where there is room for them.
fn is_marked(curve: &Curve) -> bool {
    curve.points.len() <= MOST_MARKS
}

/// An SVG by itself has no page behind it.
const ALONE: &str = "svg { background: var(--paper); max-width: none; padding: 8px; }";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plot_is_a_file_of_its_own_and_names_are_text() {
        let point = |x: f64, y: f64| CurvePoint { x, y, interval: Some((y - 0.01, y + 0.01)) };
        let curve = |name: &str, last| Curve {
            name: name.to_owned(),
            points: vec![point(0.0, 0.5), point(1.0, last)],
        };
        let curves = Curves {
            title: "Between two models".to_owned(),
            across: "share of the second".to_owned(),
            up: "accuracy, %".to_owned(),
            is_share: true,
            curves: vec![curve("pets", 0.8), curve("<script>", 0.4)],
        };
        let svg = curves.svg();
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg:.200}");
        for part in ["<style>", "pets: from 50.0 % to 80.0 %", "&lt;script&gt;", "accuracy, %"] {
            assert!(svg.contains(part), "{part}");
        }
        assert!(!svg.contains("<script>"));
        assert!(Curves { curves: Vec::new(), ..curves }.svg().contains("</svg>"));
    }
}
