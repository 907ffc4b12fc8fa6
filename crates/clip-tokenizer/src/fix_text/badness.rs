//! Does a text look like UTF-8 that was read as something else? ftfy's 37 rules. PROTOCOL 3.6.1.
//!
//! A rule is a sequence of 1 to 7 characters, each from a set. All rules run at once, one bit for
//! each position of each rule: a bit is set when the characters up to here fit that position and
//! all before.
//!
//! ```text
//! rules       c1 │ a b │ c d e        one bit each: 0 │ 1 2 │ 3 4 5
//! next state  (state << 1, or the first bit of a rule) and what this character fits
//! bad         as soon as the last bit of any rule is set
//! ```

use std::sync::LazyLock;

use crate::fix_text::tables;
use crate::unicode::{CharSet, UNICODE};

static RULES: LazyLock<Rules> = LazyLock::new(Rules::read);

/// Whether any rule fits anywhere.
pub(super) fn is_bad(text: &str) -> bool {
    let rules = &*RULES;
    let mut state = 0;
    let mut begin = rules.begin_anywhere | rules.begin_at_start;
    for character in text.chars() {
        // The bit that leaves the end of a rule falls onto the beginning of the next, where `begin`
        // decides.
        state = (state << 1 & !rules.first_bits | begin) & rules.fits(character);
        if state & rules.last_bits != 0 {
            return true;
        }
        begin = rules.begin_anywhere;
    }
    false
}

struct Rules {
    begin_anywhere: u128,
    begin_at_start: u128,
    first_bits: u128,
    last_bits: u128,
    /// The positions that each character fits, for the characters below [`LOW`].
    low: Vec<u128>,
    /// The same for all: it is valid from a code point on, until the next entry.
    from: Vec<(u32, u128)>,
}

/// Below are Latin, Greek and Cyrillic letters: most of the text that comes here.
const LOW: u32 = 0x500;

impl Rules {
    fn fits(&self, character: char) -> u128 {
        let code = u32::from(character);
        let index = usize::try_from(code).unwrap_or(usize::MAX);
        self.low.get(index).copied().unwrap_or_else(|| self.fits_from(code))
    }

    fn fits_from(&self, code: u32) -> u128 {
        let after = self.from.partition_point(|&(first, _)| first <= code);
        after.checked_sub(1).and_then(|at| self.from.get(at)).map_or(0, |&(_, bits)| bits)
    }

    fn read() -> Self {
        let mut rules = Self {
            begin_anywhere: 0,
            begin_at_start: 0,
            first_bits: 0,
            last_bits: 0,
            low: vec![],
            from: vec![],
        };
        let mut edges: Vec<(u32, u128)> = Vec::new(); // where which position begins or ceases to fit
        let mut bit: u128 = 1; // the assets have 97 positions, which `positions_fit_in_128_bits` holds
        for rule in tables::lines("rule").flat_map(variants) {
            let at_start = rule.first() == Some(&"^");
            let first_bit = bit;
            for position in rule.iter().filter(|word| **word != "^") {
                for &(first, last) in position_set(position).ranges() {
                    edges.push((first, bit));
                    edges.push((last.saturating_add(1), bit));
                }
                rules.last_bits = rules.last_bits & !(bit >> 1 & !(first_bit >> 1)) | bit;
                bit <<= 1;
            }
            rules.first_bits |= first_bit;
            *(if at_start { &mut rules.begin_at_start } else { &mut rules.begin_anywhere }) |=
                first_bit;
        }
        rules.from = bits_between(edges);
        rules.low = (0..LOW).map(|code| rules.fits_from(code)).collect();
        rules
    }
}

/// A rule with a position that may be absent is two rules.
fn variants(rule: &str) -> Vec<Vec<&str>> {
    let positions = || rule.split_ascii_whitespace();
    let is_optional = |position: &&str| position.starts_with('?');
    let mut variants = vec![positions().map(|position| position.trim_start_matches('?')).collect()];
    if positions().any(|position| is_optional(&position)) {
        variants.push(positions().filter(|position| !is_optional(position)).collect());
    }
    variants
}

/// The characters that a position allows: `@name`, ranges, `\s`, `\w`, `.`; all others after `!`.
fn position_set(position: &str) -> CharSet {
    let alternatives = position.trim_start_matches('!');
    let ranges = alternatives.split(',').flat_map(|alternative| {
        let set = match alternative {
            "\\s" => UNICODE.python_space.clone(),
            "\\w" => UNICODE.word.clone(),
            "." => CharSet::parse("A").complement(),
            _ => match alternative.strip_prefix('@') {
                Some(name) => tables::set("class", name),
                None => CharSet::parse(alternative),
            },
        };
        set.ranges().to_vec()
    });
    let set = CharSet::union(ranges);
    if position.starts_with('!') { set.complement() } else { set }
}

/// From where on which bits are set, given where each one is switched on or off.
fn bits_between(mut edges: Vec<(u32, u128)>) -> Vec<(u32, u128)> {
    edges.sort_unstable();
    let mut from: Vec<(u32, u128)> = vec![(0, 0)];
    let mut bits = 0;
    for (code, switched) in edges {
        bits ^= switched;
        match from.last_mut() {
            Some((last, at_last)) if *last == code => *at_last = bits,
            _ => from.push((code, bits)),
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fit_in_128_bits() {
        let rules: Vec<_> = tables::lines("rule").flat_map(variants).collect();
        let positions: usize =
            rules.iter().map(|rule| rule.iter().filter(|word| **word != "^").count()).sum();
        assert_eq!((rules.len(), positions), (38, 97));
        assert_eq!(RULES.last_bits.count_ones(), 38);
        assert_eq!(RULES.first_bits.count_ones(), 38);
        assert_eq!(RULES.begin_at_start.count_ones(), 1);
    }

    /// Expected values are those of ftfy 6.3.1's `is_bad`.
    #[test]
    fn badness_is_that_of_ftfy() {
        let cases = [
            ("é à ü 日本語 “quoted” – €5 20°C", false),
            ("Ã©", true),
            ("\u{81}", true),
            ("Â x", true),
            ("x  Â x", false),
            ("xÃ ", true),
            ("x Ã ", true),
            ("œ", false),
            ("œ1", true),
            ("ГўВЂВ\n ", false),
            ("ГўВЂВ! ", true),
            ("вЂ", true),
            ("é»b", true),
            ("é» ", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_bad(text), expected, "{text}");
        }
    }

    #[test]
    fn low_characters_fit_the_same_positions_in_both_tables() {
        for code in (0..0x600).chain([0x2500, 0xFB01, 0xF8FF, 0x10FFFF]) {
            assert_eq!(
                RULES.fits(char::from_u32(code).unwrap()),
                RULES.fits_from(code),
                "{code:X}"
            );
        }
    }
}
