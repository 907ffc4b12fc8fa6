//! Pillow's resampler, bit for bit, in every mode. PROTOCOL 1.8.2, 1.8.3.
//!
//! ```text
//! Image ── mode P or 1, or filter nearest ──> nearest
//!       ── L, RGB, CMYK ────────────────────> eight_bit: 22-bit fixed point, rounded to u8 between the passes
//!       ── LA, RGBA ── × alpha ──> eight_bit ──> ÷ alpha
//!       ── I;16, I;16B ─────────────────────> sixteen_bit: f64, clamped to 16 bits between the passes
//!       ── I, F ────────────────────────────> float: f64, rounded to i32 or f32 between the passes
//! ```
//!
//! [`Strips`] takes the rows of an 8-bit image from a decoder, one after the other, instead of a
//! whole [`Image`].
//!
//! The horizontal pass comes first, except where the height loses far more than the width (`axis`);
//! a pass is left out where its axis keeps its size. Both compute only what a [`Window`] keeps:
//! every output pixel depends on its own row and column alone, so the rest may be left out.

mod alpha;
mod axis;
mod eight_bit;
mod filter;
mod float;
mod horizontal_u8;
mod lanes;
mod nearest;
mod passes;
mod sixteen_bit;
mod strips;
#[cfg(test)]
mod tests;
mod weights;
mod window;

use crate::{Image, Mode};
pub use filter::Interpolation;
pub(crate) use strips::Strips;
pub(crate) use window::Window;

/// Resizes as Pillow's `Image.resize` does, in the image's own mode.
///
/// Modes [`Mode::Palette`] and [`Mode::Bilevel`] are resized with nearest whatever is asked for;
/// the alpha of [`Mode::Rgba`] and [`Mode::GreyAlpha`] weighs their colours. A size that is right
/// already is not resampled.
///
/// # Panics
/// When `width` or `height` is 0.
///
/// Source: PROTOCOL 1.8.2, 1.8.3. Checked by `golden/preprocess/stages.json`.
pub fn resize(image: &Image, width: u32, height: u32, interpolation: Interpolation) -> Image {
    resize_window(image, Window::whole(width.into(), height.into()), interpolation)
}

/// The part of the resized image that `window` keeps.
pub(crate) fn resize_window(image: &Image, window: Window, interpolation: Interpolation) -> Image {
    let (width, height) = window.size();
    assert!(width > 0 && height > 0, "cannot resize to {width} x {height}");
    let source = (u64::from(image.width), u64::from(image.height));
    let data = if window.full_size() == source {
        window.copy(&image.data, image.row_bytes(), image.mode.pixel_bytes())
    } else if matches!(image.mode, Mode::Palette | Mode::Bilevel)
        || interpolation == Interpolation::Nearest
    {
        nearest::resize(image, &window)
    } else {
        match image.mode {
            Mode::GreyAlpha => alpha::resize::<2>(image, &window, interpolation),
            Mode::Rgba => alpha::resize::<4>(image, &window, interpolation),
            Mode::Rgb => eight_bit::resize::<3>(&image.data, source, &window, interpolation),
            Mode::Cmyk => eight_bit::resize::<4>(&image.data, source, &window, interpolation),
            Mode::Grey16 | Mode::Grey16Big => sixteen_bit::resize(image, &window, interpolation),
            Mode::Int32 | Mode::Float32 => float::resize(image, &window, interpolation),
            Mode::Grey | Mode::Palette | Mode::Bilevel => {
                eight_bit::resize::<1>(&image.data, source, &window, interpolation)
            }
        }
    };
    image.with_data((width, height), data)
}
