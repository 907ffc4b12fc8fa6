//! Cells as rows of a table of 80 columns.

use clip_eval::results::Cell;
use clip_eval::suite::Job;

use crate::console::Console;
use crate::table::fit;

/// Columns of names.
const DATASET: usize = 20;
const MODEL: usize = 14;
const METRIC: usize = 15;

pub(super) fn head_of_table(level: f64) -> String {
    let interval = format!("{} % interval", level * 100.0);
    format!(
        "{} {} {} {:>6}  {:<14} {:>6}\n",
        fit("data set", DATASET),
        fit("model", MODEL),
        fit("metric", METRIC),
        "%",
        interval,
        "n"
    )
}

/// `*` behind n: the split is not complete.
pub(super) fn row_of_table(cell: &Cell) -> String {
    let per_cent = |value: f64| format!("{:.1}", value * 100.0);
    let interval = match (cell.score.low, cell.score.high) {
        (Some(low), Some(high)) => format!("{} to {}", per_cent(low), per_cent(high)),
        _ => "-".to_owned(),
    };
    let complete = cell.counts.expected.is_none_or(|expected| expected == cell.counts.scored);
    let mark = if complete { "" } else { "*" };
    let mut row = format!(
        "{} {} {} {:>6}  {:<14} {:>6}{mark}\n",
        fit(&cell.dataset, DATASET),
        fit(&cell.model, MODEL),
        fit(&cell.score.name, METRIC),
        per_cent(cell.score.value),
        interval,
        cell.counts.scored,
    );
    if cell.counts.skipped > 0 {
        row += &format!("  {} items skipped\n", cell.counts.skipped);
    }
    row
}

/// Skipped items that are named; the others are counted.
const NAMED: usize = 3;

/// What a cell left out or guessed, on stderr.
pub(super) fn say_what_to_know(console: &Console, cell: &Cell) {
    for note in &cell.notes {
        console.note(&format!("{}: {note}", cell.dataset));
    }
    for skip in cell.skipped.iter().take(NAMED) {
        console.warn(&format!("{}: left out: {}: {}", cell.dataset, skip.input, skip.reason));
    }
    if cell.counts.skipped > NAMED {
        let more = cell.counts.skipped - NAMED;
        console.warn(&format!("{}: left out: {more} more; the result lists them", cell.dataset));
    }
}

pub(super) fn row_of_failure(job: &Job) -> String {
    format!(
        "{} {} {} {:>6}\n",
        fit(&job.dataset, DATASET),
        fit(&job.model, MODEL),
        fit("not measured", METRIC),
        "-"
    )
}
