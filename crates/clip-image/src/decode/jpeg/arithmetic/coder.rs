//! The binary decisions of the arithmetic coder (T.81 annex D).
//!
//! A bin is one byte: the more probable symbol on top, below it the number of a state of the
//! probability estimator.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "states are bounded by their table; shifts stay within -16..=8, the interval within 17 bits"
)]

use super::super::markers::MarkerReader;

/// The coder's interval and its place in the data.
#[derive(Debug)]
pub(super) struct Coder<'a> {
    data: &'a [u8],
    at: usize,
    /// A marker has been met: zeros follow, which is legal here.
    marker: Option<u8>,
    /// Zeros supplied since.
    supplied: usize,
    /// How many are too many.
    most_supplied: usize,
    /// The data ended without a marker.
    ended: bool,
    /// Base of the interval, with `shift` bits of the data below it.
    base: i64,
    size: i64,
    shift: i32,
}

/// An encoder leaves out the zeros at the end of its data: a few, except in a file that lies about
/// its size.
const STRICT_ZEROS: usize = 1024;

/// Its bin holds state 113, which never changes: both symbols equally probable.
const EVEN: u8 = 113;

impl<'a> Coder<'a> {
    pub(super) fn new(markers: &MarkerReader<'a>) -> Self {
        // Shift -16 makes the first decision read two bytes.
        let (data, at, marker) = (markers.data, markers.at, markers.pending);
        let most_supplied = if markers.strict { STRICT_ZEROS } else { usize::MAX };
        Self {
            data,
            at,
            marker,
            supplied: 0,
            most_supplied,
            ended: false,
            base: 0,
            size: 0,
            shift: -16,
        }
    }

    pub(super) fn finish(&self, markers: &mut MarkerReader<'_>) {
        (markers.at, markers.pending) = (self.at, self.marker);
    }

    /// Begins anew behind a restart marker.
    pub(super) fn restart(&mut self, markers: &MarkerReader<'_>) {
        (self.at, self.marker, self.supplied) = (markers.at, markers.pending, 0);
        (self.base, self.size, self.shift) = (0, 0, -16);
    }

    /// The data, or the zeros that may be missing from them, are used up.
    pub(super) fn has_run_dry(&self) -> bool {
        self.ended || self.supplied > self.most_supplied
    }

    fn next_byte(&mut self) -> u8 {
        if self.marker.is_some() || self.ended {
            self.supplied = self.supplied.saturating_add(1);
            return 0;
        }
        let Some(&byte) = self.data.get(self.at) else {
            self.ended = true;
            return 0;
        };
        self.at += 1;
        if byte != 0xff {
            return byte;
        }
        let rest = self.data.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|&&b| b == 0xff).count();
        self.at = (self.at + fill + 1).min(self.data.len());
        match rest.get(fill) {
            Some(0) => return 0xff,
            Some(&marker) => self.marker = Some(marker),
            None => self.ended = true,
        }
        0
    }

    /// One binary decision, and what its bin learns from it.
    #[inline]
    pub(super) fn decide(&mut self, bin: &mut u8) -> bool {
        while self.size < 0x8000 {
            self.shift -= 1;
            if self.shift < 0 {
                self.base = self.base << 8 | i64::from(self.next_byte());
                self.shift += 8;
                if self.shift < 0 {
                    self.shift += 1;
                    if self.shift == 0 {
                        self.size = 0x8000; // both first bytes are there
                    }
                }
            }
            self.size <<= 1;
        }
        let mut symbol = *bin & 0x80;
        let (lps_size, next_lps, next_mps, switches) =
            STATES[usize::from(*bin & 0x7f).min(STATES.len() - 1)];
        let lps_size = i64::from(lps_size);
        let after_mps = symbol | next_mps;
        let after_lps = (symbol ^ (switches << 7)) | next_lps;
        self.size -= lps_size;
        let threshold = self.size << self.shift;
        if self.base >= threshold {
            self.base -= threshold;
            if self.size < lps_size {
                *bin = after_mps;
            } else {
                *bin = after_lps;
                symbol ^= 0x80;
            }
            self.size = lps_size;
        } else if self.size < 0x8000 {
            if self.size < lps_size {
                *bin = after_lps;
                symbol ^= 0x80;
            } else {
                *bin = after_mps;
            }
        }
        symbol != 0
    }

    pub(super) fn decide_evenly(&mut self) -> bool {
        let mut bin = EVEN;
        self.decide(&mut bin)
    }
}

