//! What moves from one answer to another, and what is taken for what.

use clip_audit::section::{Flow, FlowCell};
use clip_eval::results::Confusion;

use super::table::{Column, PlainTable, cut};
use crate::numbers::{count, percent, total};

/// Answers that changed, most images first; how many stayed is said.
pub(super) fn flow(flow: &Flow, most: usize) -> PlainTable {
    let share = |items: usize| percent(items as f64 / flow.items.max(1) as f64);
    let moved: Vec<&FlowCell> = flow.cells.iter().filter(|cell| cell.from != cell.to).collect();
    let row = |cell: &&FlowCell| {
        vec![cell.from.clone(), cell.to.clone(), count(cell.items), share(cell.items)]
    };
    let changed = total(moved.iter().map(|cell| cell.items));
    let mut plain = PlainTable {
        columns: vec![
            Column::text(&flow.before),
            Column::text(&flow.after),
            Column::number("images"),
            Column::number("%"),
        ],
        rows: moved.iter().map(row).collect(),
        sentences: vec![format!(
            "{} of {} images ({} %) have another answer.",
            count(changed),
            count(flow.items),
            share(changed)
        )],
    };
    cut(&mut plain, most, "changes; the result file has them");
    plain
}

/// Worst first.
pub(super) fn confusions(pairs: &[Confusion], most: usize) -> PlainTable {
    let row =
        |pair: &Confusion| vec![pair.truth.clone(), pair.prediction.clone(), count(pair.count)];
    let mut plain = PlainTable {
        columns: vec![Column::text("is"), Column::text("taken for"), Column::number("images")],
        rows: pairs.iter().map(row).collect(),
        sentences: Vec::new(),
    };
    cut(&mut plain, most, "pairs; the result file has them");
    plain
}
