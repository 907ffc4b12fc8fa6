//! EXIF orientation: reading it and turning an image by it.

use crate::Image;

/// The orientation in an EXIF block, with or without its `Exif` mark; none where the block is
/// broken or silent.
pub(crate) fn of_exif(exif: Option<&[u8]>) -> Option<u8> {
    let mut tiff = exif?;
    while let Some(rest) = tiff.strip_prefix(b"Exif\0\0") {
        tiff = rest;
    }
    let big = tiff.starts_with(b"MM");
    if !big && !tiff.starts_with(b"II") {
        return None;
    }
    let u16_at = |at: usize| {
        let pair = *tiff.get(at..)?.first_chunk::<2>()?;
        Some(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let u32_at = |at: usize| {
        let four = *tiff.get(at..)?.first_chunk::<4>()?;
        Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let directory = u32_at(4)? as usize;
    for index in 0..usize::from(u16_at(directory)?) {
        let entry = directory.checked_add(2)?.checked_add(index.checked_mul(12)?)?;
        if u16_at(entry)? == 0x112 {
            let at = entry.checked_add(8)?;
            // A short in most files; a long in some.
            let value = if u16_at(entry.checked_add(2)?)? == 4 {
                u32_at(at)?
            } else {
                u32::from(u16_at(at)?)
            };
            return u8::try_from(value).ok().filter(|value| (1..=8).contains(value));
        }
    }
    None
}

/// Turns an image so that it stands upright; the orientation is 1 afterwards.
pub(crate) fn apply(mut image: Image) -> Image {
    let orientation = std::mem::replace(&mut image.orientation, 1);
    let (width, height) = (image.width as usize, image.height as usize);
    let swapped = orientation >= 5;
    // For a place in the turned image: the place in the stored one.
    let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
    let source = |x: usize, y: usize| match orientation {
        2 => (right.saturating_sub(x), y),
        3 => (right.saturating_sub(x), bottom.saturating_sub(y)),
        4 => (x, bottom.saturating_sub(y)),
        5 => (y, x),
        6 => (y, bottom.saturating_sub(x)),
        7 => (right.saturating_sub(y), bottom.saturating_sub(x)),
        _ => (right.saturating_sub(y), x),
    };
    if !(2..=8).contains(&orientation) {
        return image;
    }
    let (new_width, new_height) = if swapped { (height, width) } else { (width, height) };
    let pixel_bytes = image.mode.pixel_bytes();
    let mut data = Vec::with_capacity(image.data.len());
    for y in 0..new_height {
        for x in 0..new_width {
            let (from_x, from_y) = source(x, y);
            let at =
                from_y.saturating_mul(width).saturating_add(from_x).saturating_mul(pixel_bytes);
            data.extend_from_slice(
                image.data.get(at..at.saturating_add(pixel_bytes)).unwrap_or_default(),
            );
        }
    }
    let size = if swapped { (image.height, image.width) } else { (image.width, image.height) };
    image.with_data(size, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Mode};

    #[test]
    fn every_orientation_turns_as_exif_says() {
        // Stored: 1 2 3 / 4 5 6.
        let expected: [(u8, u32, [u8; 6]); 8] = [
            (1, 3, [1, 2, 3, 4, 5, 6]),
            (2, 3, [3, 2, 1, 6, 5, 4]),
            (3, 3, [6, 5, 4, 3, 2, 1]),
            (4, 3, [4, 5, 6, 1, 2, 3]),
            (5, 2, [1, 4, 2, 5, 3, 6]),
            (6, 2, [4, 1, 5, 2, 6, 3]),
            (7, 2, [6, 3, 5, 2, 4, 1]),
            (8, 2, [3, 6, 2, 5, 1, 4]),
        ];
        for (orientation, width, data) in expected {
            let mut image =
                Image::new(Format::Png, Mode::Grey, (3, 2), vec![1, 2, 3, 4, 5, 6]).unwrap();
            image.orientation = orientation;
            let turned = apply(image);
            assert_eq!(
                (turned.width, turned.data.as_slice()),
                (width, data.as_slice()),
                "{orientation}"
            );
            assert_eq!(turned.orientation, 1);
        }
    }

    #[test]
    fn broken_exif_has_no_orientation() {
        for exif in [&b""[..], b"Exif\0\0MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"] {
            assert_eq!(of_exif(Some(exif)), None);
        }
    }
}
