//! Which mode a TIFF opens in, and how its stored rows become pixels of it: Pillow's table of known
//! combinations.

use super::compression::Compression;
use super::directory::Directory;
use super::error::{corrupt, unsupported};
use super::tag;
use crate::decode::packed;
use crate::{ImageError, Mode};

/// How pixels are stored and what they become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) mode: Mode,
    /// Bits of a stored sample.
    pub(super) bits: u32,
    /// Stored samples of a pixel.
    pub(super) samples: usize,
    rule: Rule,
}

/// What happens to stored samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The first samples are kept, 16-bit ones cut to their high byte; the mode says how many.
    Keep,
    /// As `Keep`, 0 is white.
    Inverted,
    /// As `Keep`, colours divided by alpha.
    Associated,
    /// Grey of 16 bits: bytes stay as they are.
    Grey16,
    /// To i32 or f32, little-endian.
    Signed16,
    Wide,
}

/// Most samples of a pixel that Pillow knows.
const MOST_SAMPLES: u64 = 6;

impl Layout {
    pub(super) fn of(
        directory: &Directory,
        compression: Compression,
        planar: bool,
        reversed_bits: bool,
    ) -> Result<Self, ImageError> {
        let photometric = directory.value(tag::PHOTOMETRIC).unwrap_or(0);
        let mut formats = directory.values_or(tag::SAMPLE_FORMAT, &[1])?;
        if formats.iter().min() == formats.iter().max() {
            formats.truncate(1);
        }
        let Samples { samples, depth, extra } = Samples::of(directory, planar)?;
        let key = Key {
            photometric,
            formats: &formats,
            depth,
            samples,
            extra: &extra,
            big_endian: directory.big_endian(),
        };
        let (mode, rule) = key.mode(compression).ok_or_else(|| {
            unsupported(format!(
                "photometric interpretation {photometric} with {samples} samples of {depth} bits, \
                 sample formats {formats:?}, extra samples {extra:?}"
            ))
        })?;
        let reversible =
            depth <= 8 && samples == 1 || depth == 8 && samples == 3 && photometric == 2;
        if reversed_bits && !reversible {
            return Err(unsupported("fill order 2 with this kind of pixel"));
        }
        if directory.big_endian()
            && compression != Compression::None
            && matches!(rule, Rule::Signed16 | Rule::Wide)
        {
            return Err(unsupported(
                "compressed samples wider than a byte, signed or real, in big-endian order",
            ));
        }
        Ok(Self { mode, bits: depth as u32, samples, rule })
    }

    /// Bytes of a stored row of `width` pixels.
    pub(super) fn row_bytes(&self, width: usize) -> usize {
        packed::row_bytes(width, self.samples.saturating_mul(self.bits as usize))
    }

    /// Whether Pillow reads samples that lie in planes of their own.
    ///
    /// It opens grey with alpha too, and takes the wrong plane for alpha; its own reader takes
    /// bytes only.
    pub(super) fn planes_are_read(&self, compression: Compression) -> bool {
        let colors = matches!(self.mode, Mode::Rgb | Mode::Rgba | Mode::Cmyk);
        let bytes = self.bits == 8 && self.rule == Rule::Keep;
        colors && (bytes || compression != Compression::None)
    }

    /// `[height, width]` pixels out of stored rows.
    pub(super) fn pixels(
        &self,
        rows: &[u8],
        (width, height): (u32, u32),
        big_endian: bool,
    ) -> Vec<u8> {
        let width = width as usize;
        let pixels = width.saturating_mul(height as usize);
        if self.bits < 8 {
            return self.packed_pixels(rows, width, pixels);
        }
        let kept = self.mode.pixel_bytes();
        match self.rule {
            Rule::Keep if self.bits == 8 && kept == self.samples => rows.to_vec(),
            Rule::Keep if self.bits == 8 => rows
                .chunks_exact(self.samples.max(1))
                .flat_map(|pixel| pixel.iter().take(kept))
                .copied()
                .collect(),
            Rule::Inverted => rows.iter().map(|value| !value).collect(),
            Rule::Keep | Rule::Associated => {
                // Samples of 16 bits lose their low byte.
                let step = self.bits as usize / 8;
                let high = if self.bits == 16 && !big_endian { 1 } else { 0 };
                let mut out = Vec::with_capacity(pixels.saturating_mul(kept));
                for pixel in rows.chunks_exact(self.samples.saturating_mul(step).max(1)) {
                    let samples = pixel.iter().skip(high).step_by(step.max(1)).copied();
                    out.extend(samples.take(kept));
                    if self.rule == Rule::Associated
                        && let Some(pixel) = out.last_chunk_mut::<4>()
                    {
                        divide_by_alpha(pixel);
                    }
                }
                out
            }
            Rule::Grey16 => rows.to_vec(),
            Rule::Signed16 => {
                let order = if big_endian { i16::from_be_bytes } else { i16::from_le_bytes };
                rows.as_chunks::<2>()
                    .0
                    .iter()
                    .flat_map(|pair| i32::from(order(*pair)).to_le_bytes())
                    .collect()
            }
            Rule::Wide if !big_endian => rows.to_vec(),
            Rule::Wide => {
                let values = rows.as_chunks::<4>().0.iter();
                values.flat_map(|value| u32::from_be_bytes(*value).to_le_bytes()).collect()
            }
        }
    }

