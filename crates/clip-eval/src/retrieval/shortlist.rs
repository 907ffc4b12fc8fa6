//! The few that may be among the best of one query.

/// One that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Its position among what was searched.
    pub index: u32,
    /// Cosine, in f64.
    pub similarity: f64,
}

/// Candidates for the `k` best, by f32 scores of which each may be wrong by `error`.
///
/// What scores twice the error below the k-th best f32 score is worse than k others and is dropped.
/// Never more than 2 k + 32 are kept: where so many are that close, they are compared in f64 and
/// the k best stay.
#[derive(Debug, Clone)]
pub(super) struct Shortlist {
    candidates: Vec<(f32, u32)>,
    k: usize,
}

impl Shortlist {
    pub(super) fn new(k: usize) -> Shortlist {
        Shortlist { candidates: Vec::new(), k }
    }

    /// The least score that is let in before any was seen.
    pub(super) fn first_entrance(&self) -> f32 {
        if self.k == 0 { f32::INFINITY } else { f32::NEG_INFINITY }
    }

    /// Takes a candidate; where that makes the list full, thins it out and returns the least score
    /// let in from now on.
    pub(super) fn offer(
        &mut self,
        score: f32,
        index: u32,
        error: f32,
        similarity: impl Fn(u32) -> f64,
    ) -> Option<f32> {
        self.candidates.push((score, index));
        let full = 2 * self.k + 32;
        if self.candidates.len() < full {
            return None;
        }
        let by_score = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0);
        let (_, kth, _) = self.candidates.select_nth_unstable_by(self.k - 1, by_score);
        let entrance = kth.0 - 2.0 * error;
        self.candidates.retain(|&(score, _)| score >= entrance);
        if self.candidates.len() > full - self.k.max(8) {
            let best = self.compare(similarity);
            let stays = |&(_, index): &(f32, u32)| best.iter().any(|found| found.index == index);
            self.candidates.retain(stays);
        }
        Some(entrance)
    }

    /// The `k` best by similarity, best first, of equal ones the lower index first.
    pub(super) fn compare(&self, similarity: impl Fn(u32) -> f64) -> Vec<Match> {
        let exact = |&(_, index): &(f32, u32)| Match { index, similarity: similarity(index) };
        let mut all: Vec<Match> = self.candidates.iter().map(exact).collect();
        all.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.index.cmp(&b.index)));
        all.truncate(self.k);
        all
    }
}
