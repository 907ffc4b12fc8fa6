//! WebP: lossy, lossless, with alpha, and the first frame of animations.
//!
//! The crate `image-webp` decodes exactly what libwebp does (all golden files and 136 others are
//! equal). It is more lenient with containers than libwebp's demultiplexer, through which Pillow
//! reads: sizes that do not fit are checked here first. One exception is left: of lossy files with
//! damaged data, about one in a hundred decodes where libwebp finds that the data end early, or to
//! other pixels where libwebp's 16-bit sums overflow.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::bytes::Bytes;
use crate::decode::orientation;
use crate::{Format, Image, ImageError, Limits, Mode};

pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    canvas(container(bytes)?, limits)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let bytes = container(bytes)?;
    let (width, height) = canvas(bytes, limits)?;
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    if decoder.dimensions() != (width, height) {
        return Err(ImageError::corrupt(Format::WebP, "two different sizes in the container"));
    }
    let pixels = (width as usize).saturating_mul(height as usize);
    decoder.set_memory_limit(pixels.saturating_mul(16).saturating_add(1 << 20));
    let mode = if decoder.has_alpha() { Mode::Rgba } else { Mode::Rgb };
    let mut data = vec![0; pixels.saturating_mul(mode.pixel_bytes())];
    if decoder.is_animated() {
        decoder.read_frame(&mut data).map_err(refused)?;
    } else {
        decoder.read_image(&mut data).map_err(refused)?;
    }
    let exif = decoder.exif_metadata().ok().flatten();
    let mut image = Image::new(Format::WebP, mode, (width, height), data)?;
    image.orientation = orientation::of_exif(exif.as_deref()).unwrap_or(1);
    Ok(image)
}

fn refused(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(_) => ImageError::truncated(Format::WebP, "the image data are cut"),
        other => ImageError::corrupt(Format::WebP, other.to_string()),
    }
}

/// The part of the file that the container's size covers, in which every chunk must fit.
fn container(bytes: &[u8]) -> Result<&[u8], ImageError> {
    let truncated = |what: &str| ImageError::truncated(Format::WebP, what);
    let size = Bytes::new(bytes, 4).u32_le().ok_or_else(|| truncated("no container size"))?;
    let end = (size as usize).saturating_add(8);
    let inside =
        bytes.get(..end).ok_or_else(|| truncated("the container is longer than the file"))?;
    let mut cursor = Bytes::new(inside, 12);
    while !cursor.rest().is_empty() {
        let head = (cursor.take(4), cursor.u32_le());
        let (Some(_), Some(length)) = head else { return Err(truncated("a chunk header is cut")) };
        cursor
            .take(length as usize)
            .ok_or_else(|| truncated("a chunk is longer than its container"))?;
        cursor.skip((length & 1) as usize);
    }
    Ok(inside)
}

/// Width and height from the first chunk, before anything is decoded.
fn canvas(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    let mut cursor = Bytes::new(bytes, 12);
    let kind = cursor.array::<4>();
    let size = match kind.as_ref() {
        Some(b"VP8 ") => {
            let mut cursor = Bytes::new(bytes, 23);
            let start = cursor.array::<3>();
            let size = (cursor.u16_le(), cursor.u16_le());
            match (start, size) {
                (Some([0x9d, 1, 0x2a]), (Some(width), Some(height))) => {
                    Some((u64::from(width & 0x3fff), u64::from(height & 0x3fff)))
                }
                _ => None,
            }
        }
        Some(b"VP8L") => {
            let mut cursor = Bytes::new(bytes, 20);
            match (cursor.u8(), cursor.u32_le()) {
                (Some(0x2f), Some(bits)) => Some((
                    u64::from(bits & 0x3fff).saturating_add(1),
                    u64::from((bits >> 14) & 0x3fff).saturating_add(1),
                )),
                _ => None,
            }
        }
        Some(b"VP8X") => Bytes::new(bytes, 24).array::<6>().map(|[w0, w1, w2, h0, h1, h2]| {
            let side = |low, middle, high| {
                u64::from(u32::from_le_bytes([low, middle, high, 0])).saturating_add(1)
            };
            (side(w0, w1, w2), side(h0, h1, h2))
        }),
        _ => None,
    };
    let (width, height) =
        size.ok_or_else(|| ImageError::corrupt(Format::WebP, "no image in the first chunk"))?;
    limits.check(Format::WebP, width, height)
}
