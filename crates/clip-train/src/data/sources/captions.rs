//! What a text file, a cell or a value of JSON says about an image.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use serde_json::Value;

use crate::data::ledger::{Reason, Unusable};
use crate::data::options::TextLines;

/// To find captions that occur more than once: equal for equal captions, the same in every run.
pub(super) fn hash(caption: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(caption)
}

/// The captions of a text file; none where it has only blanks.
pub(super) fn of_text(bytes: &[u8], lines: TextLines) -> Result<Vec<String>, Unusable> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Unusable::new(Reason::NotAText, "its text is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let words = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    Ok(match lines {
        TextLines::Captions => text.lines().filter_map(words).collect(),
        TextLines::OneCaption => {
            let whole: Vec<&str> = text.split_whitespace().collect();
            words(&whole.join(" ")).into_iter().collect()
        }
    })
}

/// The captions of a value of JSON: a text, or a list of texts.
pub(super) fn of_value(value: &Value) -> Result<Vec<String>, Unusable> {
    let not_a_text = || Unusable::new(Reason::NotAText, format!("`{value}` is no caption"));
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Null => Ok(String::new()),
        _ => Err(not_a_text()),
    };
    let captions = match value {
        Value::Array(values) => values.iter().map(text).collect::<Result<Vec<_>, _>>()?,
        value => vec![text(value)?],
    };
    Ok(captions.into_iter().filter(|caption| !caption.is_empty()).collect())
}

/// Passes on captions of which there is one at least.
pub(super) fn some(captions: Vec<String>) -> Result<Vec<String>, Unusable> {
    match captions.is_empty() {
        true => Err(Unusable::new(Reason::EmptyCaption, "its caption is empty")),
        false => Ok(captions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_captions_or_one_together() {
        let text = "\u{feff}one \r\n\r\n two\n".as_bytes();
        assert_eq!(of_text(text, TextLines::Captions).expect("text"), ["one", "two"]);
        assert_eq!(of_text(text, TextLines::OneCaption).expect("text"), ["one two"]);
        assert!(of_text(b" \n", TextLines::OneCaption).expect("text").is_empty());
        let error = of_text(b"caf\xe9", TextLines::Captions).expect_err("Latin-1");
        assert_eq!(error.reason, Reason::NotAText);
    }

    #[test]
    fn values_are_texts_or_lists_of_texts() {
        let of = |json: &str| of_value(&serde_json::from_str(json).expect("json"));
        assert_eq!(of(r#"" a ""#).expect("a text"), ["a"]);
        assert_eq!(of(r#"["a", "", null, "b"]"#).expect("a list"), ["a", "b"]);
        assert!(of("null").expect("nothing").is_empty());
        assert!(of("3").is_err() && of(r#"{"a": 1}"#).is_err() && of("[1]").is_err());
    }
}
