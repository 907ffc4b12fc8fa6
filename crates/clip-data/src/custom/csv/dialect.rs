//! The dialect of a table: what divides its cells, and whether its quotes mean anything.
//!
//! Both are decided by what makes the table consistent: a header with columns that are known, and
//! rows of as many cells. Where a quote is never closed, and rows without quotes are consistent,
//! quotes are text.

use crate::listing::is_image;

/// A table as it was read.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) header: Vec<String>,
    /// Rows with something in them, and the line where each begins.
    pub(super) rows: Vec<(u64, Vec<String>)>,
    pub(super) notes: Vec<String>,
}

/// What may divide cells; a header that more than one fits is divided by the first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Reads a table whose header `knows` recognises; `lacks` says in words what is missing in one that
/// it does not, by its cells.
///
/// # Errors
/// Why it is none, with the line.
pub(super) fn read(
    text: &str,
    knows: impl Fn(&[String]) -> bool,
    lacks: impl FnOnce(&[String]) -> String,
) -> Result<Table, String> {
    let (said, skipped, text) = spreadsheet_hint(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).ok_or("the table is empty")?;
    let fits = |delimiter: &u8| knows(&cells_of_line(first, *delimiter));
    let delimiter = said.filter(fits).or_else(|| DELIMITERS.into_iter().find(fits));
    let delimiter = delimiter.ok_or_else(|| what_is_no_header(first, lacks))?;
    let mut notes = Vec::new();
    let quoting = match quoting(text, delimiter) {
        Quotes::Mean => true,
        Quotes::AreText(line) => {
            let line = line.saturating_add(skipped);
            notes.push(format!(
                "line {line}: a quote that is never closed; quotes are read as text"
            ));
            false
        }
        Quotes::AreUnclear(line) => {
            let line = line.saturating_add(skipped);
            return Err(format!(
                "line {line}: a quote begins a cell and is not closed before the line ends: close it, write the text in \
                 one line, or the quote twice inside a quoted cell"
            ));
        }
    };
    let mut table = rows(text, delimiter, quoting, skipped)?;
    table.notes.extend(notes);
    Ok(table)
}

/// `sep=;`, which spreadsheets write and read: the delimiter, the lines passed over, the rest.
fn spreadsheet_hint(text: &str) -> (Option<u8>, u64, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let hint = first.trim_end_matches('\r').trim_matches('"').to_ascii_lowercase();
    match hint.strip_prefix("sep=").map(str::as_bytes) {
        Some(&[delimiter]) => (Some(delimiter), 1, rest),
        _ => (None, 0, text),
    }
}

/// Of a first line that is not known: the cells are those of the delimiter that makes the most.
fn what_is_no_header(first: &str, lacks: impl FnOnce(&[String]) -> String) -> String {
    let ways = DELIMITERS.map(|delimiter| cells_of_line(first, delimiter));
    if ways.iter().flatten().any(|cell| is_image(cell)) {
        return format!(
            "there is no header line: write `file,label`, `file,caption` or `file,gender` above `{first}`"
        );
    }
    lacks(ways.iter().rev().max_by_key(|cells| cells.len()).map_or(&[], Vec::as_slice))
}

fn cells_of_line(line: &str, delimiter: u8) -> Vec<String> {
    let mut reader = reader(line, delimiter, true);
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn reader(text: &str, delimiter: u8, quoting: bool) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes())
}

/// What the quotes of a table are.
#[derive(Debug, PartialEq, Eq)]
enum Quotes {
    Mean,
    /// Since the one that begins in this line is not closed, and lines without quotes are
    /// consistent.
    AreText(u64),
    /// Neither way of reading is consistent, or both are.
    AreUnclear(u64),
}

fn quoting(text: &str, delimiter: u8) -> Quotes {
    match first_odd_quote(text, delimiter) {
        OddQuote::None => Quotes::Mean,
        OddQuote::Unclosed(line) if lines_are_consistent(text, delimiter) => Quotes::AreText(line),
        OddQuote::Unclosed(line) => Quotes::AreUnclear(line),
        // A cell of several lines, unless its lines could be rows.
        OddQuote::AcrossLines(line) if lines_are_consistent(text, delimiter) => match delimiter {
            b'\t' => Quotes::AreText(line),
            _ => Quotes::AreUnclear(line),
        },
        OddQuote::AcrossLines(_) => Quotes::Mean,
    }
}

enum OddQuote {
    None,
    Unclosed(u64),
    AcrossLines(u64),
}

/// The first quote that begins a cell and is not closed at the end of one: in none, or in another
/// line.
fn first_odd_quote(text: &str, delimiter: u8) -> OddQuote {
    let mut line = 1_u64;
    let mut across = None;
    let mut at_start = true;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'"' || !at_start {
            line = line.saturating_add(u64::from(byte == b'\n'));
            at_start = byte == delimiter || byte == b'\n';
            continue;
        }
        let begin = line;
        loop {
            match bytes.next() {
                None => return OddQuote::Unclosed(begin),
                Some(b'"') if bytes.peek() == Some(&b'"') => {
                    bytes.next();
                }
                Some(b'"') => break,
                Some(byte) => line = line.saturating_add(u64::from(byte == b'\n')),
            }
        }
        match bytes.peek() {
            None | Some(b'\n' | b'\r') => {}
            Some(&byte) if byte == delimiter => {}
            Some(_) => return OddQuote::Unclosed(begin),
        }
        if line > begin {
            across = across.or(Some(begin));
        }
        at_start = false;
    }
    across.map_or(OddQuote::None, OddQuote::AcrossLines)
}

