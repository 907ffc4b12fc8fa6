//! The entropy-coded bytes as bits, most significant first.
//!
//! A 64-bit window is refilled eight bytes at a time while none of them is `ff`, and byte by byte
//! around stuffed zeros and markers. Behind a marker come endless zero bits; the decoder sees from
//! a negative count that it has used them.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "positions are at most the length of the data plus 8, bit counts stay within -1000..=64"
)]

use super::error::{JpegError, truncated};
use super::markers::MarkerReader;

/// What stopped the flow of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing yet.
    Open,
    /// This marker; the data go on behind it at this position.
    Marker(u8, usize),
    /// The data are used up.
    Data,
}

/// The bytes, and what was met on the way through them.
#[derive(Debug)]
pub(super) struct Source<'a> {
    data: &'a [u8],
    /// Next byte, as [`Source::bytewise`] left it.
    at: usize,
    end: End,
    /// A stuffed zero was preceded by more than one ff.
    filled: bool,
}

/// The window onto the bits. Small and `Copy`, so that hot loops hold it in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits {
    /// Next bit on top. Below `count` bits lie either zeros or bits that the next refill will bring
    /// again.
    window: u64,
    /// Bits of the data in the window; negative once zeros behind the end have been used.
    count: i32,
    /// Next byte; the length of the data once the end is known.
    at: usize,
}

impl Bits {
    /// Brings the window to 56 to 63 bits, zeros behind the end included.
    #[inline(always)]
    pub(super) fn refill(mut self, source: &mut Source<'_>) -> Self {
        if let Some(chunk) = source.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*chunk);
            let has_ff =
                (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 != 0;
            if !has_ff {
                self.window |= word >> (self.count & 63);
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= 56;
                return self;
            }
        }
        // No reference to `self`: it would have to be in memory then, in the hot loops too.
        (self.window, self.count) = source.bytewise(self.window, self.count, self.at);
        self.at = source.at;
        self
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
    pub(super) fn bit(&mut self, source: &mut Source<'_>) -> bool {
        if self.count < 1 {
            *self = self.refill(source);
        }
        self.take(1) != 0
    }
}

impl Source<'_> {
    /// Refills a window around stuffed zeros and markers: returns it and how many bits it then has.
    #[cold]
    #[inline(never)]
    fn bytewise(&mut self, mut window: u64, mut count: i32, at: usize) -> (u64, i32) {
        self.at = at;
        while self.end == End::Open && count < 56 {
            let rest = self.data.get(self.at..).unwrap_or_default();
            let Some(&byte) = rest.first() else {
                self.stop(End::Data);
                break;
            };
            self.at += 1;
            if byte == 0xff {
                // Any number of ff may stand before the zero that makes them data, or before a
                // marker.
                let fill = rest.iter().take_while(|&&b| b == 0xff).count();
                match rest.get(fill) {
                    None => self.stop(End::Data),
                    Some(0) => {
                        self.filled |= fill > 1;
                        self.at += fill;
                    }
                    Some(&marker) => self.stop(End::Marker(marker, self.at + fill)),
                }
                if self.end != End::Open {
                    break;
                }
            }
            window |= u64::from(byte) << (56 - count);
            count += 8;
        }
        (window, count)
    }

    fn stop(&mut self, end: End) {
        self.end = end;
        self.at = self.data.len();
    }
}

/// The window and what it looks onto.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    pub(super) bits: Bits,
    pub(super) source: Source<'a>,
}

impl<'a> BitReader<'a> {
    /// Begins where the reader of markers stands.
    pub(super) fn new(markers: &MarkerReader<'a>) -> Self {
        let data = markers.data;
        let (at, end) = match markers.pending {
            Some(marker) => (data.len(), End::Marker(marker, markers.at)),
            None => (markers.at, End::Open),
        };
        let bits = Bits { window: 0, count: 0, at };
        Self { bits, source: Source { data, at, end, filled: false } }
    }

    /// Gives the position back to the reader of markers, throwing away what is in the window.
    pub(super) fn finish(&self, markers: &mut MarkerReader<'_>) {
        (markers.at, markers.pending) = match self.source.end {
            End::Open => (self.bits.at, None),
            End::Marker(marker, behind) => (behind, Some(marker)),
            End::Data => (self.source.data.len(), None),
        }
    }

    /// One bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        self.bits.bit(&mut self.source)
    }

    /// Whether zeros behind the end of the data have been used. If so, there is nothing in the
    /// window any more.
    #[inline(always)]
    pub(super) fn has_run_dry(&mut self) -> bool {
        let dry = self.bits.count < 0;
        if dry {
            (self.bits.count, self.bits.window) = (0, 0);
        }
        dry
    }

    /// Whether the bytes so far hold fill bytes before a stuffed zero.
    ///
    /// This and [`Restarts::check`] first fill the window: only so do they not depend on when it
    /// was filled last.
    pub(super) fn has_fill_bytes(&mut self) -> bool {
        self.bits = self.bits.refill(&mut self.source);
        self.source.filled
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
    pub(super) fn pass<'a>(
        &mut self,
        reader: &mut BitReader<'a>,
        markers: &mut MarkerReader<'a>,
    ) -> Result<(), JpegError> {
        reader.finish(markers);
        self.pass_marker(markers)?;
        *reader = BitReader::new(markers);
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
    pub(super) fn check(&self, reader: &mut BitReader<'_>) -> Result<(), JpegError> {
        /// Half a window: libjpeg asks for the next bytes, and finds none, somewhere between 56
        /// bits and 8.
        const TOO_FEW: i32 = 32;
        reader.bits = reader.bits.refill(&mut reader.source);
        let ends = reader.source.end == End::Data && reader.bits.count < TOO_FEW;
        if ends || (self.strict && self.starved) {
            return truncated("the entropy-coded data");
        }
        Ok(())
    }
}
