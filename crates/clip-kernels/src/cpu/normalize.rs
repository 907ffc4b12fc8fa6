//! Rows on the unit sphere. The sums of a row run in 16 lanes, then one tree.

use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::{LANES, Lanes, fold, load_part};
use super::target::for_each_chunk;
use crate::{Matrix, Result};

/// Rows of one task.
const ROWS: usize = 16;

/// Each row divided by its L2 norm.
pub(super) fn normalize(isa: Isa, x: &Matrix) -> Result<Matrix> {
    let width = x.width();
    let mut out = Matrix::unwritten(x.rows(), width)?;
    for_each_chunk(out.values_mut(), ROWS * width, |task, out| {
        let x = &x.values()[task * ROWS * width..][..out.len()];
        isa.vectorize(Normalize { x, out, width });
    });
    Ok(out)
}

/// Its backward.
pub(super) fn normalize_backward(isa: Isa, x: &Matrix, dy: &Matrix) -> Result<Matrix> {
    let width = x.width();
    let mut dx = Matrix::unwritten(x.rows(), width)?;
    for_each_chunk(dx.values_mut(), ROWS * width, |task, dx| {
        let values = task * ROWS * width..task * ROWS * width + dx.len();
        let (x, dy) = (&x.values()[values.clone()], &dy.values()[values]);
        isa.vectorize(Backward { x, dy, dx, width });
    });
    Ok(dx)
}

struct Normalize<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
    width: usize,
}

impl Vectorize for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let rows = self.x.chunks_exact(self.width).zip(self.out.chunks_exact_mut(self.width));
        for (x, out) in rows {
            let factor = 1.0 / dot::<L>(x, x).sqrt();
            out.iter_mut().zip(x).for_each(|(out, x)| *out = x * factor);
        }
    }
}

struct Backward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    width: usize,
}

impl Vectorize for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let width = self.width;
        let rows = self.x.chunks_exact(width).zip(self.dy.chunks_exact(width));
        for ((x, dy), dx) in rows.zip(self.dx.chunks_exact_mut(width)) {
            let factor = 1.0 / dot::<L>(x, x).sqrt();
            // Of x instead of x / |x|.
            let along = dot::<L>(x, dy) * factor * factor;
            for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
                *dx = factor * multiply_add(L::FUSED, -along, x, dy);
            }
        }
    }
}

/// `Σ a · b`.
#[inline(always)]
pub(super) fn dot<L: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = load_part::<L>(a_tail, 0.0).mul(load_part(b_tail, 0.0));
    for (a, b) in a.iter().zip(b) {
        sums = L::load(a).mul_add(L::load(b), sums);
    }
    fold(sums, |a, b| a + b)
}
