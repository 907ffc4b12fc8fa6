//! From component samples to output pixels, a row at a time: libjpeg's colour spaces and its YCbCr equations.
#![allow(clippy::arithmetic_side_effects, reason = "all values are below 2^26 in 32 bits")]

use super::frame::{Frame, Process};
use super::markers::MarkerReader;
use super::{ColorTransform, JpegColor, JpegError};

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
    /// libjpeg's guess from markers and component ids. Pillow takes CMYK as inverted whether marked so or not.
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

    /// Writes a row of pixels from a row of each component; rows hold at least as many samples as there are pixels.
    #[inline(always)]
    pub(super) fn row(self, rows: [&[u8]; 4], out: &mut [u8]) {
        let [a, b, c, d] = rows;
        match self {
            Self::Grey => out.copy_from_slice(a.get(..out.len()).unwrap_or_default()),
            Self::Rgb => {
                let (pixels, _) = out.as_chunks_mut::<3>();
                for (((pixel, &r), &g), &b) in pixels.iter_mut().zip(a).zip(b).zip(c) {
                    *pixel = [r, g, b];
                }
            }
            Self::YcbcrToRgb => {
                let (pixels, _) = out.as_chunks_mut::<3>();
                for (((pixel, &y), &cb), &cr) in pixels.iter_mut().zip(a).zip(b).zip(c) {
                    *pixel = ycbcr_to_rgb(y, cb, cr);
                }
            }
            Self::Cmyk => {
                let (pixels, _) = out.as_chunks_mut::<4>();
                for ((((pixel, &c), &m), &y), &k) in pixels.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *pixel = [!c, !m, !y, !k];
                }
            }
            Self::YcckToCmyk => {
                let (pixels, _) = out.as_chunks_mut::<4>();
                for ((((pixel, &y), &cb), &cr), &k) in pixels.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    // CMY is the complement of RGB; Pillow's inversion undoes it.
                    let [r, g, b] = ycbcr_to_rgb(y, cb, cr);
                    *pixel = [r, g, b, !k];
                }
            }
        }
    }
}

/// ITU-R BT.601 as JFIF has it, in 16 fraction bits.
#[inline(always)]
fn ycbcr_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let r = y + ((91881 * cr + HALF) >> 16); // 1.40200
    let g = y + ((HALF - 22554 * cb - 46802 * cr) >> 16); // 0.34414, 0.71414
    let b = y + ((116130 * cb + HALF) >> 16); // 1.77200
    [r, g, b].map(|v| v.clamp(0, 255) as u8)
}
