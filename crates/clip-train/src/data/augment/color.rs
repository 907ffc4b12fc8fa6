//! Changes of colours as torchvision makes them of Pillow's images, to the bit: `ColorJitter` and
//! `Grayscale`.

use clip_model::random::Stream;

/// What is done to a picture, in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// 0 is black, 1 the picture.
    Brightness(f64),
    /// 0 is the mean grey, 1 the picture.
    Contrast(f64),
    /// 0 is grey, 1 the picture.
    Saturation(f64),
    /// By this part of the circle, -0.5 to 0.5.
    Hue(f64),
    /// Without colours.
    Grey,
}

/// The changes of `ColorJitter(brightness, contrast, saturation, hue)`, in random order.
pub(super) fn jitter(stream: &mut Stream, strengths: [f64; 4]) -> Vec<Change> {
    let mut order = [0, 1, 2, 3];
    stream.shuffle(&mut order);
    // All are drawn, so that a strength of 0 does not move the draws of the others.
    let [brightness, contrast, saturation, hue] = strengths;
    let mut around = |by: f64| stream.uniform((1.0 - by).max(0.0), 1.0 + by);
    let factors = [around(brightness), around(contrast), around(saturation)];
    let turn = stream.uniform(-hue, hue);
    let change = |index: usize| match index {
        0 => Change::Brightness(factors[0]),
        1 => Change::Contrast(factors[1]),
        2 => Change::Saturation(factors[2]),
        _ => Change::Hue(turn),
    };
    order.into_iter().filter(|index| strengths[*index] > 0.0).map(change).collect()
}

impl Change {
    /// Changes RGB pixels.
    pub(super) fn apply(self, data: &mut [u8]) {
        let (pixels, _) = data.as_chunks_mut::<3>();
        match self {
            Self::Brightness(factor) => blend(pixels, factor, |_| [0; 3]),
            Self::Contrast(factor) => {
                let sum: u64 = pixels.iter().map(|pixel| u64::from(grey(*pixel))).sum();
                let mean = (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
                blend(pixels, factor, |_| [mean; 3]);
            }
            Self::Saturation(factor) => blend(pixels, factor, |pixel| [grey(pixel); 3]),
            Self::Hue(turn) => {
                let turn = (turn * 255.0) as i32 as u8; // towards 0, then modulo 256
                for pixel in pixels {
                    let [hue, saturation, value] = to_hsv(*pixel);
                    *pixel = to_rgb([hue.wrapping_add(turn), saturation, value]);
                }
            }
            Self::Grey => pixels.iter_mut().for_each(|pixel| *pixel = [grey(*pixel); 3]),
        }
    }
}

/// Pillow's mode L of a pixel: ITU-R 601-2, rounded.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471;
    ((sum + 0x8000) >> 16) as u8
}

/// Pillow's `blend`: from what `other` makes of a pixel at 0 to the pixel at 1, and on beyond it.
fn blend(pixels: &mut [[u8; 3]], factor: f64, other: impl Fn([u8; 3]) -> [u8; 3]) {
    let factor = factor as f32;
    if factor == 1.0 {
        return;
    }
    for pixel in pixels {
        let other = other(*pixel);
        for (value, from) in pixel.iter_mut().zip(other) {
            let by = f32::from(i16::from(*value) - i16::from(from));
            *value = (f32::from(from) + factor * by) as u8; // cut off, and kept within 0..=255
        }
    }
}

/// Pillow's mode HSV.
fn to_hsv([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let part = |value: u8| f32::from(most - value) / range;
    let (red_part, green_part, blue_part) = (part(red), part(green), part(blue));
    let sector = if red == most {
        blue_part - green_part
    } else if green == most {
        (2.0 + f64::from(red_part) - f64::from(blue_part)) as f32
    } else {
        (4.0 + f64::from(green_part) - f64::from(red_part)) as f32
    };
    let hue = ((f64::from(sector) / 6.0 + 1.0) % 1.0) as f32;
    let saturation = range / f32::from(most);
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

fn to_rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let place = f64::from(hue) * 6.0 / 255.0;
    let sector = place.floor();
    let within = (place - sector) as f32;
    let saturation = (f64::from(saturation) / 255.0) as f32;
    let of = |share: f64| (f64::from(value) * share).round() as u8;
    let least = of(1.0 - f64::from(saturation));
    let falling = of(1.0 - f64::from(saturation * within));
    let rising = of(1.0 - f64::from(saturation) * (1.0 - f64::from(within)));
    match sector as u32 % 6 {
        0 => [value, rising, least],
        1 => [falling, value, least],
        2 => [least, value, rising],
        3 => [least, falling, value],
        4 => [rising, least, value],
        _ => [value, least, falling],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_draws_its_ranges_in_every_order() {
        let mut firsts = std::collections::BTreeSet::new();
        for index in 0..500 {
            let changes = jitter(&mut Stream::new(1, "color", index, 0), [0.4, 2.0, 0.0, 0.1]);
            assert_eq!(changes.len(), 3);
            for (place, change) in changes.into_iter().enumerate() {
                let (name, value, range) = match change {
                    Change::Brightness(by) => (0, by, 0.6..1.4),
                    Change::Contrast(by) => (1, by, 0.0..3.0),
                    Change::Hue(by) => (3, by, -0.1..0.1),
                    other => panic!("{other:?}"),
                };
                assert!(range.contains(&value), "{change:?}");
                firsts.extend((place == 0).then_some(name));
            }
        }
        assert_eq!(firsts.len(), 3);
    }
}