/// The states of the probability estimator (T.81 table D.3): size of the interval of the less
/// probable symbol in 1/65536 of 4/3, next state after the less and the more probable symbol, and
/// whether they change places. The last one is T.851's fixed one half.
#[rustfmt::skip]
const STATES: [(u16, u8, u8, u8); 114] = [
    (0x5a1d, 1, 1, 1), (0x2586, 14, 2, 0), (0x1114, 16, 3, 0), (0x080b, 18, 4, 0), (0x03d8, 20, 5, 0),
    (0x01da, 23, 6, 0), (0x00e5, 25, 7, 0), (0x006f, 28, 8, 0), (0x0036, 30, 9, 0), (0x001a, 33, 10, 0),
    (0x000d, 35, 11, 0), (0x0006, 9, 12, 0), (0x0003, 10, 13, 0), (0x0001, 12, 13, 0), (0x5a7f, 15, 15, 1),
    (0x3f25, 36, 16, 0), (0x2cf2, 38, 17, 0), (0x207c, 39, 18, 0), (0x17b9, 40, 19, 0), (0x1182, 42, 20, 0),
    (0x0cef, 43, 21, 0), (0x09a1, 45, 22, 0), (0x072f, 46, 23, 0), (0x055c, 48, 24, 0), (0x0406, 49, 25, 0),
    (0x0303, 51, 26, 0), (0x0240, 52, 27, 0), (0x01b1, 54, 28, 0), (0x0144, 56, 29, 0), (0x00f5, 57, 30, 0),
    (0x00b7, 59, 31, 0), (0x008a, 60, 32, 0), (0x0068, 62, 33, 0), (0x004e, 63, 34, 0), (0x003b, 32, 35, 0),
    (0x002c, 33, 9, 0), (0x5ae1, 37, 37, 1), (0x484c, 64, 38, 0), (0x3a0d, 65, 39, 0), (0x2ef1, 67, 40, 0),
    (0x261f, 68, 41, 0), (0x1f33, 69, 42, 0), (0x19a8, 70, 43, 0), (0x1518, 72, 44, 0), (0x1177, 73, 45, 0),
    (0x0e74, 74, 46, 0), (0x0bfb, 75, 47, 0), (0x09f8, 77, 48, 0), (0x0861, 78, 49, 0), (0x0706, 79, 50, 0),
    (0x05cd, 48, 51, 0), (0x04de, 50, 52, 0), (0x040f, 50, 53, 0), (0x0363, 51, 54, 0), (0x02d4, 52, 55, 0),
    (0x025c, 53, 56, 0), (0x01f8, 54, 57, 0), (0x01a4, 55, 58, 0), (0x0160, 56, 59, 0), (0x0125, 57, 60, 0),
    (0x00f6, 58, 61, 0), (0x00cb, 59, 62, 0), (0x00ab, 61, 63, 0), (0x008f, 61, 32, 0), (0x5b12, 65, 65, 1),
    (0x4d04, 80, 66, 0), (0x412c, 81, 67, 0), (0x37d8, 82, 68, 0), (0x2fe8, 83, 69, 0), (0x293c, 84, 70, 0),
    (0x2379, 86, 71, 0), (0x1edf, 87, 72, 0), (0x1aa9, 87, 73, 0), (0x174e, 72, 74, 0), (0x1424, 72, 75, 0),
    (0x119c, 74, 76, 0), (0x0f6b, 74, 77, 0), (0x0d51, 75, 78, 0), (0x0bb6, 77, 79, 0), (0x0a40, 77, 48, 0),
    (0x5832, 80, 81, 1), (0x4d1c, 88, 82, 0), (0x438e, 89, 83, 0), (0x3bdd, 90, 84, 0), (0x34ee, 91, 85, 0),
    (0x2eae, 92, 86, 0), (0x299a, 93, 87, 0), (0x2516, 86, 71, 0), (0x5570, 88, 89, 1), (0x4ca9, 95, 90, 0),
    (0x44d9, 96, 91, 0), (0x3e22, 97, 92, 0), (0x3824, 99, 93, 0), (0x32b4, 99, 94, 0), (0x2e17, 93, 86, 0),
    (0x56a8, 95, 96, 1), (0x4f46, 101, 97, 0), (0x47e5, 102, 98, 0), (0x41cf, 103, 99, 0),
    (0x3c3d, 104, 100, 0), (0x375e, 99, 93, 0), (0x5231, 105, 102, 0), (0x4c0f, 106, 103, 0),
    (0x4639, 107, 104, 0), (0x415e, 103, 99, 0), (0x5627, 105, 106, 1), (0x50e7, 108, 107, 0),
    (0x4b85, 109, 103, 0), (0x5597, 110, 109, 0), (0x504f, 111, 107, 0), (0x5a10, 110, 111, 1),
    (0x5522, 112, 109, 0), (0x59eb, 112, 111, 1), (0x5a1d, 113, 113, 0),
];
