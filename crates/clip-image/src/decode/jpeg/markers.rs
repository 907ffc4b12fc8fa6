//! Markers and their segments: everything in the file that is not entropy-coded.
//!
//! A [`MarkerReader`] walks the segments and keeps what they define; it stops at each start of scan
//! and at the end of the image. The rules for odd files are those of libjpeg: bytes between
//! segments are skipped, stray restart markers are passed over, reserved markers are errors.

use super::error::{JpegError, broken, truncated};
use super::frame::{ComponentHeader, FrameHeader, Process};
use super::tables::{Conditioning, HuffmanSpec, NATURAL_ORDER};

/// A start-of-scan header.
#[derive(Debug, Clone)]
pub(super) struct ScanHeader {
    pub(super) components: Vec<ScanComponent>,
    /// First and last coefficient, zigzag (`Ss`, `Se`); in the lossless process `spectral_start` is
    /// the predictor.
    pub(super) spectral_start: u8,
    pub(super) spectral_end: u8,
    /// Successive approximation (`Ah`, `Al`); in the lossless process `low` is the point transform.
    pub(super) high: u8,
    pub(super) low: u8,
}

/// A component of a scan and the tables it uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    /// Index into the frame's components.
    pub(super) index: usize,
    pub(super) dc_table: u8,
    pub(super) ac_table: u8,
}

/// Where the walk over the segments stopped.
#[derive(Debug)]
pub(super) enum Stop {
    Scan(ScanHeader),
    EndOfImage,
}

impl Stop {
    pub(super) fn scan(self) -> Option<ScanHeader> {
        match self {
            Self::Scan(scan) => Some(scan),
            Self::EndOfImage => None,
        }
    }
}

/// Walks the segments of a file and keeps the tables they define.
#[derive(Debug)]
pub(super) struct MarkerReader<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
    /// A marker already read (by the entropy decoder) but not acted on.
    pub(super) pending: Option<u8>,
    pub(super) frame: Option<FrameHeader>,
    /// Natural order.
    pub(super) quant: [Option<[i16; 64]>; 4],
    pub(super) dc_huffman: [Option<HuffmanSpec>; 4],
    pub(super) ac_huffman: [Option<HuffmanSpec>; 4],
    pub(super) conditioning: Conditioning,
    pub(super) restart_interval: u32,
    pub(super) jfif: bool,
    /// The image is large: scans whose data end early are errors.
    pub(super) strict: bool,
    /// The transform byte of an Adobe segment.
    pub(super) adobe: Option<u8>,
    /// Payload of the first Exif segment, after `Exif\0\0`.
    pub(super) exif: Option<&'a [u8]>,
}

impl<'a> MarkerReader<'a> {
    /// Starts behind the start-of-image marker.
    pub(super) fn new(data: &'a [u8]) -> Result<Self, JpegError> {
        if !data.starts_with(&[0xff, 0xd8, 0xff]) {
            return Err(JpegError::NotJpeg);
        }
        Ok(Self {
            data,
            at: 2,
            pending: None,
            frame: None,
            quant: [None; 4],
            dc_huffman: [const { None }; 4],
            ac_huffman: [const { None }; 4],
            conditioning: Conditioning::default(),
            restart_interval: 0,
            jfif: false,
            strict: false,
            adobe: None,
            exif: None,
        })
    }

    /// A lone component whose sampling factors are not 1: they do nothing, except to the
    /// bookkeeping of libjpeg.
    pub(super) fn has_idle_factors(&self) -> bool {
        self.frame
            .as_ref()
            .is_some_and(|f| matches!(f.components.as_slice(), [c] if c.h != 1 || c.v != 1))
    }

    /// Reads the tables of an abbreviated stream that has no image.
    pub(super) fn take_tables(&mut self, tables: &'a [u8]) -> Result<(), JpegError> {
        let (data, at) = (self.data, self.at);
        (self.data, self.at) = (tables, 2);
        if !tables.starts_with(&[0xff, 0xd8]) {
            return Err(JpegError::NotJpeg);
        }
        match self.advance()? {
            Stop::EndOfImage if self.frame.is_none() => {}
            _ => return broken("a stream of tables with an image in it"),
        }
        (self.data, self.at) = (data, at);
        Ok(())
    }

