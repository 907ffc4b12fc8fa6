//! I and F: sums in f64, stored as i32 or f32 after each pass.

use super::filter::Interpolation;
use super::passes;
use super::window::Window;
use crate::{Image, Mode};

pub(super) fn resize(image: &Image, window: &Window, interpolation: Interpolation) -> Vec<u8> {
    let source = (image.width.into(), image.height.into());
    let values = image.data.as_chunks::<4>().0.iter().copied();
    if image.mode == Mode::Float32 {
        let values = values.map(f32::from_le_bytes).collect();
        let out = passes::run(values, source, window, interpolation, f64::from, |sum| sum as f32);
        return out.into_iter().flat_map(f32::to_le_bytes).collect();
    }
    let values = values.map(i32::from_le_bytes).collect();
    let out = passes::run(values, source, window, interpolation, f64::from, round);
    out.into_iter().flat_map(i32::to_le_bytes).collect()
}

/// To the nearest integer, halves away from zero.
///
/// What does not fit becomes the smallest i32, whatever its sign: Pillow's C says nothing here,
/// x86-64 does this.
pub(super) fn round(value: f64) -> i32 {
    let whole = if value >= 0.0 { (value + 0.5).floor() } else { -(value.abs() + 0.5).floor() };
    if whole > f64::from(i32::MAX) { i32::MIN } else { whole as i32 }
}
