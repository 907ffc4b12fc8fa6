//! Matrices: what MATLAB calls every value, down to a cell of text.

use super::element::{Failure, Stream, Tag, fail, kind};
use super::value::{Array, Numbers, Struct, Value};
use crate::cursor::little_endian;

/// Cells within cells at most.
const DEPTH_LIMIT: u32 = 16;
/// Dimensions at most.
const DIMENSIONS: usize = 32;
/// What an array of numbers counts for beside its numbers: its memory is that of as many texts.
const ARRAY_COST: u64 = 4;
/// Fields of a struct at most.
const FIELDS: usize = 1000;

/// The next variable; without its value if `wanted` names others. None at the end.
pub(super) fn variable(
    stream: &mut Stream<'_>,
    wanted: &[&str],
) -> Result<Option<(String, Option<Value>)>, Failure> {
    while let Some(tag) = stream.tag()? {
        match tag.kind {
            kind::COMPRESSED => {
                return stream
                    .inflated(tag.length, |inner| variable_uncompressed(inner, wanted))
                    .map(Some);
            }
            kind::MATRIX => return named(stream, tag, wanted).map(Some),
            _ => stream.pass(tag)?,
        }
    }
    Ok(None)
}

fn variable_uncompressed(
    stream: &mut Stream<'_>,
    wanted: &[&str],
) -> Result<(String, Option<Value>), Failure> {
    let tag = stream.expect_tag()?;
    if tag.kind != kind::MATRIX {
        return fail(format!("a compressed element holds one of type {}, expected 14", tag.kind));
    }
    named(stream, tag, wanted)
}

fn named(
    stream: &mut Stream<'_>,
    tag: Tag,
    wanted: &[&str],
) -> Result<(String, Option<Value>), Failure> {
    if tag.length == 0 {
        return Ok((String::new(), None));
    }
    let head = Head::read(stream)?;
    if !wanted.is_empty() && !wanted.contains(&&*head.name) {
        // its length counts from behind the tag; what of it was read is in the head
        stream.pass(Tag::of(tag.length.saturating_sub(head.bytes)))?;
        return Ok((head.name, None));
    }
    let value = value(stream, &head, 0)?;
    Ok((head.name, value.into()))
}

/// A value inside another one.
fn nested(stream: &mut Stream<'_>, depth: u32) -> Result<Value, Failure> {
    let tag = stream.expect_tag()?;
    if tag.kind != kind::MATRIX {
        return fail(format!("a cell is an element of type {}, expected 14", tag.kind));
    }
    if tag.length == 0 {
        stream.count(1)?;
        return Ok(Value::Empty);
    }
    if depth > DEPTH_LIMIT {
        return fail(format!("cells more than {DEPTH_LIMIT} deep"));
    }
    let head = Head::read(stream)?;
    let value = value(stream, &head, depth)?;
    if let Value::Unsupported = value {
        stream.pass(Tag::of(tag.length.saturating_sub(head.bytes)))?;
    }
    Ok(value)
}

/// Class, shape and name: the first three elements of a matrix.
struct Head {
    class: u8,
    complex: bool,
    shape: Vec<usize>,
    count: u64,
    name: String,
    /// Length of the three elements in the file.
    bytes: u64,
}

impl Head {
    fn read(stream: &mut Stream<'_>) -> Result<Head, Failure> {
        let mut bytes = 0u64;
        let mut next = |stream: &mut Stream<'_>| {
            let tag = stream.expect_tag()?;
            bytes = bytes.saturating_add(tag.size_in_file());
            stream.content(tag)
        };
        let flags = next(stream)?;
        let [class, flags, ..] = &*flags else {
            return fail("a matrix without its flags");
        };
        let shape = next(stream)?;
        let shape: Vec<usize> =
            shape.chunks_exact(4).map(|size| little_endian(size) as usize).collect();
        let name = next(stream)?;
        if shape.len() > DIMENSIONS {
            return fail(format!("an array of {} dimensions", shape.len()));
        }
        let count = shape.iter().fold(1u64, |product, &size| product.saturating_mul(size as u64));
        let name = String::from_utf8_lossy(&name).into_owned();
        Ok(Head { class: *class, complex: flags & 8 != 0, shape, count, name, bytes })
    }
}

