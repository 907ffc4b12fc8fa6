//! How a weight is kept and multiplied.

/// The numbers that a product is made of. Sums, norms, softmax and everything between products are
/// f32.
///
/// What each of them computes is defined in `reference/precision.rs`, and in `reference/winograd.rs`
/// for a kernel of 3 × 3 in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Precision {
    /// 32 bits; what "exact" means.
    #[default]
    F32,
    /// Both sides rounded to the upper 16 bits of an f32: half the memory, twice the speed where
    /// the processor has `vdpbf16ps`.
    Bf16,
    /// Weights in 8 bits with a scale for each output, rows in 8 bits with a scale and a zero each,
    /// found anew for every row: a quarter of the memory, four times the speed where the processor
    /// has `vpdpbusd`.
    Int8,
}

impl Precision {
    /// All of them, the most exact first.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];

    /// Its name: `f32`, `bf16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Bytes of a weight's value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// This precision where it has at least 16 bits, else bf16: for the few products that lose more
    /// by 8 bits than they gain (the last layer, attention).
    pub fn at_least_16_bits(self) -> Self {
        if self == Self::Int8 { Self::Bf16 } else { self }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| {
            format!("no precision called `{name}`; there are `f32`, `bf16` and `int8`")
        })
    }
}
