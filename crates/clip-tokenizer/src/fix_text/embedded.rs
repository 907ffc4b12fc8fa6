//! Runs of damaged UTF-8 inside text that is sound, or damaged in another way. PROTOCOL 3.6.1.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::fix_text::badness::is_bad;
use crate::fix_text::tables;
use crate::fix_text::work::Work;

/// What a character can be the remains of. Bits, because several may hold.
static CLUES: LazyLock<FxHashMap<u32, u8>> = LazyLock::new(|| {
    let names = [
        ("first_of_2", FIRST_OF_2),
        ("first_of_3", FIRST_OF_3),
        ("first_of_4", FIRST_OF_4),
        ("continuation", CONTINUATION),
        ("continuation_strict", STRICT),
    ];
    let mut clues: FxHashMap<u32, u8> = FxHashMap::default();
    for (name, clue) in names {
        for code in
            tables::set("detector", name).ranges().iter().flat_map(|&(first, last)| first..=last)
        {
            *clues.entry(code).or_default() |= clue;
        }
    }
    clues
});

/// The first byte of a character of two, three, four bytes. No character is more than one of these.
const FIRST_OF_2: u8 = 1;
const FIRST_OF_3: u8 = 2;
const FIRST_OF_4: u8 = 4;
/// A byte that follows; a space too, which may have been A0.
const CONTINUATION: u8 = 8;
/// The same without what often stands for itself: spaces, dashes, quotes.
const STRICT: u8 = 16;

fn clues(character: char) -> u8 {
    match character {
        '\0'..='\x1F' | '!'..='\x7F' => 0,
        _ => CLUES.get(&u32::from(character)).copied().unwrap_or(0),
    }
}

/// Repairs each run that is damaged by itself and is not the whole text, by `fix`; `None` when
/// nothing changes.
pub(super) fn fix_runs(
    text: &str,
    work: &mut Work,
    fix: fn(&str, &mut Work) -> Option<String>,
) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before_is_strict = false;
    while let Some(character) = rest.chars().next() {
        let length = if before_is_strict { 0 } else { run_length(rest) };
        let (piece, after) = rest.split_at_checked(length.max(character.len_utf8()))?;
        let is_damaged_run = length > 0 && piece.len() < text.len() && is_bad(piece);
        let fixed = if is_damaged_run { work.deeper(|work| fix(piece, work)) } else { None };
        out.push_str(fixed.as_deref().unwrap_or(piece));
        before_is_strict = piece.chars().next_back().is_some_and(|last| clues(last) & STRICT != 0);
        rest = after;
    }
    (out != text).then_some(out)
}

/// The length in bytes of the run of would-be characters at the beginning of `text`; 0 for none.
fn run_length(text: &str) -> usize {
    let mut rest = text;
    while let Some(after) = after_would_be_character(rest) {
        rest = after;
    }
    text.len().saturating_sub(rest.len())
}

fn after_would_be_character(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    let first = clues(characters.next()?);
    let continuations = match () {
        () if first & FIRST_OF_2 != 0 => 1,
        () if first & FIRST_OF_3 != 0 => 2,
        () if first & FIRST_OF_4 != 0 => 3,
        () => return None,
    };
    for _ in 0..continuations {
        characters.next().filter(|&character| clues(character) & CONTINUATION != 0)?;
    }
    Some(characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix_text::encoding;

    #[test]
    fn no_character_begins_characters_of_two_lengths() {
        let firsts = FIRST_OF_2 | FIRST_OF_3 | FIRST_OF_4;
        assert!(CLUES.values().all(|clue| (clue & firsts).count_ones() <= 1));
    }

    #[test]
    fn runs_are_repaired_and_the_rest_is_left() {
        let fix = |text: &str| fix_runs(text, &mut Work::for_text(text), encoding::fix);
        assert_eq!(fix("猫 Ã©猫").as_deref(), Some("猫 é猫"));
        assert_eq!(fix("Ã©"), None); // the whole text: not ours
        assert_eq!(fix("猫 é 猫"), None);
    }
}
