//! CLIP's mean and standard deviation. PROTOCOL 1.8.1.

/// Mean of CLIP's training pixels, per channel, of values 0..=1.
pub const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Standard deviation of CLIP's training pixels, per channel, of values 0..=1.
#[allow(clippy::excessive_precision, reason = "the digits as published")]
pub const STD: [f32; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];
