//! Strips and tiles, put together to the stored rows of the whole image.
//!
//! Pillow reads uncompressed data itself, from the offsets on and without looking at byte counts;
//! compressed data go through libtiff, which reads what the byte counts say. The differences are
//! kept here.

use super::compression::Compression;
use super::directory::Directory;
use super::error::{corrupt, truncated, unsupported};
use super::head::Head;
use super::{predictor, tag};
use crate::decode::jpeg::{self, ColorTransform, JpegColor};
use crate::{Format, ImageError, Limits};

/// Stored rows of the whole image, samples of a pixel together.
pub(super) fn rows(bytes: &[u8], head: &Head, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let grid = Grid::of(head, limits)?;
    let (width, height) = (head.size.0 as usize, head.size.1 as usize);
    let mut rows = vec![0; head.layout.row_bytes(width).saturating_mul(height)];
    for (index, offset) in grid.offsets.iter().enumerate() {
        let Some(place) = grid.place(index, width, height) else {
            return Err(unsupported("more strips or tiles than the image has room for"));
        };
        let segment = grid.unpack(bytes, index, *offset, &place, head, limits)?;
        if grid.planes > 1 {
            grid.copy_plane(&segment, &place, head, &mut rows);
        } else {
            grid.copy(&segment, &place, head, &mut rows);
        }
    }
    Ok(rows)
}

/// How the image is divided.
struct Grid {
    offsets: Vec<u64>,
    byte_counts: Vec<u64>,
    width: usize,
    height: usize,
    /// Strips end with the image, tiles do not.
    tiled: bool,
    planes: usize,
}

/// The part of the image that a strip or tile covers.
struct Place {
    x: usize,
    y: usize,
    /// Pixels and rows of it that lie in the image.
    width: usize,
    height: usize,
    plane: usize,
}

impl Grid {
    fn of(head: &Head, limits: &Limits) -> Result<Self, ImageError> {
        let tags = &head.directory;
        let planes = if head.planar { head.layout.samples } else { 1 };
        let (width, height) = (head.size.0 as usize, head.size.1 as usize);
        let strips = tags.values(tag::STRIP_OFFSETS);
        let tiled = strips.is_none()
            || (head.compression != Compression::None && tags.value(tag::TILE_WIDTH).is_some());
        let mut grid = if tiled {
            Self::of_tiles(tags, strips, planes, limits)?
        } else {
            let rows = tags.value(tag::ROWS_PER_STRIP).filter(|rows| *rows > 0).unwrap_or(u64::MAX);
            let rows = usize::try_from(rows).unwrap_or(usize::MAX).min(height);
            let byte_counts = tags.values(tag::STRIP_BYTE_COUNTS).unwrap_or_default();
            Self {
                offsets: strips.unwrap_or_default(),
                byte_counts,
                width,
                height: rows,
                tiled,
                planes,
            }
        };
        if grid.width == width && grid.height == height && planes == 1 {
            // Each would cover the whole image: the last one counts, for libtiff the first.
            let last = grid.offsets.len().saturating_sub(1);
            if head.compression == Compression::None {
                grid.offsets.drain(..last);
            } else {
                grid.offsets.truncate(1);
            }
        }
        let needed = width
            .div_ceil(grid.width)
            .saturating_mul(height.div_ceil(grid.height))
            .saturating_mul(planes);
        if head.compression != Compression::None && grid.offsets.len() < needed {
            return Err(corrupt(format!(
                "{} strips or tiles, {needed} are needed",
                grid.offsets.len()
            )));
        }
        if planes > 1 && !head.layout.planes_are_read(head.compression) {
            return Err(unsupported("separate planes of this kind of sample"));
        }
        if head.compression != Compression::None {
            grid.offsets.truncate(needed);
        }
        Ok(grid)
    }

    fn of_tiles(
        tags: &Directory,
        strips: Option<Vec<u64>>,
        planes: usize,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let offsets = tags.values(tag::TILE_OFFSETS).or(strips);
        let offsets = offsets.ok_or_else(|| corrupt("no strips and no tiles"))?;
        let sides = (tags.value(tag::TILE_WIDTH), tags.value(tag::TILE_LENGTH));
        let (Some(width), Some(height)) = sides else {
            return Err(corrupt("tiles without a size"));
        };
        let (width, height) = limits.check(Format::Tiff, width, height)?;
        let (width, height) = (width as usize, height as usize);
        let byte_counts =
            tags.values(tag::TILE_BYTE_COUNTS).or_else(|| tags.values(tag::STRIP_BYTE_COUNTS));
        let byte_counts = byte_counts.unwrap_or_default();
        Ok(Self { offsets, byte_counts, width, height, tiled: true, planes })
    }

    fn place(&self, index: usize, width: usize, height: usize) -> Option<Place> {
        let across = width.div_ceil(self.width);
        let down = height.div_ceil(self.height);
        let column = index.checked_rem(across)?;
        let row = index.checked_div(across)?.checked_rem(down)?;
        let plane = index.checked_div(across.saturating_mul(down))?;
        let (x, y) = (column.saturating_mul(self.width), row.saturating_mul(self.height));
        let inside = |side: usize, at: usize, whole: usize| whole.saturating_sub(at).min(side);
        (plane < self.planes).then(|| Place {
            x,
            y,
            width: inside(self.width, x, width),
            height: inside(self.height, y, height),
            plane,
        })
    }

