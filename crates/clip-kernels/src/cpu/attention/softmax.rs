//! Scores to exponentials, and the way back.

use crate::cpu::exponential::exp;
use crate::cpu::isa::Vectorize;
use crate::cpu::lanes::{LANES, Lanes, fold};

/// Scores to exponentials `exp(scale · (s − largest))` in place, and their sums.
pub(super) struct Softmax<'a> {
    /// `[queries, stride]`
    pub(super) scores: &'a mut [f32],
    /// A multiple of [`LANES`].
    pub(super) stride: usize,
    pub(super) keys: usize,
    /// Keys that the first query sees, at least one; each next one sees one more if `causal`.
    pub(super) seen: usize,
    pub(super) causal: bool,
    pub(super) scale: f32,
    /// `[queries]`
    pub(super) sums: &'a mut [f32],
}

impl Vectorize for Softmax<'_> {
    type Output = ();

    /// What a query does not see becomes 0, up to the lanes that the last key fills.
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let rows = self.scores.chunks_exact_mut(self.stride);
        for (query, (scores, sum)) in rows.zip(self.sums).enumerate() {
            let seen = self.seen + if self.causal { query } else { 0 };
            let chunks = &mut scores.as_chunks_mut().0[..self.keys.div_ceil(LANES)];
            let (chunks, unseen) = chunks.split_at_mut(seen.div_ceil(LANES));
            unseen.fill([0.0; LANES]);
            *sum = exponentials::<L>(chunks, chunks.len() * LANES - seen, self.scale);
        }
    }
}

/// Gives the sum. The last so many lanes count for nothing.
#[inline(always)]
fn exponentials<L: Lanes>(scores: &mut [[f32; LANES]], empty: usize, scale: f32) -> f32 {
    const ZEROS_THEN_NOTHING: [f32; 2 * LANES] = {
        let mut lanes = [0.0; 2 * LANES];
        let mut lane = LANES;
        while lane < 2 * LANES {
            lanes[lane] = f32::NEG_INFINITY;
            lane += 1;
        }
        lanes
    };
    let Some((last, whole)) = scores.split_last_mut() else { return 0.0 };
    if let Some(mask) = ZEROS_THEN_NOTHING[empty..].first_chunk() {
        L::load(last).add(L::load(mask)).store(last);
    }
    // The largest of a set is the same in any order.
    let mut largest = L::load(last);
    for chunk in whole {
        largest = largest.max(L::load(chunk));
    }
    let largest = L::splat(fold(largest, |a, b| if b > a { b } else { a }));
    let scale = L::splat(scale);
    let mut sums = L::splat(0.0);
    for chunk in scores {
        let exponentials = exp(L::load(chunk).sub(largest).mul(scale));
        exponentials.store(chunk);
        sums = sums.add(exponentials);
    }
    fold(sums, |a, b| a + b)
}

/// With `p = e / Σ e` of each query: exponentials to `p` and `d_p` to
/// `d_s = scale · p · (d_p − Σ p · d_p)`, both in place.
pub(super) struct SoftmaxBackward<'a> {
    /// `[queries, stride]`
    pub(super) exponentials: &'a mut [f32],
    /// `[queries, stride]`
    pub(super) d_probabilities: &'a mut [f32],
    /// A multiple of [`LANES`].
    pub(super) stride: usize,
    pub(super) keys: usize,
    pub(super) scale: f32,
    /// `[queries]`
    pub(super) sums: &'a [f32],
}

impl Vectorize for SoftmaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let p = self.exponentials.chunks_exact_mut(self.stride);
        let d_p = self.d_probabilities.chunks_exact_mut(self.stride);
        for ((p, d_p), sum) in p.zip(d_p).zip(self.sums) {
            // No probability, and no score, behind the last key.
            p[self.keys..].fill(0.0);
            let (p, d_p) = (p.as_chunks_mut::<LANES>().0, d_p.as_chunks_mut::<LANES>().0);
            let mut along = L::splat(0.0);
            for (p, d_p) in p.iter().zip(&*d_p) {
                along = L::load(p).mul_add(L::load(d_p), along);
            }
            let factor = 1.0 / sum;
            let mean = L::splat(fold(along, |a, b| a + b) * factor);
            let (factor, scale) = (L::splat(factor), L::splat(self.scale));
            for (p, d_p) in p.iter_mut().zip(d_p) {
                let probability = L::load(p).mul(factor);
                probability.store(p);
                L::load(d_p).sub(mean).mul(scale).mul(probability).store(d_p);
            }
        }
    }
}
