//! Any bytes as an image: every decoder, header and recipe end without a panic, within the limits.

#![no_main]

use clip_image::{CropMode, Interpolation, Limits, Recipe, ResizeMode, decode, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Small, so that a lying header costs little and the fuzzer stays fast.
    let limits = Limits { max_pixels: 1 << 16 };
    let head = header(bytes, &limits);
    let Ok(image) = decode(bytes, &limits) else { return };
    let pixels = image.width as usize * image.height as usize;
    assert!(pixels as u64 <= limits.max_pixels);
    assert_eq!(image.data.len(), pixels * image.mode.pixel_bytes());
    let head = head.expect("what decodes has a header");
    assert_eq!((head.width, head.height), (image.width, image.height));

    // The last byte, which few formats look at, chooses among recipes.
    let choice = usize::from(bytes.last().copied().unwrap_or(0));
    let resize = [ResizeMode::Shortest, ResizeMode::Longest, ResizeMode::Squash][choice % 3];
    let crop = [CropMode::Center, CropMode::Pad, CropMode::None][choice / 3 % 3];
    let interpolation = [Interpolation::Bicubic, Interpolation::Nearest, Interpolation::Lanczos][choice / 9 % 3];
    let exif_orientation = choice & 128 != 0;
    let recipe = Recipe { resize, crop, interpolation, exif_orientation, ..Recipe::clip(8) };
    if let Ok(input) = recipe.input(bytes, &limits) {
        assert!(crop == CropMode::None || input.len() == 3 * 8 * 8);
    }
});
