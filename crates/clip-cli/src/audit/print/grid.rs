//! A table of texts in the columns of a terminal.

use clip_report::plain::{Align, PlainTable};

use crate::table::{fit, printable, width, wrapped};

/// Between two columns, and before the first.
const GAP: usize = 2;
/// Columns of a text at least, before a column that can be spared goes, and after.
const COMFORTABLE: usize = 18;
const LEAST: usize = 8;
/// Columns of the first cell of a row that is no line.
const KEY: usize = 14;

/// A line for each row. Where they do not fit, texts are broken, columns that can be spared are
/// left out, and at last every row becomes a paragraph.
pub(super) fn grid(table: &PlainTable, columns: usize) -> String {
    if table.rows.is_empty() {
        return "  nothing\n".to_owned();
    }
    let mut kept: Vec<usize> = (0..table.columns.len()).collect();
    loop {
        let least =
            if kept.iter().any(|&at| table.columns[at].spare) { COMFORTABLE } else { LEAST };
        if let Some(widths) = fitting(table, &kept, columns, least) {
            return lines(table, &kept, &widths);
        }
        match kept.iter().rposition(|&at| table.columns[at].spare) {
            Some(spare) => drop(kept.remove(spare)),
            None => return paragraphs(table, &kept, columns),
        }
    }
}

/// Widths of the columns that are kept; none where they have no room.
fn fitting(table: &PlainTable, kept: &[usize], columns: usize, least: usize) -> Option<Vec<usize>> {
    let needed = |&at: &usize| {
        let heading = table.columns[at].name.split(' ').map(width).max().unwrap_or(0);
        let cells = table.rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
        heading.max(cells)
    };
    let mut widths: Vec<usize> = kept.iter().map(needed).collect();
    loop {
        let over = (widths.iter().sum::<usize>() + GAP * widths.len()).saturating_sub(columns);
        if over == 0 {
            return Some(with_room_for_headings(table, kept, widths, columns));
        }
        let texts = (0..widths.len()).filter(|&i| table.columns[kept[i]].align == Align::Left);
        let widest = texts.max_by_key(|&i| widths[i])?;
        if widths[widest] <= least {
            return None;
        }
        widths[widest] = widths[widest].saturating_sub(over).max(widths[widest] / 2).max(least);
    }
}

/// Spends what is left on headings of more than two lines.
fn with_room_for_headings(
    table: &PlainTable,
    kept: &[usize],
    mut widths: Vec<usize>,
    columns: usize,
) -> Vec<usize> {
    let lines = |at: usize, width: usize| broken(&table.columns[kept[at]].name, width).len();
    let used: usize = widths.iter().map(|width| width + GAP).sum();
    for _ in used..columns {
        let tallest = (0..widths.len()).max_by_key(|&at| lines(at, widths[at]));
        match tallest.filter(|&at| lines(at, widths[at]) > 2) {
            Some(at) => widths[at] += 1,
            None => break,
        }
    }
    widths
}

fn lines(table: &PlainTable, kept: &[usize], widths: &[usize]) -> String {
    let headings = kept.iter().zip(widths);
    let headings = headings.map(|(&at, &width)| broken(&table.columns[at].name, width)).collect();
    let mut text = side_by_side(table, kept, widths, headings, true);
    for row in &table.rows {
        // Texts go on in the next line; numbers are never wider than their column.
        let cells = kept.iter().zip(widths).map(|(&at, &width)| broken(&row[at], width));
        text += &side_by_side(table, kept, widths, cells.collect(), false);
    }
    text
}

/// Cells of several lines beside each other, on one ground or under one ceiling.
fn side_by_side(
    table: &PlainTable,
    kept: &[usize],
    widths: &[usize],
    cells: Vec<Vec<String>>,
    at_the_bottom: bool,
) -> String {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        let mut written = String::new();
        for ((cell, &at), &width) in cells.iter().zip(kept).zip(widths) {
            let above = if at_the_bottom { height - cell.len() } else { 0 };
            let part = line.checked_sub(above).and_then(|line| cell.get(line));
            let part = part.map_or("", String::as_str);
            written += &" ".repeat(GAP);
            written += &match table.columns[at].align {
                Align::Left => fit(part, width),
                Align::Right => right(part, width),
            };
        }
        text += written.trim_end();
        text.push('\n');
    }
    text
}

fn right(cell: &str, columns: usize) -> String {
    let cell = printable(cell);
    " ".repeat(columns.saturating_sub(width(&cell))) + &cell
}

/// A text in lines of at most `columns`, broken at blanks; a longer word is left whole.
fn broken(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("begins with one");
        if !line.is_empty() && width(line) + 1 + width(word) > columns {
            lines.push(word.to_owned());
        } else {
            *line += if line.is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines
}

/// `Black         n 47, % 61.2, …`, a longer name above the rest.
fn paragraphs(table: &PlainTable, kept: &[usize], columns: usize) -> String {
    let row = |row: &Vec<String>| {
        let cells = kept.iter().skip(1).filter(|&&at| !row[at].is_empty());
        let cells = cells.map(|&at| format!("{} {}", table.columns[at].name, row[at]));
        let cells = cells.collect::<Vec<_>>().join(", ");
        let first = format!("  {}", kept.first().map_or("", |&at| &*row[at]));
        match width(&first) > KEY {
            true => wrapped("", 1, &first, columns) + &wrapped("", 3, &cells, columns),
            false => wrapped(&first, KEY, &cells, columns),
        }
    };
    table.rows.iter().map(row).collect()
}
