//! The entropy-coded bytes as bits, most significant first.
//!
//! A 64-bit window is refilled eight bytes at a time while none of them is `ff`, and byte by byte around stuffed zeros
//! and markers. Behind a marker come endless zero bits; the decoder sees from a negative count that it has used them.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "positions are at most the length of the data plus 8, bit counts stay within -1000..=64"
)]

use super::error::{JpegError, truncated};
use super::markers::MarkerReader;

/// What stopped the flow of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing yet.
    Open,
    /// This marker; the data go on behind it at this position.
    Marker(u8, usize),
    /// The data are used up.
    Data,
}

/// The window onto the bits. Small and `Copy`, so that hot loops hold it in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits {
    /// Next bit on top. Below `count` bits lie either zeros or bits that the next refill will bring again.
    pub(super) window: u64,
    /// Bits of the data in the window; negative once zeros behind the end have been used.
    pub(super) count: i32,
    /// Next byte; the length of the data once `end` is not open.
    at: usize,
    pub(super) end: End,
    /// A stuffed zero was preceded by more than one ff.
    pub(super) filled: bool,
}

impl Bits {
    pub(super) fn new(markers: &MarkerReader<'_>) -> Self {
        let mut bits = Self { window: 0, count: 0, at: markers.at, end: End::Open, filled: false };
        if let Some(marker) = markers.pending {
            bits.end = End::Marker(marker, markers.at);
            bits.at = markers.data.len();
        }
        bits
    }

    /// Gives the position back to the reader of markers, throwing away what is in the window.
    pub(super) fn finish(self, markers: &mut MarkerReader<'_>) {
        match self.end {
            End::Open => (markers.at, markers.pending) = (self.at, None),
            End::Marker(marker, behind) => (markers.at, markers.pending) = (behind, Some(marker)),
            End::Data => (markers.at, markers.pending) = (markers.data.len(), None),
        }
    }

    /// Brings the window to at least 56 bits, zeros behind the end included.
    #[inline(always)]
    pub(super) fn refill(mut self, data: &[u8]) -> Self {
        if let Some(chunk) = data.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*chunk);
            let has_ff = (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 != 0;
            if !has_ff {
                self.window |= word >> (self.count & 63);
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= 56;
                return self;
            }
        }
        self.refill_bytewise(data)
    }

    #[cold]
    #[inline(never)]
    fn refill_bytewise(mut self, data: &[u8]) -> Self {
        while self.end == End::Open && self.count <= 56 {
            let rest = data.get(self.at..).unwrap_or_default();
            let Some(&byte) = rest.first() else {
                self.stop(End::Data, data);
                break;
            };
            self.at += 1;
            if byte == 0xff {
                // Any number of ff may stand before the zero that makes them data, or before a marker.
                let fill = rest.iter().take_while(|&&b| b == 0xff).count();
                match rest.get(fill) {
                    None => self.stop(End::Data, data),
                    Some(0) => {
                        self.filled |= fill > 1;
                        self.at += fill;
                    }
                    Some(&marker) => self.stop(End::Marker(marker, self.at + fill), data),
                }
                if self.end != End::Open {
                    break;
                }
            }
            self.window |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    fn stop(&mut self, end: End, data: &[u8]) {
        self.end = end;
        self.at = data.len();
    }

    /// The next `n` bits, 1 to 32 of them, which must be in the window.
    #[inline(always)]
    pub(super) fn peek(self, n: u32) -> u32 {
        (self.window >> (64 - n)) as u32
    }

    #[inline(always)]
    pub(super) fn drop(&mut self, n: u32) {
        self.window <<= n;
        self.count -= n as i32;
    }

    #[inline(always)]
    pub(super) fn take(&mut self, n: u32) -> u32 {
        let value = self.peek(n);
        self.drop(n);
        value
    }

    /// One bit, refilling if need be.
    #[inline(always)]
    pub(super) fn bit(&mut self, data: &[u8]) -> bool {
        if self.count < 1 {
            *self = self.refill(data);
        }
        self.take(1) != 0
    }
}

/// Follows the restart markers through a scan, and remembers when its data ran out.
#[derive(Debug)]
pub(super) struct Restarts {
    interval: u32,
    to_go: u32,
    next: u8,
    /// The data ended early: the rest of the segment stays zero.
    pub(super) starved: bool,
    /// That is an error.
    strict: bool,
}

impl Restarts {
    /// One marker after every `interval` MCUs, none if that is 0.
    pub(super) fn new(interval: u32, markers: &MarkerReader<'_>) -> Self {
        Self { interval, to_go: interval, next: 0, starved: false, strict: markers.strict }
    }

    /// Whether the file announces restart markers.
    pub(super) fn expected(&self) -> bool {
        self.interval != 0
    }

    /// To be called before each MCU. True when a restart marker was due: predictions start afresh.
    #[inline(always)]
    pub(super) fn due(&mut self) -> bool {
        if self.interval == 0 {
            return false;
        }
        let due = self.to_go == 0;
        if due {
            self.to_go = self.interval;
        }
        self.to_go -= 1;
        due
    }

    /// Passes the restart marker, by libjpeg's rules where it is missing or out of order.
    pub(super) fn pass(&mut self, bits: &mut Bits, markers: &mut MarkerReader<'_>) -> Result<(), JpegError> {
        bits.finish(markers);
        self.pass_marker(markers)?;
        *bits = Bits::new(markers);
        Ok(())
    }

    /// As [`Restarts::pass`], for decoders that read bytes themselves.
    pub(super) fn pass_marker(&mut self, markers: &mut MarkerReader<'_>) -> Result<(), JpegError> {
        let mut marker = match markers.pending.take() {
            Some(marker) => marker,
            None => markers.next_marker()?,
        };
        let wanted = self.next;
        self.next = (self.next + 1) & 7;
        loop {
            match marker {
                0xd0..=0xd7 => match (marker & 7).wrapping_sub(wanted) & 7 {
                    // One of the next two: this one was lost, its segment is treated as empty.
                    1 | 2 => break,
                    // One of the last two: left over, go on to the next marker.
                    6 | 7 => {}
                    // The right one, or one so far off that it must be.
                    _ => {
                        self.starved = false;
                        return Ok(());
                    }
                },
                0xc0.. => break, // the scan ends early
                _ => {}          // not a marker at all
            }
            marker = markers.next_marker()?;
        }
        markers.pending = Some(marker);
        Ok(())
    }

    /// Checks after a row of MCUs that the bytes did not simply end.
    pub(super) fn check(&self, bits: &Bits) -> Result<(), JpegError> {
        if bits.end == End::Data || (self.strict && self.starved) {
            return truncated("the entropy-coded data");
        }
        Ok(())
    }
}
