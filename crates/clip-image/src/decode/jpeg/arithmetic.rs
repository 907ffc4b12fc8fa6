//! Arithmetic-coded scans (T.81 annex D and sections F.1.4, F.2.4, G.1.3, G.2.3).

/// Conditioning parameters of the arithmetic coder, 16 tables of each class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditioning {
    /// Lower and upper bound of the DC classes.
    dc: [(u8, u8); 16],
    /// Threshold between low and high AC coefficients.
    ac: [u8; 16],
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
