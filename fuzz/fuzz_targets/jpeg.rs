//! Any bytes as a JPEG: an error or an image of the size that its header gives, twice the same; and
//! what a recipe makes of it without ever having the whole of it is what it makes of the whole.

#![no_main]

use clip_image::jpeg::{ColorTransform, decode, decode_with_tables, read_header};
use clip_image::{Limits, Mode, Preprocess};
use libfuzzer_sys::fuzz_target;

const MAX_PIXELS: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let header = read_header(bytes);
    if let Ok(image) = decode(bytes, MAX_PIXELS) {
        let header = header.expect("an image has a header");
        assert_eq!((header.color, header.width, header.height), (image.color, image.width, image.height));
        let pixels = u64::from(image.width) * u64::from(image.height);
        assert!(pixels <= MAX_PIXELS);
        assert_eq!(image.data.len() as u64, pixels * image.color.channels() as u64);
        let again = decode(bytes, MAX_PIXELS).expect("the same");
        assert!(image.data == again.data);
    }

    // PPM and PGM go the long way, and JPEG of these two modes the short one.
    let limits = Limits { max_pixels: MAX_PIXELS };
    let preprocess = Preprocess::clip(24);
    let found = preprocess.pixels(bytes, &limits);
    match clip_image::decode(bytes, &limits) {
        Ok(image) if matches!(image.mode, Mode::Grey | Mode::Rgb) => {
            let kind = if image.mode == Mode::Grey { "P5" } else { "P6" };
            let mut netpbm = format!("{kind} {} {} 255\n", image.width, image.height).into_bytes();
            netpbm.extend(&image.data);
            assert!(found.ok() == preprocess.pixels(&netpbm, &limits).ok());
        }
        whole => assert_eq!(whole.is_ok(), found.is_ok()),
    }

    // The first half as tables, the second as an image: the way of JPEG in TIFF.
    let (tables, image) = bytes.split_at(bytes.len() / 2);
    for transform in [ColorTransform::None, ColorTransform::YcbcrToRgb] {
        decode_with_tables(Some(tables), image, MAX_PIXELS, transform).ok();
    }
});
