//! Text files: their encoding, and JSON.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::DataError;

/// Longest list that is read, in bytes; the longest of the catalogue (`dataset_coco.json`) has 144
/// MB.
pub(crate) const LIMIT: u64 = 512 << 20;

/// The text of a list, without a byte order mark: UTF-8, or UTF-16 where a mark says so.
///
/// # Errors
/// It cannot be read, is longer than 512 MiB, or is in another encoding.
pub fn text(path: &Path) -> Result<String, DataError> {
    let bytes = clip_files::read(path, LIMIT).map_err(DataError::read(path))?;
    decoded(bytes).map_err(|reason| DataError::malformed(path, reason))
}

fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let is_wider = matches!(bytes.get(..4), Some([0xff, 0xfe, 0, 0])); // UTF-32 begins as UTF-16 does
    if is_wider || bytes.get(..2).is_some_and(|start| start.contains(&0)) {
        return Err("is UTF-32, or UTF-16 without a mark: save it as UTF-8".to_owned());
    }
    let wide = match bytes.get(..2) {
        Some([0xff, 0xfe]) => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        Some([0xfe, 0xff]) => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    if let Some(unit) = wide {
        let units =
            bytes.get(2..).unwrap_or_default().as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        return text.map_err(|_| "begins as UTF-16 and is none: save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(at)
            .filter(|&&byte| byte == b'\n')
            .count()
            .saturating_add(1);
        format!("byte {at}, in line {line}, is not UTF-8: save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// JSON of a known form.
///
/// # Errors
/// It cannot be read, or has another form.
pub(crate) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, DataError> {
    serde_json::from_str(&text(path)?)
        .map_err(|error| DataError::malformed(path, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_the_one_that_the_mark_says_or_utf_8() {
        let wide =
            |unit: fn(u16) -> [u8; 2]| "\u{feff}caf\u{e9}".encode_utf16().flat_map(unit).collect();
        for bytes in [
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
            "\u{feff}caf\u{e9}".into(),
            "caf\u{e9}".into(),
        ] {
            assert_eq!(decoded(bytes).as_deref(), Ok("caf\u{e9}"));
        }
        assert!(decoded(b"a\nb\xe9".to_vec()).expect_err("Latin-1").contains("byte 3, in line 2"));
    }
}
