//! Apache Parquet: a row is a pair, its image bytes in the file or a path.
//!
//! The columns of captions are read once, for what cannot be used. Afterwards the pages before a
//! row are passed over by their headers, and one page of each column is unpacked.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clip_formats::FileBytes;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use super::captions;
use super::open_files::OpenFiles;
use super::paths::{Naming, read_image, root_of};
use super::source::{Found, Source, place};
use super::table::places;
use crate::data::error::DataError;
use crate::data::ledger::{Reason, Unusable};
use crate::data::options::DataOptions;

type Reader = SerializedFileReader<Chunks>;

/// Rows whose captions are in memory at a time while a file is listed.
const ROWS_AT_ONCE: usize = 4096;

/// One file.
#[derive(Debug)]
struct Rows {
    path: PathBuf,
    name: String,
    root: PathBuf,
    /// Number of its first row in each group, and the number of all at the end.
    groups: Vec<u64>,
    columns: Columns,
    /// Numbers of the rows that can be used.
    usable: Vec<u32>,
}

/// Places of the columns among those that hold values.
#[derive(Debug, Clone)]
struct Columns {
    /// Bytes of images.
    bytes: Option<usize>,
    /// Paths of images.
    path: Option<usize>,
    captions: Vec<usize>,
}

/// All files of a part.
pub(super) struct Parquet {
    files: Vec<Rows>,
    /// How many pairs are in the files before each.
    before: Vec<u64>,
    count: u64,
    open: OpenFiles<Reader>,
}

impl Parquet {
    /// Lists the rows of all files.
    ///
    /// # Errors
    /// A file cannot be read, or lacks a column.
    pub(super) fn open(
        paths: &[PathBuf],
        options: &DataOptions,
        naming: Naming,
    ) -> std::result::Result<(Self, Found), DataError> {
        let mut found = Found::default();
        let mut all =
            Self { files: Vec::new(), before: Vec::new(), count: 0, open: OpenFiles::default() };
        for path in paths {
            let rows = Rows::list(path, options, naming(path), &mut found)?;
            all.before.push(all.count);
            all.count += rows.usable.len() as u64;
            all.files.push(rows);
        }
        Ok((all, found))
    }

    fn row(&self, index: u64) -> Option<(usize, &Rows, u32)> {
        let (number, within) = place(&self.before, index)?;
        let rows = self.files.get(number)?;
        Some((number, rows, *rows.usable.get(within)?))
    }

    /// What `columns` hold in a row.
    fn values(
        &self,
        index: u64,
        columns: impl Fn(&Columns) -> Vec<usize>,
    ) -> std::result::Result<(&Rows, Vec<ByteArray>), Unusable> {
        let unreadable =
            |reason: String| Unusable::new(Reason::UnreadableFile, format!("its row: {reason}"));
        let (number, rows, row) =
            self.row(index).ok_or_else(|| unreadable("is not there".to_owned()))?;
        let reader = self.open.get(number, || open(&rows.path));
        let reader = reader.map_err(|error| unreadable(error.to_string()))?;
        let (group, within) = place(&rows.groups, row.into())
            .ok_or_else(|| unreadable("is in no group".to_owned()))?;
        let mut all = Vec::new();
        for column in columns(&rows.columns) {
            let values = Values::open(&reader, group, column).and_then(|mut values| {
                values.pass(within)?;
                values.take(1)
            });
            all.extend(
                values.map_err(|error| unreadable(error.to_string()))?.into_iter().flatten(),
            );
        }
        Ok((rows, all))
    }
}

impl Source for Parquet {
    fn len(&self) -> u64 {
        self.count
    }

    fn key(&self, index: u64) -> String {
        match self.row(index) {
            Some((_, rows, row)) => format!("{}:{row}", rows.name),
            None => index.to_string(),
        }
    }

    fn image(&self, index: u64) -> std::result::Result<Vec<u8>, Unusable> {
        let (_, bytes) = self.values(index, |columns| columns.bytes.into_iter().collect())?;
        if let Some(bytes) = bytes.first().filter(|bytes| !bytes.is_empty()) {
            return Ok(bytes.data().to_vec());
        }
        let (rows, path) = self.values(index, |columns| columns.path.into_iter().collect())?;
        match path.first().and_then(|path| std::str::from_utf8(path.data()).ok()) {
            Some(path) if !path.is_empty() => read_image(&rows.root.join(path)),
            _ => Err(Unusable::new(Reason::NoImage, "has neither bytes nor a path of an image")),
        }
    }

