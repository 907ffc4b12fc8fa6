//! Guesses for coefficients that an incomplete progressive file has not brought yet.
//!
//! libjpeg draws smoother pictures from such files: where one of the first nine AC coefficients is
//! still zero and not known to its last bit, it is predicted from the DC values of the 5 x 5 blocks
//! around. While no AC coefficient is known at all, more of them are predicted and DC itself is
//! smoothed. Kernels and rules: libjpeg-turbo 2.1 and later, `jdcoefct.c`; a complete file never
//! gets here.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "sums of 25 values of 16 bits, times kernels below 256 and a 16-bit quantiser, in 64 bits"
)]

use super::frame::{Component, Frame};
use super::markers::ScanHeader;

/// DC and the nine coefficients that are guessed, in zigzag order.
const KNOWN: usize = 10;
/// Their natural positions.
const POSITIONS: [usize; KNOWN] = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24];

/// How far each coefficient is known: the bit position reached, 0 when complete, -1 when no scan
/// brought it.
#[derive(Debug, Clone, Copy)]
struct Progress {
    now: [i8; 64],
    /// The same before the last scan of the component.
    before: [i8; KNOWN],
}

/// Follows the scans of a progressive file.
#[derive(Debug)]
pub(super) struct Smoothing {
    components: Vec<Progress>,
    scans: u32,
    /// The last row of MCUs of the frame that the last scan reached with data left.
    last_good_row: usize,
}

impl Smoothing {
    pub(super) fn new(frame: &Frame) -> Self {
        let unknown = Progress { now: [-1; 64], before: [0; KNOWN] };
        Self { components: vec![unknown; frame.components.len()], scans: 0, last_good_row: 0 }
    }

    /// Notes what a scan brought, and how far its data went.
    pub(super) fn note(&mut self, scan: &ScanHeader, last_good_row: usize) {
        self.scans += 1;
        self.last_good_row = last_good_row;
        let (start, end) = (usize::from(scan.spectral_start), usize::from(scan.spectral_end));
        for selected in &scan.components {
            let progress = &mut self.components[selected.index];
            for index in start.min(1)..KNOWN {
                progress.before[index] = if self.scans > 1 { progress.now[index] } else { 0 };
            }
            if let Some(band) = progress.now.get_mut(start..=end) {
                band.fill(scan.low as i8);
            }
        }
    }

    /// Whether guesses are needed and possible.
    pub(super) fn is_useful(&self, frame: &Frame) -> bool {
        let possible =
            frame.components.iter().zip(&self.components).all(|(component, progress)| {
                component.quant.is_some_and(|quant| POSITIONS.iter().all(|&at| quant[at] != 0))
                    && progress.now[0] >= 0
            });
        possible
            && self
                .components
                .iter()
                .any(|progress| progress.now[1..KNOWN].iter().any(|&bits| bits != 0))
    }

    /// A row of blocks with guesses filled in. `blocks` are all blocks of the component, `row` is
    /// counted in them.
    pub(super) fn row(
        &self,
        frame: &Frame,
        index: usize,
        blocks: &[[i16; 64]],
        row: usize,
    ) -> Vec<[i16; 64]> {
        let component = &frame.components[index];
        let progress = &self.components[index];
        let mcu_row = row / component.v;
        let bits: [i8; KNOWN] = if mcu_row > self.last_good_row {
            if self.scans > 1 { progress.before } else { [-1; KNOWN] }
        } else {
            std::array::from_fn(|i| progress.now[i])
        };
        let quant = component.quant.unwrap_or([0; 64]).map(|q| i64::from(q.cast_unsigned()));
        let width = component.stored_wide;
        // DC values around, with the outermost columns twice more at either end.
        let last = component.units_wide - 1;
        let dc = rows_around(frame, component, row).map(|row| -> Vec<i64> {
            let row = &blocks[row * width..][..=last];
            (0..last + 5).map(|x| i64::from(row[x.saturating_sub(2).min(last)][0])).collect()
        });
        let mut guessed = blocks[row * width..][..width].to_vec();
        for (column, block) in guessed[..=last].iter_mut().enumerate() {
            let around: Kernel =
                std::array::from_fn(|dy| std::array::from_fn(|dx| dc[dy][column + dx]));
            // Kernels of AC sum to 0 and that of DC to 1: an even surrounding changes nothing.
            if around.as_flattened().iter().any(|&value| value != around[0][0]) {
                guess(block, &around, &bits, &quant);
            }
        }
        guessed
    }
}

