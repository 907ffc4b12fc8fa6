//! Images about which the model is sure, and wrong.

use crate::markup::Markup;
use crate::numbers::percent;
use clip_eval::results::{Record, WrongImage};

/// Pictures in all, in bytes of base64: a page of any suite stays one that a browser opens at once.
const PICTURES: usize = 1_500_000;

/// A single one beyond this is no thumbnail.
const PICTURE: usize = 64_000;

/// Images of a record.
const IMAGES: usize = 24;

/// What each of `records` may spend on pictures.
pub(super) fn share(records: usize) -> usize {
    PICTURES / records.max(1)
}

/// The images, worst first, as long as there is room for their pictures.
pub(super) fn draw(page: &mut Markup, record: &Record, room: usize) {
    let wrong = &record.details.wrong;
    let (mut shown, mut used) = (0, 0);
    for image in wrong.iter().take(IMAGES) {
        used += picture(image).map_or(0, str::len);
        if used > room && shown > 0 {
            break;
        }
        shown += 1;
    }
    if shown == 0 {
        return;
    }
    page.leaf("h4", &[], "Most confidently wrong");
    page.element("ul", &[("class", &"wrong")], |page| {
        for image in wrong.iter().take(shown) {
            page.element("li", &[], |page| entry(page, image));
        }
    });
    let rest = wrong.len() - shown;
    if rest > 0 {
        page.leaf("p", &[("class", &"note")], format_args!("{rest} more are in the result file."));
    }
}

fn entry(page: &mut Markup, image: &WrongImage) {
    match picture(image) {
        Some(picture) => {
            let source = format!("data:image/png;base64,{picture}");
            let words = format!("{}, taken for {}", image.truth, image.prediction);
            page.empty("img", &[("src", &source), ("alt", &words), ("loading", &"lazy")]);
        }
        None => page.leaf("span", &[("class", &"none")], "no picture"),
    }
    page.element("span", &[], |page| {
        page.text("is ");
        page.leaf("b", &[], &image.truth);
    });
    page.element("span", &[], |page| {
        page.text("taken for ");
        page.leaf("b", &[], &image.prediction);
        page.text(format_args!(" at {} %", percent(image.probability)));
    });
    page.leaf("code", &[("title", &image.item)], &image.item);
}

/// Base64 of a small PNG, and nothing else.
fn picture(image: &WrongImage) -> Option<&str> {
    let text = image.thumbnail_png.as_deref()?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let is_png = text.starts_with("iVBORw0KGgo") && text.bytes().all(is_base64);
    (is_png && text.len() <= PICTURE).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(thumbnail: &str) -> WrongImage {
        let name = String::from("x");
        WrongImage {
            item: name.clone(),
            truth: name.clone(),
            prediction: name,
            probability: 0.9,
            thumbnail_png: Some(thumbnail.to_owned()),
        }
    }

    #[test]
    fn only_base64_of_a_small_png_is_a_picture() {
        assert!(picture(&image("iVBORw0KGgoAAAA=")).is_some());
        for other in [
            "",
            "R0lGODlh",
            "iVBORw0KGgo\" onerror=\"x",
            "iVBORw0KGgo,http://x/",
            &format!("iVBORw0KGgo{}", "A".repeat(70_000)),
        ] {
            assert!(picture(&image(other)).is_none(), "{}", &other[..other.len().min(30)]);
        }
    }
}
