//! Operations on each value alone: all but the activations wait for memory.

use super::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::{LANES, Lanes, load_part};
use super::target::for_each_chunk;
use crate::{Activation, Matrix, Result};

/// Values of one task: 64 KiB.
const VALUES: usize = 1 << 14;

/// `x + y`.
pub(super) fn add(isa: Isa, mut x: Matrix, y: &Matrix) -> Matrix {
    for_each_chunk(x.values_mut(), VALUES, |task, x| {
        let y = &y.values()[task * VALUES..][..x.len()];
        isa.vectorize(Add { x, y });
    });
    x
}

/// `x · factor`.
pub(super) fn scale(isa: Isa, mut x: Matrix, factor: f32) -> Matrix {
    for_each_chunk(x.values_mut(), VALUES, |_, values| isa.vectorize(Scale { values, factor }));
    x
}

/// `average + (1 − decay) · (x − average)`.
pub(super) fn moving_average(isa: Isa, average: &mut Matrix, x: &Matrix, decay: f64) {
    let share = (1.0 - decay) as f32;
    for_each_chunk(average.values_mut(), VALUES, |task, average| {
        let x = &x.values()[task * VALUES..][..average.len()];
        isa.vectorize(MoveTowards { average, x, share });
    });
}

/// `activation(x)`.
pub(super) fn activate(isa: Isa, x: &Matrix, activation: Activation) -> Result<Matrix> {
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    for_each_chunk(out.values_mut(), VALUES, |task, out| {
        let x = &x.values()[task * VALUES..][..out.len()];
        isa.vectorize(Activated { x, out, activation, what: What::Value });
    });
    Ok(out)
}

/// `dy · activation′(x)`.
pub(super) fn activation_backward(
    isa: Isa,
    x: &Matrix,
    mut dy: Matrix,
    activation: Activation,
) -> Matrix {
    for_each_chunk(dy.values_mut(), VALUES, |task, out| {
        let x = &x.values()[task * VALUES..][..out.len()];
        isa.vectorize(Activated { x, out, activation, what: What::SlopeTimesOut });
    });
    dy
}

struct Add<'a> {
    x: &'a mut [f32],
    y: &'a [f32],
}

impl Vectorize for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.x.iter_mut().zip(self.y).for_each(|(x, y)| *x += y);
    }
}

/// `values · factor` in place.
struct Scale<'a> {
    values: &'a mut [f32],
    factor: f32,
}

impl Vectorize for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.values.iter_mut().for_each(|value| *value *= self.factor);
    }
}

struct MoveTowards<'a> {
    average: &'a mut [f32],
    x: &'a [f32],
    share: f32,
}

impl Vectorize for MoveTowards<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (average, &x) in self.average.iter_mut().zip(self.x) {
            *average = multiply_add(L::FUSED, self.share, x - *average, *average);
        }
    }
}

/// What becomes of each value that goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// `activation(x)`.
    Value,
    /// What is there, times `activation′(x)`.
    SlopeTimesOut,
}

struct Activated<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
    activation: Activation,
    what: What,
}

impl Vectorize for Activated<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.activation {
            Activation::None => self.with::<L, Identity>(),
            Activation::QuickGelu => self.with::<L, QuickGelu>(),
            Activation::Gelu => self.with::<L, Gelu>(),
            Activation::Relu => self.with::<L, Relu>(),
        }
    }
}

impl Activated<'_> {
    #[inline(always)]
    fn with<L: Lanes, A: Activate>(self) {
        let (chunks, tail) = self.x.as_chunks::<LANES>();
        let (out_chunks, out_tail) = self.out.as_chunks_mut::<LANES>();
        if self.what == What::Value {
            for (out, x) in out_chunks.iter_mut().zip(chunks) {
                A::of(L::load(x)).store(out);
            }
        } else {
            for (out, x) in out_chunks.iter_mut().zip(chunks) {
                L::load(out).mul(A::slope(L::load(x))).store(out);
            }
        }
        if !tail.is_empty() {
            let x = load_part::<L>(tail, 0.0);
            let mut last = [0.0; LANES];
            match self.what {
                What::Value => A::of(x),
                What::SlopeTimesOut => load_part::<L>(out_tail, 0.0).mul(A::slope(x)),
            }
            .store(&mut last);
            out_tail.copy_from_slice(&last[..tail.len()]);
        }
    }
}
