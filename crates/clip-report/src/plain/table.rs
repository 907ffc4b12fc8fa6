//! A table of texts, and what many of them say.

use clip_audit::section::{Rate, Test};
use clip_eval::results::{Figure, Unit};

use crate::numbers::{count, figure_interval, figure_value, number, percent, points};

/// A table of texts with sentences below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlainTable {
    /// Headings.
    pub columns: Vec<Column>,
    /// As many cells as columns.
    pub rows: Vec<Vec<String>>,
    /// What else there is to say, and what was left out.
    pub sentences: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// Side on which its cells stand.
    pub align: Align,
    /// Whether a narrow terminal may leave it out.
    pub spare: bool,
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

impl Column {
    pub(crate) fn text(name: impl Into<String>) -> Column {
        Column { name: name.into(), align: Align::Left, spare: false }
    }

    pub(crate) fn number(name: impl Into<String>) -> Column {
        Column { name: name.into(), align: Align::Right, spare: false }
    }

    pub(super) fn spare(self) -> Column {
        Column { spare: true, ..self }
    }
}

/// `61.2 %`, `5.0 points`, `0.12`: one end of an interval, or a threshold.
pub(super) fn ending(unit: Unit, value: f64) -> String {
    figure_value(&Figure::plain("", unit, value)).replace('+', "")
}

/// The name of the column of a share's interval: `95 % interval`.
pub(super) fn interval_heading<'f>(figures: impl IntoIterator<Item = &'f Figure>) -> String {
    let level = figures.into_iter().find_map(|figure| figure.level);
    level.map_or_else(
        || "interval".to_owned(),
        |level| format!("{} % interval", number(level * 100.0)),
    )
}

/// `61.2` and `[50.1, 71.5]`; of too few images neither.
pub(super) fn share_cells(rate: &Rate) -> [String; 2] {
    let Some(share) = &rate.share else { return ["too few".to_owned(), String::new()] };
    let value = share.value.map_or_else(|| "undefined".to_owned(), percent);
    [value, figure_interval(share).unwrap_or_default()]
}

/// `chi-squared: 12.30, 6 degrees of freedom, p = 0.055; corrected by Holm over 14 tests p = 0.77`
pub(super) fn test_text(test: &Test) -> String {
    let degrees = test.degrees_of_freedom.map(|degrees| match degrees {
        1 => "1 degree of freedom".to_owned(),
        degrees => format!("{degrees} degrees of freedom"),
    });
    let statistic = test.statistic.map(|value| format!("{value:.2}"));
    let parts = [statistic, degrees, Some(p_text(test.p))];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let corrected = match test.family {
        0 | 1 => String::new(),
        family => format!("; corrected by Holm over {family} tests {}", p_text(test.p_holm)),
    };
    format!("{}: {parts}{corrected}", test.name)
}

/// `p = 0.034`, `p < 0.001`
pub(super) fn p_text(p: f64) -> String {
    match p_cell(p) {
        cell if cell.starts_with('<') => format!("p < {}", &cell[1..]),
        cell => format!("p = {cell}"),
    }
}

/// `0.034`, `<0.001`
pub(super) fn p_cell(p: f64) -> String {
    match p {
        p if p < 0.001 => "<0.001".to_owned(),
        p if p < 0.1 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// `−6.7 points [−9.0, −4.4]`
pub(super) fn points_cell(figure: &Figure) -> String {
    let value = figure.value.map_or_else(|| "undefined".to_owned(), points);
    match figure_interval(figure) {
        Some(interval) => format!("{value} {interval}"),
        None => value,
    }
}

/// The first `most` of many rows, with a sentence on the others.
pub(super) fn cut(table: &mut PlainTable, most: usize, what: &str) {
    if table.rows.len() > most {
        let more = table.rows.len() - most;
        table.rows.truncate(most);
        table.sentences.push(format!("{} more {what}.", count(more)));
    }
}