    /// Goes on to the next start of scan, or to the end of the image.
    pub(super) fn advance(&mut self) -> Result<Stop, JpegError> {
        loop {
            let marker = match self.pending.take() {
                Some(marker) => marker,
                None => self.next_marker()?,
            };
            match marker {
                0x01 | 0xd0..=0xd7 => {} // TEM and stray restart markers stand alone
                0xd8 => return broken("a second start of image"),
                0xd9 => return Ok(Stop::EndOfImage),
                0xda => return self.start_of_scan().map(Stop::Scan),
                0xc0 | 0xc1 => self.start_of_frame(Process::Sequential, false)?,
                0xc2 => self.start_of_frame(Process::Progressive, false)?,
                0xc3 => self.start_of_frame(Process::Lossless, false)?,
                0xc9 => self.start_of_frame(Process::Sequential, true)?,
                0xca => self.start_of_frame(Process::Progressive, true)?,
                0xcb => self.start_of_frame(Process::Lossless, true)?,
                0xc5..=0xc7 | 0xcd..=0xcf => {
                    return Err(JpegError::Unsupported { feature: "hierarchical JPEG" });
                }
                0xf7 => return Err(JpegError::Unsupported { feature: "JPEG-LS" }),
                0xc4 => self.huffman_tables()?,
                0xcc => self.arithmetic_conditioning()?,
                0xdb => self.quantization_tables()?,
                0xdd => self.restart_interval()?,
                0xe0 => self.app0()?,
                0xe1 => self.app1()?,
                0xee => self.app14()?,
                0xdc | 0xe2..=0xed | 0xef | 0xfe => drop(self.idle_segment()?),
                _ => return broken("a reserved marker"),
            }
        }
    }

    /// The next marker, whatever lies before it. Fill bytes, stuffed zeros and other bytes are
    /// passed over.
    pub(super) fn next_marker(&mut self) -> Result<u8, JpegError> {
        loop {
            let rest = self.data.get(self.at..).unwrap_or_default();
            let Some(first) = rest.iter().position(|&b| b == 0xff) else {
                self.at = self.data.len();
                return truncated("the space before a marker");
            };
            let fill = rest.iter().skip(first).take_while(|&&b| b == 0xff).count();
            let code = first.saturating_add(fill);
            let Some(&marker) = rest.get(code) else {
                self.at = self.data.len();
                return truncated("a marker");
            };
            self.at = self.at.saturating_add(code).saturating_add(1);
            if marker != 0 {
                return Ok(marker);
            }
        }
    }

