//! A square table of counts, darker where there are more.

use super::picture::{WIDTH, svg};
use super::text::{LETTERS, fit, width};
use crate::markup::{Markup, Px};
use crate::numbers::count;

const NAMES: f64 = 140.0;
const ROW: f64 = 21.0;

/// The darkest cell: letters stay readable on it, light and dark.
const DARKEST: f64 = 0.55;

/// Counts by row and column; names are shared by both.
pub(crate) struct Matrix {
    pub(crate) names: Vec<String>,
    /// `[rows][columns]`; none where the count is not known.
    pub(crate) counts: Vec<Vec<Option<usize>>>,
    /// Items of each row, where known: shades are shares of them.
    pub(crate) totals: Vec<Option<usize>>,
}

/// Draws it; columns have the numbers of their rows, which long names cannot cover.
pub(crate) fn matrix(page: &mut Markup, title: &str, description: &str, matrix: &Matrix) {
    let mut body = Markup::default();
    let side = ((WIDTH - NAMES) / matrix.names.len().max(1) as f64).min(34.0);
    let most = matrix.counts.iter().flatten().filter_map(|cell| *cell).max().unwrap_or(1).max(1);
    let top = 2.0 * LETTERS + 14.0;
    body.leaf("text", &[("class", &"u"), ("x", &Px(NAMES)), ("y", &Px(LETTERS))], "taken for");
    body.leaf("text", &[("class", &"u e"), ("x", &Px(NAMES - 6.0)), ("y", &Px(top - 6.0))], "is");
    body.empty("path", &[("class", &"g"), ("d", &grid(matrix.names.len(), top, side))]);
    for (row, name) in matrix.names.iter().enumerate() {
        let label = format!("{} {}", row + 1, name);
        let middle = top + ROW * (row as f64 + 0.5);
        let column = NAMES + side * (row as f64 + 0.5);
        body.leaf("text", &[("class", &"k c"), ("x", &Px(column)), ("y", &Px(top - 6.0))], row + 1);
        let place: [(&'static str, &dyn std::fmt::Display); 3] =
            [("class", &"n e"), ("x", &Px(NAMES - 6.0)), ("y", &Px(middle + LETTERS * 0.36))];
        body.element("text", &place, |text| {
            let short = fit(&label, NAMES - 8.0);
            text.text(&short);
            if short != label {
                text.leaf("title", &[], &label);
            }
        });
        let total = matrix.totals.get(row).copied().flatten();
        for (index, cell) in matrix.counts.get(row).into_iter().flatten().enumerate() {
            let left = NAMES + side * index as f64;
            square(
                &mut body,
                (left, top + ROW * row as f64, side),
                *cell,
                total.unwrap_or(most),
                index == row,
            );
        }
    }
    svg(page, title, description, top + ROW * matrix.names.len() as f64 + 4.0, &body);
}

fn grid(classes: usize, top: f64, side: f64) -> String {
    let (right, bottom) = (NAMES + side * classes as f64, top + ROW * classes as f64);
    let lines = |step: usize| {
        let (y, x) = (top + ROW * step as f64, NAMES + side * step as f64);
        format!("M{NAMES} {}H{}M{} {}V{}", Px(y), Px(right), Px(x), Px(top), Px(bottom))
    };
    (0..=classes).map(lines).collect()
}

fn square(body: &mut Markup, at: (f64, f64, f64), cell: Option<usize>, of: usize, is_right: bool) {
    let (left, top, side) = at;
    let Some(cell) = cell.filter(|cell| *cell > 0) else { return };
    let class = if is_right { "q s2" } else { "q s1" };
    let shade = ((cell as f64 / of.max(1) as f64).clamp(0.0, 1.0) * DARKEST).max(0.06);
    let d = format!("M{} {}h{side}v{ROW}h-{side}z", Px(left), Px(top), side = Px(side));
    body.empty("path", &[("class", &class), ("d", &d), ("fill-opacity", &format!("{shade:.2}"))]);
    let text = count(cell);
    let text = if width(&text) <= side - 2.0 { text } else { format!("{}k", cell / 1000) };
    let (middle, base) = (Px(left + side / 2.0), Px(top + ROW / 2.0 + LETTERS * 0.36));
    body.leaf("text", &[("class", &"n c"), ("x", &middle), ("y", &base)], text);
}
