//! Few-shot results: one column for each number of examples.

use crate::markup::Markup;
use crate::numbers::{MISSING, count, or_missing, percent};
use crate::suite::Suite;
use crate::task_table::model;
use crate::widgets::{note, numeric, record_row, row_head, soft, table, title};
use clip_eval::results::Record;

/// The table.
pub(crate) fn draw(page: &mut Markup, suite: &Suite<'_>) {
    let points = suite.of_task("few_shot").flat_map(|record| &record.details.shots);
    let mut shots: Vec<Option<usize>> = points.map(|point| point.shots).collect();
    shots.sort_by_key(|shots| shots.unwrap_or(usize::MAX));
    shots.dedup();
    let name = |shots: &Option<usize>| shots.map_or("#all".into(), |k| format!("#{k} a class"));
    let names: Vec<String> = shots.iter().map(name).collect();
    let mut columns = vec!["data set", "model", "#scored", "#zero-shot"];
    columns.extend(names.iter().map(String::as_str));
    table(page, "few-shot: per cent, by examples a class", &columns, |page| {
        for record in suite.of_task("few_shot") {
            record_row(page, record, |page| {
                row_head(page, title(record));
                model(page, suite, record);
                numeric(page, count(record.counts.scored));
                let zero_shot = suite.zero_shot(record);
                numeric(page, or_missing(zero_shot, percent));
                for shots in &shots {
                    page.element("td", &[("class", &"num")], |page| shot(page, record, *shots));
                }
            });
        }
    });
    note(
        page,
        "Mean over draws ± standard deviation; the interval of the mean stands in the plots and the cells.",
    );
}

fn shot(page: &mut Markup, record: &Record, shots: Option<usize>) {
    match record.details.shots.iter().find(|point| point.shots == shots) {
        None => page.text(MISSING),
        Some(point) => {
            page.text(percent(point.mean));
            if point.values.len() > 1 {
                soft(page, format_args!(" ± {}", percent(point.sd)));
            }
        }
    }
}
