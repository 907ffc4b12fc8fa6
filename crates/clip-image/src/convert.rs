//! From Pillow's modes to RGB, as its `convert("RGB")` does. PROTOCOL 1.8.3.

use crate::{Image, ImageError, Limits, Mode, Pixels, decode};

/// All pixels of an image file, converted to RGB as Pillow does and not resized.
///
/// # Errors
/// As [`decode`].
pub fn rgb_pixels(bytes: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
    let image = decode(bytes, limits)?;
    let clipped = image.clipped_pixels();
    Ok(Pixels { clipped, ..to_rgb(image) })
}

/// Alpha is dropped without blending, 16-bit and wider values are clipped at 255 and not scaled.
pub(crate) fn to_rgb(image: Image) -> Pixels {
    let Image { mode, width, height, data, palette, .. } = image;
    let grey = |value: u8| [value; 3];
    let data = match mode {
        Mode::Rgb => data,
        Mode::Bilevel | Mode::Grey => data.into_iter().flat_map(grey).collect(),
        Mode::GreyAlpha => {
            data.as_chunks::<2>().0.iter().flat_map(|[value, _]| grey(*value)).collect()
        }
        Mode::Palette => {
            let table = palette.map_or([[0; 3]; 256], |palette| palette.table());
            data.into_iter().flat_map(|index| table[usize::from(index)]).collect()
        }
        Mode::Rgba => data
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|[red, green, blue, _]| [*red, *green, *blue])
            .collect(),
        Mode::Cmyk => data.as_chunks::<4>().0.iter().flat_map(|pixel| cmyk(*pixel)).collect(),
        Mode::Grey16 => clipped(&data, |pair| u16::from_le_bytes(pair).min(255) as u8),
        Mode::Grey16Big => clipped(&data, |pair| u16::from_be_bytes(pair).min(255) as u8),
        Mode::Int32 => clipped(&data, |bytes| i32::from_le_bytes(bytes).clamp(0, 255) as u8),
        // `as` truncates towards 0, clamps, and makes 0 of what is no number.
        Mode::Float32 => clipped(&data, |bytes| f32::from_le_bytes(bytes) as u8),
    };
    Pixels { width, height, data, clipped: 0 }
}

/// The same file's image in mode RGB, for recipes that convert first.
pub(crate) fn to_rgb_image(image: Image) -> Image {
    let (format, orientation) = (image.format, image.orientation);
    let Pixels { width, height, data, .. } = to_rgb(image);
    Image {
        format,
        mode: Mode::Rgb,
        width,
        height,
        data,
        palette: None,
        transparency: None,
        orientation,
    }
}

fn clipped<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> u8) -> Vec<u8> {
    data.as_chunks::<N>().0.iter().flat_map(|bytes| [value(*bytes); 3]).collect()
}

fn cmyk([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let white = 255 - black;
    [cyan, magenta, yellow].map(|ink| multiply_255(255 - ink, white))
}

/// `a · b / 255`, rounded to nearest; Pillow's MULDIV255.
pub(crate) fn multiply_255(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_255_rounds_to_nearest() {
        for a in 0..=255_u8 {
            for b in 0..=255_u8 {
                let exact = (f64::from(a) * f64::from(b) / 255.0).round() as u8;
                assert_eq!(multiply_255(a, b), exact, "{a} x {b}");
            }
        }
    }
}
