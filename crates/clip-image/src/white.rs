//! Transparent images on a white ground, as transformers from 5.21 on lays them before anything
//! else (Pillow's `convert("RGBA")`, `alpha_composite`, `convert("RGB")`).

use crate::convert::to_rgb_image;
use crate::named_enum::named_enum;
use crate::{Image, Mode, Transparency};

named_enum! {
    /// What becomes of pixels that are transparent, wholly or in part.
    #[derive(Default)]
    TransparencyMode, "transparency":
    /// They keep the colour that the file gives them: alpha weighs in the resize and is then
    /// dropped (the reference; transformers up to 5.20).
    #[default]
    Drop = "drop",
    /// Before the resize the image is laid on white, and is RGB from there on (transformers from
    /// 5.21 on).
    White = "white",
}

/// The image as it is where nothing in it can be transparent, else RGB.
pub(crate) fn lay_on_white(image: Image) -> Image {
    if image.transparency.is_none() && !matches!(image.mode, Mode::GreyAlpha | Mode::Rgba) {
        return image;
    }
    let kept = alphas(&image);
    let transparent = match image.transparency {
        // Pillow compares the low bytes, after 16-bit grey was clipped.
        Some(Transparency::Color(color)) if image.mode == Mode::Rgb => Some(color),
        Some(Transparency::Value(value)) => Some([value; 3]),
        _ => None,
    };
    let transparent = transparent.map(|color| color.map(|channel| (channel & 255) as u8));
    let mut image = to_rgb_image(image);
    for (place, pixel) in image.data.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let alpha = match &kept {
            Some(alphas) => alphas.get(place).copied().unwrap_or(255),
            None if transparent == Some(*pixel) => 0,
            None => 255,
        };
        *pixel = pixel.map(|value| over_white(value, alpha));
    }
    image
}

/// One alpha for each pixel, where pixels have their own or their palette's.
fn alphas(image: &Image) -> Option<Vec<u8>> {
    let of_index =
        |alpha: &dyn Fn(u8) -> u8| image.data.iter().map(|index| alpha(*index)).collect();
    match (image.mode, &image.transparency) {
        (Mode::GreyAlpha, _) => {
            Some(image.data.as_chunks::<2>().0.iter().map(|[_, alpha]| *alpha).collect())
        }
        (Mode::Rgba, _) => {
            Some(image.data.as_chunks::<4>().0.iter().map(|[.., alpha]| *alpha).collect())
        }
        (Mode::Palette, Some(Transparency::Table(table))) => {
            Some(of_index(&|index| table.get(usize::from(index)).copied().unwrap_or(255)))
        }
        (Mode::Palette, Some(Transparency::Value(value))) => {
            Some(of_index(&|index| if u16::from(index) == *value { 0 } else { 255 }))
        }
        _ => None,
    }
}

/// Pillow's compositing over an opaque ground of 255, in its 7 bits of extra precision.
fn over_white(value: u8, alpha: u8) -> u8 {
    let of_value = 128 * u32::from(alpha);
    let of_white = 128 * (255 - u32::from(alpha));
    let sum = u32::from(value) * of_value + 255 * of_white + (128 << 7);
    ((((sum >> 8) + sum) >> 8) >> 7) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Palette};

    fn image(mode: Mode, data: &[u8], transparency: Option<Transparency>) -> Image {
        let width = (data.len() / mode.pixel_bytes()) as u32;
        let palette = Palette { colors: vec![[10, 20, 30], [200, 100, 0], [1, 2, 3]] };
        let palette = (mode == Mode::Palette).then_some(palette);
        Image {
            palette,
            transparency,
            ..Image::new(Format::Png, mode, (width, 1), data.to_vec()).unwrap()
        }
    }

    #[test]
    fn compositing_is_pillows() {
        // Sum and positional check sum of all 256 x 256 results of Pillow 13.
        let all =
            (0..=255u8).flat_map(|alpha| (0..=255u8).map(move |value| over_white(value, alpha)));
        let (sum, check) = all.enumerate().fold((0u64, 0u64), |(sum, check), (place, value)| {
            (sum + u64::from(value), check.wrapping_add((place as u64 + 1) * u64::from(value)))
        });
        assert_eq!((sum, check), (12_533_760, 365_079_183_360));
    }

    #[test]
    fn every_kind_of_transparency_is_laid_on_white() {
        use Transparency::{Color, Table, Value};
        let white = [255; 3];
        let cases = [
            (image(Mode::Rgba, &[9, 8, 7, 255, 9, 8, 7, 0], None), vec![[9, 8, 7], white]),
            (image(Mode::Rgba, &[0, 100, 200, 128], None), vec![[127, 177, 227]]),
            (image(Mode::GreyAlpha, &[50, 0, 50, 200], None), vec![white, [94; 3]]),
            (
                image(Mode::Palette, &[0, 1, 2], Some(Value(1))),
                vec![[10, 20, 30], white, [1, 2, 3]],
            ),
            (
                image(Mode::Palette, &[0, 1, 2], Some(Table(vec![0, 128]))),
                vec![white, [227, 177, 127], [1, 2, 3]],
            ),
            (image(Mode::Grey, &[5, 6], Some(Value(5))), vec![white, [6; 3]]),
            (image(Mode::Grey, &[44, 6], Some(Value(300))), vec![white, [6; 3]]),
            (
                image(Mode::Grey16, &[5, 0, 44, 1, 44, 0], Some(Value(300))),
                vec![[5; 3], white, white],
            ),
            (image(Mode::Bilevel, &[0, 255], Some(Value(0))), vec![white, white]),
            (image(Mode::Rgb, &[1, 2, 3, 3, 2, 1], Some(Color([3, 2, 1]))), vec![[1, 2, 3], white]),
            (image(Mode::Rgb, &[1, 2, 3], None), vec![[1, 2, 3]]),
        ];
        for (image, expected) in cases {
            assert_eq!(lay_on_white(image).data, expected.concat());
        }
        let grey = image(Mode::Grey, &[5], None);
        assert_eq!(lay_on_white(grey.clone()), grey, "what cannot be transparent keeps its mode");
    }
}
