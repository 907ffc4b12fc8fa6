//! From component samples to output pixels, a row at a time: libjpeg's colour spaces and its YCbCr
//! equations.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "all values are below 2^10 in 16 bits and 2^26 in 32; there are four rows of scratch"
)]

use super::error::JpegError;
use super::frame::{Frame, Process};
use super::markers::MarkerReader;

/// The pixels of a decoded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JpegColor {
    /// One channel.
    Grey,
    /// Three channels.
    Rgb,
    /// Four channels, 255 = full ink, as Pillow gives it (always inverted from the file).
    Cmyk,
}

impl JpegColor {
    /// Bytes per pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// What to make of the components, for containers that know better than the markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorTransform {
    /// By JFIF and Adobe markers and component ids, as libjpeg does.
    #[default]
    Auto,
    /// None: components are channels.
    None,
    /// Three components are YCbCr, four are YCCK.
    YcbcrToRgb,
}

/// What the components of a file mean and what they become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    Grey,
    /// Three components as they are.
    Rgb,
    YcbcrToRgb,
    /// Four components, inverted.
    Cmyk,
    /// YCbCr to CMY, black as it is; then inverted.
    YcckToCmyk,
}

impl Conversion {
    /// libjpeg's guess from markers and component ids. Pillow takes CMYK as inverted whether marked
    /// so or not.
    pub(super) fn of(
        markers: &MarkerReader<'_>,
        frame: &Frame,
        transform: ColorTransform,
    ) -> Result<Self, JpegError> {
        let lossless = frame.process == Process::Lossless;
        let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
        let conversion = match (ids.as_slice(), transform, markers.adobe) {
            ([_], _, _) => Self::Grey,
            ([_, _, _], ColorTransform::None, _) => Self::Rgb,
            ([_, _, _], ColorTransform::YcbcrToRgb, _) => Self::YcbcrToRgb,
            ([_, _, _], ColorTransform::Auto, _) if markers.jfif => Self::YcbcrToRgb,
            ([_, _, _], ColorTransform::Auto, Some(0)) => Self::Rgb,
            ([_, _, _], ColorTransform::Auto, Some(_)) => Self::YcbcrToRgb,
            (b"RGB", ColorTransform::Auto, None) => Self::Rgb,
            ([_, _, _], ColorTransform::Auto, None) if lossless => Self::Rgb,
            ([_, _, _], ColorTransform::Auto, None) => Self::YcbcrToRgb,
            (_, ColorTransform::None, _) | (_, ColorTransform::Auto, None | Some(0)) => Self::Cmyk,
            _ => Self::YcckToCmyk,
        };
        if lossless && matches!(conversion, Self::YcbcrToRgb | Self::YcckToCmyk) {
            return Err(JpegError::Unsupported { feature: "lossless JPEG in YCbCr" });
        }
        Ok(conversion)
    }

    pub(super) fn color(self) -> JpegColor {
        match self {
            Self::Grey => JpegColor::Grey,
            Self::Rgb | Self::YcbcrToRgb => JpegColor::Rgb,
            Self::Cmyk | Self::YcckToCmyk => JpegColor::Cmyk,
        }
    }

    /// The channels of a row of pixels from a row of each component, in `scratch` where they are
    /// not the components.
    #[inline(always)]
    pub(super) fn row<'a>(
        self,
        rows: [&'a [u8]; 4],
        scratch: &'a mut [Vec<u8>; 4],
    ) -> [&'a [u8]; 4] {
        let [a, b, c, d] = rows;
        match self {
            Self::Grey | Self::Rgb => return rows,
            Self::YcbcrToRgb => ycbcr_to_rgb([a, b, c], scratch),
            Self::Cmyk => {
                for (out, ink) in scratch.iter_mut().zip(rows) {
                    invert(ink, out);
                }
            }
            Self::YcckToCmyk => {
                // CMY is the complement of RGB; Pillow's inversion undoes it.
                ycbcr_to_rgb([a, b, c], scratch);
                invert(d, &mut scratch[3]);
            }
        }
        scratch.each_ref().map(Vec::as_slice)
    }
}

#[inline(always)]
fn invert(ink: &[u8], out: &mut [u8]) {
    for (out, &ink) in out.iter_mut().zip(ink) {
        *out = !ink;
    }
}

/// ITU-R BT.601 as JFIF has it, in 16 fraction bits.
///
/// Factors beyond 16 bits are taken apart, `1.402 = 1 + 0.402`, so that most of it fits 16-bit
/// lanes; sums of whole and rounded parts are the same.
#[inline(always)]
fn ycbcr_to_rgb([y, cb, cr]: [&[u8]; 3], scratch: &mut [Vec<u8>; 4]) {
    const HALF: i32 = 1 << 15;
    let [red, green, blue, _] = scratch;
    let outs = red.iter_mut().zip(green).zip(blue);
    for ((((red, green), blue), (&y, &cb)), &cr) in outs.zip(y.iter().zip(cb)).zip(cr) {
        let (y, cb, cr) = (i16::from(y), i16::from(cb) - 128, i16::from(cr) - 128);
        let both = i32::from(cr) * 18734 - i32::from(cb) * 22554; // 1 - 0.71414, 0.34414
        let r = y + cr + product(cr, 26345); // 1.40200
        let g = y - cr + ((both + HALF) >> 16) as i16;
        let b = y + cb + cb + product(cb, -14942); // 1.77200
        [*red, *green, *blue] = [r, g, b].map(|v| v.clamp(0, 255) as u8);
    }
}

/// `value * factor` without its 16 fraction bits, halves up.
#[inline(always)]
fn product(value: i16, factor: i32) -> i16 {
    (((i32::from(2 * value) * factor) >> 16) as i16 + 1) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_those_of_the_equations_for_every_sample() {
        const HALF: i32 = 1 << 15;
        let mut scratch = std::array::from_fn(|_| vec![0; 256]);
        let luma: Vec<u8> = (0..=255).collect();
        for (blue, red) in (0..=255_u8).flat_map(|blue| (0..=255_u8).map(move |red| (blue, red))) {
            ycbcr_to_rgb([&luma, &[blue; 256], &[red; 256]], &mut scratch);
            let (cb, cr) = (i32::from(blue) - 128, i32::from(red) - 128);
            for (index, &y) in luma.iter().enumerate() {
                let y = i32::from(y);
                let expected = [
                    y + ((91881 * cr + HALF) >> 16),
                    y + ((HALF - 22554 * cb - 46802 * cr) >> 16),
                    y + ((116130 * cb + HALF) >> 16),
                ];
                let found = std::array::from_fn(|channel| i32::from(scratch[channel][index]));
                assert_eq!(found, expected.map(|v| v.clamp(0, 255)), "{y} {blue} {red}");
            }
        }
    }
}
