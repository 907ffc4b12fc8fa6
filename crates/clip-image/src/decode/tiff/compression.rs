//! The compressed bytes of one strip or tile, unpacked to a known number of bytes.
//!
//! As in libtiff, data that end early are an error and data that run on are not looked at.

use std::io::Read;

use flate2::read::ZlibDecoder;
use weezl::{BitOrder, LzwStatus};

use super::error::{corrupt, unsupported};
use crate::{Format, ImageError};

/// The compressions that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Group4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

impl Compression {
    pub(super) fn of(number: u64) -> Result<Self, ImageError> {
        match number {
            1 => Ok(Self::None),
            4 => Ok(Self::Group4),
            5 => Ok(Self::Lzw),
            7 => Ok(Self::Jpeg),
            8 | 32946 => Ok(Self::Deflate),
            32773 => Ok(Self::PackBits),
            2 | 3 | 32771 => Err(unsupported("compression of fax group 3")),
            6 => Err(unsupported("compression by old-style JPEG")),
            other => Err(unsupported(format!("compression {other}"))),
        }
    }

    /// Unpacks `size` bytes. JPEG is not handled here: it knows its own size.
    pub(super) fn unpack(
        self,
        packed: &[u8],
        row_bytes: usize,
        width: usize,
        size: usize,
    ) -> Result<Vec<u8>, ImageError> {
        let unpacked = match self {
            Self::None | Self::Jpeg => packed.iter().take(size).copied().collect(),
            Self::Group4 => group4(packed, row_bytes, width, size)?,
            Self::Lzw => lzw(packed, size)?,
            Self::Deflate => {
                let mut unpacked = Vec::new();
                let mut stream = ZlibDecoder::new(packed).take(size as u64);
                stream
                    .read_to_end(&mut unpacked)
                    .map_err(|error| corrupt(format!("deflate data: {error}")))?;
                unpacked
            }
            Self::PackBits => pack_bits(packed, size),
        };
        if unpacked.len() < size {
            let what = format!("a strip or tile of {} bytes, {size} are needed", unpacked.len());
            return Err(ImageError::truncated(Format::Tiff, what));
        }
        Ok(unpacked)
    }
}

fn lzw(packed: &[u8], size: usize) -> Result<Vec<u8>, ImageError> {
    if let [0, second, ..] = packed
        && second & 1 == 1
    {
        return Err(unsupported("LZW of the oldest kind, with reversed bits"));
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut unpacked = Vec::new();
    let mut buffer = vec![0; size.min(1 << 16)];
    let mut input = packed;
    while unpacked.len() < size {
        let room = size.saturating_sub(unpacked.len()).min(buffer.len());
        let step = decoder.decode_bytes(input, buffer.get_mut(..room).unwrap_or_default());
        input = input.get(step.consumed_in..).unwrap_or_default();
        unpacked.extend_from_slice(buffer.get(..step.consumed_out).unwrap_or_default());
        match step.status {
            Ok(LzwStatus::Ok) if step.consumed_in > 0 || step.consumed_out > 0 => {}
            Ok(_) => break,
            Err(_) => return Err(corrupt("LZW data hold a code that is not in the table")),
        }
    }
    Ok(unpacked)
}

/// Runs of up to 128 bytes: copied ones behind a count below 128, a repeated one behind a count
/// above.
fn pack_bits(packed: &[u8], size: usize) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let mut input = packed;
    while unpacked.len() < size {
        let Some((count, rest)) = input.split_first() else { break };
        let room = size.saturating_sub(unpacked.len());
        match *count {
            128 => input = rest,
            129.. => {
                let Some((value, rest)) = rest.split_first() else { break };
                let count = 257_usize.saturating_sub((*count).into()).min(room);
                unpacked.resize(unpacked.len().saturating_add(count), *value);
                input = rest;
            }
            _ => {
                let count = usize::from(*count).saturating_add(1);
                let Some((literal, rest)) = rest.split_at_checked(count) else { break };
                unpacked.extend(literal.iter().take(room));
                input = rest;
            }
        }
    }
    unpacked
}

/// Packed rows in which black is 1.
fn group4(
    packed: &[u8],
    row_bytes: usize,
    width: usize,
    size: usize,
) -> Result<Vec<u8>, ImageError> {
    let side = u32::try_from(width).map_err(|_| corrupt(format!("{width} pixels in a row")))?;
    let rows = size.checked_div(row_bytes).and_then(|rows| u32::try_from(rows).ok());
    let mut unpacked = Vec::new();
    let mut short = false;
    fax::decoder::decode_g4(packed.iter().copied(), side, rows, |changes| {
        let from = unpacked.len();
        unpacked.resize(from.saturating_add(row_bytes), 0);
        let row = unpacked.get_mut(from..).unwrap_or_default();
        short |= changes.iter().any(|change| *change > side);
        let [starts, ends] =
            [0, 1].map(|first| changes.iter().skip(first).step_by(2).map(|at| *at as usize));
        for (start, end) in starts.zip(ends.chain([width])) {
            blacken(row, start, end.min(width));
        }
    })
    .ok_or_else(|| corrupt("fax data hold a code that does not exist"))?;
    if short {
        return Err(corrupt("fax data hold a row that is too long"));
    }
    Ok(unpacked)
}

fn blacken(row: &mut [u8], start: usize, end: usize) {
    for pixel in start..end {
        if let Some(byte) = row.get_mut(pixel / 8) {
            *byte |= 128 >> (pixel % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_bits_copies_and_repeats() {
        let packed = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0x80, 0xfd, 0xaa];
        assert_eq!(
            pack_bits(&packed, 10),
            [0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa]
        );
        assert_eq!(pack_bits(&packed, 2), [0xaa, 0xaa]);
        assert!(pack_bits(&[0x05, 1], 6).is_empty());
    }

    #[test]
    fn short_data_are_truncated() {
        for kind in [Compression::Lzw, Compression::Deflate, Compression::PackBits] {
            assert!(kind.unpack(&[], 4, 4, 16).is_err(), "{kind:?}");
        }
    }
}
