//! The same share before and after a change, on the same images.

use crate::groups::Grouping;
use crate::options::GroupOptions;
use crate::rates::Counted;
use crate::section::PairedTable;

/// Shares by group before and after.
///
/// - `names`: what it was before, and after
/// - `before`, `after`: `[items]`, as many as the grouping has
pub fn paired_table(
    _counted: Counted<'_>,
    _names: [&str; 2],
    _before: &[bool],
    _after: &[bool],
    _grouping: &Grouping,
    _options: &GroupOptions,
) -> PairedTable {
    todo!()
}
