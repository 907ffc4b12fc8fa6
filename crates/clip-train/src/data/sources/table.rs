//! Tables of text: a row is a pair, its image a path.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use clip_data::caption_columns;
use clip_formats::FileBytes;

use super::captions;
use super::open_files::OpenFiles;
use super::paths::{Naming, read_image, root_of};
use super::source::{Found, Source, place};
use crate::data::error::DataError;
use crate::data::ledger::{Reason, Unusable};
use crate::data::options::DataOptions;

/// What may divide cells; a header that more than one fits is divided by the first.
const SEPARATORS: [char; 4] = [',', '\t', ';', '|'];
/// Bytes of a header, or of a row, at most.
const ROW_LIMIT: u64 = 16 << 20;

/// Where a row lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) start: u64,
    pub(super) bytes: u32,
    /// The line that it begins in, from 1.
    pub(super) line: u32,
}

/// One file.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    name: String,
    root: PathBuf,
    separator: u8,
    image: usize,
    captions: Vec<usize>,
    rows: Vec<Row>,
}

/// All tables of a part.
#[derive(Debug)]
pub(super) struct Tables {
    tables: Vec<Table>,
    /// How many rows are in the tables before each.
    before: Vec<u64>,
    count: u64,
    open: OpenFiles<FileBytes>,
}

impl Tables {
    /// Lists the rows of all tables.
    ///
    /// # Errors
    /// A table cannot be read, or lacks a column.
    pub(super) fn open(
        paths: &[PathBuf],
        options: &DataOptions,
        naming: Naming,
    ) -> Result<(Self, Found), DataError> {
        let mut found = Found::default();
        let mut all =
            Self { tables: Vec::new(), before: Vec::new(), count: 0, open: OpenFiles::default() };
        for path in paths {
            let table = Table::list(path, options, naming(path), &mut found)?;
            all.before.push(all.count);
            all.count += table.rows.len() as u64;
            all.tables.push(table);
        }
        Ok((all, found))
    }

    fn row(&self, index: u64) -> Option<(usize, &Table, Row)> {
        let (number, within) = place(&self.before, index)?;
        let table = self.tables.get(number)?;
        Some((number, table, *table.rows.get(within)?))
    }

    /// The table and the cells of a row.
    fn cells(&self, index: u64) -> Result<(&Table, csv::StringRecord), Unusable> {
        let unreadable =
            |reason: String| Unusable::new(Reason::UnreadableFile, format!("its row: {reason}"));
        let (number, table, row) =
            self.row(index).ok_or_else(|| unreadable("is not there".to_owned()))?;
        let bytes = self.open.read((number, &table.path), row.start, row.bytes.into());
        let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
        let record = reader(&*bytes, table.separator).into_records().next();
        match record {
            Some(Ok(record)) => Ok((table, record)),
            Some(Err(error)) => Err(unreadable(error.to_string())),
            None => Err(unreadable("is gone".to_owned())),
        }
    }
}

impl Source for Tables {
    fn len(&self) -> u64 {
        self.count
    }

    fn key(&self, index: u64) -> String {
        match self.row(index) {
            Some((_, table, row)) => format!("{}:{}", table.name, row.line),
            None => index.to_string(),
        }
    }

    fn image(&self, index: u64) -> Result<Vec<u8>, Unusable> {
        let (table, cells) = self.cells(index)?;
        read_image(&table.root.join(table.image(&cells)?))
    }

    fn captions(&self, index: u64) -> Result<Vec<String>, Unusable> {
        let (table, cells) = self.cells(index)?;
        table.captions(&cells)
    }

    fn memory(&self) -> usize {
        self.tables.iter().map(|table| table.rows.capacity() * size_of::<Row>()).sum()
    }
}

impl Table {
    fn list(
        path: &PathBuf,
        options: &DataOptions,
        name: String,
        found: &mut Found,
    ) -> Result<Self, DataError> {
        let file = clip_files::open(path, u64::MAX).map_err(DataError::read(path))?;
        let header = first_line(&file).map_err(DataError::read(path))?;
        let malformed = |reason: String| DataError::malformed(path, reason);
        let (separator, image, captions) =
            columns(&header, options, &mut found.notes).map_err(malformed)?;
        let mut table = Self {
            path: path.clone(),
            name,
            root: root_of(path, options.image_root.as_ref()),
            separator,
            image,
            captions,
            rows: Vec::new(),
        };
        let file = clip_files::open(path, u64::MAX).map_err(DataError::read(path))?;
        table.enter(file, found)?;
        table.rows.shrink_to_fit();
        Ok(table)
    }

    fn enter(&mut self, file: File, found: &mut Found) -> Result<(), DataError> {
        let again = clip_files::open(&self.path, u64::MAX).map_err(DataError::read(&self.path))?;
        let mut lines = LineCounter { file: BufReader::with_capacity(1 << 20, again), line: 1 };
        let mut reader = reader(BufReader::with_capacity(1 << 20, file), self.separator);
        let mut record = csv::ByteRecord::new();
        let mut is_header = true;
        loop {
            let start = reader.position().byte();
            let more = reader.read_byte_record(&mut record);
            let more = more.map_err(|error| DataError::malformed(&self.path, error.to_string()))?;
            if !more {
                break;
            }
            let bytes = reader.position().byte() - start;
            let line = lines.pass(bytes).map_err(DataError::read(&self.path))?;
            if std::mem::take(&mut is_header) {
                continue;
            }
            match self.usable(&record, bytes) {
                Ok(captions) => {
                    found.take(&captions);
                    self.rows.push(Row { start, bytes: bytes as u32, line: line as u32 });
                }
                Err(unusable) => found.bad.push(unusable.of(format!("{}:{line}", self.name))),
            }
        }
        if self.rows.is_empty() && found.bad.is_empty() {
            let key = self.path.display().to_string();
            found.bad.push(Unusable::new(Reason::EmptyFile, "has no row").of(key));
        }
        Ok(())
    }

