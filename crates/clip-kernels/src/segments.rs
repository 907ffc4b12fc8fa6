//! Items of different lengths as ranges of one long matrix of rows.

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

/// Which key rows each item sees: ranges of one long matrix, in the order of the keys.
///
/// Most items see one range, their own. A text whose beginning is shared sees the rows of the
/// beginning, wherever they stand, and then its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KvRanges {
    ranges: Vec<std::ops::Range<usize>>,
    ends: Vec<usize>, // of each item's ranges
}

impl KvRanges {
    /// Adds an item that sees these rows. Empty ranges are left out.
    pub fn push(&mut self, ranges: impl IntoIterator<Item = std::ops::Range<usize>>) {
        self.ranges.extend(ranges.into_iter().filter(|rows| !rows.is_empty()));
        self.ends.push(self.ranges.len());
    }

    /// Number of items.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The ranges of one item.
    pub fn of(&self, item: usize) -> &[std::ops::Range<usize>] {
        let start = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.ranges[start..self.ends[item]]
    }

    /// The keys of one item.
    pub fn length(&self, item: usize) -> usize {
        self.of(item).iter().map(ExactSizeIterator::len).sum()
    }

    /// Whether no row is seen by two items, nor twice by one.
    pub(crate) fn are_disjoint(&self) -> bool {
        self.sorted().windows(2).all(|pair| pair[0].end <= pair[1].start)
    }

    /// Those of so many rows that no item sees.
    pub(crate) fn unseen(&self, rows: usize) -> Vec<std::ops::Range<usize>> {
        let (mut unseen, mut end) = (Vec::new(), 0);
        for seen in self.sorted().into_iter().chain(std::iter::once(rows..rows)) {
            if end < seen.start {
                unseen.push(end..seen.start);
            }
            end = end.max(seen.end);
        }
        unseen
    }

    fn sorted(&self) -> Vec<std::ops::Range<usize>> {
        let mut sorted = self.ranges.clone();
        sorted.sort_unstable_by_key(|rows| rows.start);
        sorted
    }

    /// The end of the last row that any item sees.
    pub(crate) fn end(&self) -> usize {
        self.ranges.iter().map(|rows| rows.end).max().unwrap_or(0)
    }
}

impl From<&Segments> for KvRanges {
    /// Every item sees its own rows.
    fn from(segments: &Segments) -> Self {
        let mut keys = Self::default();
        segments.ranges().for_each(|rows| keys.push([rows]));
        keys
    }
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
        assert_eq!(KvRanges::from(&segments).of(1), []);
    }

    #[test]
    fn an_item_may_see_rows_of_others_first() {
        let mut keys = KvRanges::default();
        keys.push([4..6, 0..0, 9..10]);
        keys.push([]);
        assert!(keys.are_disjoint());
        keys.push([0..3, 3..3]);
        assert!(keys.are_disjoint());
        assert_eq!((keys.count(), keys.length(0), keys.length(1), keys.end()), (3, 3, 0, 10));
        assert_eq!((keys.of(0), keys.of(2)), (&[4..6, 9..10][..], std::slice::from_ref(&(0..3))));
        assert_eq!(keys.unseen(12), [3..4, 6..9, 10..12]);
        keys.push(std::iter::once(2..3));
        assert!(!keys.are_disjoint());
        assert_eq!(keys.unseen(10), [3..4, 6..9]);
    }
}
