//! Cosines: dot products of unit rows.

use rayon::prelude::*;

/// Dot product of two rows: `LANES` sums side by side, from 0.0, then their sum, then what is left
/// of the rows. One lane is the order of the row; of eight the compiler makes vectors. Never -0.0
/// of finite rows.
pub fn dot<const LANES: usize>(a: &[f32], b: &[f32]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    sums.iter().sum::<f64>() + rest
}

/// Dot products ([`dot`] in eight lanes) of every row of `a` with every row of `b`,
/// `[rows of a, rows of b]`: equal rows have equal products whatever their neighbours.
///
/// # Panics
/// When `width` is zero.
pub fn cosines(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let columns = b.len() / width;
    let mut products = vec![0.0; a.len() / width * columns];
    if columns == 0 {
        return products;
    }
    let row = |(products, a): (&mut [f32], &[f32])| {
        for (product, b) in products.iter_mut().zip(b.chunks_exact(width)) {
            *product = dot::<8>(a, b) as f32;
        }
    };
    products.par_chunks_mut(columns).zip(a.par_chunks(width)).for_each(row);
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_is_one_value_in_one_lane_or_eight_where_it_is_exact() {
        let (a, b): (Vec<f32>, Vec<f32>) = (0..19).map(|i| (i as f32, (3 - i) as f32)).unzip();
        assert_eq!((dot::<1>(&a, &b), dot::<8>(&a, &b)), (-1596.0, -1596.0));
        assert_eq!(cosines(&[1.0, 0.0, 0.0, 1.0], &[0.6, 0.8], 2), [0.6, 0.8]);
        assert_eq!(cosines(&[1.0, 0.0], &[], 2), [0.0; 0]);
    }
}
