//! Where the crop lies, and padding to a square. PROTOCOL 1.8.1, 1.8.5.

use std::ops::Range;

use crate::named_enum::named_enum;
use crate::{Image, Mode};

named_enum! {
    /// What makes a square of the resized image.
    CropMode, "crop mode":
    /// The middle of it; a shorter side is padded.
    Center = "center",
    /// The whole of it, padded to the square; a longer side is cut to its middle.
    Pad = "pad",
    /// Nothing: the result may not be square.
    None = "none",
}

named_enum! {
    /// Where the middle lies when what the crop leaves out is odd: half a pixel is rounded.
    #[derive(Default)]
    CropOffset, "crop offset":
    /// To the even neighbour (the reference, open_clip).
    #[default]
    Even = "even",
    /// Down (transformers).
    Floor = "floor",
}

/// The middle `keep` of `side` pixels; the half of an odd rest goes as `offset` says.
///
/// All of `side` where it is shorter.
pub(crate) fn center(side: u64, keep: u64, offset: CropOffset) -> Range<u64> {
    let Some(rest) = side.checked_sub(keep) else { return 0..side };
    let half = rest / 2;
    let start = match offset {
        CropOffset::Even => half + u64::from(rest % 2 == 1 && half % 2 == 1),
        CropOffset::Floor => half,
    };
    start..start + keep
}

/// Puts `image` in the middle of `size` x `size` pixels of `fill`, in each channel of its own mode.
///
/// The odd pixel goes to the right and to the bottom. For a palette image `fill` is an index, for
/// CMYK it is ink: open_clip pads before it converts.
pub(crate) fn pad(image: Image, size: u32, fill: u8) -> Image {
    let (width, height) = (image.width.max(size), image.height.max(size));
    if (width, height) == (image.width, image.height) {
        return image;
    }
    let left = (width - image.width) as usize / 2;
    let top = (height - image.height) as usize / 2;
    let pixel = pixel(image.mode, fill);
    let row_bytes = width as usize * pixel.len();
    let mut data = pixel.repeat(width as usize * height as usize);
    let rows = image.data.chunks_exact(image.row_bytes());
    for (row, out) in rows.zip(data.chunks_exact_mut(row_bytes).skip(top)) {
        out[left * pixel.len()..][..row.len()].copy_from_slice(row);
    }
    image.with_data((width, height), data)
}

/// One pixel of `fill`.
fn pixel(mode: Mode, fill: u8) -> Vec<u8> {
    match mode {
        Mode::Bilevel => vec![if fill == 0 { 0 } else { 255 }],
        Mode::Grey16 => u16::from(fill).to_le_bytes().to_vec(),
        Mode::Grey16Big => u16::from(fill).to_be_bytes().to_vec(),
        Mode::Int32 => i32::from(fill).to_le_bytes().to_vec(),
        Mode::Float32 => f32::from(fill).to_le_bytes().to_vec(),
        _ => vec![fill; mode.pixel_bytes()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_rests_are_halved_to_the_even_neighbour() {
        for (rest, start) in [(0, 0), (1, 0), (3, 2), (5, 2), (7, 4), (75, 38), (111, 56)] {
            assert_eq!(center(224 + rest, 224, CropOffset::Even), start..start + 224, "{rest}");
        }
        assert_eq!(center(149_333, 224, CropOffset::Even).start, 74_554);
        assert_eq!(center(100, 224, CropOffset::Even), 0..100);
    }
}
