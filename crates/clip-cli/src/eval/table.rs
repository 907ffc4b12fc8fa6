//! Results as rows of a table: one line each where the terminal is wide enough, else names above
//! and numbers below.

use std::borrow::Cow;

use clip_eval::results::{Figure, Record};
use clip_eval::suite::Job;

use crate::console::Console;
use crate::table::{fit_end, printable, width};

/// Columns of the data set, the task, the model and the metric.
const NAMES: [usize; 4] = [20, 10, 16, 24];
/// Columns of the figure, the interval and n.
const NUMBERS: [usize; 3] = [6, 15, 14];
/// From here on a result is one line.
const ONE_LINE: usize = 20 + 10 + 16 + 24 + 6 + 15 + 14 + 6;
/// Further figures that a person looks for, beside the score.
const ALSO_SHOWN: [&str; 1] = ["image_retrieval_recall@1"];

/// Rows for a terminal of some width.
pub(super) struct Table {
    columns: usize,
}

impl Table {
    pub(super) fn new(columns: usize) -> Table {
        Table { columns }
    }

    pub(super) fn head(&self, level: f64) -> String {
        let interval = format!("{} % interval", 100.0 * level);
        self.row(["data set", "task", "model", "metric"], ["%", &interval, "n"])
    }

    /// The score of a result and what else is shown, then what was left out.
    pub(super) fn result(&self, cell: &Record, task: &str) -> String {
        let n = match cell.counts.expected {
            Some(expected) if expected != cell.counts.scored => {
                format!("{} of {expected}", cell.counts.scored)
            }
            _ => cell.counts.scored.to_string(),
        };
        let also = cell.figures.iter().filter(|figure| ALSO_SHOWN.contains(&&*figure.name));
        let mut rows: String = std::iter::once(&cell.score)
            .chain(also)
            .map(|figure| {
                let (value, interval) = numbers(figure);
                self.row([&cell.dataset, task, &cell.model, &figure.name], [&value, &interval, &n])
            })
            .collect();
        if cell.counts.skipped > 0 {
            rows += &format!("  {} items skipped\n", cell.counts.skipped);
        }
        rows
    }

    pub(super) fn failure(&self, job: &Job) -> String {
        self.row([&job.dataset, job.task.name(), &job.model, "not measured"], ["-", "", ""])
    }

    /// Names, then numbers in columns; a name that is longer than its column is not cut, but for
    /// the terminal's width.
    fn row(&self, names: [&str; 4], numbers: [&str; 3]) -> String {
        let [value, interval, n] = NUMBERS;
        let numbers =
            format!("{:>value$} {:<interval$} {:>n$}", numbers[0], numbers[1], numbers[2]);
        let numbers = numbers.trim_end();
        let names = names.map(printable);
        let fit = names.iter().zip(NAMES).all(|(name, columns)| width(name) <= columns);
        if fit && self.columns >= ONE_LINE {
            let names = names.iter().zip(NAMES).map(|(name, columns)| fit_end(name, columns) + " ");
            return names.collect::<String>() + numbers + "\n";
        }
        if self.columns >= ONE_LINE {
            let above =
                NAMES.iter().map(|width| width + 1).sum::<usize>() + numbers.chars().count();
            return self.wrapped(&names) + &format!("{numbers:>above$}\n");
        }
        self.wrapped(&names) + "    " + numbers + "\n"
    }

    /// Names side by side, on a new line where the next has no room.
    fn wrapped(&self, names: &[Cow<'_, str>]) -> String {
        let mut lines = vec![String::new()];
        for name in names {
            let name = fit_end(name, self.columns.min(width(name)));
            let line = lines.last().map_or(0, |line| width(line));
            if line > 0 && line + 2 + width(&name) > self.columns {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                *line += if line.is_empty() { "" } else { "  " };
                *line += &name;
            }
        }
        lines.join("\n") + "\n"
    }
}

/// Skipped items that are named; the others are counted.
const NAMED: usize = 3;

/// What a cell left out or guessed, on stderr.
pub(super) fn say_what_to_know(console: &Console, cell: &Record) {
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

/// A figure and its interval in per cent.
fn numbers(figure: &Figure) -> (String, String) {
    let per_cent = |value: f64| format!("{:.1}", 100.0 * value);
    let interval = match figure.interval() {
        Some((low, high)) => format!("{} to {}", per_cent(low), per_cent(high)),
        None => "none".to_owned(),
    };
    (figure.value.map_or_else(|| "undefined".to_owned(), per_cent), interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_and_hold_every_name_whole() {
        for columns in [60, 80, 100, 120, 200] {
            let table = Table::new(columns);
            for dataset in ["cifar10", "imagenet_c_with_a_long_name"] {
                let metric = "mean_per_class_recall";
                let row = table.row(
                    [dataset, "zeroshot", "ViT-L/14@336px", metric],
                    ["73.6", "70.8 to 76.3", "31 of 3669"],
                );
                assert!(
                    row.lines().all(|line| line.chars().count() <= columns),
                    "{columns}: {row}"
                );
                for word in [dataset, "zeroshot", "ViT-L/14@336px", metric, "31 of 3669"] {
                    assert!(row.contains(word), "{columns}: {word} is missing in {row}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_wider_than_the_terminal_keeps_its_end() {
        for columns in [60, 200] {
            let name = "n".repeat(300) + "_end";
            let row = Table::new(columns)
                .row([&name, "zeroshot", "starter", "accuracy"], ["1.0", "none", "1"]);
            assert!(
                row.lines().all(|line| width(line) <= columns) && row.contains("_end"),
                "{row}"
            );
            assert!(row.starts_with('…'), "{row}");
        }
    }
}
