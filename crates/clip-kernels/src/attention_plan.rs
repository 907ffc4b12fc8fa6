//! What attention does over segments: which rows see which, how many heads, in which precision.

use crate::{KvRanges, Matrix, Precision, Segments};

/// Which rows attend to which: prepared once for a pass, used by all of its layers.
#[derive(Debug, Clone)]
pub struct AttentionPlan {
    pub(crate) queries: Segments,
    pub(crate) keys: KvRanges,
    /// The end of the last key row that any item sees.
    pub(crate) key_end: usize,
    /// Whether the queries of every item can stand at the end of its keys.
    pub(crate) may_be_causal: bool,
}

impl AttentionPlan {
    /// - `queries`: the query rows of each item
    /// - `keys`: the key and value rows of each item
    ///
    /// # Panics
    /// When these are not as many items.
    pub fn new(queries: Segments, keys: KvRanges) -> Self {
        assert_eq!(queries.count(), keys.count(), "items of queries and keys");
        let may_be_causal =
            queries.ranges().enumerate().all(|(item, rows)| rows.len() <= keys.length(item));
        Self { key_end: keys.end(), queries, keys, may_be_causal }
    }
}

/// How the rows of a plan attend.
#[derive(Debug, Clone, Copy)]
pub struct AttentionOptions {
    /// Heads; divides the width. Head `h` has columns `h · head_width..(h + 1) · head_width`.
    pub heads: usize,
    /// Whether a query sees only keys up to its own position. The queries of an item stand at the
    /// **end** of its keys: query `i` of `q` sees keys `0..=i + k - q` of `k`, so that the one
    /// last row of a text, as its only query, sees the whole text.
    pub causal: bool,
    /// Of queries, keys, values and probabilities: f32 or bf16.
    pub precision: Precision,
}

/// Queries, keys and values in this machine's memory.
#[derive(Clone, Copy)]
pub(crate) struct Projections<'a> {
    /// The queries in its first `width` columns.
    pub(crate) queries: &'a Matrix,
    /// The keys, then the values in its last `2 · width` columns.
    pub(crate) keys_values: &'a Matrix,
    pub(crate) width: usize,
}

impl<'a> Projections<'a> {
    /// As [`Device::attention`](crate::Device::attention) is given them.
    ///
    /// # Panics
    /// When their widths do not fit together.
    pub(crate) fn new(queries: &'a Matrix, keys_values: Option<&'a Matrix>) -> Self {
        let Some(keys_values) = keys_values else {
            let width = queries.width() / 3;
            assert_eq!(queries.width(), 3 * width, "width of queries, keys and values");
            return Self { queries, keys_values: queries, width };
        };
        let width = queries.width();
        assert_eq!(keys_values.width(), 2 * width, "width of keys and values");
        Self { queries, keys_values, width }
    }

    /// Column of the first key.
    pub(crate) fn first_key(&self) -> usize {
        self.keys_values.width() - 2 * self.width
    }

    /// Column of the first value.
    pub(crate) fn first_value(&self) -> usize {
        self.keys_values.width() - self.width
    }
}
