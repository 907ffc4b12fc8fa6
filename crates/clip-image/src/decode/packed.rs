//! Rows whose samples are narrower than a byte, most significant bit first.

/// Bytes of a packed row of `width` samples of `bits` bits.
pub(super) fn row_bytes(width: usize, bits: usize) -> usize {
    width.saturating_mul(bits).div_ceil(8)
}

/// Appends the samples of one packed row, each through `value`.
///
/// `bits` is 1, 2, 4 or 8; a row that is too short gives fewer samples.
pub(super) fn unpack_row(
    row: &[u8],
    bits: u32,
    width: usize,
    value: impl Fn(u8) -> u8,
    out: &mut Vec<u8>,
) {
    let samples = |byte: u8| {
        let steps = 8_u32.checked_div(bits).unwrap_or(1);
        (0..steps).map(move |step| {
            let shift = 8_u32.saturating_sub(bits.saturating_mul(step.saturating_add(1)));
            (byte >> shift) & (255_u8 >> 8_u32.saturating_sub(bits).min(7))
        })
    };
    if bits == 8 {
        out.extend(row.iter().take(width).map(|byte| value(*byte)));
    } else {
        out.extend(row.iter().flat_map(|byte| samples(*byte)).take(width).map(value));
    }
}

/// Spreads a grey sample of `bits` bits over 0..=255: times 255, 85, 17 or 1.
pub(super) fn spread(bits: u32) -> impl Fn(u8) -> u8 {
    let factor = match bits {
        1 => 255,
        2 => 85,
        4 => 17,
        _ => 1,
    };
    move |sample: u8| sample.wrapping_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_from_the_highest_bits_down() {
        let mut out = Vec::new();
        unpack_row(&[0b1011_0001, 0b0100_0000], 1, 10, spread(1), &mut out);
        assert_eq!(out, [255, 0, 255, 255, 0, 0, 0, 255, 0, 255]);
        out.clear();
        unpack_row(&[0b1101_1000], 2, 3, spread(2), &mut out);
        assert_eq!(out, [255, 85, 170]);
        out.clear();
        unpack_row(&[0xa5, 0xf0], 4, 3, |v| v, &mut out);
        assert_eq!(out, [10, 5, 15]);
        assert_eq!(row_bytes(9, 1), 2);
    }
}
