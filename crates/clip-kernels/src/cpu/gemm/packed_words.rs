//! Numbers as the tiles multiply them: 32-bit words of one f32, two bf16 or four 8-bit integers.

#[cfg(target_arch = "x86_64")]
use super::bf16;
use super::panels::{NR, PanelRow};
use crate::Precision;
use crate::cpu::isa::{Isa, Level, Vectorize};
use crate::cpu::lanes::Lanes;
use crate::reference::round_to_bf16;

/// Inputs that one word holds.
pub(in crate::cpu) fn inputs_of(precision: Precision) -> usize {
    4 / precision.bytes()
}

/// Words of so many inputs.
pub(in crate::cpu) fn count(precision: Precision, inputs: usize) -> usize {
    inputs.div_ceil(inputs_of(precision))
}

/// f32 or bf16 as words; what the last one lacks is zero.
#[inline(always)]
pub(super) fn from_values(precision: Precision, values: &[f32], words: &mut [u32]) {
    if precision == Precision::F32 {
        words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_bits());
        return;
    }
    let (pairs, rest) = values.as_chunks::<2>();
    let (whole, last) = words.split_at_mut(pairs.len());
    for (word, &[first, second]) in whole.iter_mut().zip(pairs) {
        *word = round_to_bf16(first).to_bits() >> 16 | round_to_bf16(second).to_bits();
    }
    if let (Some(word), Some(&value)) = (last.first_mut(), rest.first()) {
        *word = round_to_bf16(value).to_bits() >> 16;
    }
}

/// [`from_values`] with the instructions of this processor.
///
/// # Panics
/// When there are not as many words as the values need.
pub(in crate::cpu) fn from_row(isa: Isa, precision: Precision, values: &[f32], words: &mut [u32]) {
    assert_eq!(words.len(), count(precision, values.len()), "words of a row");
    match isa.level() {
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 { bf16: true, .. } if precision == Precision::Bf16 => unsafe {
            bf16::row(values, words);
        },
        _ => isa.vectorize(FromValues { precision, values, words }),
    }
}

/// Two rows value by value: word `i` holds value `i` of both in bf16, of the first alone in f32.
///
/// - `second`: as long as the first, or empty, which stands for zeros
pub(in crate::cpu) fn from_pair(
    isa: Isa,
    precision: Precision,
    first: &[f32],
    second: &[f32],
    words: &mut [u32],
) {
    assert!(
        words.len() == first.len() && (second.is_empty() || second.len() == first.len()),
        "words of two rows"
    );
    if precision == Precision::F32 {
        return words.copy_from_slice(bytemuck::cast_slice(first));
    }
    match isa.level() {
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 { bf16: true, .. } => unsafe { bf16::pair(first, second, words) },
        _ => isa.vectorize(FromPair { first, second, words }),
    }
}

struct FromPair<'a> {
    first: &'a [f32],
    second: &'a [f32],
    words: &'a mut [u32],
}

impl Vectorize for FromPair<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (word, &value) in self.words.iter_mut().zip(self.first) {
            *word = round_to_bf16(value).to_bits() >> 16;
        }
        for (word, &value) in self.words.iter_mut().zip(self.second) {
            *word |= round_to_bf16(value).to_bits() & 0xFFFF_0000;
        }
    }
}

/// Rows that stand below each other.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// From the first value of the first row.
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) rows: usize,
    /// At most [`NR`].
    pub(super) width: usize,
}

impl Rows<'_> {
    /// A row, or none where there is no such row.
    #[inline(always)]
    fn row(&self, row: usize) -> &[f32] {
        if row < self.rows { &self.values[row * self.stride..][..self.width] } else { &[] }
    }
}

/// The rows of a panel from the rows that are its inputs: one for each in f32, for two in bf16;
/// zeros behind the width.
pub(super) fn from_rows(isa: Isa, precision: Precision, rows: Rows<'_>, panel: &mut [PanelRow]) {
    assert!(rows.width <= NR && panel.len() == count(precision, rows.rows), "words of rows");
    match isa.level() {
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 { bf16: true, .. } if precision == Precision::Bf16 => unsafe {
            bf16_rows(rows, panel);
        },
        _ => isa.vectorize(FromRows { precision, rows, panel }),
    }
}

struct FromRows<'a> {
    precision: Precision,
    rows: Rows<'a>,
    panel: &'a mut [PanelRow],
}

impl Vectorize for FromRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { precision, rows, panel } = self;
        if rows.width < NR {
            panel.fill(PanelRow::ZERO);
        }
        for (index, PanelRow(words)) in panel.iter_mut().enumerate() {
            if precision == Precision::F32 {
                match rows.row(index).as_array::<NR>() {
                    Some(row) => *words = bytemuck::cast(*row),
                    None => from_values(precision, rows.row(index), words),
                }
                continue;
            }
            let (first, second) = (rows.row(2 * index), rows.row(2 * index + 1));
            FromPair { first, second, words }.run::<L>();
        }
    }
}

/// Whole rows without masks: they are most of what there is.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn bf16_rows(rows: Rows<'_>, panel: &mut [PanelRow]) {
    if rows.width < NR {
        panel.fill(PanelRow::ZERO);
    }
    for (index, PanelRow(words)) in panel.iter_mut().enumerate() {
        let (first, second) = (rows.row(2 * index), rows.row(2 * index + 1));
        bf16::pair(first, second, &mut words[..first.len()]);
    }
}

struct FromValues<'a> {
    precision: Precision,
    values: &'a [f32],
    words: &'a mut [u32],
}

impl Vectorize for FromValues<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        from_values(self.precision, self.values, self.words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_in_bf16_is_rounded_alike_on_every_instruction_set() {
        for isa in Isa::available() {
            for length in [0_usize, 1, 31, 32, 33, 100] {
                let values: Vec<f32> = (0..length).map(|i| (i * i) as f32 / 77.0 - 20.0).collect();
                let mut words = vec![u32::MAX; count(Precision::Bf16, length)];
                from_row(isa, Precision::Bf16, &values, &mut words);
                let halves: &[u16] = bytemuck::cast_slice(&words);
                let expected =
                    values.iter().map(|&value| (round_to_bf16(value).to_bits() >> 16) as u16);
                assert!(halves[..length].iter().copied().eq(expected), "{}, {length}", isa.name());
                assert!(halves[length..].iter().all(|&half| half == 0));
            }
        }
    }
    #[test]
    fn two_rows_are_joined_alike_on_every_instruction_set() {
        let rounded = |value: f32| round_to_bf16(value).to_bits() >> 16;
        for isa in Isa::available() {
            for length in [0_usize, 1, 15, 16, 17, 32, 100] {
                let first: Vec<f32> = (0..length).map(|i| (i * i) as f32 / 77.0 - 20.0).collect();
                let second: Vec<f32> = first.iter().map(|value| 3.0 - value * value).collect();
                let mut words = vec![u32::MAX; length];
                from_pair(isa, Precision::Bf16, &first, &second, &mut words);
                let pairs = first.iter().zip(&second);
                let expected = pairs.map(|(&a, &b)| rounded(a) | rounded(b) << 16);
                assert!(words.iter().copied().eq(expected), "{}, {length}", isa.name());
                from_pair(isa, Precision::Bf16, &first, &[], &mut words);
                assert!(words.iter().copied().eq(first.iter().map(|&a| rounded(a))));
                from_pair(isa, Precision::F32, &first, &[], &mut words);
                assert!(words.iter().copied().eq(first.iter().map(|a| a.to_bits())));
            }
        }
    }
}
