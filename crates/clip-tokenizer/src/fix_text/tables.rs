//! Reads `assets/ftfy.txt`, whose first lines say how it is written.

use crate::html::parse_codes;
use crate::unicode::CharSet;

const TABLES: &str = include_str!("../../assets/ftfy.txt");

/// The lines that begin with `keyword`: their second word and what follows it.
pub(super) fn entries(keyword: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    lines(keyword).filter_map(|line| line.split_once(' '))
}

/// The lines that begin with `keyword`, without it.
pub(super) fn lines(keyword: &str) -> impl Iterator<Item = &'static str> {
    TABLES.lines().filter_map(move |line| line.strip_prefix(keyword)?.strip_prefix(' '))
}

/// A named set of a keyword's lines.
pub(super) fn set(keyword: &str, name: &str) -> CharSet {
    let ranges = entries(keyword).find(|entry| entry.0 == name);
    ranges.map(|(_, ranges)| CharSet::parse(ranges)).unwrap_or_default()
}

/// Entries whose name is a character and whose value is the text that replaces it.
pub(super) fn replacements(keyword: &str) -> impl Iterator<Item = (char, String)> {
    let character = |code| char::from_u32(u32::from_str_radix(code, 16).ok()?);
    entries(keyword).filter_map(move |(code, text)| Some((character(code)?, parse_codes(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_asset_is_read() {
        let counts =
            ["class", "rule", "detector", "encoding", "ligature", "width", "upper_case_entity"]
                .map(|keyword| lines(keyword).count());
        assert_eq!(counts, [14, 37, 5, 10, 22, 226, 1376]);
        let comments = TABLES.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(TABLES.lines().count(), comments + counts.iter().sum::<usize>());
        assert_eq!(replacements("width").count(), 226);
        assert_eq!(set("class", "law").ranges(), [(0xA7, 0xA7), (0xB6, 0xB6)]);
    }
}