    fn usable(&self, record: &csv::ByteRecord, bytes: u64) -> Result<Vec<String>, Unusable> {
        if bytes > ROW_LIMIT {
            let detail = format!("{bytes} bytes, limit {ROW_LIMIT}: is a quote not closed?");
            return Err(Unusable::new(Reason::NotAText, detail));
        }
        let cells = csv::StringRecord::from_byte_record(record.clone())
            .map_err(|_| Unusable::new(Reason::NotAText, "is not UTF-8"))?;
        self.image(&cells)?;
        self.captions(&cells)
    }

    fn image<'a>(&self, cells: &'a csv::StringRecord) -> Result<&'a str, Unusable> {
        let path = cells.get(self.image).map(str::trim).unwrap_or_default();
        match path.is_empty() {
            true => Err(Unusable::new(Reason::NoImage, "names no image")),
            false => Ok(path),
        }
    }

    fn captions(&self, cells: &csv::StringRecord) -> Result<Vec<String>, Unusable> {
        let cells: Vec<&str> =
            self.captions.iter().filter_map(|&column| cells.get(column)).map(str::trim).collect();
        if cells.is_empty() {
            return Err(Unusable::new(Reason::NoCaption, "has no cell for its caption"));
        }
        let said = cells.into_iter().filter(|cell| !cell.is_empty());
        captions::some(said.map(str::to_owned).collect())
    }
}

/// Knows lines where the reader of tables does not: it leaves the end of one to the next row, and
/// blank ones too.
struct LineCounter {
    file: BufReader<File>,
    line: u64,
}

impl LineCounter {
    /// Passes over a row and what stands before it; the line that it begins in.
    fn pass(&mut self, bytes: u64) -> std::io::Result<u64> {
        let mut row = Vec::new();
        self.file.by_ref().take(bytes).read_to_end(&mut row)?;
        let before = row.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (before, row) = row.split_at(before);
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let begin = self.line + count(before);
        self.line = begin + count(row);
        Ok(begin)
    }
}

fn reader<R: Read>(file: R, separator: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(file)
}

fn first_line(file: &File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::io::BufRead::read_until(&mut BufReader::new(file.take(ROW_LIMIT)), b'\n', &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The separator, and the places of the columns.
fn columns(
    header: &str,
    options: &DataOptions,
    notes: &mut Vec<String>,
) -> Result<(u8, usize, Vec<usize>), String> {
    let separators = match options.separator {
        Some(separator) => vec![separator],
        None => SEPARATORS.to_vec(),
    };
    let mut lacking = String::new();
    for separator in separators {
        let byte = u8::try_from(separator).map_err(|_| {
            format!("separator `{separator}` is not one byte: a comma, a tab, a semicolon, a bar")
        })?;
        let record =
            reader(header.trim_start_matches('\u{feff}').as_bytes(), byte).into_records().next();
        let cells: Vec<String> = match record {
            Some(Ok(record)) => record.iter().map(|cell| cell.trim().to_owned()).collect(),
            _ => Vec::new(),
        };
        match places(&cells, options) {
            Ok((image, captions, found)) => {
                notes.extend(found);
                return Ok((byte, image, captions));
            }
            Err(reason) if lacking.is_empty() || cells.len() > 1 => lacking = reason,
            Err(_) => {}
        }
    }
    Err(lacking)
}

/// Places of the image and of the captions among names, and notes for people.
pub(super) fn places(
    names: &[String],
    options: &DataOptions,
) -> Result<(usize, Vec<usize>, Vec<String>), String> {
    let place = |wanted: &str| {
        names
            .iter()
            .position(|name| name == wanted)
            .ok_or_else(|| format!("has no column or key `{wanted}`; it has {}", names.join(", ")))
    };
    let usual = || -> Result<_, String> {
        // open_clip's own names, whatever else there is.
        if let (Ok(image), Ok(caption)) = (place("filepath"), place("title")) {
            return Ok((image, vec![caption], Vec::new()));
        }
        let found = caption_columns(names).ok_or_else(|| {
            format!(
                "has no columns or keys with the usual names for images and captions \
                 (`filepath` and `title`, `image` and `caption`); it has {}: \
                 `image_column` and `caption_columns` say which they are",
                names.join(", ")
            )
        })?;
        Ok((found.image, found.captions, found.notes))
    };
    let all = |columns: &[String]| -> Result<Vec<usize>, String> {
        columns.iter().map(|name| place(name)).collect()
    };
    Ok(match (&options.image_column, &*options.caption_columns) {
        (Some(image), captions @ [_, ..]) => (place(image)?, all(captions)?, Vec::new()),
        (Some(image), []) => (place(image)?, usual()?.1, Vec::new()),
        (None, captions @ [_, ..]) => (usual()?.0, all(captions)?, Vec::new()),
        (None, []) => usual()?,
    })
}
