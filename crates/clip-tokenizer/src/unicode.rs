//! Sets of characters as the reference sees them, from `assets/unicode.txt`.
//!
//! Only text beyond ASCII needs them, so they are read when the first such text comes.

use std::sync::LazyLock;

/// The sets that the reference's steps ask for, each from the Unicode version that the step uses.
pub(crate) static UNICODE: LazyLock<Unicode> = LazyLock::new(|| {
    let table = include_str!("../assets/unicode.txt");
    let set = |name: &str| {
        table
            .lines()
            .find_map(|line| Some(CharSet::parse(line.strip_prefix(name)?.strip_prefix(' ')?)))
    };
    let set = |name| set(name).unwrap_or_default();
    Unicode {
        letter: set("letter"),
        number: set("number"),
        white_space: set("white_space"),
        python_space: set("python_space"),
        word: set("word"),
        decimal: set("decimal"),
        cased: set("cased"),
        case_ignorable: set("case_ignorable"),
        assigned: set("assigned"),
    }
});

pub(crate) struct Unicode {
    /// `\p{L}` of regex 2026.11.15.
    pub(crate) letter: CharSet,
    /// `\p{N}` of regex 2026.11.15.
    pub(crate) number: CharSet,
    /// `\s` of regex: the property White_Space.
    pub(crate) white_space: CharSet,
    /// `\s` of Python's re and what `str.strip` removes: the former and U+001C-001F.
    pub(crate) python_space: CharSet,
    /// `\w` of Python's re.
    pub(crate) word: CharSet,
    /// `\d` of Python's re.
    pub(crate) decimal: CharSet,
    /// Letters that have case, for the final sigma.
    pub(crate) cased: CharSet,
    /// Characters that the rule of the final sigma looks through.
    pub(crate) case_ignorable: CharSet,
    /// What exists in Unicode 14.0.
    pub(crate) assigned: CharSet,
}

/// A set of characters: inclusive ranges, ascending and apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CharSet(Vec<(u32, u32)>);

impl CharSet {
    /// Reads ranges as the assets write them: `41-5A AA`. What is no range is left out.
    pub(crate) fn parse(ranges: &str) -> Self {
        Self::union(ranges.split_ascii_whitespace().filter_map(parse_range))
    }

    /// The set of all characters in any of `ranges`, which may overlap and come in any order.
    pub(crate) fn union(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut apart: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match apart.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => apart.push((first, last)),
            }
        }
        Self(apart)
    }

    /// All other characters.
    pub(crate) fn complement(&self) -> Self {
        let mut others = Vec::new();
        let mut next = 0;
        for &(first, last) in &self.0 {
            if let Some(before) = first.checked_sub(1).filter(|&before| before >= next) {
                others.push((next, before));
            }
            next = last.saturating_add(1);
        }
        others.push((next, u32::from(char::MAX)));
        Self(others)
    }

    pub(crate) fn contains(&self, character: char) -> bool {
        let code = u32::from(character);
        let at_or_after = self.0.partition_point(|&(_, last)| last < code);
        self.0.get(at_or_after).is_some_and(|&(first, _)| first <= code)
    }

    pub(crate) fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }
}

/// `A-B` or `A`, hexadecimal.
fn parse_range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((u32::from_str_radix(first, 16).ok()?, u32::from_str_radix(last, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(set: &CharSet) -> u32 {
        set.ranges().iter().map(|(first, last)| last - first + 1).sum()
    }

    #[test]
    fn sets_have_the_sizes_that_the_reference_has() {
        let unicode = &*UNICODE;
        assert_eq!(size(&unicode.letter), 158_172);
        assert_eq!(size(&unicode.number), 2_247);
        assert_eq!(size(&unicode.white_space), 25);
        assert_eq!(size(&unicode.python_space), 29);
        assert_eq!(size(&unicode.decimal), 660);
        for set in [&unicode.word, &unicode.cased, &unicode.case_ignorable, &unicode.assigned] {
            assert!(size(set) > 2_000);
        }
    }

    #[test]
    fn overlapping_ranges_are_joined_and_complement_is_its_own_inverse() {
        let set = CharSet::parse("41-45 44-4A 4B 60 0-3");
        assert_eq!(set.ranges(), [(0, 3), (0x41, 0x4B), (0x60, 0x60)]);
        assert!(set.contains('K') && !set.contains('L') && !set.contains('\u{10FFFF}'));
        assert_eq!(set.complement().ranges().first(), Some(&(4, 0x40)));
        assert!(set.complement().contains('\u{10FFFF}'));
    }
}
