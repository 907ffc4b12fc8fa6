//! One direction of a search: what is known of every query while blocks of scores go by.

use rayon::prelude::*;

use super::shortlist::{Match, Shortlist};
use super::vectors::{UnitVectors, similarity};

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Rank of its best true match, from 1; 0 where it has none.
    pub rank: u32,
    /// The best, best first, of equal ones the lower index first.
    pub best: Vec<Match>,
}

/// Queries that one thread looks after at a time.
const GROUP: usize = 32;
/// Scores of a row that are looked at together: one comparison tells whether any matters.
const STRIDE: usize = 64;

/// All queries of one direction.
pub(super) struct Direction<'a> {
    queries: UnitVectors<'a>,
    among: UnitVectors<'a>,
    score_error: f32,
    groups: Vec<Group>,
}

/// Up to [`GROUP`] queries side by side: lists in their order.
struct Group {
    first: usize,
    true_match: Vec<Option<Match>>,
    /// A score in `low..=high` may belong to one better or worse than the true match.
    low: Vec<f32>,
    high: Vec<f32>,
    /// How many are better than the true match.
    ahead: Vec<u32>,
    /// A score below cannot be among the best.
    entrance: Vec<f32>,
    shortlists: Vec<Shortlist>,
}

impl<'a> Direction<'a> {
    pub(super) fn new(
        queries: UnitVectors<'a>,
        among: UnitVectors<'a>,
        true_matches: &[Option<Match>],
        k: usize,
    ) -> Direction<'a> {
        let score_error = queries.score_error();
        let groups = true_matches.chunks(GROUP).enumerate();
        let groups = groups
            .map(|(index, matches)| Group::new(index * GROUP, matches, k, score_error))
            .collect();
        Direction { queries, among, score_error, groups }
    }

    /// Shows scores `[block, columns]` of queries from `first_query` on with candidates from
    /// `first` on.
    pub(super) fn scan_rows(
        &mut self,
        scores: &[f32],
        first_query: usize,
        first: usize,
        columns: usize,
    ) {
        let rows = scores.len() / columns;
        let groups = &mut self.groups[first_query / GROUP..(first_query + rows).div_ceil(GROUP)];
        let (queries, among, error) = (self.queries, self.among, self.score_error);
        groups.par_iter_mut().zip(scores.par_chunks(GROUP * columns)).for_each(
            |(group, scores)| {
                for (query, row) in scores.chunks_exact(columns).enumerate() {
                    let values = queries.row(group.first + query);
                    let exact = |index: u32| similarity(values, among.row(index as usize));
                    group.scan_row(query, row, first, error, &exact);
                }
            },
        );
    }

    /// Shows scores `[block, columns]` of queries from `first_query` on, which are the columns,
    /// with candidates from `first` on.
    pub(super) fn scan_columns(
        &mut self,
        scores: &[f32],
        first: usize,
        first_query: usize,
        columns: usize,
    ) {
        let groups = &mut self.groups[first_query / GROUP..(first_query + columns).div_ceil(GROUP)];
        let (queries, among, error) = (self.queries, self.among, self.score_error);
        groups.par_iter_mut().for_each(|group| {
            let start = group.first - first_query;
            let own = start..start + group.low.len();
            for (index, row) in (first as u32..).zip(scores.chunks_exact(columns)) {
                group.scan_column(&row[own.clone()], index, error, |query, index| {
                    similarity(queries.row(query), among.row(index as usize))
                });
            }
        });
    }

    pub(super) fn finish(self) -> Vec<Ranked> {
        let (queries, among) = (self.queries, self.among);
        let of_group = |group: Group| {
            let ranked = |query: usize| Ranked {
                rank: if group.true_match[query].is_some() { group.ahead[query] + 1 } else { 0 },
                best: group.shortlists[query].compare(|index| {
                    similarity(queries.row(group.first + query), among.row(index as usize))
                }),
            };
            (0..group.low.len()).map(ranked).collect::<Vec<_>>()
        };
        self.groups.into_par_iter().flat_map_iter(of_group).collect()
    }
}

impl Group {
    fn new(first: usize, true_matches: &[Option<Match>], k: usize, error: f32) -> Group {
        let bound = |off: f32| {
            let bound = |best: &Option<Match>| {
                best.map_or(f32::INFINITY, |best| best.similarity as f32 + off)
            };
            true_matches.iter().map(bound).collect()
        };
        let shortlists = vec![Shortlist::new(k); true_matches.len()];
        Group {
            first,
            true_match: true_matches.to_vec(),
            low: bound(-error),
            high: bound(error),
            ahead: vec![0; true_matches.len()],
            entrance: shortlists.iter().map(Shortlist::first_entrance).collect(),
            shortlists,
        }
    }

    /// Scores of one query with candidates from `first` on.
    fn scan_row(
        &mut self,
        query: usize,
        row: &[f32],
        first: usize,
        error: f32,
        exact: &impl Fn(u32) -> f64,
    ) {
        let (low, high) = (self.low[query], self.high[query]);
        for (stride, scores) in row.chunks(STRIDE).enumerate() {
            let entrance = self.entrance[query];
            let (mut ahead, mut matters) = (0, false);
            for &score in scores {
                ahead += u32::from(score > high);
                matters |= ((score >= low) & (score <= high)) | (score >= entrance);
            }
            self.ahead[query] += ahead;
            if matters {
                let start = (first + stride * STRIDE) as u32;
                for (index, &score) in (start..).zip(scores) {
                    self.look_at(query, score, index, error, exact);
                }
            }
        }
    }

    /// Scores of every query of the group with one candidate.
    fn scan_column(
        &mut self,
        scores: &[f32],
        index: u32,
        error: f32,
        exact: impl Fn(usize, u32) -> f64,
    ) {
        let mut matters = false;
        let bounds = self.low.iter().zip(&self.high).zip(&self.entrance).zip(&mut self.ahead);
        for (&score, (((&low, &high), &entrance), ahead)) in scores.iter().zip(bounds) {
            *ahead += u32::from(score > high);
            matters |= ((score >= low) & (score <= high)) | (score >= entrance);
        }
        if matters {
            let first = self.first;
            for (query, &score) in scores.iter().enumerate() {
                self.look_at(query, score, index, error, &|index| exact(first + query, index));
            }
        }
    }

    /// What f32 cannot decide, or may be among the best.
    fn look_at(
        &mut self,
        query: usize,
        score: f32,
        index: u32,
        error: f32,
        exact: &impl Fn(u32) -> f64,
    ) {
        if score >= self.low[query]
            && score <= self.high[query]
            && let Some(best) = self.true_match[query]
        {
            let similarity = exact(index);
            let better = similarity > best.similarity;
            self.ahead[query] +=
                u32::from(better || (similarity == best.similarity && index < best.index));
        }
        if score >= self.entrance[query]
            && let Some(entrance) = self.shortlists[query].offer(score, index, error, exact)
        {
            self.entrance[query] = entrance;
        }
    }
}
