//! Items of different lengths as stretches of one long matrix of rows, and what attention does over them.

/// Where each item's rows are: item `i` has rows `starts[i]..starts[i + 1]` of one long matrix.
///
/// Images of 50, 197 or 577 rows and texts of any length are the same thing; nothing is padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    starts: Vec<usize>,
}

impl Segments {
    /// Items of these lengths, one after the other. An item may be empty.
    pub fn from_lengths(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            starts.push(end);
        }
        Self { starts }
    }

    /// `count` items of `length` rows each.
    pub fn uniform(count: usize, length: usize) -> Self {
        Self::from_lengths(std::iter::repeat_n(length, count))
    }

    /// Number of items.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rows of all items together.
    pub fn rows(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The rows of one item.
    pub fn range(&self, item: usize) -> std::ops::Range<usize> {
        self.starts[item]..self.starts[item + 1]
    }

    /// The rows of every item, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> {
        self.starts.windows(2).map(|pair| pair[0]..pair[1])
    }
}

/// Which rows attend to which, and with how many heads.
#[derive(Debug, Clone, Copy)]
pub struct AttentionShape<'a> {
    /// The query rows of each item.
    pub queries: &'a Segments,
    /// The key and value rows of each item; as many items as `queries`.
    pub keys: &'a Segments,
    /// Heads; divides the width. Head `h` has columns `h · head_width..(h + 1) · head_width`.
    pub heads: usize,
    /// Whether a query sees only keys up to its own position. The queries of an item stand at the
    /// **end** of its keys: query `i` of `q` sees keys `0..=i + k - q` of `k`, so that the one
    /// last row of a text, asked alone, sees the whole text.
    pub causal: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_items_keep_their_place() {
        let segments = Segments::from_lengths([3, 0, 2]);
        assert_eq!((segments.count(), segments.rows()), (3, 5));
        assert_eq!(segments.ranges().collect::<Vec<_>>(), [0..3, 3..3, 3..5]);
        assert_eq!(Segments::uniform(0, 7).rows(), 0);
    }
}
