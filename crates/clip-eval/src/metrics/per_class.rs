//! Recall of each class, and their mean.

use super::error::MetricError;

/// What became of the items of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassCount {
    /// Items of the class.
    pub items: usize,
    /// Hits among them.
    pub hits: usize,
}

impl ClassCount {
    /// Share of hits; none for a class without items.
    pub fn recall(&self) -> Option<f64> {
        (self.items > 0).then(|| self.hits as f64 / self.items as f64)
    }
}

/// Counts of each class, `[classes]`.
///
/// - `hits`, `truth`: `[items]`
///
/// # Panics
/// When the numbers of items differ, or a target is no class.
pub fn per_class(hits: &[bool], truth: &[u32], classes: usize) -> Vec<ClassCount> {
    assert_eq!(hits.len(), truth.len(), "targets of {} items", hits.len());
    let mut counts = vec![ClassCount::default(); classes];
    for (&hit, &class) in hits.iter().zip(truth) {
        let count = &mut counts[class as usize];
        count.items += 1;
        count.hits += usize::from(hit);
    }
    counts
}

/// Mean of the classes' recalls; classes without items are left out (balanced accuracy).
///
/// - `hits`, `truth`: `[items]`
///
/// # Errors
/// There are no items.
///
/// # Panics
/// When the numbers of items differ.
pub fn mean_per_class(hits: &[bool], truth: &[u32]) -> Result<f64, MetricError> {
    let classes = truth.iter().max().map_or(0, |&last| last as usize + 1);
    let recalls: Vec<f64> =
        per_class(hits, truth, classes).iter().filter_map(ClassCount::recall).collect();
    match recalls.len() {
        0 => Err(MetricError::NoItems),
        classes => Ok(recalls.iter().sum::<f64>() / classes as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_items_are_left_out() {
        let hits = [true, false, true, true];
        assert_eq!(mean_per_class(&hits, &[0, 0, 7, 7]), Ok(0.75));
        assert_eq!(per_class(&hits, &[0, 0, 2, 2], 3)[1].recall(), None);
        assert_eq!(mean_per_class(&[], &[]), Err(MetricError::NoItems));
    }
}
