//! The walk over a PNG's chunks by Pillow's rules: what it looks at, what it refuses, and its
//! limits.

use super::text::TextBudget;
use crate::decode::bytes::Bytes;
use crate::decode::packed;
use crate::{Format, ImageError, Limits, Transparency};

/// The header chunk, of a combination of colour type and depth that exists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ihdr {
    pub(super) size: (u32, u32),
    pub(super) depth: u8,
    pub(super) color: u8,
    pub(super) interlace: u8,
}

impl Ihdr {
    /// Bytes of a row as the file packs it.
    pub(super) fn row_bytes(&self) -> usize {
        let samples = match self.color {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        packed::row_bytes(self.size.0 as usize, usize::from(self.depth).saturating_mul(samples))
    }
}

/// What a PNG's chunks hold for us.
pub(super) struct Chunks<'a> {
    pub(super) ihdr: Ihdr,
    pub(super) palette: Option<&'a [u8]>,
    pub(super) transparency: Option<Transparency>,
    pub(super) exif: Option<&'a [u8]>,
    /// The bodies of the IDAT chunks, which are one stream.
    pub(super) rows: Vec<&'a [u8]>,
}

/// Walks all chunks: those before the rows with their check values, those after it without, as
/// Pillow does.
pub(super) fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Chunks<'a>, ImageError> {
    let mut walk = Walk { limits: *limits, ..Walk::default() };
    let mut cursor = Bytes::new(bytes, 8);
    loop {
        let (kind, length) = head(&mut cursor).ok_or_else(|| truncated("no image data"))?;
        check_name(kind)?;
        if &kind == b"IDAT" {
            cursor = Bytes::new(bytes, cursor.at().saturating_sub(8));
            break;
        }
        if &kind == b"IEND" || &kind == b"fdAT" {
            return Err(corrupt("no image data before the end or before the second frame"));
        }
        let body =
            cursor.take(length).ok_or_else(|| truncated(format!("chunk {} is cut", name(kind))))?;
        let check = cursor
            .u32_be()
            .ok_or_else(|| truncated(format!("chunk {} has no check value", name(kind))))?;
        walk.chunk(kind, body)?;
        let mut crc = flate2::Crc::new();
        crc.update(&kind);
        crc.update(body);
        if crc.sum() != check {
            return Err(corrupt(format!("chunk {} has a wrong check value", name(kind))));
        }
    }
    let Some(ihdr) = walk.ihdr else {
        return Err(corrupt("no header chunk before the image data"));
    };
    if walk.frame.is_some_and(|frame| frame != (0, 0, ihdr.size.0, ihdr.size.1)) {
        return Err(ImageError::unsupported(
            Format::Png,
            "an animation whose first frame is smaller than its canvas",
        ));
    }
    let rows = rows(&mut cursor);
    walk.after_rows(&mut cursor)?;
    Ok(Chunks {
        ihdr,
        palette: walk.palette,
        transparency: walk.transparency,
        exif: walk.exif,
        rows,
    })
}

/// The bodies of the IDAT chunks that follow one another; the last may be cut, which the inflater
/// will find.
fn rows<'a>(cursor: &mut Bytes<'a>) -> Vec<&'a [u8]> {
    let mut rows = Vec::new();
    loop {
        let mut ahead = *cursor;
        match head(&mut ahead) {
            Some((kind, length)) if &kind == b"IDAT" => {
                rows.push(ahead.take_up_to(length));
                ahead.skip(4);
                *cursor = ahead;
            }
            _ => return rows,
        }
    }
}

fn head(cursor: &mut Bytes) -> Option<([u8; 4], usize)> {
    let length = cursor.u32_be()?;
    Some((cursor.array()?, length as usize))
}

fn check_name(kind: [u8; 4]) -> Result<(), ImageError> {
    if kind.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return Ok(());
    }
    Err(corrupt(format!("chunk name {} is not four letters", name(kind))))
}

fn name(kind: [u8; 4]) -> String {
    format!("`{}`", kind.escape_ascii())
}

fn corrupt(what: impl Into<String>) -> ImageError {
    ImageError::corrupt(Format::Png, what)
}

fn truncated(what: impl Into<String>) -> ImageError {
    ImageError::truncated(Format::Png, what)
}

/// What the walk remembers.
#[derive(Default)]
struct Walk<'a> {
    limits: Limits,
    ihdr: Option<Ihdr>,
    palette: Option<&'a [u8]>,
    transparency: Option<Transparency>,
    exif: Option<&'a [u8]>,
    text: TextBudget,
    frames: Option<u32>,
    sequence: Option<u32>,
    /// Left, top, right, bottom of the animation's first frame.
    frame: Option<(u32, u32, u32, u32)>,
    /// The rows do not belong to the animation.
    apart: bool,
}