    /// The payload of the segment that begins here.
    fn segment(&mut self) -> Result<&'a [u8], JpegError> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<2>() else {
            return truncated("the length of a segment");
        };
        let Some(length) = usize::from(u16::from_be_bytes(*length)).checked_sub(2) else {
            return broken("a segment shorter than its own length");
        };
        let Some(payload) = rest.get(..length) else {
            return truncated("a segment");
        };
        self.at = self.at.saturating_add(2).saturating_add(length);
        Ok(payload)
    }

    /// The same for a segment that could be skipped. If it is cut off there is nothing behind it:
    /// the position says so, for those who have all the pixels already.
    fn idle_segment(&mut self) -> Result<&'a [u8], JpegError> {
        self.segment().inspect_err(|error| {
            if matches!(error, JpegError::Truncated { .. }) {
                self.at = self.data.len();
            }
        })
    }

    fn start_of_frame(&mut self, process: Process, arithmetic: bool) -> Result<(), JpegError> {
        if self.frame.is_some() {
            return broken("a second frame header");
        }
        let payload = self.segment()?;
        let Some((&[precision, h1, h0, w1, w0, count], components)) =
            payload.split_first_chunk::<6>()
        else {
            return broken("a frame header of less than 6 bytes");
        };
        let (components, rest) = components.as_chunks::<3>();
        if components.len() != usize::from(count) || !rest.is_empty() {
            return broken("a frame header whose length does not fit its components");
        }
        let components = components
            .iter()
            .map(|&[id, factors, quant_index]| ComponentHeader {
                id,
                h: factors >> 4,
                v: factors & 15,
                quant_index,
            })
            .collect();
        self.frame = Some(FrameHeader {
            process,
            arithmetic,
            precision,
            width: u16::from_be_bytes([w1, w0]),
            height: u16::from_be_bytes([h1, h0]),
            components,
        });
        Ok(())
    }

    fn start_of_scan(&mut self) -> Result<ScanHeader, JpegError> {
        let payload = self.segment()?;
        let Some(frame) = &self.frame else {
            return broken("a scan before the frame header");
        };
        let Some((&count, rest)) = payload.split_first() else {
            return broken("an empty scan header");
        };
        let (pairs, tail) =
            rest.split_at_checked(usize::from(count).saturating_mul(2)).unwrap_or_default();
        let (&[spectral_start, spectral_end, approximation], 1..=4) = (tail, count) else {
            return broken("a scan header whose length does not fit its components");
        };
        let mut components: Vec<ScanComponent> = Vec::with_capacity(4);
        let (pairs, _) = pairs.as_chunks::<2>();
        for (position, &[id, tables]) in pairs.iter().enumerate() {
            // libjpeg looks only at components not before the position in the scan: ids may repeat
            // in a frame, and a scan lists its components in the order of the frame.
            let found =
                frame.components.iter().skip(position).position(|component| component.id == id);
            let Some(index) = found.map(|index| index.saturating_add(position)) else {
                return broken("a scan names a component that the frame has not");
            };
            if components.iter().any(|c| c.index == index) {
                return broken("a scan names a component twice");
            }
            components.push(ScanComponent { index, dc_table: tables >> 4, ac_table: tables & 15 });
        }
        Ok(ScanHeader {
            components,
            spectral_start,
            spectral_end,
            high: approximation >> 4,
            low: approximation & 15,
        })
    }

    fn huffman_tables(&mut self) -> Result<(), JpegError> {
        let mut payload = self.segment()?;
        while let Some((&[class_and_index, ref counts @ ..], rest)) =
            payload.split_first_chunk::<17>()
        {
            let total: usize = counts.iter().map(|&n| usize::from(n)).sum();
            let Some((symbols, rest)) = rest.split_at_checked(total) else {
                return broken("a Huffman table longer than its segment");
            };
            let Some(spec) = HuffmanSpec::new(counts, symbols) else {
                return broken("a Huffman table of more than 256 codes");
            };
            let tables = match class_and_index >> 4 {
                0 => &mut self.dc_huffman,
                1 => &mut self.ac_huffman,
                _ => return broken("a Huffman table of unknown class"),
            };
            let Some(slot) = tables.get_mut(usize::from(class_and_index & 15)) else {
                return broken("a Huffman table numbered above 3");
            };
            *slot = Some(spec);
            payload = rest;
        }
        if payload.is_empty() { Ok(()) } else { broken("a Huffman segment with bytes left over") }
    }

    fn quantization_tables(&mut self) -> Result<(), JpegError> {
        let mut payload = self.segment()?;
        while let Some((&precision_and_index, rest)) = payload.split_first() {
            let Some(slot) = self.quant.get_mut(usize::from(precision_and_index & 15)) else {
                return broken("a quantisation table numbered above 3");
            };
            let bytes_each = if precision_and_index >> 4 == 0 { 1 } else { 2 };
            let Some((values, rest)) = rest.split_at_checked(64usize.saturating_mul(bytes_each))
            else {
                return broken("a quantisation table longer than its segment");
            };
            let mut table = [0; 64];
            for (value, &natural) in values.chunks_exact(bytes_each).zip(&NATURAL_ORDER) {
                let value = value.iter().fold(0u16, |sum, &byte| (sum << 8) | u16::from(byte));
                if let Some(entry) = table.get_mut(usize::from(natural)) {
                    *entry = value.cast_signed(); // products are taken modulo 2^16, so the sign does not matter
                }
            }
            *slot = Some(table);
            payload = rest;
        }
        Ok(())
    }

    fn arithmetic_conditioning(&mut self) -> Result<(), JpegError> {
        let (pairs, rest) = self.segment()?.as_chunks::<2>();
        if !rest.is_empty() {
            return broken("an arithmetic conditioning segment of odd length");
        }
        for &[index, value] in pairs {
            if !self.conditioning.set(index, value) {
                return broken("an arithmetic conditioning value out of range");
            }
        }
        Ok(())
    }

    fn restart_interval(&mut self) -> Result<(), JpegError> {
        let &[high, low] = self.segment()? else {
            return broken("a restart interval that is not 2 bytes");
        };
        self.restart_interval = u32::from(u16::from_be_bytes([high, low]));
        Ok(())
    }

    fn app0(&mut self) -> Result<(), JpegError> {
        let payload = self.idle_segment()?;
        self.jfif |= payload.len() >= 14 && payload.starts_with(b"JFIF\0");
        Ok(())
    }

    fn app1(&mut self) -> Result<(), JpegError> {
        if let (Some(exif), None) = (self.idle_segment()?.strip_prefix(b"Exif\0\0"), self.exif) {
            self.exif = Some(exif);
        }
        Ok(())
    }

    fn app14(&mut self) -> Result<(), JpegError> {
        let payload = self.idle_segment()?;
        if payload.starts_with(b"Adobe")
            && let Some(&transform) = payload.get(11)
        {
            self.adobe = Some(transform);
        }
        Ok(())
    }
}