    fn captions(&self, index: u64) -> std::result::Result<Vec<String>, Unusable> {
        texts(&self.values(index, |columns| columns.captions.clone())?.1)
    }

    fn memory(&self) -> usize {
        self.files.iter().map(|rows| rows.usable.capacity() * 4 + rows.groups.capacity() * 8).sum()
    }
}

/// Captions of the values of a row.
fn texts(values: &[ByteArray]) -> std::result::Result<Vec<String>, Unusable> {
    if values.is_empty() {
        return Err(Unusable::new(Reason::NoCaption, "has no caption"));
    }
    let text = |value: &ByteArray| match std::str::from_utf8(value.data()) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(_) => Err(Unusable::new(Reason::NotAText, "its caption is not UTF-8")),
    };
    let texts = values.iter().map(text).collect::<std::result::Result<Vec<_>, _>>()?;
    captions::some(texts.into_iter().filter(|text| !text.is_empty()).collect())
}

impl Rows {
    fn list(
        path: &Path,
        options: &DataOptions,
        name: String,
        found: &mut Found,
    ) -> std::result::Result<Self, DataError> {
        let malformed = |error: ParquetError| DataError::malformed(path, error.to_string());
        let reader = open(path).map_err(malformed)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = Columns::of(&schema, options, &mut found.notes)
            .map_err(|reason| DataError::malformed(path, reason))?;
        let mut rows = Self {
            path: path.to_owned(),
            name,
            root: root_of(path, options.image_root.as_ref()),
            groups: vec![0],
            columns,
            usable: Vec::new(),
        };
        for group in 0..reader.num_row_groups() {
            rows.enter(&reader, group, found).map_err(malformed)?;
        }
        if rows.usable.is_empty() && found.bad.is_empty() {
            let key = path.display().to_string();
            found.bad.push(Unusable::new(Reason::EmptyFile, "has no row").of(key));
        }
        rows.usable.shrink_to_fit();
        Ok(rows)
    }

    fn enter(&mut self, reader: &Reader, group: usize, found: &mut Found) -> Result<()> {
        let count = u64::try_from(reader.metadata().row_group(group).num_rows()).unwrap_or(0);
        let first = self.groups.last().copied().unwrap_or(0);
        let end = first.saturating_add(count);
        if u32::try_from(end).is_err() {
            return Err(ParquetError::General(format!("{end} rows, limit {}", u32::MAX)));
        }
        let columns = self.columns.captions.iter();
        let mut columns = columns
            .map(|column| Values::open(reader, group, *column))
            .collect::<Result<Vec<_>>>()?;
        let mut row = first;
        while row < end {
            let step = ROWS_AT_ONCE.min((end - row) as usize);
            let mut all = vec![Vec::new(); step];
            for values in &mut columns {
                for (of_row, more) in all.iter_mut().zip(values.take(step)?) {
                    of_row.extend(more);
                }
            }
            for values in &all {
                match texts(values) {
                    Ok(captions) => {
                        found.take(&captions);
                        self.usable.push(row as u32);
                    }
                    Err(unusable) => found.bad.push(unusable.of(format!("{}:{row}", self.name))),
                }
                row += 1;
            }
        }
        self.groups.push(end);
        Ok(())
    }
}