impl<'a> Walk<'a> {
    fn chunk(&mut self, kind: [u8; 4], body: &'a [u8]) -> Result<(), ImageError> {
        let at_least = |length: usize| {
            if body.len() >= length {
                return Ok(());
            }
            Err(truncated(format!(
                "chunk {} of {} bytes, at least {length} are needed",
                name(kind),
                body.len()
            )))
        };
        match &kind {
            b"IHDR" => self.header(body)?,
            b"PLTE" if self.ihdr.is_some_and(|ihdr| ihdr.color == 3) => {
                if body.len() > 768 {
                    return Err(corrupt(format!(
                        "palette of {} bytes, at most 768 are allowed",
                        body.len()
                    )));
                }
                self.palette = Some(body);
            }
            b"tRNS" => self.transparent(body)?,
            b"gAMA" => at_least(4)?,
            b"cHRM" => at_least(32)?,
            b"sRGB" => at_least(1)?,
            b"pHYs" => at_least(9)?,
            b"iCCP" => self.text.profile(body)?,
            b"tEXt" => self.text.plain(body)?,
            b"zTXt" => self.text.compressed(body)?,
            b"iTXt" => self.text.international(body)?,
            b"eXIf" => self.exif = Some(body),
            b"acTL" => {
                at_least(8)?;
                self.frames = match (
                    self.frames,
                    body.first_chunk::<4>().map(|count| u32::from_be_bytes(*count)),
                ) {
                    (None, Some(count @ 1..=0x8000_0000)) => Some(count),
                    (None, _) | (Some(_), _) => None,
                };
            }
            b"fcTL" => {
                at_least(26)?;
                self.frame_control(body)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn header(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let Some([w3, w2, w1, w0, h3, h2, h1, h0, depth, color, _, filter, interlace]) =
            body.first_chunk::<13>()
        else {
            return Err(truncated(format!("header of {} bytes, 13 are needed", body.len())));
        };
        let (width, height) =
            (u32::from_be_bytes([*w3, *w2, *w1, *w0]), u32::from_be_bytes([*h3, *h2, *h1, *h0]));
        let size = self.limits.check(Format::Png, width.into(), height.into())?;
        let exists = match color {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            _ => false,
        };
        if !exists {
            return Err(corrupt(format!("colour type {color} with {depth} bits does not exist")));
        }
        if *filter != 0 {
            return Err(corrupt(format!("filter method {filter}, only 0 exists")));
        }
        self.ihdr = Some(Ihdr { size, depth: *depth, color: *color, interlace: *interlace });
        Ok(())
    }

    fn transparent(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let Some(ihdr) = self.ihdr else { return Ok(()) };
        let missing = || truncated(format!("transparency of {} bytes", body.len()));
        let level = |index: usize| {
            let pair = body.as_chunks::<2>().0.get(index).ok_or_else(missing);
            pair.map(|pair| u16::from_be_bytes(*pair))
        };
        self.transparency = match (ihdr.color, ihdr.depth) {
            (0, 1) => Some(Transparency::Value(if level(0)? == 0 { 0 } else { 255 })),
            (0, _) => Some(Transparency::Value(level(0)?)),
            (2, _) => Some(Transparency::Color([level(0)?, level(1)?, level(2)?])),
            (3, _) => Some(palette_transparency(body)),
            _ => None,
        };
        Ok(())
    }

    fn frame_control(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let mut cursor = Bytes::new(body, 0);
        let fields = [(); 5].map(|()| cursor.u32_be().unwrap_or(0));
        let [sequence, width, height, left, top] = fields;
        let expected = self.sequence.map_or(Some(0), |last| last.checked_add(1));
        if Some(sequence) != expected {
            return Err(corrupt("animation chunks are out of order"));
        }
        self.sequence = Some(sequence);
        let canvas = self.ihdr.map_or((0, 0), |ihdr| ihdr.size);
        match (left.checked_add(width), top.checked_add(height)) {
            (Some(right), Some(bottom)) if right <= canvas.0 && bottom <= canvas.1 => {
                self.frame = Some((left, top, right, bottom));
                Ok(())
            }
            _ => Err(corrupt(format!(
                "animation frame of {width} x {height} at {left}, {top} in a canvas of {} x {}",
                canvas.0, canvas.1
            ))),
        }
    }

    /// Chunks behind the rows can still make Pillow refuse: a text that unpacks to too much, a
    /// chunk that is cut.
    fn after_rows(&mut self, cursor: &mut Bytes<'a>) -> Result<(), ImageError> {
        self.apart = self.frame.is_none() && self.frames.is_some();
        let frames = self.frames.unwrap_or(1).saturating_add(self.apart.into());
        while let Some((kind, length)) = head(cursor) {
            let another_frame = &kind == b"fcTL" && frames > 1;
            if &kind == b"IEND" || another_frame || check_name(kind).is_err() {
                break;
            }
            let body = cursor
                .take(length)
                .ok_or_else(|| truncated(format!("chunk {} is cut", name(kind))))?;
            cursor.skip(4);
            if &kind == b"fdAT" {
                return Err(corrupt("animation chunks are out of order"));
            }
            self.chunk(kind, body)?;
        }
        Ok(())
    }
}

/// One fully transparent entry and otherwise opaque ones is an index, anything else a table
/// (Pillow's rule).
fn palette_transparency(body: &[u8]) -> Transparency {
    let clear = body.iter().filter(|alpha| **alpha == 0).count();
    let opaque = body.iter().filter(|alpha| **alpha == 255).count();
    match body.iter().position(|alpha| *alpha == 0).map(u16::try_from) {
        Some(Ok(index)) if clear == 1 && opaque.saturating_add(1) == body.len() => {
            Transparency::Value(index)
        }
        _ => Transparency::Table(body.to_vec()),
    }
}
