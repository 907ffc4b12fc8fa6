//! Nearest neighbour, in the arithmetic of Pillow's affine transform.

use std::ops::Range;

use super::window::Window;
use crate::{Image, Mode};

pub(super) fn resize(image: &Image, window: &Window) -> Vec<u8> {
    let pixel_bytes = image.mode.pixel_bytes();
    let columns = sources(image.mode, image.width, window.full_size().0, &window.columns);
    let rows = sources(image.mode, image.height, window.full_size().1, &window.rows);
    let row_bytes = image.row_bytes();
    let mut out = Vec::with_capacity(rows.len() * columns.len() * pixel_bytes);
    for row in rows {
        let row = row.map(|index| &image.data[index * row_bytes..][..row_bytes]);
        for column in &columns {
            match (row, column) {
                (Some(row), Some(index)) => {
                    out.extend_from_slice(&row[index * pixel_bytes..][..pixel_bytes]);
                }
                _ => out.resize(out.len() + pixel_bytes, 0),
            }
        }
    }
    out
}

/// The input index of each kept output; one that ends outside the image is left black.
///
/// Pillow *adds* the place up step by step, except in its 16-bit modes, where it multiplies: the
/// rounding errors differ.
fn sources(mode: Mode, input: u32, output: u64, kept: &Range<u64>) -> Vec<Option<usize>> {
    let step = f64::from(input as f32) / output as f64;
    let inside = |place: f64| Some(place as usize).filter(|source| *source < input as usize);
    if matches!(mode, Mode::Grey16 | Mode::Grey16Big) {
        return kept.clone().map(|index| inside(step * (index as f64 + 0.5))).collect();
    }
    let places = std::iter::successors(Some(step * 0.5), |place| Some(place + step));
    places.take(kept.end as usize).skip(kept.start as usize).map(inside).collect()
}
