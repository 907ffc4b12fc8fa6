//! Every golden image, straight from the decoder: mode, size, pixels, palette and transparency as
//! in Pillow.

mod golden;

use std::fs;

use clip_image::{Image, Limits, Transparency, decode, header};
use clip_testing::{read_json, sha256};
use golden::{Report, folders, pillow_bytes};
use serde_json::{Value, json as value};

#[test]
fn decoded_pixels_equal_pillow_in_every_format() {
    for folder in folders() {
        let mut report = Report::default();
        for row in read_json(folder.join("stages.json"))["decoded"].as_array().expect("a list") {
            let file = row["file"].as_str().expect("a name");
            let bytes = fs::read(folder.join(file)).expect("the golden image");
            report.case(check(&bytes, row).map_err(|error| format!("{file}: {error}")));
        }
        report.finish("decoded");
    }
}

fn check(bytes: &[u8], row: &Value) -> Result<(), String> {
    let limits = Limits::default();
    let image = decode(bytes, &limits).map_err(|error| error.to_string())?;
    let header = header(bytes, &limits).map_err(|error| format!("header: {error}"))?;
    let found = value!([image.mode.name(), image.width, image.height]);
    let expected = value!([row["mode"], row["width"], row["height"]]);
    if found != expected {
        return Err(format!("{found}, expected {expected}"));
    }
    if (Some(header.format), header.width, header.height)
        != (image.format, image.width, image.height)
    {
        return Err(format!("header says {header:?}"));
    }
    if row["pixels_sha256"] != sha256(&pillow_bytes(&image)) {
        return Err("the pixels differ".into());
    }
    if let Some(palette) = &image.palette {
        let colors = palette.colors.as_flattened();
        if row["palette_entries"] != palette.colors.len() || row["palette_sha256"] != sha256(colors)
        {
            return Err(format!(
                "palette of {} entries, expected {}",
                palette.colors.len(),
                row["palette_entries"]
            ));
        }
    }
    let transparency = transparency(&image);
    if transparency != row["transparency"] {
        return Err(format!("transparency {transparency}, expected {}", row["transparency"]));
    }
    Ok(())
}

fn transparency(image: &Image) -> Value {
    match &image.transparency {
        None => Value::Null,
        Some(Transparency::Value(value)) => value!(value),
        Some(Transparency::Color(color)) => value!(color),
        Some(Transparency::Table(table)) => {
            table.iter().map(|alpha| format!("{alpha:02x}")).collect::<String>().into()
        }
    }
}
