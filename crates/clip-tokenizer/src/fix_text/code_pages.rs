//! The ten single-byte encodings that UTF-8 gets mistaken for, in the order in which they are
//! tried.
//!
//! "Sloppy" pages are those of Windows as programs really use them: bytes that they leave open
//! stand for the C1 control of the same value, and byte 1A stands for U+FFFD, a character already
//! lost.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::fix_text::tables;

static CODE_PAGES: LazyLock<CodePages> = LazyLock::new(CodePages::read);

/// What byte 1A stands for in sloppy pages, and the byte.
const LOST: char = '\u{FFFD}';
const LOST_BYTE: u8 = 0x1A;

/// One single-byte encoding.
pub(super) struct CodePage {
    /// A Windows code page with its gaps filled; see above.
    pub(super) is_sloppy: bool,
    /// Whether a space may be a byte A0 that some program took for one. In MacRoman that byte is a
    /// dagger.
    pub(super) has_a0_space: bool,
    /// The byte of each character beyond ASCII.
    bytes: FxHashMap<u32, u8>,
}

struct CodePages {
    /// In the order in which they are tried.
    pages: Vec<CodePage>,
    /// For each character beyond ASCII the pages that have it, one bit each.
    having: FxHashMap<u32, u32>,
}

/// Every page that can represent the whole text, with the text's bytes in it. `text` is not all
/// ASCII.
pub(super) fn encodings(text: &str) -> impl Iterator<Item = (&'static CodePage, Vec<u8>)> {
    let having = CODE_PAGES.having_all(text);
    let pages =
        CODE_PAGES.pages.iter().enumerate().filter(move |(index, _)| having >> index & 1 == 1);
    pages.map(move |(_, page)| (page, page.encode(text)))
}

impl CodePage {
    fn encode(&self, text: &str) -> Vec<u8> {
        let byte = |character| {
            u8::try_from(character).ok().filter(u8::is_ascii).or_else(|| self.byte(character))
        };
        text.chars().filter_map(byte).collect()
    }

    fn byte(&self, character: char) -> Option<u8> {
        self.bytes.get(&u32::from(character)).copied()
    }
}

impl CodePages {
    fn having_all(&self, text: &str) -> u32 {
        text.chars().fold(u32::MAX, |pages, character| match character {
            '\x1A' => pages & self.not_sloppy(),
            '\0'..='\x7F' => pages,
            _ => pages & self.having.get(&u32::from(character)).copied().unwrap_or(0),
        })
    }

    fn not_sloppy(&self) -> u32 {
        self.pages
            .iter()
            .enumerate()
            .fold(0, |bits, (index, page)| bits | u32::from(!page.is_sloppy) << index)
    }

    fn read() -> Self {
        let mut code_pages = Self { pages: Vec::new(), having: FxHashMap::default() };
        for (index, (name, codes)) in tables::entries("encoding").enumerate() {
            let is_sloppy = name.starts_with("sloppy-");
            let characters = codes
                .split_ascii_whitespace()
                .filter_map(|code| u32::from_str_radix(code, 16).ok());
            let mut bytes: FxHashMap<u32, u8> = characters.zip(0x80..=0xFF).collect();
            if is_sloppy {
                bytes.insert(u32::from(LOST), LOST_BYTE);
            }
            for &character in bytes.keys() {
                *code_pages.having.entry(character).or_default() |= 1 << index;
            }
            code_pages.pages.push(CodePage { is_sloppy, has_a0_space: name != "macroman", bytes });
        }
        code_pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_represent_what_they_have() {
        assert_eq!(CODE_PAGES.pages.len(), 10);
        for page in &CODE_PAGES.pages {
            assert_eq!(page.bytes.len(), 128 + usize::from(page.is_sloppy));
        }
        let bytes = |text| encodings(text).map(|(_, bytes)| bytes).collect::<Vec<_>>();
        assert_eq!(bytes("é").len(), 8); // neither Windows-1251 nor -1253
        assert_eq!(bytes("猫"), Vec::<Vec<u8>>::new());
        assert_eq!(bytes("a\u{FFFD}"), vec![b"a\x1A"; 6]);
        assert_eq!(bytes("€").first().unwrap(), b"\x80");
        assert!(encodings("é\x1A").all(|(page, _)| !page.is_sloppy));
    }
}
