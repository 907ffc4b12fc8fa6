//! Plots as inline SVG: axes with units and ticks, legend, marks that differ in shape as well as in colour.
//!
//! ```text
//! values ─▶ Scale ─▶ Axis ─▶ Plot::new (legend, grid, axes) ─▶ line · band · marks · names ─▶ svg in a figure
//! ```
//!
//! A plot is 380 units wide: letters stay readable on a telephone, and three plots stand side by side on a desk.
//! Colours are classes of `assets/report.css`, so that one page serves light, dark and paper.

mod axis;
mod bars;
mod legend;
mod marks;
mod matrix;
mod scale;
mod text;

pub(crate) use self::axis::Axis;
pub(crate) use self::bars::{Bar, bars};
pub(crate) use self::legend::Key;
pub(crate) use self::marks::{Kind, Mark};
pub(crate) use self::matrix::{Matrix, matrix};
pub(crate) use self::scale::{Scale, logistic, logit};

use self::text::{Area, LETTERS, width};
use crate::markup::{Markup, Px};

/// Units across.
pub(crate) const WIDTH: f64 = 380.0;

/// Ordinary height of the part between the axes.
pub(crate) const HEIGHT: f64 = 190.0;

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

    /// Writes the picture; `description` says in words what is to be seen, for those who cannot see it.
    pub(crate) fn svg(self, page: &mut Markup, description: &str) {
        svg(page, &self.title, description, self.height, &self.body);
    }
}

/// An SVG of the usual width.
fn svg(page: &mut Markup, title: &str, description: &str, height: f64, body: &Markup) {
    let view = format!("0 0 {WIDTH} {}", Px(height));
    page.element("svg", &[("viewBox", &view), ("role", &"img")], |page| {
        page.leaf("title", &[], title);
        page.leaf("desc", &[], description);
        page.append(body);
    });
}

/// Pictures under a heading, with what there is to know about them below.
pub(crate) fn figure(
    page: &mut Markup,
    title: &str,
    pictures: impl FnOnce(&mut Markup),
    caption: &str,
) {
    page.element("figure", &[], |page| {
        page.leaf("h4", &[], title);
        pictures(page);
        page.leaf("figcaption", &[], caption);
    });
    page.line();
}
