//! Netpbm's formats: PBM, PGM, PPM, plain or raw, PFM, and Pillow's CMYK.
//!
//! Own code: a header of a few numbers; the rest is Pillow's scaling of `maxval`.

use super::bytes::Bytes;
use super::packed;
use crate::{Format, Image, ImageError, Limits, Mode};

const SPACE: &[u8] = b" \t\n\x0b\x0c\r";

pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    Ok(Head::read(bytes, limits)?.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let head = Head::read(bytes, limits)?;
    let (width, height) = (head.size.0 as usize, head.size.1 as usize);
    let row_samples = width.saturating_mul(head.channels);
    let samples = row_samples.saturating_mul(height);
    let body = bytes.get(head.body..).unwrap_or_default();
    let raw = |bytes_needed: usize| {
        let short =
            || truncated(format!("{} bytes of pixels, {bytes_needed} are needed", body.len()));
        body.get(..bytes_needed).ok_or_else(short)
    };
    let data = match (head.mode, head.plain) {
        (Mode::Bilevel, true) => plain_bits(body, samples)?,
        (_, true) => plain_numbers(body, samples, &head)?,
        (Mode::Bilevel, false) => {
            let row_bytes = packed::row_bytes(width, 1);
            let mut out = Vec::with_capacity(samples);
            for row in raw(row_bytes.saturating_mul(height))?.chunks_exact(row_bytes.max(1)) {
                packed::unpack_row(row, 1, width, |ink| if ink == 0 { 255 } else { 0 }, &mut out);
            }
            out
        }
        (Mode::Float32, _) => {
            floats(raw(samples.saturating_mul(4))?, row_samples, head.little_endian)
        }
        _ if head.max == 255 => raw(samples)?.to_vec(),
        _ if head.max < 256 => scaled(raw(samples)?.iter().map(|v| u32::from(*v)), &head),
        _ => {
            let pairs = raw(samples.saturating_mul(2))?.as_chunks::<2>().0.iter();
            scaled(pairs.map(|pair| u16::from_be_bytes(*pair).into()), &head)
        }
    };
    Image::new(Format::Pnm, head.mode, head.size, data)
}

struct Head {
    mode: Mode,
    channels: usize,
    plain: bool,
    size: (u32, u32),
    max: u32,
    little_endian: bool,
    /// Where the pixels begin in the file.
    body: usize,
}

impl Head {
    fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ImageError> {
        let mut cursor = Bytes::new(bytes, 0);
        let mut magic = Vec::new();
        while magic.len() < 6 {
            match cursor.u8() {
                Some(byte) if !SPACE.contains(&byte) => magic.push(byte),
                _ => break,
            }
        }
        let (mode, channels) = match magic.as_slice() {
            b"P1" | b"P4" => (Mode::Bilevel, 1),
            b"P2" | b"P5" => (Mode::Grey, 1),
            b"P3" | b"P6" => (Mode::Rgb, 3),
            b"P0CMYK" => (Mode::Cmyk, 4),
            b"Pf" => (Mode::Float32, 1),
            other => {
                return Err(ImageError::unsupported(
                    Format::Pnm,
                    format!("kind `{}`", other.escape_ascii()),
                ));
            }
        };
        let plain = matches!(magic.as_slice(), b"P1" | b"P2" | b"P3");
        let (width, height) = (number(&mut cursor)?, number(&mut cursor)?);
        let size = limits.check(Format::Pnm, width, height)?;
        let mut head =
            Self { mode, channels, plain, size, max: 255, little_endian: false, body: 0 };
        match mode {
            Mode::Bilevel => {}
            Mode::Float32 => {
                head.little_endian = scale(&mut cursor)? < 0.0;
            }
            _ => {
                head.max = greatest(&mut cursor)?;
                if mode == Mode::Grey && head.max > 255 {
                    head.mode = Mode::Int32;
                }
            }
        }
        head.body = cursor.at();
        Ok(head)
    }
}

/// What a PFM's values are scaled by; its sign is the order of bytes.
fn scale(cursor: &mut Bytes) -> Result<f64, ImageError> {
    let word = token(cursor)?;
    let scale = str::from_utf8(&word).ok().and_then(|text| text.parse::<f64>().ok());
    let what = "the scale is not a number other than 0";
    scale
        .filter(|scale| scale.is_finite() && *scale != 0.0)
        .ok_or_else(|| ImageError::corrupt(Format::Pnm, what))
}

/// The value that is white.
fn greatest(cursor: &mut Bytes) -> Result<u32, ImageError> {
    let max = number(cursor)?;
    let allowed = u32::try_from(max).ok().filter(|max| (1..65536).contains(max));
    let what = || format!("greatest value {max}, 1 to 65535 are allowed");
    allowed.ok_or_else(|| ImageError::corrupt(Format::Pnm, what()))
}

fn truncated(what: impl Into<String>) -> ImageError {
    ImageError::truncated(Format::Pnm, what)
}

