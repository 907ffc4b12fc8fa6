//! The images a model is surest about and wrong, small enough to look at.

use clip_data::Items;
use clip_rs::{ImageLimits, Preprocess};

use crate::results::WrongImage;
use crate::results::predictions::Prediction;

/// Side of a thumbnail in pixels.
const SIDE: u32 = 80;

/// The `count` usable images with the most probable wrong first choice, worst first; equal ones in
/// order of the split.
pub(crate) fn wrong_images(
    items: &Items,
    predictions: &[Prediction],
    names: &[String],
    count: usize,
) -> Vec<WrongImage> {
    let mut wrong: Vec<&Prediction> =
        predictions.iter().filter(|prediction| !prediction.is_right()).collect();
    wrong.sort_by(|a, b| b.probabilities[0].total_cmp(&a.probabilities[0]));
    wrong.truncate(count);
    let name = |class: Option<&u32>| class.and_then(|&class| names.get(class as usize)).cloned();
    wrong
        .into_iter()
        .map(|prediction| WrongImage {
            item: prediction.item.clone(),
            truth: name(prediction.truth.first()).unwrap_or_default(),
            prediction: name(prediction.best.first()).unwrap_or_default(),
            probability: f64::from(prediction.probabilities[0]),
            thumbnail_png: thumbnail(items, &prediction.item),
        })
        .collect()
}

/// What the model saw of an item, scaled down; none where it cannot be made again.
fn thumbnail(items: &Items, id: &str) -> Option<String> {
    let item = items.iter().find(|item| item.id() == id)?;
    let bytes = items.bytes(item).ok()?;
    let preprocess = Preprocess { convert_first: true, ..Preprocess::clip(SIDE) };
    let pixels = preprocess.pixels(&bytes, &ImageLimits::default()).ok()?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width, pixels.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.write_header().ok()?.write_image_data(&pixels.data).ok()?;
    Some(base64(&file))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]);
            text.push(if place <= group.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
