//! Nearest neighbour, in the arithmetic of Pillow's affine transform.

use std::ops::Range;

use super::window::Window;
use crate::Image;

pub(super) fn resize(image: &Image, window: &Window) -> Vec<u8> {
    let pixel_bytes = image.mode.pixel_bytes();
    let columns = sources(image.width, window.full_size().0, &window.columns);
    let rows = sources(image.height, window.full_size().1, &window.rows);
    let row_bytes = image.row_bytes();
    let mut out = Vec::with_capacity(rows.len() * columns.len() * pixel_bytes);
    for row in rows {
        let row = row.map(|index| &image.data[index * row_bytes..][..row_bytes]);
        for column in &columns {
            match (row, column) {
                (Some(row), Some(index)) => out.extend_from_slice(&row[index * pixel_bytes..][..pixel_bytes]),
                _ => out.resize(out.len() + pixel_bytes, 0),
            }
        }
    }
    out
}

/// The input index of each kept output. The place is *added up* step by step as Pillow does it, so that its
/// rounding errors are the same; one that ends outside the image is left black.
fn sources(input: u32, output: u64, kept: &Range<u64>) -> Vec<Option<usize>> {
    let step = f64::from(input as f32) / output as f64;
    let mut place = 0.0 + step * 0.5;
    let mut sources = Vec::with_capacity((kept.end - kept.start) as usize);
    for index in 0..kept.end {
        if index >= kept.start {
            let source = place as usize;
            sources.push((source < input as usize).then_some(source));
        }
        place += step;
    }
    sources
}
