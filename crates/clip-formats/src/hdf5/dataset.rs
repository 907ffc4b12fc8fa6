//! Datasets: where their elements are, read by rows.

use super::file::Hdf5;
use super::filter::{self, Filter};
use super::header::{self, Message, kind};
use super::tree::{self, Kind};
use crate::cursor::{Cursor, little_endian};
use crate::error::FormatError;

/// Dimensions at most.
const DIMENSIONS: usize = 8;
/// Bytes of rows or of a chunk that may be asked for at once.
const READ_LIMIT: u64 = 1 << 29;

/// An array in a file, outermost dimension first.
#[derive(Debug)]
pub struct Dataset {
    shape: Vec<u64>,
    element: Element,
    layout: Layout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    class: Class,
    size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unsigned,
    Signed,
    Float,
    Reference,
}

#[derive(Debug)]
enum Layout {
    /// Nothing was ever written: zeros.
    Absent,
    Compact(Vec<u8>),
    Contiguous(u64),
    Chunked {
        /// Elements in each dimension.
        shape: Vec<u64>,
        filters: Vec<Filter>,
        /// By their first row.
        chunks: Vec<Chunk>,
    },
}

#[derive(Debug)]
struct Chunk {
    /// Position of its first element.
    start: Vec<u64>,
    address: u64,
    size: u32,
    /// A bit for each filter that was not applied.
    skipped: u32,
}

impl Dataset {
    pub(super) fn open(file: &Hdf5, address: u64) -> Result<Dataset, FormatError> {
        let messages = header::messages(file, address)?;
        let find = |kind| messages.iter().find(|message: &&Message| message.kind == kind);
        let need = |kind, what| {
            find(kind)
                .ok_or_else(|| file.malformed(format!("the object at {address} has no {what}")))
        };
        let wrong = |reason| file.malformed(format!("dataset at {address}: {reason}"));
        let shape =
            shape(&need(kind::DATASPACE, "shape")?.body, file.length_size).map_err(wrong)?;
        let element = Element::parse(&need(kind::DATATYPE, "type")?.body).map_err(wrong)?;
        let filters = find(kind::FILTERS).map(|message| filter::parse(&message.body, element.size));
        let filters = filters.transpose().map_err(wrong)?.unwrap_or_default();
        let size =
            shape.iter().try_fold(element.size as u64, |size, &count| size.checked_mul(count));
        size.ok_or_else(|| wrong(format!("shape {shape:?} is too large")))?;
        let layout =
            layout(file, &need(kind::LAYOUT, "layout")?.body, &shape, element.size, filters)?;
        Ok(Dataset { shape, element, layout })
    }

    /// Elements in each dimension; empty for a single one.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Bytes of an element.
    pub fn element_size(&self) -> usize {
        self.element.size
    }

