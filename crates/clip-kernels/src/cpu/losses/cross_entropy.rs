//! Cross-entropy of a softmax over similarities.
//!
//! With `m` the largest cosine of a query and `s = Σ exp(scale · (cosine − m))` its loss is
//! `log s + scale · (m − Σ t · cosine)`. `m` and `s` are all that the keys need of a query to find
//! its probabilities again.
//!
//! Order of the sums of a query: 16 lanes by key, then one tree.

use super::targets::Pairs;
use super::{OfQuery, gradient, total};
use crate::cpu::exponential::exp;
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes, fold, load_part};
use crate::{Device, Matrix, Result, SimilarityLoss, Targets};

/// `weight · Σ −Σ t · log softmax(scale · q · kᵀ)`.
pub(in crate::cpu) fn cross_entropy<D: Device<Rows = Matrix>>(
    isa: Isa,
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    targets: Targets<'_, D>,
    weight: f64,
) -> Result<SimilarityLoss<D>> {
    let [of_queries, of_keys] = Pairs::of(targets, queries.rows(), keys.rows());
    let (teacher, teacher_scale) = match targets {
        Targets::Teacher { queries, keys, scale } => (Some([queries, keys]), scale),
        _ => (None, 0.0),
    };
    let share = (weight * f64::from(scale)) as f32; // of a probability in what is multiplied

    let mut found = vec![Found::default(); queries.rows()];
    let sides = [queries, keys];
    let d_queries = gradient(isa, sides, teacher, &mut found, |found, query, cosines, teacher| {
        let pairs = of_queries.of_row(query);
        let scales = [scale, teacher_scale];
        let nearest =
            isa.vectorize(Query { cosines, teacher, pairs, scales, share, weight, found });
        let is_teachers = found.teachers_nearest == Some(nearest) && !teacher.is_empty();
        found.sums.is_correct = is_teachers || of_queries.contains(query, nearest);
    })?;

    let column = |of: fn(&Found) -> f32| found.iter().map(of).collect::<Vec<f32>>();
    let largest = [column(|found| found.largest), column(|found| found.teachers_largest)];
    let factors = [column(|found| found.factor), column(|found| found.teachers_factor)];
    let mut nothing = vec![(); keys.rows()];
    let others = teacher.map(|[queries, keys]| [keys, queries]);
    let sides = [keys, queries];
    let d_keys = gradient(isa, sides, others, &mut nothing, |(), key, cosines, teacher| {
        let scales = [scale, teacher_scale];
        isa.vectorize(Key { cosines, teacher, scales, largest: &largest, factors: &factors });
        subtract(cosines, of_keys.of_row(key), share);
    })?;
    Ok(total(found.iter().map(|found| found.sums), d_queries, d_keys))
}

/// What is found out about a query.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    sums: OfQuery,
    largest: f32,
    /// `scale · weight / s`: what its exponentials are multiplied with.
    factor: f32,
    teachers_largest: f32,
    teachers_factor: f32,
    teachers_nearest: Option<usize>,
}

/// Takes the shares of what belongs to a row off its probabilities.
fn subtract(d_logits: &mut [f32], pairs: &[(usize, f32)], share: f32) {
    for &(place, of_pair) in pairs {
        d_logits[place] -= share * of_pair;
    }
}

/// One query: cosines to `scale` times the gradient of the logits. Gives the nearest key.
struct Query<'a> {
    cosines: &'a mut [f32],
    /// The teacher's cosines, or nothing.
    teacher: &'a mut [f32],
    pairs: &'a [(usize, f32)],
    /// Of the query and of the teacher.
    scales: [f32; 2],
    share: f32,
    weight: f64,
    found: &'a mut Found,
}

