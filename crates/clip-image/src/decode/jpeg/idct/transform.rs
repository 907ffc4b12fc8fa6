//! What a transform is, and the constants of the accurate method.

pub(super) const FRACTION: u32 = 13;
pub(super) const COLUMN_FRACTION: u32 = 2;

/// `constant` in 13 fraction bits, rounded.
pub(super) const fn fix(constant: f64) -> i32 {
    (constant * (1 << FRACTION) as f64 + 0.5) as i32
}

pub(super) const C_0_298: i32 = fix(0.298631336);
pub(super) const C_0_390: i32 = fix(0.390180644);
pub(super) const C_0_541: i32 = fix(0.541196100);
pub(super) const C_0_765: i32 = fix(0.765366865);
pub(super) const C_0_899: i32 = fix(0.899976223);
pub(super) const C_1_175: i32 = fix(1.175875602);
pub(super) const C_1_501: i32 = fix(1.501321110);
pub(super) const C_1_847: i32 = fix(1.847759065);
pub(super) const C_1_961: i32 = fix(1.961570560);
pub(super) const C_2_053: i32 = fix(2.053119869);
pub(super) const C_2_562: i32 = fix(2.562915447);
pub(super) const C_3_072: i32 = fix(3.072711026);

/// Works on blocks, with an instruction set chosen once.
pub(in super::super) trait Transform: Copy {
    /// Turns coefficients (natural order) into samples: 8 rows of 8, `stride` apart in `out`.
    fn inverse(self, coefficients: &[i16; 64], quant: &[i16; 64], out: &mut [u8], stride: usize);
}
