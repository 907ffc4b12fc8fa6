//! The resampling filters, in Pillow's arithmetic.

use std::f64::consts::PI;

use crate::named_enum::named_enum;

named_enum! {
    /// The filter of the resize, as in Pillow (PROTOCOL 1.8.2). All but nearest widen when the
    /// image shrinks.
    Interpolation, "interpolation":
    /// The pixel whose place is nearest.
    Nearest = "nearest",
    /// The mean of the pixels covered.
    Box = "box",
    /// A triangle of reach 1.
    Bilinear = "bilinear",
    /// A Hamming window of reach 1.
    Hamming = "hamming",
    /// A cubic of reach 2 with a = -0.5 (the reference).
    Bicubic = "bicubic",
    /// A windowed sinc of reach 3.
    Lanczos = "lanczos",
}

/// A filter: how far it reaches on either side at scale 1, and its value at a distance.
pub(super) struct Filter {
    pub(super) support: f64,
    pub(super) value: fn(f64) -> f64,
}

impl Filter {
    /// Nearest is no filter and takes the place of box here; it has a path of its own.
    pub(super) fn of(interpolation: Interpolation) -> Self {
        match interpolation {
            Interpolation::Nearest | Interpolation::Box => Self { support: 0.5, value: box_ },
            Interpolation::Bilinear => Self { support: 1.0, value: bilinear },
            Interpolation::Hamming => Self { support: 1.0, value: hamming },
            Interpolation::Bicubic => Self { support: 2.0, value: bicubic },
            Interpolation::Lanczos => Self { support: 3.0, value: lanczos },
        }
    }
}

fn box_(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn bilinear(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let x = x * PI;
    // Pillow's two constants are f32; their digits beyond that count in mode F.
    x.sin() / x * (f64::from(0.54_f32) + f64::from(0.46_f32) * x.cos())
}

fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}
