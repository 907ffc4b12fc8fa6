//! BMP of Windows and OS/2: 1 to 32 bits, bit masks, run lengths.
//!
//! Own code: a raw format, where Pillow's choices (grey tables become mode L or 1, which masks have
//! alpha, what run-length data may do) are all there is to it.

mod head;
mod rows;
mod run_length;

use crate::{Format, Image, ImageError, Limits, Mode};
use head::{Head, Layout};

pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    Ok(Head::read(bytes, limits)?.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let head = Head::read(bytes, limits)?;
    let mut data = match head.layout {
        Layout::RunLength { four_bits } => {
            // Runs are of indices or grey levels, one byte each.
            if !matches!(head.mode, Mode::Palette | Mode::Grey) {
                return Err(ImageError::unsupported(
                    Format::Bmp,
                    format!(
                        "run lengths with {} bits per pixel in mode {}",
                        head.bits,
                        head.mode.name()
                    ),
                ));
            }
            run_length::unpack(bytes, head.offset, head.size, four_bits)?
        }
        Layout::Rows(kind) => rows::unpack(bytes, &head, kind)?,
    };
    if !head.top_down {
        flip(&mut data, (head.size.0 as usize).saturating_mul(head.mode.pixel_bytes()));
    }
    let mut image = Image::new(Format::Bmp, head.mode, head.size, data)?;
    image.palette = head.palette;
    Ok(image)
}

/// Turns the rows upside down.
fn flip(data: &mut [u8], row_bytes: usize) {
    let mut rows = data.chunks_exact_mut(row_bytes.max(1));
    while let (Some(upper), Some(lower)) = (rows.next(), rows.next_back()) {
        upper.swap_with_slice(lower);
    }
}