    fn packed_pixels(&self, rows: &[u8], width: usize, pixels: usize) -> Vec<u8> {
        let flip = if self.rule == Rule::Inverted { 255 } else { 0 };
        let spread = packed::spread(if self.mode == Mode::Palette { 8 } else { self.bits });
        let mut out = Vec::with_capacity(pixels);
        for row in rows.chunks_exact(self.row_bytes(width).max(1)) {
            packed::unpack_row(row, self.bits, width, |sample| spread(sample) ^ flip, &mut out);
        }
        out
    }
}

/// The samples of a pixel.
struct Samples {
    samples: usize,
    /// Bits of each.
    depth: u64,
    /// What those beyond the colours mean.
    extra: Vec<u64>,
}

impl Samples {
    fn of(directory: &Directory, planar: bool) -> Result<Self, ImageError> {
        let mut bits = directory.values_or(tag::BITS_PER_SAMPLE, &[1])?;
        let mut extra = directory.values_or(tag::EXTRA_SAMPLES, &[])?;
        let mut samples = directory.value(tag::SAMPLES_PER_PIXEL).unwrap_or(1);
        if planar && !extra.is_empty() && extra.iter().all(|kind| *kind == 0) {
            // Planes of no known meaning come last and are never read.
            bits.truncate(bits.len().saturating_sub(extra.len()));
            samples = samples.saturating_sub(extra.len() as u64);
            extra.clear();
        }
        if samples == 0 || samples > MOST_SAMPLES {
            return Err(corrupt(format!(
                "{samples} samples per pixel, 1 to {MOST_SAMPLES} are known"
            )));
        }
        let samples = samples as usize;
        match (bits.len(), bits.first()) {
            (1, Some(first)) => bits = vec![*first; samples],
            _ => bits.truncate(samples),
        }
        if bits.len() != samples || bits.iter().min() != bits.iter().max() {
            return Err(corrupt(format!("{samples} samples per pixel of {bits:?} bits")));
        }
        Ok(Self { samples, depth: bits.first().copied().unwrap_or(0), extra })
    }
}

/// What Pillow looks a file up by.
struct Key<'a> {
    photometric: u64,
    formats: &'a [u64],
    depth: u64,
    samples: usize,
    extra: &'a [u64],
    big_endian: bool,
}

impl Key<'_> {
    fn mode(&self, compression: Compression) -> Option<(Mode, Rule)> {
        let [format] = self.formats else { return None };
        let grey =
            |mode| Some((mode, if self.photometric == 0 { Rule::Inverted } else { Rule::Keep }));
        match (self.photometric, *format, self.depth, self.samples, self.extra) {
            (0 | 1, 1, 1, 1, []) => grey(Mode::Bilevel),
            (0 | 1, 1, 2 | 4 | 8, 1, []) => grey(Mode::Grey),
            (1, 2, 8, 1, []) | (1, 1, 8, 2, [0]) => Some((Mode::Grey, Rule::Keep)),
            (1, 1, 8, 2, [2]) => Some((Mode::GreyAlpha, Rule::Keep)),
            (1, 1, 16, 1, []) if self.big_endian => Some((Mode::Grey16Big, Rule::Grey16)),
            (0 | 1, 1, 16, 1, []) if !self.big_endian => Some((Mode::Grey16, Rule::Grey16)),
            (1, 2, 16, 1, []) => Some((Mode::Int32, Rule::Signed16)),
            (1, 1, 32, 1, []) if !self.big_endian => Some((Mode::Int32, Rule::Wide)),
            (1, 2, 32, 1, []) => Some((Mode::Int32, Rule::Wide)),
            (0 | 1, 3, 32, 1, []) => Some((Mode::Float32, Rule::Wide)),
            (2, 1, 8 | 16, _, _) => self.rgb(),
            (3, 1, 1 | 2 | 4 | 8, 1, []) | (3, 1, 8, 2, [0]) => Some((Mode::Palette, Rule::Keep)),
            (5, 1, 8 | 16, 4, []) | (5, 1, 8, 5, [0]) | (5, 1, 8, 6, [0, 0]) => {
                Some((Mode::Cmyk, Rule::Keep))
            }
            (6, 1, 8, 1, []) => Some((Mode::Grey, Rule::Keep)),
            // The JPEG decoder makes RGB of it.
            (6, 1, 8, 3, []) if compression == Compression::Jpeg => Some((Mode::Rgb, Rule::Keep)),
            _ => None,
        }
    }

    fn rgb(&self) -> Option<(Mode, Rule)> {
        let (wide, samples) = (self.depth == 16, self.samples);
        match (samples, self.extra) {
            (3, []) | (4, [0]) => Some((Mode::Rgb, Rule::Keep)),
            (5, [0, 0]) | (6, [0, 0, 0]) if !wide => Some((Mode::Rgb, Rule::Keep)),
            (4, [] | [2]) => Some((Mode::Rgba, Rule::Keep)),
            (4, [999]) | (5, [2, 0]) | (6, [2, 0, 0]) if !wide => Some((Mode::Rgba, Rule::Keep)),
            (4, [1]) => Some((Mode::Rgba, Rule::Associated)),
            (5, [1, 0]) | (6, [1, 0, 0]) if !wide => Some((Mode::Rgba, Rule::Associated)),
            _ => None,
        }
    }
}

/// Colours that were multiplied by alpha, made whole again; without alpha nothing is left.
fn divide_by_alpha([colors @ .., alpha]: &mut [u8; 4]) {
    for color in colors {
        let whole = u32::from(*color).saturating_mul(255).checked_div(u32::from(*alpha));
        *color = whole.map_or(0, |whole| whole.min(255) as u8);
    }
}
