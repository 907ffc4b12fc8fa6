//! Predictor 2: samples are stored as differences to the pixel before.

use super::error::unsupported;
use crate::ImageError;

/// Adds the differences up, row by row; `samples` neighbouring samples are one pixel.
pub(super) fn undo(
    rows: &mut [u8],
    row_bytes: usize,
    samples: usize,
    bits: u32,
    big_endian: bool,
) -> Result<(), ImageError> {
    let sum: fn(&mut [u8], &[u8]) = match (bits, big_endian) {
        (8, _) => |value, before| {
            if let ([value], [before]) = (value, before) {
                *value = value.wrapping_add(*before);
            }
        },
        (16, false) => |value, before| {
            add(value, before, u16::from_le_bytes, u16::wrapping_add, u16::to_le_bytes);
        },
        (16, true) => |value, before| {
            add(value, before, u16::from_be_bytes, u16::wrapping_add, u16::to_be_bytes);
        },
        (32, false) => |value, before| {
            add(value, before, u32::from_le_bytes, u32::wrapping_add, u32::to_le_bytes);
        },
        (32, true) => |value, before| {
            add(value, before, u32::from_be_bytes, u32::wrapping_add, u32::to_be_bytes);
        },
        _ => return Err(unsupported(format!("a predictor with samples of {bits} bits"))),
    };
    let unit = bits as usize / 8;
    let pixel = samples.saturating_mul(unit);
    for row in rows.chunks_mut(row_bytes.max(1)) {
        let mut at = pixel;
        while let Some((before, rest)) = row.split_at_mut_checked(at) {
            let Some(value) = rest.get_mut(..unit) else { break };
            let from = at.saturating_sub(pixel);
            sum(value, before.get(from..from.saturating_add(unit)).unwrap_or_default());
            at = at.saturating_add(unit);
        }
    }
    Ok(())
}

fn add<T, const N: usize>(
    value: &mut [u8],
    before: &[u8],
    read: fn([u8; N]) -> T,
    sum: fn(T, T) -> T,
    write: fn(T) -> [u8; N],
) {
    if let (Some(value), Some(before)) = (value.first_chunk_mut::<N>(), before.first_chunk::<N>()) {
        *value = write(sum(read(*value), read(*before)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_add_up_within_a_row() {
        let mut rows = [1, 2, 3, 1, 1, 255, 5, 0, 0, 0, 0, 7];
        undo(&mut rows, 6, 3, 8, false).unwrap();
        assert_eq!(rows, [1, 2, 3, 2, 3, 2, 5, 0, 0, 5, 0, 7]);
        let mut rows = [0, 255, 0, 2];
        undo(&mut rows, 4, 1, 16, true).unwrap();
        assert_eq!(rows, [0, 255, 1, 1]);
    }
}
