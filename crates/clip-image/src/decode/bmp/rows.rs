//! Uncompressed rows of a BMP, in the order of the file.

use super::head::{Head, Kind};
use crate::decode::packed;
use crate::{Format, ImageError, Mode};

pub(super) fn unpack(bytes: &[u8], head: &Head, kind: Kind) -> Result<Vec<u8>, ImageError> {
    let (width, height) = (head.size.0 as usize, head.size.1 as usize);
    let stride = width.saturating_mul(head.bits.into()).div_ceil(32).saturating_mul(4);
    let pixel_bits = match kind {
        Kind::Packed(bits) => bits as usize,
        Kind::Bytes { pixel, .. } => pixel.saturating_mul(8),
        Kind::Bgr555 | Kind::Bgr565 => 16,
    };
    let used = packed::row_bytes(width, pixel_bits);
    if used > stride {
        return Err(ImageError::unsupported(
            Format::Bmp,
            format!("a grey palette with {} bits per pixel", head.bits),
        ));
    }
    // The last row need not be padded.
    let needed = stride.saturating_mul(height.saturating_sub(1)).saturating_add(used);
    let rows = bytes.get(head.offset..).unwrap_or_default();
    let rows = rows.get(..needed).ok_or_else(|| {
        ImageError::truncated(
            Format::Bmp,
            format!("{} bytes of rows, {needed} are needed", rows.len()),
        )
    })?;
    let mut out =
        Vec::with_capacity(width.saturating_mul(height).saturating_mul(head.mode.pixel_bytes()));
    for row in rows.chunks(stride.max(1)) {
        unpack_row(row.get(..used).unwrap_or_default(), kind, width, head.mode, &mut out);
    }
    Ok(out)
}

fn unpack_row(row: &[u8], kind: Kind, width: usize, mode: Mode, out: &mut Vec<u8>) {
    match kind {
        Kind::Packed(1) if mode == Mode::Bilevel => {
            packed::unpack_row(row, 1, width, packed::spread(1), out);
        }
        Kind::Packed(bits) => packed::unpack_row(row, bits, width, |index| index, out),
        Kind::Bytes { pixel, red, green, blue, alpha } => {
            for stored in row.chunks_exact(pixel) {
                let part = |index: usize| stored.get(index).copied().unwrap_or(0);
                out.extend([part(red), part(green), part(blue)]);
                out.extend(alpha.map(part));
            }
        }
        Kind::Bgr555 => {
            sixteen_bits(row, out, |v| [scale(v >> 10, 31), scale(v >> 5, 31), scale(v, 31)]);
        }
        Kind::Bgr565 => {
            sixteen_bits(row, out, |v| [scale(v >> 11, 31), scale(v >> 5, 63), scale(v, 31)]);
        }
    }
}

fn sixteen_bits(row: &[u8], out: &mut Vec<u8>, color: impl Fn(u16) -> [u8; 3]) {
    out.extend(row.as_chunks::<2>().0.iter().flat_map(|pair| color(u16::from_le_bytes(*pair))));
}

/// The lowest bits, spread over 0..=255 and rounded down, as Pillow does.
fn scale(value: u16, max: u16) -> u8 {
    (value & max).saturating_mul(255).checked_div(max).unwrap_or(0) as u8
}
