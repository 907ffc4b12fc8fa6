//! What a file's segments define for the entropy decoders, and the order of coefficients.

/// Natural (row by row) position of each coefficient in zigzag order. The last 64 entries catch
/// runs that overshoot, which libjpeg sends to position 63.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
pub(super) const NATURAL_ORDER: [u8; 128] = {
    let mut order = [63; 128];
    let (mut index, mut row, mut column) = (0, 0usize, 0usize);
    while index < 64 {
        order[index] = (row * 8 + column) as u8;
        // Even diagonals run up and right, odd ones down and left.
        if (row + column) % 2 == 0 {
            if column == 7 {
                row += 1;
            } else if row == 0 {
                column += 1;
            } else {
                row -= 1;
                column += 1;
            }
        } else if row == 7 {
            column += 1;
        } else if column == 0 {
            row += 1;
        } else {
            row += 1;
            column -= 1;
        }
        index += 1;
    }
    order
};

/// A table as the file gives it: how many codes of each length, and their symbols.
#[derive(Debug, Clone)]
pub(super) struct HuffmanSpec {
    pub(super) counts: [u8; 16],
    pub(super) symbols: [u8; 256],
}

impl HuffmanSpec {
    /// `None` if there are more than 256 codes.
    pub(super) fn new(counts: &[u8; 16], given: &[u8]) -> Option<Self> {
        let mut symbols = [0; 256];
        symbols.get_mut(..given.len())?.copy_from_slice(given);
        Some(Self { counts: *counts, symbols })
    }
}

/// Conditioning parameters of the coder, 16 tables of each class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditioning {
    /// Lower and upper bound of the DC classes.
    pub(super) dc: [(u8, u8); 16],
    /// Threshold between low and high AC coefficients.
    pub(super) ac: [u8; 16],
}

impl Default for Conditioning {
    fn default() -> Self {
        Self { dc: [(0, 1); 16], ac: [5; 16] }
    }
}

impl Conditioning {
    /// Sets what a segment gives; false if it is out of range.
    pub(super) fn set(&mut self, class_and_index: u8, value: u8) -> bool {
        let index = usize::from(class_and_index & 15);
        match (class_and_index >> 4, self.dc.get_mut(index), self.ac.get_mut(index)) {
            (0, Some(bounds), _) => {
                *bounds = (value & 15, value >> 4);
                bounds.0 <= bounds.1
            }
            (1, _, Some(threshold)) => {
                *threshold = value;
                true
            }
            _ => false,
        }
    }
}
