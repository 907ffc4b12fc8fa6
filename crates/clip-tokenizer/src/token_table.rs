//! All tokens: their bytes by id, and their ids by bytes.
//!
//! ```text
//! bytes   !"#...!</w>"</w>...    one after the other; the end of a word is the four bytes `</w>`
//! ends    [tokens]               where each ends in `bytes`
//! slots   [2^17] of u16          ids, at a place that the bytes' hash gives or behind it
//! ```
//!
//! A table of ids alone stays in the cache, where one of keys would have megabytes; that an id is
//! the right one shows in `bytes`.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "lengths of tokens, and places masked to the size of the table"
)]

/// Twice the number of tokens and more, so that free places end searches soon.
const SLOTS: usize = 1 << 17;
const FREE: u16 = u16::MAX;
/// Bytes that are looked at together.
const WINDOW: usize = 16;
/// What marks the end of a word.
const MARK: u128 = u32::from_le_bytes(*b"</w>") as u128;
const MARK_LENGTH: usize = 4;

pub(crate) struct TokenTable {
    /// With a window of zeros at the end.
    bytes: Vec<u8>,
    ends: Vec<u32>,
    slots: Vec<u16>,
}

/// A word with its mark at the end, in a window; the rest of that is zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WordKey {
    window: u128,
    length: usize,
}

impl WordKey {
    /// None for words that do not fit.
    pub(crate) fn of(word: &[u8]) -> Option<Self> {
        let mut front = [0; WINDOW];
        front.get_mut(..word.len())?.copy_from_slice(word);
        Self::of_front(u128::from_le_bytes(front), word.len())
    }

    /// Of the lowest `length` bytes of `front`.
    #[inline(always)]
    pub(crate) fn of_front(front: u128, length: usize) -> Option<Self> {
        let fits = (1..=WINDOW - MARK_LENGTH).contains(&length);
        fits.then(|| Self {
            window: front & lowest(length) | MARK << (8 * length),
            length: length + MARK_LENGTH,
        })
    }
}

impl TokenTable {
    pub(crate) fn with_capacity(tokens: usize, bytes: usize) -> Self {
        let mut all = Vec::with_capacity(bytes + WINDOW);
        all.resize(WINDOW, 0);
        Self { bytes: all, ends: Vec::with_capacity(tokens), slots: vec![FREE; SLOTS] }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds a token under the next id. At most 2^16 - 1 of them, no two alike.
    pub(crate) fn push(&mut self, token: impl IntoIterator<Item = u8>) {
        let start = self.bytes.len() - WINDOW;
        self.bytes.truncate(start);
        self.bytes.extend(token);
        let end = self.bytes.len();
        self.bytes.resize(end + WINDOW, 0);
        let (id, length) = (self.ends.len() as u16, end - start);
        self.ends.push(end as u32);
        let place = place(self.window(start) & lowest(length), length);
        let free = places(place).find(|&place| self.slots.get(place) == Some(&FREE));
        if let Some(slot) = free.and_then(|place| self.slots.get_mut(place)) {
            *slot = id;
        }
    }

    /// The bytes that a token stands for, with their mark.
    pub(crate) fn token(&self, id: u32) -> Option<&[u8]> {
        let (start, end) = self.bounds(usize::try_from(id).ok()?)?;
        self.bytes.get(start..end)
    }

    /// The token of these bytes.
    pub(crate) fn id(&self, token: &[u8]) -> Option<u32> {
        let mut front = [0; WINDOW];
        front.iter_mut().zip(token).for_each(|(to, from)| *to = *from);
        let window = u128::from_le_bytes(front);
        self.find(window, token.len(), |start, end| {
            let length = token.len();
            let fronts_agree =
                end - start == length && self.window(start) & lowest(length) == window;
            fronts_agree && (length <= WINDOW || self.bytes.get(start..end) == Some(token))
        })
    }

    /// The token that a whole word is.
    #[inline(always)]
    pub(crate) fn word(&self, key: WordKey) -> Option<u32> {
        let WordKey { window, length } = key;
        self.find(window, length, |start, end| {
            end - start == length && self.window(start) & lowest(length) == window
        })
    }

    #[inline(always)]
    fn find(
        &self,
        window: u128,
        length: usize,
        is_it: impl Fn(usize, usize) -> bool,
    ) -> Option<u32> {
        for place in places(place(window, length)) {
            let id = *self.slots.get(place)?;
            if id == FREE {
                break;
            }
            let (start, end) = self.bounds(usize::from(id))?;
            if is_it(start, end) {
                return Some(id.into());
            }
        }
        None
    }

    #[inline(always)]
    fn bounds(&self, index: usize) -> Option<(usize, usize)> {
        let end = *self.ends.get(index)?;
        let start =
            index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        Some((start as usize, end as usize))
    }

    #[inline(always)]
    fn window(&self, start: usize) -> u128 {
        let window = self.bytes.get(start..).and_then(|rest| rest.first_chunk::<WINDOW>());
        u128::from_le_bytes(window.copied().unwrap_or_default())
    }
}

/// Where the search for a token begins: one multiplication for each half of its first bytes.
#[inline(always)]
fn place(window: u128, length: usize) -> usize {
    /// Odd, with its bits spread evenly: 2⁶⁴ divided by the golden ratio.
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let low = (window as u64 ^ length as u64).wrapping_mul(MULTIPLIER);
    let both = (low ^ low >> 32 ^ (window >> 64) as u64).wrapping_mul(MULTIPLIER);
    (both >> (64 - SLOTS.ilog2())) as usize
}

/// All places once, from this one on.
#[inline(always)]
fn places(first: usize) -> impl Iterator<Item = usize> {
    (0..SLOTS).map(move |step| (first + step) & (SLOTS - 1))
}

/// A mask of the lowest `length` bytes, which are at least one.
#[inline(always)]
fn lowest(length: usize) -> u128 {
    u128::MAX >> (8 * WINDOW.saturating_sub(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_length_are_found_and_others_are_not() {
        let mut table = TokenTable::with_capacity(60, 2000);
        let tokens: Vec<Vec<u8>> = (1..=60_u8).map(|length| (0..length).rev().collect()).collect();
        tokens.iter().for_each(|token| table.push(token.iter().copied()));
        table.push(*b"word</w>");
        for (id, token) in (0..).zip(&tokens) {
            assert_eq!((table.id(token), table.token(id)), (Some(id), Some(token.as_slice())));
            assert_eq!(table.id(&[token.as_slice(), b"\0"].concat()), None);
            assert_eq!(WordKey::of(token).and_then(|key| table.word(key)), None);
        }
        assert_eq!(WordKey::of(b"word").and_then(|key| table.word(key)), Some(60));
        assert_eq!(table.token(61), None);
    }

    #[test]
    fn words_that_do_not_fit_have_no_key() {
        assert!(WordKey::of(b"").is_none() && WordKey::of(&[b'a'; 13]).is_none());
        assert!(WordKey::of(&[b'a'; 12]).is_some());
    }
}
