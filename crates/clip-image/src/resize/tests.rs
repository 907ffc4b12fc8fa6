//! What must hold for any image, size and filter.

use proptest::prelude::*;

use super::{Window, resize, resize_window};
use crate::{Format, Image, Interpolation, Mode, Palette};

const FILTERS: [Interpolation; 6] = [
    Interpolation::Nearest,
    Interpolation::Box,
    Interpolation::Bilinear,
    Interpolation::Hamming,
    Interpolation::Bicubic,
    Interpolation::Lanczos,
];

const MODES: [Mode; 11] = [
    Mode::Bilevel,
    Mode::Grey,
    Mode::GreyAlpha,
    Mode::Palette,
    Mode::Rgb,
    Mode::Rgba,
    Mode::Cmyk,
    Mode::Grey16,
    Mode::Grey16Big,
    Mode::Int32,
    Mode::Float32,
];

/// An image of any mode and bytes; floats are finite because their exponent is cut.
fn image(mode: Mode, (width, height): (u32, u32), seed: u64) -> Image {
    let mut state = seed | 1;
    let mut byte = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let mut data: Vec<u8> =
        (0..width as usize * height as usize * mode.pixel_bytes()).map(|_| byte()).collect();
    for (index, value) in data.iter_mut().enumerate() {
        match mode {
            Mode::Bilevel => *value = if *value < 128 { 0 } else { 255 },
            Mode::Float32 if index % 4 == 3 => *value &= 0xbf,
            _ => {}
        }
    }
    let mut image = Image::new(Format::Png, mode, (width, height), data).unwrap();
    image.palette = (mode == Mode::Palette).then(|| Palette { colors: vec![[1, 2, 3]; 256] });
    image
}

fn side() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..=5, 1_u32..=64]
}

proptest! {
    #[test]
    fn computing_a_window_equals_cutting_it_out_of_the_whole(
        mode in prop::sample::select(&MODES[..]),
        filter in prop::sample::select(&FILTERS[..]),
        source in (side(), side()),
        full in (side(), side()),
        cut in (0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0),
        seed: u64,
    ) {
        let image = image(mode, source, seed);
        let range = |side: u32, start: f64, length: f64| {
            let start = (start * f64::from(side)) as u64;
            start..start + 1 + (length * (f64::from(side) - start as f64 - 1.0)) as u64
        };
        let (columns, rows) = (range(full.0, cut.0, cut.1), range(full.1, cut.2, cut.3));
        let window = Window::new((full.0.into(), full.1.into()), columns, rows);
        let whole = resize(&image, full.0, full.1, filter);
        let expected = window.copy(&whole.data, whole.row_bytes(), mode.pixel_bytes());
        let found = resize_window(&image, window.clone(), filter);
        prop_assert_eq!((found.width, found.height), window.size());
        prop_assert!(found.data == expected, "{:?} {:?} {:?}", mode, filter, window);
    }

    #[test]
    fn one_color_stays_one_color(
        mode in prop::sample::select(&[Mode::Grey, Mode::Rgb, Mode::Cmyk, Mode::Palette, Mode::Bilevel][..]),
        filter in prop::sample::select(&FILTERS[..]),
        source in (side(), side()),
        full in (side(), side()),
        seed: u64,
    ) {
        let mut image = image(mode, source, seed);
        let pixel = image.data[..mode.pixel_bytes()].to_vec();
        image.data = pixel.repeat(source.0 as usize * source.1 as usize);
        let resized = resize(&image, full.0, full.1, filter);
        prop_assert!(resized.data == pixel.repeat(full.0 as usize * full.1 as usize));
    }

    #[test]
    fn the_same_size_changes_nothing(
        mode in prop::sample::select(&MODES[..]),
        filter in prop::sample::select(&FILTERS[..]),
        source in (side(), side()),
        seed: u64,
    ) {
        let image = image(mode, source, seed);
        prop_assert!(resize(&image, source.0, source.1, filter) == image);
    }
}

#[test]
fn extreme_ratios_take_no_more_than_they_keep() {
    // Whole, this would be 22,400,000 x 224 pixels, and the weights of the other 179,200,000.
    let wide = image(Mode::Grey, (100_000, 1), 7);
    let kept = resize_window(
        &wide,
        Window::new((22_400_000, 224), 11_199_888..11_200_112, 0..224),
        FILTERS[4],
    );
    assert_eq!((kept.width, kept.height), (224, 224));
    let square = resize(&image(Mode::Rgb, (3, 200_000), 7), 2, 3, Interpolation::Lanczos);
    assert_eq!(square.data.len(), 18);
}