/// Whether every line has as many cells as the first, quotes being text.
fn lines_are_consistent(text: &str, delimiter: u8) -> bool {
    let cells = |line: &str| line.bytes().filter(|&byte| byte == delimiter).count();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).map(cells);
    lines.next().is_some_and(|first| lines.all(|count| count == first))
}

fn rows(text: &str, delimiter: u8, quoting: bool, skipped: u64) -> Result<Table, String> {
    let mut table = Table { header: Vec::new(), rows: Vec::new(), notes: Vec::new() };
    let mut lines = Lines { text, passed: 0, line: skipped.saturating_add(1) };
    for record in reader(text, delimiter, quoting).records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<String> = record.iter().map(|cell| cell_text(cell, quoting)).collect();
        if table.header.is_empty() {
            table.header = cells;
            continue;
        }
        let columns = table.header.len();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        if cells.iter().skip(columns).any(|cell| !cell.is_empty()) {
            let count = cells.len();
            return Err(format!(
                "line {line}: {count} cells for {columns} columns: quote a text that holds the delimiter"
            ));
        }
        table.rows.push((line, cells));
    }
    Ok(table)
}

/// Counts lines up to where records begin: the reader counts the end of a line, `\r\n`, and empty
/// lines to the record behind them.
struct Lines<'a> {
    text: &'a str,
    /// Bytes whose lines are counted.
    passed: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that the reader says begins at a byte, no earlier than the last.
    fn of(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).max(self.passed);
        let bytes = self.text.as_bytes();
        let behind = bytes.get(byte..).unwrap_or_default().iter();
        let ends = behind.take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = byte.saturating_add(ends);
        let between = bytes.get(self.passed..begin).unwrap_or_default();
        let lines = between.iter().filter(|&&byte| byte == b'\n').count();
        self.line = self.line.saturating_add(lines as u64);
        self.passed = begin;
        self.line
    }
}

/// A cell; where quotes are text, those around a whole cell still are none of it.
fn cell_text(cell: &str, quoting: bool) -> String {
    let cell = cell.trim();
    let inner = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !quoting => inner.replace("\"\"", "\""),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table, String> {
        let knows =
            |header: &[String]| header.iter().any(|cell| cell == "file") && header.len() > 1;
        read(text, knows, |cells| cells.join(" and "))
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        table(text).expect("a table").rows.into_iter().map(|(_, cells)| cells).collect()
    }

    #[test]
    fn delimiter_and_quotes_are_what_makes_the_table_consistent() {
        for (text, expected) in [
            ("file;label\na,1.jpg;x\n", [["a,1.jpg", "x"]].as_slice()),
            ("file|label\na|x", &[["a", "x"]]),
            ("file,label\r\n\"a, b\",\"x\"\r\n,\r\n\r\n", &[["a, b", "x"]]),
            ("sep=;\r\nfile;label\r\na;x\r\n", &[["a", "x"]]),
            ("file,label\na,6\" pipe\n", &[["a", "6\" pipe"]]),
            ("file,label\na,\"two\nlines\"\nb,y\n", &[["a", "two\nlines"], ["b", "y"]]),
            ("file,label\na,\"x\nb,y\nc,\"z\"\n", &[["a", "\"x"], ["b", "y"], ["c", "z"]]),
            ("file\tlabel\na\t\"Best x\nb\ty\n", &[["a", "\"Best x"], ["b", "y"]]),
            ("file\tlabel\na\t\"Best x\nb\tthe end\"\n", &[["a", "\"Best x"], ["b", "the end\""]]),
        ] {
            assert_eq!(cells(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_unclear_is_refused_with_its_line() {
        for (text, reason) in [
            ("sep=,\nfile,label\n\"a, b\",x\nc,\"y\n", "line 4"),
            ("file,label\na,\"x\nb,y\"\n", "line 2"),
            ("file,label\na,x, y\n", "line 2: 3 cells for 2 columns"),
            ("file,label\r\na,x, y\r\n", "line 2: 3 cells for 2 columns"),
            ("sep=,\r\nfile,label\r\na,x\r\n\r\n\r\nb,x, y\r\n", "line 6: 3 cells"),
            ("\nfile,label\n\na,\"two\nlines\"\n\nb,x, y", "line 7: 3 cells"),
            ("a.jpg,x\nb.jpg,y\n", "no header line"),
            ("one,two\na,b\n", "one and two"),
            ("\n", "empty"),
        ] {
            let message = table(text).expect_err("refused");
            assert!(message.contains(reason), "{text}: {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(file|label|[,\"\n\t;a]){0,40}") {
            let _ = table(&text);
        }
    }
}
