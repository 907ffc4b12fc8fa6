//! GIF: the first frame, placed on the canvas.
//!
//! Own code: what Pillow makes of a frame beyond its canvas, of a grey palette, of a missing
//! palette and of data that end early or run on is its own, and most of this file; the unpacking
//! itself is in `lzw`.

mod lzw;

use super::bytes::Bytes;
use crate::{Format, Image, ImageError, Limits, Mode, Palette, Transparency};

pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    let frame = Frame::read(bytes)?;
    limits.check(Format::Gif, frame.canvas.0.into(), frame.canvas.1.into())
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let frame = Frame::read(bytes)?;
    let canvas = limits.check(Format::Gif, frame.canvas.0.into(), frame.canvas.1.into())?;
    if frame.width == 0 || frame.height == 0 {
        return Err(ImageError::corrupt(
            Format::Gif,
            format!("frame of {} x {} pixels", frame.width, frame.height),
        ));
    }
    let background = frame.transparent.unwrap_or(0);
    let pixels = (canvas.0 as usize).saturating_mul(canvas.1 as usize);
    let mut data = vec![background; pixels];
    let place = lzw::Place {
        stride: canvas.0 as usize,
        left: frame.left.into(),
        top: frame.top.into(),
        width: frame.width.into(),
        height: frame.height.into(),
        interlaced: frame.interlaced,
    };
    lzw::unpack(frame.data, frame.code_bits, place, &mut data)?;
    let mode = if frame.palette.is_some() { Mode::Palette } else { Mode::Grey };
    let mut image = Image::new(Format::Gif, mode, canvas, data)?;
    image.palette = frame.palette.map(Palette::from_rgb);
    image.transparency = frame.transparent.map(|index| Transparency::Value(index.into()));
    Ok(image)
}

/// The first frame and what applies to it.
struct Frame<'a> {
    /// Width and height of the canvas, enlarged to hold the frame.
    canvas: (u32, u32),
    left: u16,
    top: u16,
    width: u16,
    height: u16,
    interlaced: bool,
    transparent: Option<u8>,
    /// None where the palette is missing or entry `i` is grey level `i`: the image is grey then.
    palette: Option<&'a [u8]>,
    code_bits: u8,
    /// From the first data block to the end of the file.
    data: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let mut cursor = Bytes::new(bytes, 6);
        let screen = cursor.array::<7>().ok_or_else(|| truncated("no screen header"))?;
        let [w0, w1, h0, h1, flags, _, _] = screen;
        let mut global = None;
        if flags & 128 != 0 {
            global = colors(&mut cursor, flags)?;
        }
        let mut transparent = None;
        loop {
            match cursor.u8() {
                None | Some(b';') => return Err(truncated("no image")),
                Some(b'!') => extension(&mut cursor, &mut transparent)?,
                Some(b',') => break,
                Some(_) => {} // Pillow passes over what it does not know
            }
        }
        let head = cursor.array::<9>().ok_or_else(|| truncated("no frame header"))?;
        let [x0, x1, y0, y1, fw0, fw1, fh0, fh1, flags] = head;
        let [left, top] = [u16::from_le_bytes([x0, x1]), u16::from_le_bytes([y0, y1])];
        let [width, height] = [u16::from_le_bytes([fw0, fw1]), u16::from_le_bytes([fh0, fh1])];
        let mut palette = global;
        if flags & 128 != 0 {
            palette = colors(&mut cursor, flags)?;
        }
        let code_bits = cursor.u8().ok_or_else(|| truncated("no image data"))?;
        let right = u32::from(left).saturating_add(width.into());
        let bottom = u32::from(top).saturating_add(height.into());
        Ok(Self {
            canvas: (
                right.max(u16::from_le_bytes([w0, w1]).into()),
                bottom.max(u16::from_le_bytes([h0, h1]).into()),
            ),
            left,
            top,
            width,
            height,
            interlaced: flags & 64 != 0,
            transparent,
            palette,
            code_bits,
            data: cursor.rest(),
        })
    }
}

fn truncated(what: &str) -> ImageError {
    ImageError::truncated(Format::Gif, what)
}

/// A colour table; none where entry `i` is grey level `i`, which Pillow opens as a grey image.
fn colors<'a>(cursor: &mut Bytes<'a>, flags: u8) -> Result<Option<&'a [u8]>, ImageError> {
    let entries = 2_usize << (flags & 7);
    let table = cursor
        .take(entries.saturating_mul(3))
        .ok_or_else(|| truncated("the colour table is cut"))?;
    let grey_ramp = table
        .as_chunks::<3>()
        .0
        .iter()
        .enumerate()
        .all(|(index, color)| color.iter().all(|part| usize::from(*part) == index));
    Ok(if grey_ramp { None } else { Some(table) })
}

/// Notes the transparent index of a graphic control extension and passes over all others.
fn extension(cursor: &mut Bytes, transparent: &mut Option<u8>) -> Result<(), ImageError> {
    let kind = cursor.u8().ok_or_else(|| truncated("an extension is cut"))?;
    let mut block = sub_block(cursor);
    if kind == 249
        && let Some(control) = block
    {
        let [flags, _, _, index, ..] = *control else {
            return Err(truncated("a graphic control is cut"));
        };
        if flags & 1 != 0 {
            *transparent = Some(index);
        }
    }
    // The block after a comment's last one is not part of it; after all others one empty block ends
    // it as well.
    while block.is_some() || kind != 254 {
        block = sub_block(cursor);
        if block.is_none() {
            break;
        }
    }
    Ok(())
}

fn sub_block<'a>(cursor: &mut Bytes<'a>) -> Option<&'a [u8]> {
    match cursor.u8() {
        None | Some(0) => None,
        Some(length) => Some(cursor.take_up_to(length.into())),
    }
}
