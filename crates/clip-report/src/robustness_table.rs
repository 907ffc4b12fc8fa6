//! Robustness: the shift beside what ordinary models of equal accuracy have.

use crate::markup::Markup;
use crate::numbers::{count, interval, or_missing, percent, points};
use crate::suite::Suite;
use crate::task_table::{estimate, model};
use crate::widgets::{note, numeric, record_row, row_head, state, table, title};
use clip_eval::results::Record;

/// The table.
pub(crate) fn draw(page: &mut Markup, suite: &Suite<'_>) {
    let columns = [
        "data set",
        "model",
        "#scored",
        "#matching ImageNet, %",
        "#under the shift, %",
        "#expected, %",
        "#effective robustness, points",
    ];
    let caption = "robustness: accuracy under the shift and without it";
    table(page, caption, &columns, |page| {
        for record in suite.of_task("robustness") {
            record_row(page, record, |page| row(page, suite, record));
        }
    });
    note(
        page,
        "Expected: what the line through ordinary ImageNet models says for this accuracy. Effective robustness: what \
         is above it. A figure of a subset says little about the shift.",
    );
}

fn row(page: &mut Markup, suite: &Suite<'_>, record: &Record) {
    let (score, point) = (&record.score, record.details.robustness.as_ref());
    row_head(page, title(record));
    model(page, suite, record);
    page.element("td", &[("class", &"num")], |page| {
        page.text(count(record.counts.scored));
        page.text(" ");
        state(page, record);
    });
    numeric(page, or_missing(point.map(|point| point.x), percent));
    let shifted = or_missing(point.map_or(score.value, |point| Some(point.y)), percent);
    let ends = score.low.zip(score.high).map(|(low, high)| interval(low, high));
    estimate(page, &shifted, ends, score);
    numeric(page, or_missing(point.map(|point| point.predicted), percent));
    numeric(page, or_missing(point.map(|point| point.effective), points));
}
