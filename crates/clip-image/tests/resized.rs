//! The resize alone, in every mode and filter, against Pillow's `Image.resize`.

mod golden;

use std::fs;

use clip_image::{Limits, decode, resize};
use clip_testing::{read_json, sha256};
use golden::{Report, folders, pillow_bytes};
use serde_json::Value;

#[test]
fn resize_equals_pillow_in_every_mode_and_filter() {
    for folder in folders() {
        let mut report = Report::default();
        for row in read_json(folder.join("stages.json"))["resized"].as_array().expect("a list") {
            let file = row["file"].as_str().expect("a name");
            let bytes = fs::read(folder.join(file)).expect("the golden image");
            report
                .case(check(&bytes, row).map_err(|error| format!("{} {row}: {error}", row["id"])));
        }
        report.finish("resized");
    }
}

fn check(bytes: &[u8], row: &Value) -> Result<(), String> {
    let image = decode(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let side = |index: usize| row["to"][index].as_u64().expect("a size") as u32;
    let interpolation = row["interpolation"]
        .as_str()
        .expect("a filter")
        .parse()
        .map_err(|error| format!("{error}"))?;
    let resized = resize(&image, side(0), side(1), interpolation);
    if row["pixels_sha256"] != sha256(&pillow_bytes(&resized)) {
        return Err("the pixels differ".into());
    }
    Ok(())
}
