//! Which rows each item of a pass is, what they see, and which of them are read in the end.

use clip_kernels::{Device, KvRanges, Result, Segments};
use std::ops::Range;

/// Which rows of a block are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queries {
    /// All rows of all items.
    All,
    /// The row of each item that is read afterwards, the others give keys and values.
    Pooled,
}

/// Items as rows of one matrix.
pub(crate) struct Items {
    pub(crate) segments: Segments,
    /// What the rows of each item see: at the end themselves.
    pub(crate) keys: KvRanges,
    /// The row of each item that is read; in a causal transformer it is the last it sees.
    pub(crate) pooled: Vec<usize>,
    /// What each of these rows sees.
    pub(crate) pooled_keys: KvRanges,
}

/// The same on a device: prepared once for a pass, used by all of its layers.
pub(crate) struct Plan<D: Device> {
    /// Every row is a query.
    pub(crate) all: D::AttentionPlan,
    /// Only the pooled rows are queries.
    pub(crate) pooled: D::AttentionPlan,
    pub(crate) pooled_rows: D::Indices,
    /// Of all items.
    pub(crate) rows: usize,
}

impl Items {
    /// `count` items of `tokens` rows that see themselves, of which the first is read.
    pub(crate) fn uniform(count: usize, tokens: usize) -> Self {
        Self::read_at(Segments::uniform(count, tokens), |rows| rows.start)
    }

    /// Items that see themselves, none of them empty, and the row of each that is read.
    pub(crate) fn read_at(segments: Segments, read: impl Fn(Range<usize>) -> usize) -> Self {
        let pooled = segments.ranges().map(read).collect();
        let keys = KvRanges::from(&segments);
        Self { segments, pooled_keys: keys.clone(), keys, pooled }
    }

    /// Brings them to the device.
    pub(crate) fn prepare<D: Device>(self, device: &D) -> Result<Plan<D>> {
        let pooled_queries = Segments::uniform(self.pooled.len(), 1);
        Ok(Plan {
            rows: self.segments.rows(),
            all: device.plan_attention(self.segments, self.keys)?,
            pooled: device.plan_attention(pooled_queries, self.pooled_keys)?,
            pooled_rows: device.indices(self.pooled)?,
        })
    }
}
