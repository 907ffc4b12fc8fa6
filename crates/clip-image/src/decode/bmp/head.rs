//! The headers and the colour table of a BMP, by Pillow's rules.

use crate::decode::bytes::Bytes;
use crate::{Format, ImageError, Limits, Mode, Palette};

/// What is needed to read the rows.
pub(super) struct Head {
    pub(super) size: (u32, u32),
    pub(super) top_down: bool,
    pub(super) bits: u16,
    pub(super) mode: Mode,
    pub(super) layout: Layout,
    pub(super) palette: Option<Palette>,
    /// Where the rows begin in the file.
    pub(super) offset: usize,
}

/// How the rows are stored.
#[derive(Clone, Copy)]
pub(super) enum Layout {
    RunLength { four_bits: bool },
    Rows(Kind),
}

/// What a stored pixel means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Indices or black and white, most significant bit first.
    Packed(u32),
    /// Bytes of a pixel that become red, green, blue and, where there is one, alpha.
    Bytes { pixel: usize, red: usize, green: usize, blue: usize, alpha: Option<usize> },
    /// 5 bits each, blue lowest.
    Bgr555,
    /// 5, 6 and 5 bits, blue lowest.
    Bgr565,
}

const BGR: Kind = Kind::Bytes { pixel: 3, red: 2, green: 1, blue: 0, alpha: None };
const BGRX: Kind = Kind::Bytes { pixel: 4, red: 2, green: 1, blue: 0, alpha: None };
const BGRA: Kind = Kind::Bytes { pixel: 4, red: 2, green: 1, blue: 0, alpha: Some(3) };

/// The masks of red, green, blue, alpha that Pillow knows, for 32 bits.
const MASKS_32: [([u32; 4], Kind); 8] = [
    ([0xff_0000, 0xff00, 0xff, 0], BGRX),
    (
        [0xff00_0000, 0xff_0000, 0xff00, 0],
        Kind::Bytes { pixel: 4, red: 3, green: 2, blue: 1, alpha: None },
    ),
    (
        [0xff00_0000, 0xff00, 0xff, 0],
        Kind::Bytes { pixel: 4, red: 3, green: 1, blue: 0, alpha: None },
    ),
    (
        [0xff00_0000, 0xff_0000, 0xff00, 0xff],
        Kind::Bytes { pixel: 4, red: 3, green: 2, blue: 1, alpha: Some(0) },
    ),
    (
        [0xff, 0xff00, 0xff_0000, 0xff00_0000],
        Kind::Bytes { pixel: 4, red: 0, green: 1, blue: 2, alpha: Some(3) },
    ),
    ([0xff_0000, 0xff00, 0xff, 0xff00_0000], BGRA),
    (
        [0xff00_0000, 0xff00, 0xff, 0xff_0000],
        Kind::Bytes { pixel: 4, red: 3, green: 1, blue: 0, alpha: Some(2) },
    ),
    ([0, 0, 0, 0], BGRA),
];

impl Head {
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ImageError> {
        let mut cursor = Bytes::new(bytes, 10);
        let offset = cursor.u32_le().ok_or_else(|| truncated("no header"))? as usize;
        let header_size = cursor.u32_le().ok_or_else(|| truncated("no header"))?;
        let header = cursor
            .take(header_size.saturating_sub(4) as usize)
            .ok_or_else(|| truncated(format!("header of {header_size} bytes")))?;
        let info = Info::read(header_size, header)?;
        let size = limits.check(Format::Bmp, info.width, info.height)?;
        let masks = if info.compression == 3 { masks(header, &mut cursor)? } else { [0; 4] };

        let colors = match info.colors {
            0 => 1_u32.checked_shl(info.bits.into()).unwrap_or(0),
            colors => colors,
        };
        let table_bytes = (colors as usize).saturating_mul(info.color_bytes);
        let behind_header = 14_usize.saturating_add(header_size as usize);
        let offset = if offset == behind_header && info.bits <= 8 {
            offset.saturating_add(table_bytes)
        } else {
            offset
        };

        let (mut mode, mut layout) = info.stored(masks)?;
        let mut palette = None;
        if mode == Mode::Palette {
            if !(1..=65536).contains(&colors) {
                return Err(ImageError::corrupt(
                    Format::Bmp,
                    format!("palette of {colors} colours"),
                ));
            }
            let table = Table {
                bytes: cursor.take_up_to(table_bytes),
                entry: info.color_bytes,
                colors: colors as usize,
            };
            (mode, palette) = table.mode()?;
            // Pillow then reads whole bytes as grey, or single bits as black and white, whatever
            // the depth was.
            match (mode, &mut layout) {
                (Mode::Grey, Layout::Rows(kind)) => *kind = Kind::Packed(8),
                (Mode::Bilevel, Layout::Rows(kind)) => *kind = Kind::Packed(1),
                _ => {}
            }
        }
        let offset = if offset == 0 { cursor.at() } else { offset };
        Ok(Self { size, top_down: info.top_down, bits: info.bits, mode, layout, palette, offset })
    }
}

fn truncated(what: impl Into<String>) -> ImageError {
    ImageError::truncated(Format::Bmp, what)
}

/// The fields that both families of headers have.
struct Info {
    width: u64,
    height: u64,
    top_down: bool,
    bits: u16,
    compression: u32,
    colors: u32,
    /// Bytes of an entry of the colour table.
    color_bytes: usize,
}

