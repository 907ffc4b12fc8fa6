//! The non-linearities of CLIP's layers.

/// What the epilogue of a product does to each value (PROTOCOL 1.1, 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// The value itself.
    #[default]
    None,
    /// `x · sigmoid(1.702·x)`.
    QuickGelu,
    /// `x/2 · (1 + erf(x/√2))`, the exact one, not its tanh approximation.
    Gelu,
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
}

impl Activation {
    /// All of them, for tests that go through every one.
    pub const ALL: [Self; 4] = [Self::None, Self::QuickGelu, Self::Gelu, Self::Relu];
}
