//! JSON lines: an object per line is a pair, its image a path.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clip_formats::FileBytes;
use serde_json::{Map, Value};

use super::captions;
use super::open_files::OpenFiles;
use super::paths::{Naming, read_image, root_of};
use super::source::{Found, Source, place};
use super::table::{Row, places};
use crate::data::error::DataError;
use crate::data::ledger::{Reason, Unusable};
use crate::data::options::DataOptions;

/// Bytes of a line at most.
const LINE_LIMIT: u64 = 16 << 20;

/// One file.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    name: String,
    root: PathBuf,
    image: String,
    captions: Vec<String>,
    rows: Vec<Row>,
}

/// All files of a part.
#[derive(Debug)]
pub(super) struct JsonLines {
    files: Vec<Lines>,
    /// How many lines are in the files before each.
    before: Vec<u64>,
    count: u64,
    open: OpenFiles<FileBytes>,
}

impl JsonLines {
    /// Lists the lines of all files.
    ///
    /// # Errors
    /// A file cannot be read, or its first line lacks a key.
    pub(super) fn open(
        paths: &[PathBuf],
        options: &DataOptions,
        naming: Naming,
    ) -> Result<(Self, Found), DataError> {
        let mut found = Found::default();
        let mut all =
            Self { files: Vec::new(), before: Vec::new(), count: 0, open: OpenFiles::default() };
        for path in paths {
            let lines = Lines::list(path, options, naming(path), &mut found)?;
            all.before.push(all.count);
            all.count += lines.rows.len() as u64;
            all.files.push(lines);
        }
        Ok((all, found))
    }

    fn row(&self, index: u64) -> Option<(usize, &Lines, Row)> {
        let (number, within) = place(&self.before, index)?;
        let lines = self.files.get(number)?;
        Some((number, lines, *lines.rows.get(within)?))
    }

    fn object(&self, index: u64) -> Result<(&Lines, Map<String, Value>), Unusable> {
        let unreadable =
            |reason: String| Unusable::new(Reason::UnreadableFile, format!("its line: {reason}"));
        let (number, lines, row) =
            self.row(index).ok_or_else(|| unreadable("is not there".to_owned()))?;
        let bytes = self.open.read((number, &lines.path), row.start, row.bytes.into());
        let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
        Ok((lines, object(&bytes)?))
    }
}

impl Source for JsonLines {
    fn len(&self) -> u64 {
        self.count
    }

    fn key(&self, index: u64) -> String {
        match self.row(index) {
            Some((_, lines, row)) => format!("{}:{}", lines.name, row.line),
            None => index.to_string(),
        }
    }

    fn image(&self, index: u64) -> Result<Vec<u8>, Unusable> {
        let (lines, object) = self.object(index)?;
        read_image(&lines.root.join(lines.image(&object)?))
    }

    fn captions(&self, index: u64) -> Result<Vec<String>, Unusable> {
        let (lines, object) = self.object(index)?;
        lines.captions(&object)
    }

    fn memory(&self) -> usize {
        self.files.iter().map(|lines| lines.rows.capacity() * size_of::<Row>()).sum()
    }
}

impl Lines {
    fn list(
        path: &Path,
        options: &DataOptions,
        name: String,
        found: &mut Found,
    ) -> Result<Self, DataError> {
        let file = clip_files::open(path, u64::MAX).map_err(DataError::read(path))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut lines = Self {
            path: path.to_owned(),
            name,
            root: root_of(path, options.image_root.as_ref()),
            image: String::new(),
            captions: Vec::new(),
            rows: Vec::new(),
        };
        let (mut start, mut line) = (0_u64, 0_u64);
        let mut text = Vec::new();
        loop {
            text.clear();
            let limited = &mut reader.by_ref().take(LINE_LIMIT);
            let bytes = limited.read_until(b'\n', &mut text).map_err(DataError::read(path))? as u64;
            if bytes == 0 {
                break;
            }
            line += 1;
            if bytes == LINE_LIMIT {
                let reason = format!("line {line} has {LINE_LIMIT} bytes or more, the limit");
                return Err(DataError::malformed(path, reason));
            }
            if !text.trim_ascii().is_empty() {
                match lines.usable(&text, options, found)? {
                    Ok(captions) => {
                        found.take(&captions);
                        lines.rows.push(Row { start, bytes: bytes as u32, line: line as u32 });
                    }
                    Err(unusable) => found.bad.push(unusable.of(format!("{}:{line}", lines.name))),
                }
            }
            start += bytes;
        }
        if line == 0 {
            let key = path.display().to_string();
            found.bad.push(Unusable::new(Reason::EmptyFile, "has no line").of(key));
        }
        lines.rows.shrink_to_fit();
        Ok(lines)
    }

    /// The captions of a line. The first object says which keys are meant.
    fn usable(
        &mut self,
        text: &[u8],
        options: &DataOptions,
        found: &mut Found,
    ) -> Result<Result<Vec<String>, Unusable>, DataError> {
        let object = match object(text) {
            Ok(object) => object,
            Err(unusable) => return Ok(Err(unusable)),
        };
        if self.captions.is_empty() {
            let keys: Vec<String> = object.keys().cloned().collect();
            let (image, captions, notes) = places(&keys, options)
                .map_err(|reason| DataError::malformed(&self.path, reason))?;
            let key = |place: usize| keys.get(place).cloned();
            self.image = key(image).unwrap_or_default();
            self.captions = captions.into_iter().filter_map(key).collect();
            found.notes.extend(notes);
        }
        Ok(self.image(&object).and_then(|_| self.captions(&object)))
    }

    fn image<'a>(&self, object: &'a Map<String, Value>) -> Result<&'a str, Unusable> {
        match object.get(&self.image).and_then(Value::as_str).map(str::trim) {
            Some(path) if !path.is_empty() => Ok(path),
            _ => Err(Unusable::new(Reason::NoImage, format!("`{}` names no image", self.image))),
        }
    }

    fn captions(&self, object: &Map<String, Value>) -> Result<Vec<String>, Unusable> {
        let values: Vec<&Value> = self.captions.iter().filter_map(|key| object.get(key)).collect();
        if values.is_empty() {
            let keys = self.captions.join("`, `");
            return Err(Unusable::new(Reason::NoCaption, format!("has no key `{keys}`")));
        }
        let mut all = Vec::new();
        for value in values {
            all.extend(captions::of_value(value)?);
        }
        captions::some(all)
    }
}

fn object(text: &[u8]) -> Result<Map<String, Value>, Unusable> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    serde_json::from_slice(text)
        .map_err(|error| Unusable::new(Reason::NotAText, format!("is no JSON object: {error}")))
}