    /// Bytes of a stored row of this strip or tile.
    fn row_bytes(&self, head: &Head) -> usize {
        if self.planes > 1 {
            self.width.saturating_mul(head.layout.bits as usize).div_ceil(8)
        } else {
            head.layout.row_bytes(self.width)
        }
    }

    fn unpack(
        &self,
        bytes: &[u8],
        index: usize,
        offset: u64,
        place: &Place,
        head: &Head,
        limits: &Limits,
    ) -> Result<Vec<u8>, ImageError> {
        let row_bytes = self.row_bytes(head);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = bytes.get(from..).unwrap_or_default();
        let size = row_bytes.saturating_mul(if self.tiled { self.height } else { place.height });
        if head.compression == Compression::None {
            // The last row of a tile need not be whole.
            let used = place.width.saturating_mul(row_bytes).div_ceil(self.width.max(1));
            let needed =
                row_bytes.saturating_mul(place.height.saturating_sub(1)).saturating_add(used);
            let data = rest.get(..needed).ok_or_else(|| {
                let left = rest.len();
                truncated(format!(
                    "a strip or tile at {offset} needs {needed} bytes, {left} are left"
                ))
            })?;
            return Ok(if head.reversed_bits { reversed(data) } else { data.to_vec() });
        }
        let packed = match self.byte_counts.get(index) {
            Some(count) => {
                rest.get(..usize::try_from(*count).unwrap_or(usize::MAX)).ok_or_else(|| {
                    truncated(format!("a strip or tile of {count} bytes at {offset}"))
                })?
            }
            None if self.offsets.len() == 1 => rest,
            None => return Err(corrupt("strips or tiles without byte counts")),
        };
        if head.compression == Compression::Jpeg {
            return self.unpack_jpeg(packed, place, head, limits);
        }
        let turned;
        let packed = if head.reversed_bits {
            turned = reversed(packed);
            &turned
        } else {
            packed
        };
        let mut rows = head.compression.unpack(packed, row_bytes, self.width, size)?;
        let predicted = matches!(head.compression, Compression::Lzw | Compression::Deflate);
        match head.directory.value(tag::PREDICTOR) {
            Some(2) if predicted => {
                let samples = if self.planes > 1 { 1 } else { head.layout.samples };
                predictor::undo(&mut rows, row_bytes, samples, head.layout.bits, head.big_endian)?;
            }
            Some(other) if predicted && other != 1 => {
                return Err(unsupported(format!("predictor {other}")));
            }
            _ => {}
        }
        Ok(rows)
    }

    /// A strip or tile of its own JPEG stream; tables that all share stand in a tag.
    fn unpack_jpeg(
        &self,
        packed: &[u8],
        place: &Place,
        head: &Head,
        limits: &Limits,
    ) -> Result<Vec<u8>, ImageError> {
        let tables = head.directory.bytes(tag::JPEG_TABLES);
        let transform = if head.directory.value(tag::PHOTOMETRIC) == Some(6) {
            ColorTransform::YcbcrToRgb
        } else {
            ColorTransform::None
        };
        let image = jpeg::decode_with_tables(tables, packed, limits.max_pixels, transform)?;
        let height = if self.tiled { self.height } else { place.height };
        let samples = if self.planes > 1 { 1 } else { head.layout.samples };
        let (found_width, found_height) = (image.width as usize, image.height as usize);
        if found_width != self.width
            || found_height < height
            || image.color.channels() != samples
            || head.layout.bits != 8
        {
            let what = format!(
                "a JPEG strip or tile of {found_width} x {found_height}, {} x {height} are needed",
                self.width
            );
            return Err(corrupt(what));
        }
        // The decoder turns ink around, as Pillow does for files that are JPEG alone; libtiff does
        // not.
        let turn = if image.color == JpegColor::Cmyk { 255 } else { 0 };
        Ok(image.data.into_iter().map(|value| value ^ turn).collect())
    }

    fn copy(&self, segment: &[u8], place: &Place, head: &Head, rows: &mut [u8]) {
        let row_bytes = head.layout.row_bytes(head.size.0 as usize);
        // Tiles are a multiple of 16 pixels wide: they begin at a whole byte, also where pixels are
        // bits.
        let from = head.layout.row_bytes(place.x);
        let used = head.layout.row_bytes(place.width);
        let targets = rows.chunks_exact_mut(row_bytes.max(1)).skip(place.y).take(place.height);
        for (target, source) in targets.zip(segment.chunks(self.row_bytes(head).max(1))) {
            let target = target.get_mut(from..from.saturating_add(used)).unwrap_or_default();
            for (target, source) in target.iter_mut().zip(source) {
                *target = *source;
            }
        }
    }

    fn copy_plane(&self, segment: &[u8], place: &Place, head: &Head, rows: &mut [u8]) {
        let sample = head.layout.bits as usize / 8;
        let pixel = sample.saturating_mul(head.layout.samples);
        let row_bytes = pixel.saturating_mul(head.size.0 as usize);
        let targets = rows.chunks_exact_mut(row_bytes.max(1)).skip(place.y).take(place.height);
        for (target, source) in targets.zip(segment.chunks(self.row_bytes(head).max(1))) {
            let pixels = target.chunks_exact_mut(pixel.max(1)).skip(place.x).take(place.width);
            for (target, source) in pixels.zip(source.chunks_exact(sample.max(1))) {
                let at = place.plane.saturating_mul(sample);
                if let Some(target) = target.get_mut(at..at.saturating_add(sample)) {
                    target.copy_from_slice(source);
                }
            }
        }
    }
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte.reverse_bits()).collect()
}
