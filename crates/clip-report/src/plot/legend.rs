//! What the marks mean, above the plot, in as many rows as it takes.

use super::kind::{Kind, shape};
use super::picture::WIDTH;
use super::text::{LETTERS, fit, width};
use crate::markup::{Markup, Px};

const ROW: f64 = 16.0;
const SYMBOL: f64 = 20.0;
const GAP: f64 = 12.0;

/// An entry.
pub(crate) struct Key {
    /// Colour and shape.
    pub(crate) series: usize,
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

impl Key {
    pub(crate) fn new(series: usize, kind: Kind, text: &str) -> Key {
        Key { series, kind, text: text.to_owned() }
    }
}

/// Draws the entries from the top; returns where the rest may begin.
pub(super) fn draw(body: &mut Markup, keys: &[Key]) -> f64 {
    let (mut x, mut middle) = (0.0, ROW / 2.0);
    for key in keys {
        let text = fit(&key.text, WIDTH - SYMBOL);
        let wide = SYMBOL + width(&text);
        if x > 0.0 && x + wide > WIDTH {
            x = 0.0;
            middle += ROW;
        }
        symbol(body, key, x, middle);
        let base = middle + LETTERS * 0.36;
        body.leaf("text", &[("class", &"n"), ("x", &Px(x + SYMBOL)), ("y", &Px(base))], text);
        x += wide + GAP;
    }
    if keys.is_empty() { 0.0 } else { middle + ROW / 2.0 }
}

fn symbol(body: &mut Markup, key: &Key, x: f64, middle: f64) {
    let class = format!("{} s{}", key.kind.class(), key.series % 9);
    let d = match key.kind {
        Kind::Line | Kind::Dashed => format!("M{} {}h16", Px(x), Px(middle)),
        Kind::Band | Kind::Bar => format!("M{} {}h16v10h-16z", Px(x), Px(middle - 5.0)),
        Kind::Dots | Kind::FaintDots => format!("M{} {}h0", Px(x + 8.0), Px(middle)),
        Kind::Whisker => format!("M{} {}v12m-3 0h6m-6 -12h6", Px(x + 8.0), Px(middle - 6.0)),
        Kind::Mark | Kind::Hollow => shape(key.series, x + 8.0, middle),
    };
    body.empty("path", &[("class", &class), ("d", &d)]);
}
