//! PNG, animated ones included (their default image).
//!
//! ```text
//! bytes ── chunks: Pillow's walk and its limits ──> header, palette, transparency, compressed rows
//!                                                        │ crate `png`: inflate, filters, Adam7
//!                                                        ▼
//!                                                 packed rows ── unpack ──> Image
//! ```
//!
//! The crate `png` decodes exactly and fast; every mode of the golden set is equal. It is given
//! only the header and the compressed rows, in a stream written anew: what Pillow accepts or
//! refuses in all other chunks (check values of text, unpacked sizes, animation frames) differs
//! from the crate's rules, so `chunks` decides it. The unused palette and text never reach the
//! crate, so neither do their costs.

mod chunks;
mod text;

use std::io::Cursor;

use super::packed;
use crate::decode::orientation;
use crate::{Format, Image, ImageError, Limits, Mode, Palette};
use chunks::{Chunks, Ihdr};

/// Width and height from the header chunk.
pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    let chunks = chunks::read(bytes, limits)?;
    Ok(chunks.ihdr.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let chunks = chunks::read(bytes, limits)?;
    let rows = inflate(&chunks)?;
    let (mode, data) = unpack(&chunks.ihdr, rows);
    let mut image = Image::new(Format::Png, mode, chunks.ihdr.size, data)?;
    if mode == Mode::Palette {
        image.palette = Some(Palette::from_rgb(chunks.palette.unwrap_or_default()));
    }
    image.transparency = chunks.transparency;
    image.orientation = orientation::of_exif(chunks.exif).unwrap_or(1);
    Ok(image)
}

/// The rows as the file packs them, filters undone and passes merged: `[height, row_bytes]`.
fn inflate(chunks: &Chunks) -> Result<Vec<u8>, ImageError> {
    let ihdr = &chunks.ihdr;
    let mut options = ::png::DecodeOptions::default();
    options.set_ignore_crc(true); // the chunks are ours; Pillow does not check those of compressed rows either
    options.set_ignore_adler32(false);
    let mut decoder = ::png::Decoder::new_with_options(Cursor::new(stream(chunks)), options);
    decoder.set_transformations(::png::Transformations::IDENTITY);
    let bytes = ihdr.row_bytes().saturating_mul(ihdr.size.1 as usize);
    decoder.set_limits(::png::Limits { bytes: bytes.saturating_add(1 << 20) });
    let mut reader = decoder.read_info().map_err(refused)?;
    if reader.output_buffer_size() != Some(bytes) {
        return Err(ImageError::corrupt(Format::Png, "the size of the rows is inconsistent"));
    }
    let mut rows = vec![0; bytes];
    reader.next_frame(&mut rows).map_err(refused)?;
    Ok(rows)
}

fn refused(error: ::png::DecodingError) -> ImageError {
    match error {
        ::png::DecodingError::IoError(_) => ImageError::truncated(Format::Png, "rows are missing"),
        other => ImageError::corrupt(Format::Png, other.to_string()),
    }
}

/// A stream of the header, a palette where one is due, and all compressed rows in one chunk.
fn stream(chunks: &Chunks) -> Vec<u8> {
    let ihdr = &chunks.ihdr;
    let body: usize = chunks.rows.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(body.saturating_add(1024));
    let mut chunk = |kind: &[u8; 4], parts: &[&[u8]]| {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(kind);
        for part in parts {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&[0; 4]); // the check value is ignored
    };
    let (width, height) = (ihdr.size.0.to_be_bytes(), ihdr.size.1.to_be_bytes());
    chunk(b"IHDR", &[&width, &height, &[ihdr.depth, ihdr.color, 0, 0, ihdr.interlace]]);
    if ihdr.color == 3 {
        chunk(b"PLTE", &[&[0; 768]]); // the indices are wanted, not the colours
    }
    chunk(b"IDAT", &chunks.rows);
    chunk(b"IEND", &[]);
    let mut all = b"\x89PNG\r\n\x1a\n".to_vec();
    all.append(&mut out);
    all
}

/// The mode that Pillow opens it in, and its pixels.
fn unpack(ihdr: &Ihdr, rows: Vec<u8>) -> (Mode, Vec<u8>) {
    let high_bytes =
        |rows: Vec<u8>| rows.as_chunks::<2>().0.iter().map(|[high, _]| *high).collect::<Vec<u8>>();
    match (ihdr.color, ihdr.depth) {
        (0, 1) => (Mode::Bilevel, spread_rows(ihdr, &rows, packed::spread(1))),
        (0, 16) => (
            Mode::Grey16,
            rows.as_chunks::<2>().0.iter().flat_map(|[high, low]| [*low, *high]).collect(),
        ),
        (0, 8) => (Mode::Grey, rows),
        (0, depth) => (Mode::Grey, spread_rows(ihdr, &rows, packed::spread(depth.into()))),
        (2, 16) => (Mode::Rgb, high_bytes(rows)),
        (2, _) => (Mode::Rgb, rows),
        (3, 8) => (Mode::Palette, rows),
        (3, _) => (Mode::Palette, spread_rows(ihdr, &rows, |index| index)),
        // Pillow has no 16-bit LA and opens it as RGBA.
        (4, 16) => {
            let pixels = rows.as_chunks::<4>().0.iter();
            (
                Mode::Rgba,
                pixels.flat_map(|[grey, _, alpha, _]| [*grey, *grey, *grey, *alpha]).collect(),
            )
        }
        (4, _) => (Mode::GreyAlpha, rows),
        (_, 16) => (Mode::Rgba, high_bytes(rows)),
        _ => (Mode::Rgba, rows),
    }
}

fn spread_rows(ihdr: &Ihdr, rows: &[u8], value: impl Fn(u8) -> u8) -> Vec<u8> {
    let width = ihdr.size.0 as usize;
    let mut out = Vec::with_capacity(width.saturating_mul(ihdr.size.1 as usize));
    for row in rows.chunks_exact(ihdr.row_bytes().max(1)) {
        packed::unpack_row(row, ihdr.depth.into(), width, &value, &mut out);
    }
    out
}
