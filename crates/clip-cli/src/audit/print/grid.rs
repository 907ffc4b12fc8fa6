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

/// A line for each row. Where they do not fit, texts are cut, columns that can be spared are left
/// out, and at last every row becomes a paragraph.
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
            return Some(widths);
        }
        let texts = (0..widths.len()).filter(|&i| table.columns[kept[i]].align == Align::Left);
        let widest = texts.max_by_key(|&i| widths[i])?;
        if widths[widest] <= least {
            return None;
        }
        widths[widest] = widths[widest].saturating_sub(over).max(widths[widest] / 2).max(least);
    }
}

fn lines(table: &PlainTable, kept: &[usize], widths: &[usize]) -> String {
    let line = |cells: Vec<&str>| {
        let cells = cells.into_iter().zip(kept).zip(widths);
        let cells = cells.map(|((cell, &at), &width)| match table.columns[at].align {
            Align::Left => fit(cell, width),
            Align::Right => right(cell, width),
        });
        let line: String = cells.map(|cell| " ".repeat(GAP) + &cell).collect();
        line.trim_end().to_owned() + "\n"
    };
    let broken = |(&at, &width): (&usize, &usize)| broken(&table.columns[at].name, width);
    let headings: Vec<Vec<String>> = kept.iter().zip(widths).map(broken).collect();
    let height = headings.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for above in (0..height).rev() {
        // The last lines of all headings stand side by side.
        let part = |heading: &'_ Vec<String>| heading.len().checked_sub(above + 1);
        let cells = headings.iter().map(|h| part(h).map_or("", |at| &*h[at])).collect();
        text += &line(cells);
    }
    for row in &table.rows {
        text += &line(kept.iter().map(|&at| &*row[at]).collect());
    }
    text
}

fn right(cell: &str, columns: usize) -> String {
    let cell = printable(cell);
    " ".repeat(columns.saturating_sub(width(&cell))) + &cell
}

/// A heading in lines of at most `columns`, broken at blanks.
fn broken(heading: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in heading.split(' ') {
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

/// `Black         n 47, % 61.2, …`
fn paragraphs(table: &PlainTable, kept: &[usize], columns: usize) -> String {
    let row = |row: &Vec<String>| {
        let cells = kept.iter().skip(1).filter(|&&at| !row[at].is_empty());
        let cells = cells.map(|&at| format!("{} {}", table.columns[at].name, row[at]));
        let first = kept.first().map_or("", |&at| &*row[at]);
        wrapped(&format!("  {first}"), KEY, &cells.collect::<Vec<_>>().join(", "), columns)
    };
    table.rows.iter().map(row).collect()
}