impl Info {
    fn read(header_size: u32, header: &[u8]) -> Result<Self, ImageError> {
        let mut cursor = Bytes::new(header, 0);
        let read = |cursor: &mut Bytes| -> Option<Self> {
            if header_size == 12 {
                let (width, height) = (cursor.u16_le()?, cursor.u16_le()?);
                cursor.skip(2);
                let bits = cursor.u16_le()?;
                let (width, height) = (width.into(), height.into());
                return Some(Self {
                    width,
                    height,
                    top_down: false,
                    bits,
                    compression: 0,
                    colors: 0,
                    color_bytes: 3,
                });
            }
            let (width, height) = (cursor.u32_le()?, cursor.u32_le()?);
            // Pillow looks at the highest byte only.
            let top_down = height >> 24 == 0xff;
            let height = if top_down { u64::from(height.wrapping_neg()) } else { height.into() };
            cursor.skip(2);
            let bits = cursor.u16_le()?;
            let compression = cursor.u32_le()?;
            cursor.skip(12);
            let colors = cursor.u32_le()?;
            Some(Self {
                width: width.into(),
                height,
                top_down,
                bits,
                compression,
                colors,
                color_bytes: 4,
            })
        };
        match header_size {
            12 | 40 | 52 | 56 | 64 | 108 | 124 => {
                read(&mut cursor).ok_or_else(|| truncated("the header is cut"))
            }
            other => Err(ImageError::unsupported(Format::Bmp, format!("header of {other} bytes"))),
        }
    }

    /// The mode before the colour table is known, and how the rows are stored.
    fn stored(&self, masks: [u32; 4]) -> Result<(Mode, Layout), ImageError> {
        let unsupported = |what| Err(ImageError::unsupported(Format::Bmp, what));
        let (mode, kind) = match self.bits {
            1 | 4 | 8 => (Mode::Palette, Kind::Packed(self.bits.into())),
            16 => (Mode::Rgb, Kind::Bgr555),
            24 => (Mode::Rgb, BGR),
            32 => (Mode::Rgb, BGRX),
            bits => return unsupported(format!("{bits} bits per pixel")),
        };
        Ok(match self.compression {
            0 => (mode, Layout::Rows(kind)),
            1 => (mode, Layout::RunLength { four_bits: false }),
            2 => (mode, Layout::RunLength { four_bits: true }),
            3 => match masked(self.bits, masks)? {
                kind @ Kind::Bytes { alpha: Some(_), .. } => (Mode::Rgba, Layout::Rows(kind)),
                kind => (mode, Layout::Rows(kind)),
            },
            other => return unsupported(format!("compression {other}")),
        })
    }
}

/// Red, green, blue, alpha: in the header where it is long enough, else behind it.
fn masks<'a>(header: &'a [u8], cursor: &mut Bytes<'a>) -> Result<[u32; 4], ImageError> {
    let inside = &mut Bytes::new(header, 36);
    let (source, with_alpha) =
        if header.len() >= 48 { (inside, header.len() >= 52) } else { (cursor, false) };
    let mut masks = [0; 4];
    for mask in masks.iter_mut().take(if with_alpha { 4 } else { 3 }) {
        *mask = source.u32_le().ok_or_else(|| truncated("no colour masks"))?;
    }
    Ok(masks)
}

fn masked(bits: u16, masks: [u32; 4]) -> Result<Kind, ImageError> {
    let kind = match (bits, masks) {
        (32, _) => MASKS_32.iter().find(|(known, _)| *known == masks).map(|(_, kind)| *kind),
        (24, [0xff_0000, 0xff00, 0xff, _]) => Some(BGR),
        (16, [0xf800, 0x7e0, 0x1f, _]) => Some(Kind::Bgr565),
        (16, [0x7c00, 0x3e0, 0x1f, _]) => Some(Kind::Bgr555),
        _ => None,
    };
    kind.ok_or_else(|| {
        ImageError::unsupported(
            Format::Bmp,
            format!("{bits} bits with the colour masks {masks:x?}"),
        )
    })
}

/// The colour table as it stands in the file.
struct Table<'a> {
    bytes: &'a [u8],
    /// Bytes per entry: blue, green, red and in newer files one unused.
    entry: usize,
    colors: usize,
}

impl Table<'_> {
    /// Black and white is mode 1, a grey ramp is L, everything else P.
    fn mode(&self) -> Result<(Mode, Option<Palette>), ImageError> {
        let level = |index: usize| if self.colors == 2 && index == 1 { 255 } else { index };
        let entries = || self.bytes.chunks_exact(self.entry.max(1));
        let grey = self.colors <= 256
            && entries().len() == self.colors
            && entries().enumerate().all(|(index, entry)| {
                entry.iter().take(3).all(|v| usize::from(*v) == level(index))
            });
        if grey {
            return Ok((if self.colors <= 2 { Mode::Bilevel } else { Mode::Grey }, None));
        }
        if entries().len() > 256 {
            return Err(ImageError::corrupt(
                Format::Bmp,
                format!("palette of {} colours", entries().len()),
            ));
        }
        let colors = entries().filter_map(|entry| match entry {
            [blue, green, red, ..] => Some([*red, *green, *blue]),
            _ => None,
        });
        Ok((Mode::Palette, Some(Palette { colors: colors.collect() })))
    }
}
