//! What holds of every picture that a decoder hands out, whatever the bytes: it has the size of its
//! header and as many pixels, and a recipe makes the model's input of it.

use clip_image::{CropMode, Format, Interpolation, Limits, Preprocess, ResizeMode, decode, header};

/// Small, so that a lying header costs little and the fuzzer stays fast.
const LIMITS: Limits = Limits { max_pixels: 1 << 16 };

/// Any bytes to the decoder of one format.
pub fn holds(format: Format, bytes: &[u8]) {
    if !Format::of(bytes).is_ok_and(|found| found == format) {
        return;
    }
    let head = header(bytes, &LIMITS);
    let Ok(image) = decode(bytes, &LIMITS) else { return };
    let head = head.expect("what decodes has a header");
    assert_eq!((head.format, head.width, head.height), (format, image.width, image.height));
    let pixels = u64::from(image.width) * u64::from(image.height);
    assert!(pixels <= LIMITS.max_pixels);
    assert_eq!(image.data.len() as u64, pixels * image.mode.pixel_bytes() as u64);

    // The last byte, which few formats look at, chooses among recipes.
    let choice = usize::from(bytes.last().copied().unwrap_or(0));
    let resize = [ResizeMode::Shortest, ResizeMode::Longest, ResizeMode::Squash][choice % 3];
    let crop = [CropMode::Center, CropMode::Pad, CropMode::None][choice / 3 % 3];
    let interpolation = [Interpolation::Bicubic, Interpolation::Nearest, Interpolation::Lanczos][choice / 9 % 3];
    let exif_orientation = choice & 128 != 0;
    let preprocess = Preprocess { resize, crop, interpolation, exif_orientation, ..Preprocess::clip(8) };
    if let Ok(input) = preprocess.input(bytes, &LIMITS) {
        assert!(crop == CropMode::None || input.len() == 3 * 8 * 8);
    }
}