/// The next word of the header, at most ten characters; comments run to the end of their line.
fn token(cursor: &mut Bytes) -> Result<Vec<u8>, ImageError> {
    let mut word = Vec::new();
    while word.len() <= 10 {
        match cursor.u8() {
            None => break,
            Some(b'#') => while !matches!(cursor.u8(), None | Some(b'\r' | b'\n')) {},
            Some(byte) if SPACE.contains(&byte) => {
                if !word.is_empty() {
                    break;
                }
            }
            Some(byte) => word.push(byte),
        }
    }
    match word.len() {
        0 => Err(truncated("the header is cut")),
        1..=10 => Ok(word),
        _ => Err(ImageError::corrupt(Format::Pnm, "a number of more than ten characters")),
    }
}

fn number(cursor: &mut Bytes) -> Result<u64, ImageError> {
    let word = token(cursor)?;
    let text = str::from_utf8(&word).unwrap_or_default();
    text.parse().map_err(|_| {
        ImageError::corrupt(Format::Pnm, format!("`{}` is not a size", word.escape_ascii()))
    })
}

/// Samples as bytes, or as i32 where the image is deeper, `max` becoming 255 or 65535; halves round
/// to even.
fn scaled(samples: impl Iterator<Item = u32>, head: &Head) -> Vec<u8> {
    let deep = head.mode == Mode::Int32;
    let top = if deep { 65535.0 } else { 255.0 };
    let scale =
        |sample: u32| (f64::from(sample) / f64::from(head.max) * top).round_ties_even().min(top);
    if deep {
        samples.flat_map(|sample| (scale(sample) as i32).to_le_bytes()).collect()
    } else {
        samples.map(|sample| scale(sample) as u8).collect()
    }
}

/// PFM stores its rows from the bottom up.
fn floats(bytes: &[u8], row_samples: usize, little_endian: bool) -> Vec<u8> {
    let rows = bytes.chunks_exact(row_samples.saturating_mul(4).max(1)).rev();
    let values = rows.flat_map(|row| row.as_chunks::<4>().0);
    values
        .flat_map(
            |value| if little_endian { *value } else { u32::from_be_bytes(*value).to_le_bytes() },
        )
        .collect()
}

/// The text without its comments.
fn without_comments(body: &[u8]) -> impl Iterator<Item = u8> {
    let mut comment = false;
    body.iter().filter_map(move |byte| {
        comment = if comment { !matches!(byte, b'\n' | b'\r') } else { *byte == b'#' };
        let end_of_comment = matches!(byte, b'\n' | b'\r');
        (!comment && (*byte != b'#')).then_some(if end_of_comment { b' ' } else { *byte })
    })
}

fn plain_bits(body: &[u8], samples: usize) -> Result<Vec<u8>, ImageError> {
    let mut out = Vec::new();
    for byte in without_comments(body).filter(|byte| !SPACE.contains(byte)).take(samples) {
        out.push(match byte {
            b'0' => 255,
            b'1' => 0,
            other => {
                return Err(ImageError::corrupt(
                    Format::Pnm,
                    format!("`{}` is not a bit", other.escape_ascii()),
                ));
            }
        });
    }
    if out.len() < samples {
        return Err(truncated(format!("{} of {samples} pixels", out.len())));
    }
    Ok(out)
}

fn plain_numbers(body: &[u8], samples: usize, head: &Head) -> Result<Vec<u8>, ImageError> {
    let mut values = Vec::new();
    let mut word: Option<u32> = None;
    for byte in without_comments(body).chain([b' ']) {
        if values.len() == samples {
            break;
        }
        match byte {
            b'0'..=b'9' => {
                let digit = u32::from(byte & 15);
                word = Some(word.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            }
            byte if SPACE.contains(&byte) => match word.take() {
                Some(value) if value > head.max => {
                    let what = format!("value {value}, at most {} is allowed", head.max);
                    return Err(ImageError::corrupt(Format::Pnm, what));
                }
                Some(value) => values.push(value),
                None => {}
            },
            other => {
                return Err(ImageError::corrupt(
                    Format::Pnm,
                    format!("`{}` is not a digit", other.escape_ascii()),
                ));
            }
        }
    }
    if values.len() < samples {
        return Err(truncated(format!("{} of {samples} values", values.len())));
    }
    Ok(scaled(values.into_iter(), head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &[u8]) -> Vec<u8> {
        decode(text, &Limits::default()).unwrap().data
    }

    #[test]
    fn plain_and_raw_forms_hold_the_same_pixels() {
        assert_eq!(data(b"P2 # comment\n2 1 255\n7 # x\n250"), data(b"P5 2 1 255\n\x07\xfa"));
        assert_eq!(data(b"P1 3 1\n1 01"), data(b"P4 3 1\n\xa0"));
        assert_eq!(data(b"P3 1 1 15 0 5 15"), [0, 85, 255]);
    }

    #[test]
    fn sixteen_bit_grey_becomes_mode_i() {
        let image = decode(b"P5 1 1 65535\n\x01\x02", &Limits::default()).unwrap();
        assert_eq!((image.mode, image.data), (Mode::Int32, vec![2, 1, 0, 0]));
    }
}
