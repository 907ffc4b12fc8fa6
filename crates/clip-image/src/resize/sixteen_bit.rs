//! I;16 and I;16B: sums in f64, rounded to 16 bits after each pass.
//!
//! One peculiarity of Pillow 13 is kept (checked by `golden/preprocess/stages.json`): the bytes of
//! I;16B are taken in the order of I;16 during the resize, so a big-endian image turns to noise.

use super::filter::Interpolation;
use super::float::round;
use super::passes;
use super::window::Window;
use crate::Image;

pub(super) fn resize(image: &Image, window: &Window, interpolation: Interpolation) -> Vec<u8> {
    let values =
        image.data.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let source = (image.width.into(), image.height.into());
    let out = passes::run(values, source, window, interpolation, f64::from, store);
    out.into_iter().flat_map(u16::to_le_bytes).collect()
}

fn store(sum: f64) -> u16 {
    round(sum).clamp(0, 65535) as u16
}