fn value(stream: &mut Stream<'_>, head: &Head, depth: u32) -> Result<Value, Failure> {
    stream.count(1)?;
    match head.class {
        1 => many(stream, head.count, depth).map(Value::Cells),
        2 => structs(stream, head, depth),
        4 => {
            let tag = stream.expect_tag()?;
            let bytes = stream.content(tag)?;
            Ok(Value::Text(text(tag.kind, &bytes)?.into()))
        }
        6..=15 if !head.complex => numbers(stream, head),
        _ => Ok(Value::Unsupported),
    }
}

fn many(stream: &mut Stream<'_>, count: u64, depth: u32) -> Result<Vec<Value>, Failure> {
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(nested(stream, depth.saturating_add(1))?);
    }
    Ok(values)
}

fn structs(stream: &mut Stream<'_>, head: &Head, depth: u32) -> Result<Value, Failure> {
    let width = stream.expect_tag()?;
    let width = little_endian(stream.content(width)?.get(..4).unwrap_or_default()) as usize;
    let names = stream.expect_tag()?;
    let names = stream.content(names)?;
    if names.len().checked_div(width).is_none_or(|fields| fields > FIELDS) {
        return fail(format!("a struct with {} bytes of names, {width} each", names.len()));
    }
    let name = |bytes: &[u8]| {
        let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    let fields: Vec<String> = names.chunks_exact(width).map(name).collect();
    let values = many(stream, head.count.saturating_mul(fields.len() as u64), depth)?;
    Ok(Value::Structs(Box::new(Struct { fields, values })))
}

fn numbers(stream: &mut Stream<'_>, head: &Head) -> Result<Value, Failure> {
    stream.count(ARRAY_COST)?;
    let tag = stream.expect_tag()?;
    let bytes = stream.content(tag)?;
    let numbers = match tag.kind {
        kind::UINT8 if head.class == 9 => Numbers::Bytes(bytes),
        stored => {
            let size = size_of(stored)?;
            stream.count(bytes.len().checked_div(size).unwrap_or(0) as u64)?;
            Numbers::Floats(bytes.chunks_exact(size).map(|bytes| number(stored, bytes)).collect())
        }
    };
    let found = match &numbers {
        Numbers::Bytes(values) => values.len(),
        Numbers::Floats(values) => values.len(),
    };
    if found as u64 != head.count {
        return fail(format!("`{}` has {found} numbers for {:?}", head.name, head.shape));
    }
    Ok(Value::Numbers(Box::new(Array { shape: head.shape.clone(), numbers })))
}

fn size_of(stored: u32) -> Result<usize, Failure> {
    Ok(match stored {
        kind::INT8 | kind::UINT8 => 1,
        kind::INT16 | kind::UINT16 => 2,
        kind::INT32 | kind::UINT32 | kind::SINGLE => 4,
        kind::DOUBLE | kind::INT64 | kind::UINT64 => 8,
        other => return fail(format!("numbers of type {other} are not known")),
    })
}

/// Whatever the class of the array, MATLAB stores numbers in the smallest type that holds them.
fn number(stored: u32, bytes: &[u8]) -> f64 {
    let word = little_endian(bytes);
    match stored {
        kind::INT8 => f64::from(word as i8),
        kind::INT16 => f64::from(word as i16),
        kind::INT32 => f64::from(word as i32),
        kind::INT64 => word as i64 as f64,
        kind::SINGLE => f64::from(f32::from_bits(word as u32)),
        kind::DOUBLE => f64::from_bits(word),
        _ => word as f64,
    }
}

fn text(stored: u32, bytes: &[u8]) -> Result<String, Failure> {
    Ok(match stored {
        kind::UTF8 => String::from_utf8_lossy(bytes).into_owned(),
        kind::INT8 | kind::UINT8 => bytes.iter().map(|&byte| char::from(byte)).collect(),
        kind::UINT16 | kind::UTF16 => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|unit| little_endian(unit) as u16).collect();
            String::from_utf16_lossy(&units)
        }
        other => return fail(format!("text of type {other} is not known")),
    })
}
