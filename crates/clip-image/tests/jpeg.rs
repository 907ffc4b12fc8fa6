//! The JPEG decoder against the pixels that Pillow 13 with libjpeg-turbo 3.2 gives. (The whole
//! golden set is run by the tests of all formats; here is what only JPEG has.)

use std::fs;
use std::path::PathBuf;

use clip_image::jpeg::{
    ColorTransform, JpegColor, JpegError, decode, decode_with_tables, read_header,
};
use clip_testing::sha256;
use serde_json::Value;

const MAX_PIXELS: u64 = 178_956_970;

fn data(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg").join(file)
}

fn read(file: &str) -> Vec<u8> {
    fs::read(data(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn mode(color: JpegColor) -> &'static str {
    match color {
        JpegColor::Grey => "L",
        JpegColor::Rgb => "RGB",
        JpegColor::Cmyk => "CMYK",
    }
}

#[test]
fn sound_damaged_and_incomplete_files_have_the_pixels_of_the_reference() {
    let list: Value = serde_json::from_slice(&read("pixels.json")).expect("JSON");
    let list = list.as_array().expect("a list");
    let mut wrong = Vec::new();
    for row in list {
        let file = row["file"].as_str().expect("a name");
        let bytes = read(file);
        let found = match decode(&bytes, MAX_PIXELS) {
            Err(error) => error.to_string(),
            Ok(image) => {
                let header = read_header(&bytes).expect("a header");
                assert_eq!(
                    (header.color, header.width, header.height),
                    (image.color, image.width, image.height)
                );
                format!(
                    "{} {}x{} {}",
                    mode(image.color),
                    image.width,
                    image.height,
                    sha256(&image.data)
                )
            }
        };
        let text = |key: &str| row[key].as_str().expect("a string");
        let expected = format!(
            "{} {}x{} {}",
            text("mode"),
            row["width"],
            row["height"],
            text("pixels_sha256")
        );
        if found != expected {
            wrong.push(format!("{file}: {found}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), list.len(), wrong.join("\n"));
}

#[test]
fn too_many_pixels_are_refused_on_the_header() {
    let frame = [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xea, 0x60, 0xea, 0x60, 1, 1, 0x11, 0];
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
    let refused = decode(&[&frame[..], &scan].concat(), MAX_PIXELS).unwrap_err();
    assert_eq!(
        refused,
        JpegError::TooManyPixels { width: 60000, height: 60000, limit: MAX_PIXELS }
    );
    assert_eq!(refused.to_string(), "JPEG header claims 60000x60000 pixels, limit 178956970");
}

#[test]
fn every_truncation_is_an_error() {
    for file in ["422_progressive.jpg", "420_arithmetic.jpg", "420_33x33.jpg", "lossless_sof3.jpg"]
    {
        let bytes = read(file);
        for length in 0..bytes.len() {
            assert!(
                decode(&bytes[..length], MAX_PIXELS).is_err(),
                "{file}: {length} of {} bytes",
                bytes.len()
            );
        }
    }
}

/// A grey progressive file of `side` x `side` pixels with 2000 scans that hold nothing.
fn scans_of_nothing(side: u16) -> Vec<u8> {
    let [high, low] = side.to_be_bytes();
    let code = |class, symbol| [&[0xff, 0xc4, 0, 20, class, 1][..], &[0; 15], &[symbol]].concat();
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    bytes.extend([1; 64]);
    bytes.extend([0xff, 0xc2, 0, 11, 8, high, low, high, low, 1, 1, 0x11, 0]);
    bytes.extend(code(0x00, 0));
    bytes.extend(code(0x10, 0xe0));
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0]);
    for _ in 0..2000 {
        bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0]);
    }
    bytes.extend([0xff, 0xd9]);
    bytes
}

#[test]
fn a_small_file_that_asks_for_much_work_is_refused() {
    assert!(matches!(
        decode(&scans_of_nothing(4000), MAX_PIXELS),
        Err(JpegError::TooMuchWork { .. })
    ));
    let mut large = scans_of_nothing(13_000);
    assert!(matches!(decode(&large, MAX_PIXELS), Err(JpegError::Truncated { .. })));
    large.resize(400_000, 0); // now a bit per block, but not where it is needed
    assert!(matches!(decode(&large, MAX_PIXELS), Err(JpegError::Truncated { .. })));
}

#[test]
fn tables_may_come_in_a_stream_of_their_own() {
    let whole = read("440.jpg");
    let frame = whole
        .windows(2)
        .position(|pair| pair[0] == 0xff && matches!(pair[1], 0xc0 | 0xc1))
        .expect("SOF");
    // Up to the frame header there are only tables here; Huffman tables behind it stay where they
    // are.
    let tables = [&whole[..frame], &[0xff, 0xd9]].concat();
    let image = [&[0xff, 0xd8], &whole[frame..]].concat();
    let expected = decode(&whole, MAX_PIXELS).expect("pixels");
    let found = decode_with_tables(Some(&tables), &image, MAX_PIXELS, ColorTransform::Auto)
        .expect("pixels");
    assert_eq!(expected.data, found.data);
    let forced = decode_with_tables(Some(&tables), &image, MAX_PIXELS, ColorTransform::None)
        .expect("pixels");
    assert_ne!(forced.data, found.data);
    assert!(decode(&image, MAX_PIXELS).is_err());
}

#[test]
fn messages_say_what_was_found_and_the_way_out() {
    let truncated = JpegError::Truncated { part: "a segment" };
    assert_eq!(truncated.to_string(), "truncated JPEG: the data ends in a segment");
    assert_eq!(truncated.help(), Some("fetch the file again; it was cut off"));
    assert_eq!(
        decode(b"GIF89a", 1).unwrap_err().to_string(),
        "not a JPEG: it does not begin with ff d8 ff"
    );
}

/// Random pictures in all forms that libjpeg-turbo writes, against its own decoder.
#[cfg(feature = "turbojpeg-oracle")]
#[test]
fn random_files_have_the_pixels_of_libjpeg_turbo() -> turbojpeg::Result<()> {
    use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

    const SUBSAMPLINGS: [Subsamp; 6] = [
        Subsamp::None,
        Subsamp::Sub2x1,
        Subsamp::Sub2x2,
        Subsamp::Sub1x2,
        Subsamp::Sub4x1,
        Subsamp::Gray,
    ];
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for case in 0..1500 {
        let (width, height) = (1 + random(140), 1 + random(140));
        let noise = 1 + random(255);
        let pixels: Vec<u8> = (0..width * height * 3)
            .map(|i| ((i / 3 % width + i / width) * 2 % 256 + random(noise)).min(255) as u8)
            .collect();
        let picture = Image {
            pixels: &pixels[..],
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        let (quality, subsampling) = (1 + random(100), SUBSAMPLINGS[random(6)]);
        let (progressive, arithmetic) = (random(2) == 0, random(4) == 0);
        let mut compressor = Compressor::new()?;
        compressor.set_quality(quality as i32)?;
        compressor.set_subsamp(subsampling)?;
        compressor.set_progressive(progressive)?;
        compressor.set_arithmetic(arithmetic)?;
        let bytes = compressor.compress_to_vec(picture)?;
        let grey = subsampling == Subsamp::Gray;
        let format = if grey { PixelFormat::GRAY } else { PixelFormat::RGB };
        let expected = turbojpeg::decompress(&bytes, format)?.pixels;
        let found = decode(&bytes, MAX_PIXELS).expect("pixels").data;
        let settings =
            format!("{width}x{height} q{quality} {subsampling:?} {progressive} {arithmetic}");
        assert!(expected == found, "case {case}: {settings}");
    }
    Ok(())
}
