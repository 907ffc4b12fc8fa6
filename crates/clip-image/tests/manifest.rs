//! Every golden case, from the bytes of the file to pixels and tensor, against the reference's own
//! transform.

mod golden;

use std::fs;

use clip_image::{CropOffset, Limits, Preprocess, TransparencyMode, decode};
use clip_testing::{read_json, sha256};
use golden::{Report, folders};
use serde_json::Value;

#[test]
fn pixels_and_tensors_equal_the_reference_in_every_case() {
    for folder in folders() {
        let mut report = Report::default();
        for case in read_json(folder.join("manifest.json"))["cases"].as_array().expect("a list") {
            let file = case["file"].as_str().expect("a name");
            let bytes = fs::read(folder.join(file)).expect("the golden image");
            let expected =
                case["expect"]["png"].as_str().and_then(|png| fs::read(folder.join(png)).ok());
            let result = check(&bytes, case, expected.as_deref());
            report.case(
                result
                    .map_err(|error| format!("{} {file} {}: {error}", case["id"], case["recipe"])),
            );
        }
        report.finish("manifest");
    }
}

fn preprocess(row: &Value) -> Preprocess {
    let word = |name: &str| row[name].as_str().expect("a word");
    let channels =
        |name: &str| [0, 1, 2].map(|index| row[name][index].as_f64().expect("a number") as f32);
    Preprocess {
        size: row["size"].as_u64().expect("a size") as u32,
        resize: word("resize").parse().expect("a mode"),
        interpolation: word("interpolation").parse().expect("a filter"),
        crop: word("crop").parse().expect("a mode"),
        crop_offset: CropOffset::Even,
        fill: row["fill"].as_u64().unwrap_or(0) as u8,
        mean: channels("mean"),
        std: channels("std"),
        exif_orientation: row["exif"] == "apply",
        convert_first: row["convert_first"] == true,
        transparency: TransparencyMode::Drop,
        fast_decode: false,
    }
}

fn check(bytes: &[u8], case: &Value, expected: Option<&[u8]>) -> Result<(), String> {
    let preprocess = preprocess(&case["recipe"]);
    let pixels = preprocess.pixels(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let shape = serde_json::json!([pixels.height, pixels.width, 3]);
    if shape != case["expect"]["shape"] {
        return Err(format!("shape {shape}, expected {}", case["expect"]["shape"]));
    }
    if case["expect"]["rgb_sha256"] != sha256(&pixels.data) {
        return Err(
            expected.map_or_else(|| "the pixels differ".into(), |png| how_far(&pixels.data, png))
        );
    }
    let input = preprocess.input(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let input: Vec<u8> = input.into_iter().flat_map(f32::to_le_bytes).collect();
    if case["expect"]["tensor_f32le_chw_sha256"] != sha256(&input) {
        return Err("the tensor differs".into());
    }
    Ok(())
}

fn how_far(found: &[u8], png: &[u8]) -> String {
    let expected = decode(png, &Limits::default()).expect("the golden PNG").data;
    let distances = || found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b));
    let differ = distances().filter(|distance| *distance > 0).count();
    let first = distances().position(|distance| distance > 0).unwrap_or(0);
    let greatest = distances().max().unwrap_or(0);
    format!("{differ} of {} values differ, by at most {greatest}; first at {first}", expected.len())
}
