//! Plots as inline SVG: axes with units and ticks, legend, marks that differ in shape as well as in
//! colour.
//!
//! ```text
//! values ─▶ Scale ─▶ Axis ─▶ Plot::new (legend, grid, axes) ─▶ line · band · marks · names ─▶ svg in a figure
//! ```
//!
//! A plot is 380 units wide: letters stay readable on a telephone, and three plots stand side by
//! side on a desk. Colours are classes of `assets/report.css`, so that one page serves light, dark
//! and paper.

mod axis;
mod bars;
mod canvas;
mod dots;
mod kind;
mod legend;
mod matrix;
mod picture;
mod ribbons;
mod scale;
mod text;

pub(crate) use axis::Axis;
pub(crate) use bars::{Bar, bars};
pub(crate) use canvas::{Mark, Plot};
pub(crate) use dots::{Dot, DotPlot, Row};
pub(crate) use kind::Kind;
pub(crate) use legend::Key;
pub(crate) use matrix::{Matrix, matrix};
pub(crate) use picture::{HEIGHT, figure, overview};
pub(crate) use ribbons::{Ribbon, Side, ribbons};
pub(crate) use scale::{Scale, logistic, logit};
