//! Operations that only move values, and the ordering of scores.

use super::target::for_each_chunk;
use crate::reference::better_first;
use crate::{Match, Matrix};
use rayon::prelude::*;

/// `[items, channels · cells]` to `[items · cells, channels]`.
pub(super) fn channels_last(images: &Matrix, channels: usize) -> Matrix {
    let cells = images.width() / channels;
    let mut out = Matrix::unwritten(images.rows() * cells, channels);
    if cells == 0 {
        return out;
    }
    for_each_chunk(out.values_mut(), cells * channels, |item, out| {
        let planes = images.row(item);
        for (cell, out) in out.chunks_exact_mut(channels).enumerate() {
            for (channel, out) in out.iter_mut().enumerate() {
                *out = planes[channel * cells + cell];
            }
        }
    });
    out
}

/// The `k` best scores of every row: selected first, then only those sorted.
pub(super) fn top_k(scores: &Matrix, k: usize) -> Vec<Vec<Match>> {
    let best = |row: usize| {
        let scores = scores.row(row).iter().enumerate();
        let mut matches: Vec<Match> = scores.map(|(index, &score)| Match { index, score }).collect();
        if 0 < k && k < matches.len() {
            matches.select_nth_unstable_by(k - 1, better_first);
        }
        matches.truncate(k);
        matches.sort_unstable_by(better_first);
        matches
    };
    (0..scores.rows()).into_par_iter().map(best).collect()
}
