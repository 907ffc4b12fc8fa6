//! Whatever a file says: what a decoder hands out has the size of its header and the pixels of its
//! size.

use std::fs;
use std::path::PathBuf;

use clip_image::{Format, Image, Limits, Preprocess, decode, header};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const LIMITS: Limits = Limits { max_pixels: 1 << 18 };

/// The property of every decoder: an error, or pixels that fill the header's size exactly. What a
/// recipe makes of it has its own size too.
fn holds(bytes: &[u8]) -> Option<Image> {
    let preprocess = Preprocess::clip(8);
    let input = preprocess.input(bytes, &LIMITS);
    if let Ok(input) = &input {
        assert_eq!(input.len(), 3 * 8 * 8);
    }
    let image = decode(bytes, &LIMITS).ok()?;
    let head = header(bytes, &LIMITS).expect("what decodes has a header");
    assert_eq!(
        (Some(head.format), head.width, head.height),
        (image.format, image.width, image.height)
    );
    let pixels = image.width as usize * image.height as usize;
    assert_eq!(image.data.len(), pixels * image.mode.pixel_bytes());
    Some(image)
}

/// Small sound files of every format.
fn seeds() -> Vec<Vec<u8>> {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"));
    let files = ["images", "jpeg", "bad"].into_iter().flat_map(|folder| {
        let entries = fs::read_dir(data.join(folder)).expect("a folder of seeds");
        entries.map(|entry| entry.expect("an entry").path())
    });
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> =
        files.iter().map(|file| fs::read(file).expect("a seed")).collect();
    seeds.retain(|bytes| bytes.len() < 1 << 14 && Format::of(bytes).is_ok());
    seeds.extend([b"P3 2 1 7\n1 2 3 4 5 6".to_vec(), b"P4 9 2\n\xff\x80\x00\x00".to_vec()]);
    seeds.extend([b"P2 2 1 300\n1 299".to_vec(), b"Pf 1 1 -1\n\x00\x00\x80\x3f".to_vec()]);
    seeds
}

/// A change that fuzzers find most with: bytes set to values at the edges, in the head rather than
/// in the pixels.
fn mutated(mut bytes: Vec<u8>, edits: &[(Index, bool, u8)], cut: Option<Index>) -> Vec<u8> {
    for (place, in_head, value) in edits {
        let reach = if *in_head { bytes.len().min(64) } else { bytes.len() };
        let place = place.index(reach);
        bytes[place] = *value;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()).max(1));
    }
    bytes
}

#[test]
fn seeds_cover_every_format() {
    let formats: Vec<Format> =
        seeds().iter().filter_map(|seed| holds(seed)).filter_map(|image| image.format).collect();
    for format in [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::Bmp,
        Format::WebP,
        Format::Tiff,
        Format::Pnm,
    ] {
        assert!(formats.contains(&format), "{format}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn picture_has_the_size_of_its_header_in_every_format(
        seed in select(seeds()),
        edits in prop::collection::vec(
            (any::<Index>(), any::<bool>(), prop_oneof![any::<u8>(), select(vec![0, 1, 2, 4, 8, 24, 127, 255])]),
            0..6,
        ),
        cut in prop::option::weighted(0.1, any::<Index>()),
    ) {
        holds(&mutated(seed, &edits, cut));
    }
}

/// A BMP of 3 x 2 pixels with a header of 40 bytes, a table of `colors` entries and `body`.
fn bmp(bits: u16, compression: u32, colors: u32, table: &[u8], body: &[u8]) -> Vec<u8> {
    let offset = 54 + table.len() as u32;
    let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
    for word in [offset, 40, 3, 2] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([1, 0]);
    bytes.extend(bits.to_le_bytes());
    for word in [compression, 0, 0, 0, colors, 0] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(table);
    bytes.extend(body);
    bytes
}

#[test]
fn bmp_of_every_depth_compression_and_table_is_whole_or_refused() {
    let runs = [3, 7, 0, 0, 3, 9, 0, 1]; // two rows, each one run of three
    let grey: Vec<u8> = (0..=255).flat_map(|level| [level, level, level, 0]).collect();
    let colorful: Vec<u8> = (0..=255_u8).flat_map(|level| [level, 0, 255 - level, 0]).collect();
    for bits in [0, 1, 2, 4, 8, 16, 24, 32, 64] {
        for compression in 0..=6 {
            for colors in [0, 1, 2, 16, 255, 256] {
                for table in
                    [&[][..], &grey[..4 * colors as usize], &colorful[..4 * colors as usize]]
                {
                    let run_length = bmp(bits, compression, colors, table, &runs);
                    let plain = bmp(bits, compression, colors, table, &[5; 64]);
                    let decoded = [holds(&run_length), holds(&plain)];
                    if (1..=2).contains(&compression) && !(1..=8).contains(&bits) {
                        assert_eq!(decoded, [None, None], "{bits} bits, compression {compression}");
                    }
                }
            }
        }
    }
    let sound = holds(&bmp(8, 1, 256, &colorful, &runs)).expect("run lengths of 8 bits");
    assert_eq!(sound.data, [9, 9, 9, 7, 7, 7]);
}

#[test]
fn run_lengths_of_whole_pixels_are_refused_with_the_reason() {
    for bits in [16, 24, 32] {
        for compression in [1, 2] {
            let bytes = bmp(bits, compression, 0, &[], &[0, 1]);
            let error = decode(&bytes, &LIMITS).expect_err("refused").to_string();
            assert_eq!(
                error,
                format!("BMP: run lengths with {bits} bits per pixel in mode RGB is not supported")
            );
        }
    }
}