    /// Rows: the first dimension.
    pub fn rows(&self) -> u64 {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Bytes of a row.
    pub fn row_size(&self) -> u64 {
        let rest = self.shape.get(1..).unwrap_or_default();
        rest.iter().fold(self.element.size as u64, |size, &count| size.saturating_mul(count))
    }

    /// Rows that are stored together: of a chunk, or one.
    pub fn rows_together(&self) -> u64 {
        match &self.layout {
            Layout::Chunked { shape, .. } => shape.first().copied().unwrap_or(1).max(1),
            _ => 1,
        }
    }

    /// The bytes of `count` rows from `first` on, as they are in the file.
    ///
    /// # Errors
    /// There are not as many, they are more than 512 MB, or damaged.
    pub fn read_rows(&self, file: &Hdf5, first: u64, count: u64) -> Result<Vec<u8>, FormatError> {
        let end = first.saturating_add(count);
        let size = count.saturating_mul(self.row_size());
        if end > self.rows() || size > READ_LIMIT {
            let rows = self.rows();
            let reason =
                format!("rows {first} to {end} of {rows}, {size} bytes, limit {READ_LIMIT}");
            return file.fail(reason);
        }
        let offset = first.saturating_mul(self.row_size());
        match &self.layout {
            Layout::Absent => Ok(vec![0; size as usize]),
            Layout::Contiguous(address) => file.read(address.saturating_add(offset), size),
            Layout::Compact(bytes) => {
                let range = offset as usize..offset.saturating_add(size) as usize;
                bytes
                    .get(range)
                    .map(<[u8]>::to_vec)
                    .ok_or_else(|| file.truncated("a compact dataset"))
            }
            Layout::Chunked { shape, filters, chunks } => {
                let mut rows = vec![0; size as usize];
                // chunks before the first that may reach into these rows
                let depth = shape.first().copied().unwrap_or(1);
                let before = |chunk: &Chunk| start_row(chunk).saturating_add(depth) <= first;
                let from = chunks.partition_point(before);
                let reaching = chunks.get(from..).unwrap_or_default().iter();
                for chunk in reaching.take_while(|chunk| start_row(chunk) < end) {
                    let stored = file.read(chunk.address, chunk.size.into())?;
                    let size = shape
                        .iter()
                        .fold(self.element.size as u64, |size, &n| size.saturating_mul(n));
                    let content =
                        filter::undo(filters, chunk.skipped, stored, size).map_err(|reason| {
                            file.malformed(format!("chunk at {}: {reason}", chunk.address))
                        })?;
                    self.copy(chunk, shape, &content, first, &mut rows);
                }
                Ok(rows)
            }
        }
    }

    /// Copies what a chunk has of the rows from `first` on, run by run along the last dimension.
    fn copy(
        &self,
        chunk: &Chunk,
        chunk_shape: &[u64],
        content: &[u8],
        first: u64,
        rows: &mut [u8],
    ) {
        let element = self.element.size as u64;
        let last = chunk_shape.last().copied().unwrap_or(1).max(1);
        let run = last.saturating_mul(element);
        for (number, bytes) in (0u64..).zip(content.chunks_exact(run as usize)) {
            // position of the run: the chunk's own, plus `number` in the digits of the chunk's
            // shape
            let mut number = number;
            let mut place = 0u64;
            let mut weight = element;
            let mut inside = true;
            let mut kept = bytes.len() as u64;
            let shape = self.shape.iter().chain((self.shape.len() == 1).then_some(&1));
            let dimensions = shape.zip(chunk_shape).zip(&chunk.start).collect::<Vec<_>>();
            for (from_last, &((&size, &chunk_size), &start)) in dimensions.iter().rev().enumerate()
            {
                let position = if from_last == 0 {
                    kept = kept.min(size.saturating_sub(start).saturating_mul(element));
                    start
                } else {
                    let digit = number.checked_rem(chunk_size).unwrap_or(0);
                    number = number.checked_div(chunk_size).unwrap_or(0);
                    start.saturating_add(digit)
                };
                let is_row = from_last.saturating_add(1) == dimensions.len();
                let from = if is_row { first } else { 0 };
                inside &= position < size && position >= from;
                place = place.saturating_add(position.saturating_sub(from).saturating_mul(weight));
                weight = weight.saturating_mul(size);
            }
            let target = rows.get_mut(place as usize..).unwrap_or_default();
            if inside {
                target.iter_mut().zip(bytes).take(kept as usize).for_each(|(to, &from)| *to = from);
            }
        }
    }

    /// All elements as numbers.
    ///
    /// # Errors
    /// They are not numbers, or cannot be read.
    pub fn numbers(&self, file: &Hdf5) -> Result<Vec<f64>, FormatError> {
        let Element { class, size } = self.element;
        let spare = 64u32.saturating_sub((size as u32).saturating_mul(8));
        let number = |word: u64| match (class, size) {
            (Class::Float, 4) => f64::from(f32::from_bits(word as u32)),
            (Class::Float, _) => f64::from_bits(word),
            (Class::Signed, _) => ((word << spare) as i64 >> spare) as f64,
            _ => word as f64,
        };
        if class == Class::Reference || (class == Class::Float && size < 4) {
            return file.fail(format!("a dataset holds no numbers but {class:?} of {size} bytes"));
        }
        Ok(self.words(file)?.into_iter().map(number).collect())
    }

    /// All elements as addresses of objects.
    ///
    /// # Errors
    /// They are none, or cannot be read.
    pub fn references(&self, file: &Hdf5) -> Result<Vec<u64>, FormatError> {
        if self.element.class != Class::Reference {
            return file
                .fail(format!("a dataset holds {:?}, expected references", self.element.class));
        }
        self.words(file)
    }

    /// Whether its elements point to objects.
    pub fn is_references(&self) -> bool {
        self.element.class == Class::Reference
    }

    fn words(&self, file: &Hdf5) -> Result<Vec<u64>, FormatError> {
        let bytes = self.read_rows(file, 0, self.rows())?;
        Ok(bytes.chunks_exact(self.element.size).map(little_endian).collect())
    }
}

impl Element {
    fn parse(body: &[u8]) -> Result<Element, String> {
        let mut cursor = Cursor::new(body);
        let (class, flags, size) = match (cursor.u8(), cursor.uint(3), cursor.u32()) {
            (Some(class), Some(flags), Some(size)) => (class & 15, flags, size),
            _ => return Err("its type is cut short".to_owned()),
        };
        let big_endian = class < 2 && flags & 1 == 1;
        let class = match class {
            0 if flags & 8 == 0 => Class::Unsigned,
            0 => Class::Signed,
            1 => Class::Float,
            7 if flags & 15 == 0 => Class::Reference,
            other => {
                return Err(format!(
                    "elements of class {other} are not read (0 and 1, numbers, and 7 are)"
                ));
            }
        };
        if big_endian && size > 1 {
            return Err("big-endian numbers are not read".to_owned());
        }
        if ![1, 2, 4, 8].contains(&size) {
            return Err(format!("elements of {size} bytes"));
        }
        Ok(Element { class, size: size as usize })
    }
}

fn shape(body: &[u8], length_size: usize) -> Result<Vec<u64>, String> {
    let short = || "its shape is cut short".to_owned();
    let mut cursor = Cursor::new(body);
    let version = cursor.u8().ok_or_else(short)?;
    let rank = usize::from(cursor.u8().ok_or_else(short)?);
    let skipped = match version {
        1 => 6,
        2 => 2,
        _ => return Err(format!("shape of version {version}")),
    };
    cursor.take(skipped).ok_or_else(short)?;
    if rank > DIMENSIONS {
        return Err(format!("{rank} dimensions, limit {DIMENSIONS}"));
    }
    (0..rank).map(|_| cursor.uint(length_size).ok_or_else(short)).collect()
}

fn layout(
    file: &Hdf5,
    body: &[u8],
    shape: &[u64],
    element: usize,
    filters: Vec<Filter>,
) -> Result<Layout, FormatError> {
    let short = || file.truncated("a layout");
    let mut cursor = Cursor::new(body);
    let (version, class) = cursor.u8().zip(cursor.u8()).ok_or_else(short)?;
    match (version, class) {
        (3 | 4, 0) => {
            let size = cursor.u16().ok_or_else(short)?;
            Ok(Layout::Compact(cursor.take(size.into()).ok_or_else(short)?.to_vec()))
        }
        (3 | 4, 1) => {
            let address = cursor.uint(file.address_size).ok_or_else(short)?;
            Ok(if file.is_none(address) { Layout::Absent } else { Layout::Contiguous(address) })
        }
        (3, 2) => {
            let rank = usize::from(cursor.u8().ok_or_else(short)?);
            let tree = cursor.uint(file.address_size).ok_or_else(short)?;
            let sizes: Option<Vec<u64>> = (0..rank).map(|_| cursor.u32().map(u64::from)).collect();
            let mut sizes = sizes.ok_or_else(short)?;
            let last = sizes.pop();
            let bytes =
                sizes.iter().try_fold(element as u64, |size, &count| size.checked_mul(count));
            let fits = bytes.is_some_and(|bytes| bytes > 0 && bytes <= READ_LIMIT);
            if sizes.len() != shape.len()
                || shape.is_empty()
                || last != Some(element as u64)
                || !fits
            {
                return file.fail(format!("chunks of {sizes:?} for an array of {shape:?}"));
            }
            let mut chunks =
                if file.is_none(tree) { Vec::new() } else { chunks(file, tree, rank)? };
            if shape.len() == 1 {
                // a second dimension of one, so that rows are never the dimension of runs
                sizes.push(1);
                chunks.iter_mut().for_each(|chunk| chunk.start.push(0));
            }
            Ok(Layout::Chunked { shape: sizes, filters, chunks })
        }
        (4.., 2) => file.fail("chunks of the newest kind; `h5repack --high=1` rewrites it"),
        _ => file.fail(format!("layout {class} of version {version} is not read")),
    }
}

/// The chunks of a tree, by their first row; `rank` counts the element as a dimension.
fn chunks(file: &Hdf5, root: u64, rank: usize) -> Result<Vec<Chunk>, FormatError> {
    let key_size = rank.saturating_mul(8).saturating_add(8);
    let leaves = tree::leaves(file, root, Kind::Chunks, key_size)?;
    let chunks = leaves.iter().map(|entry| chunk(entry, rank, file.address_size));
    let chunks: Option<Vec<Chunk>> = chunks.collect();
    let mut chunks = chunks.ok_or_else(|| file.truncated("a chunk"))?;
    chunks.sort_by(|a, b| a.start.cmp(&b.start));
    Ok(chunks)
}

fn chunk(entry: &[u8], rank: usize, address_size: usize) -> Option<Chunk> {
    let mut cursor = Cursor::new(entry);
    let (size, skipped) = (cursor.u32()?, cursor.u32()?);
    let start: Option<Vec<u64>> = (1..rank).map(|_| cursor.uint(8)).collect();
    cursor.uint(8)?; // the element, always 0
    Some(Chunk { start: start?, address: cursor.uint(address_size)?, size, skipped })
}

fn start_row(chunk: &Chunk) -> u64 {
    chunk.start.first().copied().unwrap_or_default()
}