impl Columns {
    fn of(
        schema: &SchemaDescriptor,
        options: &DataOptions,
        notes: &mut Vec<String>,
    ) -> std::result::Result<Self, String> {
        let fields = schema.root_schema().get_fields();
        let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
        let (image, captions, found) = places(&names, options)?;
        notes.extend(found);
        let texts = |name: &String| {
            let mut leaves = (0..schema.num_columns()).filter(|&column| {
                let leaf = schema.column(column);
                leaf.path().parts().first() == Some(name)
                    && leaf.physical_type() == Type::BYTE_ARRAY
                    && leaf.max_rep_level() <= 1
            });
            leaves.next().ok_or_else(|| format!("column `{name}` is neither text nor bytes"))
        };
        let captions = captions
            .iter()
            .map(|&place| texts(names.get(place).ok_or("has no such column")?))
            .collect::<std::result::Result<_, _>>()?;
        let name = names.get(image).ok_or("has no such column")?;
        let inside = |inner: &str| {
            (0..schema.num_columns()).find(|&column| {
                let leaf = schema.column(column);
                leaf.path().parts() == [name.clone(), inner.to_owned()]
                    && leaf.physical_type() == Type::BYTE_ARRAY
            })
        };
        let (bytes, path) = (inside("bytes"), inside("path"));
        if bytes.is_some() || path.is_some() {
            return Ok(Self { bytes, path, captions });
        }
        let leaf = texts(name)?;
        let descriptor = schema.column(leaf);
        let is_text = descriptor.converted_type() == ConvertedType::UTF8
            || matches!(descriptor.logical_type_ref(), Some(LogicalType::String));
        let (bytes, path) = if is_text { (None, Some(leaf)) } else { (Some(leaf), None) };
        Ok(Self { bytes, path, captions })
    }
}

/// The values of a column of texts or bytes in one group of rows.
struct Values {
    reader: parquet::column::reader::ColumnReaderImpl<parquet::data_type::ByteArrayType>,
    most_defined: i16,
    is_list: bool,
}

impl Values {
    fn open(reader: &Reader, group: usize, column: usize) -> Result<Self> {
        let descriptor = reader.metadata().file_metadata().schema_descr().column(column);
        match reader.get_row_group(group)?.get_column_reader(column)? {
            ColumnReader::ByteArrayColumnReader(reader) => Ok(Self {
                reader,
                most_defined: descriptor.max_def_level(),
                is_list: descriptor.max_rep_level() > 0,
            }),
            _ => Err(ParquetError::General(format!("column {column} is not of bytes"))),
        }
    }

    fn pass(&mut self, rows: usize) -> Result<()> {
        let passed = self.reader.skip_records(rows)?;
        match passed == rows {
            true => Ok(()),
            false => Err(ParquetError::EOF(format!("row {rows} of {passed}"))),
        }
    }

    /// What stands in each of the next rows.
    fn take(&mut self, rows: usize) -> Result<Vec<Vec<ByteArray>>> {
        let mut all: Vec<Vec<ByteArray>> = Vec::with_capacity(rows);
        let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (read, _, levels) =
            self.reader.read_records(rows, Some(&mut defined), Some(&mut repeated), &mut values)?;
        if read != rows {
            return Err(ParquetError::EOF(format!("{read} rows of {rows}")));
        }
        let mut values = values.into_iter();
        for level in 0..levels {
            if !self.is_list || repeated.get(level) == Some(&0) {
                all.push(Vec::new());
            }
            let is_there = self.most_defined == 0 || defined.get(level) == Some(&self.most_defined);
            if is_there && let Some(row) = all.last_mut() {
                row.extend(values.next());
            }
        }
        match all.len() == rows {
            true => Ok(all),
            false => Err(ParquetError::General(format!("{} rows of {rows}", all.len()))),
        }
    }
}

fn open(path: &Path) -> Result<Reader> {
    let file = FileBytes::open(path).map_err(|error| ParquetError::General(error.to_string()))?;
    SerializedFileReader::new(Chunks(Arc::new(file)))
}

/// A file that threads read at their own places.
struct Chunks(Arc<FileBytes>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Onwards>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(Onwards { file: Arc::clone(&self.0), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.0.read(start, length as u64);
        bytes.map(Bytes::from).map_err(|error| ParquetError::EOF(error.to_string()))
    }
}

/// The bytes of a file from some place on.
struct Onwards {
    file: Arc<FileBytes>,
    at: u64,
}

impl Read for Onwards {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.file.len().saturating_sub(self.at);
        let count = left.min(buffer.len() as u64);
        let bytes = self.file.read(self.at, count).map_err(std::io::Error::other)?;
        self.at += count;
        bytes.as_slice().read(buffer)
    }
}