/// The rows two above to two below, as libjpeg finds them: at the edges the nearest row that it
/// takes to exist. (In the last row of MCUs it counts rows as if all rows of MCUs were as high as
/// that one.)
fn rows_around(frame: &Frame, component: &Component, row: usize) -> [usize; 5] {
    let mcu_row = row / component.v;
    let last_mcu_row = frame.mcus_high - 1;
    let rows_here = if mcu_row < last_mcu_row || component.units_high.is_multiple_of(component.v) {
        component.v
    } else {
        component.units_high % component.v
    };
    let counted = mcu_row * rows_here + row % component.v;
    let total = rows_here * frame.mcus_high;
    let above = if counted > 0 { row.saturating_sub(1) } else { row };
    let above_2 = if counted > 1 { row.saturating_sub(2) } else { above };
    let below = if counted + 1 < total { row + 1 } else { row };
    let below_2 = if counted + 2 < total { row + 2 } else { below };
    let exists = component.stored_high - 1;
    [above_2, above, row, below.min(exists), below_2.min(exists)]
}

type Kernel = [[i64; 5]; 5];

fn guess(block: &mut [i16; 64], around: &Kernel, bits: &[i8; KNOWN], quant: &[i64; 64]) {
    let dc_only = bits[1..].iter().all(|&b| b == -1);
    let kernels: &[Kernel] = if dc_only { &WITHOUT_AC } else { &WITH_AC };
    for (kernel, index) in kernels.iter().zip(1..KNOWN) {
        let at = POSITIONS[index];
        if bits[index] != 0 && block[at] == 0 {
            let mut value = rounded(weighted(around, kernel) * quant[0], quant[at]);
            if bits[index] > 0 {
                let most = (1 << bits[index]) - 1;
                value = value.clamp(-most, most);
            }
            block[at] = value as i16;
        }
    }
    if dc_only {
        block[0] = rounded(weighted(around, &DC) * quant[0], quant[0]) as i16;
    }
}

fn weighted(around: &Kernel, kernel: &Kernel) -> i64 {
    around.as_flattened().iter().zip(kernel.as_flattened()).map(|(a, k)| a * k).sum()
}

/// `sum / (256 quant)`, halves away from zero.
fn rounded(sum: i64, quant: i64) -> i64 {
    let magnitude = ((quant << 7) + sum.abs()) / (quant << 8);
    if sum < 0 { -magnitude } else { magnitude }
}

/// Weights of the DC values around, in 1/256, while no AC coefficient is known.
#[rustfmt::skip]
const WITHOUT_AC: [Kernel; 9] = [
    [[-1, -1, 0, 1, 1], [-3, 13, 0, -13, 3], [-3, 38, 0, -38, 3], [-3, 13, 0, -13, 3], [-1, -1, 0, 1, 1]], // AC01
    [[-1, -3, -3, -3, -1], [-1, 13, 38, 13, -1], [0, 0, 0, 0, 0], [1, -13, -38, -13, 1], [1, 3, 3, 3, 1]], // AC10
    [[0, 0, 1, 0, 0], [0, 2, 7, 2, 0], [0, -5, -14, -5, 0], [0, 2, 7, 2, 0], [0, 0, 1, 0, 0]], // AC20
    [[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], [0, 0, 0, 0, 0], [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]], // AC11
    [[0, 0, 0, 0, 0], [0, 2, -5, 2, 0], [1, 7, -14, 7, 1], [0, 2, -5, 2, 0], [0, 0, 0, 0, 0]], // AC02
    [[0, 0, 0, 0, 0], [0, 1, 0, -1, 0], [0, 2, 0, -2, 0], [0, 1, 0, -1, 0], [0, 0, 0, 0, 0]], // AC03
    [[0, 0, 0, 0, 0], [0, 1, -3, 1, 0], [0, 0, 0, 0, 0], [0, -1, 3, -1, 0], [0, 0, 0, 0, 0]], // AC12
    [[0, 0, 0, 0, 0], [0, 1, 0, -1, 0], [0, -3, 0, 3, 0], [0, 1, 0, -1, 0], [0, 0, 0, 0, 0]], // AC21
    [[0, 0, 0, 0, 0], [0, 1, 2, 1, 0], [0, 0, 0, 0, 0], [0, -1, -2, -1, 0], [0, 0, 0, 0, 0]], // AC30
];
/// The same once some are known.
#[rustfmt::skip]
const WITH_AC: [Kernel; 5] = [
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [-7, 50, 0, -50, 7], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], // AC01
    [[0, 0, -7, 0, 0], [0, 0, 50, 0, 0], [0, 0, 0, 0, 0], [0, 0, -50, 0, 0], [0, 0, 7, 0, 0]], // AC10
    [[0, 0, -1, 0, 0], [0, 0, 13, 0, 0], [0, 0, -24, 0, 0], [0, 0, 13, 0, 0], [0, 0, -1, 0, 0]], // AC20
    [[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], [0, 0, 0, 0, 0], [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]], // AC11
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [-1, 13, -24, 13, -1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], // AC02
];
/// DC itself.
#[rustfmt::skip]
const DC: Kernel = [[-2, -6, -8, -6, -2], [-6, 6, 42, 6, -6], [-8, 42, 152, 42, -8], [-6, 6, 42, 6, -6], [-2, -6, -8, -6, -2]];
