//! The JPEG decoder against golden data: hashes of the pixels that Pillow 13 with libjpeg-turbo 3.2 gives.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{JpegColor, JpegError, decode};

const MAX_PIXELS: u64 = 178_956_970;

fn golden(part: &str) -> Option<PathBuf> {
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/preprocess")).join(part);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: ../shared/golden/preprocess/{part} is not beside this checkout");
    None
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mode(color: JpegColor) -> &'static str {
    match color {
        JpegColor::Grey => "L",
        JpegColor::Rgb => "RGB",
        JpegColor::Cmyk => "CMYK",
    }
}

/// What differs from the entry of a golden list; nothing if all is equal.
fn difference(bytes: &[u8], expected: &Value) -> Option<String> {
    let image = match decode(bytes, MAX_PIXELS) {
        Ok(image) => image,
        Err(error) => return Some(error.to_string()),
    };
    let size = (Some(u64::from(image.width)), Some(u64::from(image.height)));
    if size != (expected["width"].as_u64(), expected["height"].as_u64()) {
        return Some(format!("size {}x{}", image.width, image.height));
    }
    if expected["mode"] != mode(image.color) {
        return Some(format!("mode {}, expected {}", mode(image.color), expected["mode"]));
    }
    (expected["pixels_sha256"] != sha256(&image.data).as_str()).then(|| "other pixels".to_owned())
}

#[test]
fn every_golden_jpeg_has_the_pixels_of_the_reference() {
    let Some(stages) = golden("stages.json") else { return };
    let stages = read_json(&stages);
    let entries: Vec<_> =
        stages["decoded"].as_array().unwrap().iter().filter(|e| e["format"] == "JPEG").collect();
    assert!(entries.len() > 100, "{} entries", entries.len());
    let mut wrong = Vec::new();
    for entry in &entries {
        let file = entry["file"].as_str().unwrap();
        let bytes = std::fs::read(golden(file).unwrap()).unwrap();
        if let Some(what) = difference(&bytes, entry) {
            wrong.push(format!("{file}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), entries.len(), wrong.join("\n"));
}

#[test]
fn every_bad_jpeg_that_the_reference_refuses_is_refused() {
    let Some(list) = golden("bad/bad.json") else { return };
    let list = read_json(&list);
    let mut wrong = Vec::new();
    for case in list["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        if !file.ends_with(".jpg") {
            continue;
        }
        let bytes = std::fs::read(golden("bad").unwrap().join(file)).unwrap();
        if decode(&bytes, MAX_PIXELS).is_ok() && case["expect"] == "error" {
            wrong.push(format!("{file}: decoded, expected {}", case["reference"]));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn too_many_pixels_are_refused_on_the_header() {
    let frame = [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xea, 0x60, 0xea, 0x60, 1, 1, 0x11, 0];
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
    let bytes = [&frame[..], &scan].concat();
    let refused = decode(&bytes, MAX_PIXELS).unwrap_err();
    assert_eq!(refused, JpegError::TooManyPixels { width: 60000, height: 60000, limit: MAX_PIXELS });
    assert_eq!(refused.to_string(), "JPEG header claims 60000x60000 pixels, limit 178956970");
}