impl Vectorize for Query<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self) -> usize {
        let Self { cosines, teacher, pairs, scales, share, weight, found } = self;
        let (largest, nearest) = largest::<L>(cosines);
        // Σ t · (cosine − largest)
        let mut attained = 0.0;
        for &(place, of_pair) in pairs {
            attained += f64::from(of_pair) * (f64::from(cosines[place]) - f64::from(largest));
        }
        if !teacher.is_empty() {
            let (teachers_largest, teachers_nearest) = self::largest::<L>(teacher);
            let [sum, _] = exponentials::<L>(teacher, teachers_largest, scales[1]);
            attained = f64::from(sum_of_distances::<L>(teacher, cosines, largest) / sum);
            found.teachers_largest = teachers_largest;
            found.teachers_factor = share / sum;
            found.teachers_nearest = Some(teachers_nearest);
        }
        let [sum, along] = exponentials::<L>(cosines, largest, scales[0]);
        found.largest = largest;
        found.factor = share / sum;
        found.sums.loss = weight * (f64::from(sum).ln() - f64::from(scales[0]) * attained);
        found.sums.d_scale = weight * (f64::from(along / sum) - attained);
        for cosine in &mut *cosines {
            *cosine *= found.factor;
        }
        for (cosine, &of_teacher) in cosines.iter_mut().zip(&*teacher) {
            *cosine -= of_teacher * found.teachers_factor;
        }
        subtract(cosines, pairs, share);
        nearest
    }
}

/// The largest value and its first place.
#[inline(always)]
fn largest<L: Lanes>(values: &[f32]) -> (f32, usize) {
    let (chunks, tail) = values.as_chunks::<LANES>();
    let mut largest = load_part::<L>(tail, f32::NEG_INFINITY);
    for chunk in chunks {
        largest = largest.max(L::load(chunk));
    }
    let largest = fold(largest, |a, b| if b > a { b } else { a });
    (largest, values.iter().position(|&value| value == largest).unwrap_or(0))
}

/// `e = exp(scale · (value − largest))` in place; gives `Σ e` and `Σ e · (value − largest)`.
#[inline(always)]
fn exponentials<L: Lanes>(values: &mut [f32], largest: f32, scale: f32) -> [f32; 2] {
    let (chunks, tail) = values.as_chunks_mut::<LANES>();
    let distance = load_part::<L>(tail, largest).sub(L::splat(largest));
    let (largest, scale) = (L::splat(largest), L::splat(scale));
    let mut last = [0.0; LANES];
    exp(distance.mul(scale)).store(&mut last);
    tail.copy_from_slice(&last[..tail.len()]);
    // The lanes behind the tail count for nothing.
    let exponential = load_part::<L>(tail, 0.0);
    let mut sums = [exponential, exponential.mul(distance)];
    for chunk in chunks {
        let distance = L::load(chunk).sub(largest);
        let exponential = exp(distance.mul(scale));
        exponential.store(chunk);
        sums = [sums[0].add(exponential), exponential.mul_add(distance, sums[1])];
    }
    [fold(sums[0], |a, b| a + b), fold(sums[1], |a, b| a + b)]
}

/// `Σ a · (b − center)`.
#[inline(always)]
fn sum_of_distances<L: Lanes>(a: &[f32], b: &[f32], center: f32) -> f32 {
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let center = L::splat(center);
    let mut sums = load_part::<L>(a_tail, 0.0).mul(load_part::<L>(b_tail, 0.0).sub(center));
    for (a, b) in a.iter().zip(b) {
        sums = L::load(a).mul_add(L::load(b).sub(center), sums);
    }
    fold(sums, |a, b| a + b)
}

/// One key: its cosines with all queries to `scale` times their probabilities of it, less the
/// teacher's.
struct Key<'a> {
    cosines: &'a mut [f32],
    teacher: &'a [f32],
    /// Each of the queries and of the teacher.
    scales: [f32; 2],
    largest: &'a [Vec<f32>; 2],
    factors: &'a [Vec<f32>; 2],
}

impl Vectorize for Key<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { cosines, teacher, scales, largest, factors } = self;
        let mut start = 0;
        while start < cosines.len() {
            let places = start..cosines.len().min(start + LANES);
            let of = |of: usize| (&largest[of][places.clone()], &factors[of][places.clone()]);
            let mut out = probabilities::<L>(&cosines[places.clone()], scales[0], of(0));
            if !teacher.is_empty() {
                out = out.sub(probabilities(&teacher[places.clone()], scales[1], of(1)));
            }
            let mut values = [0.0; LANES];
            out.store(&mut values);
            cosines[places.clone()].copy_from_slice(&values[..places.len()]);
            start = places.end;
        }
    }
}

/// `exp(scale · (cosine − largest)) · factor` of at most sixteen.
#[inline(always)]
fn probabilities<L: Lanes>(cosines: &[f32], scale: f32, (largest, factors): (&[f32], &[f32])) -> L {
    let distances = load_part::<L>(cosines, 0.0).sub(load_part(largest, 0.0));
    exp(distances.mul(L::splat(scale))).mul(load_part(factors, 0.0))
}
