//! From bands of component samples to the pixels of the image.
//!
//! A band is one row of MCUs. It is written one step late, because vertical upsampling looks at the
//! row below it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "sizes were met by the pixel limit; there are 1, 3 or 4 planes"
)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::color::Conversion;
use super::error::JpegError;
use super::frame::Frame;
use super::region::Region;
use super::upsample::Plane;
use crate::decode::row_sink::RowSink;

/// Fills the `next` band of each plane.
pub(super) trait Bands {
    /// Decodes band `index`; called once for each in rising order. Samples are wanted of these
    /// columns of MCUs only.
    fn fill(
        &mut self,
        index: usize,
        columns: Range<usize>,
        planes: &mut [Plane],
    ) -> Result<(), JpegError>;
}

/// What becomes of the samples: colours, the part that is wanted, and who takes its rows.
pub(super) struct Output<'a> {
    pub(super) conversion: Conversion,
    pub(super) region: Region,
    pub(super) sink: &'a mut dyn RowSink,
}

impl Output<'_> {
    /// Runs a source of bands to the end.
    pub(super) fn render(
        &mut self,
        frame: &Frame,
        source: &mut impl Bands,
    ) -> Result<(), JpegError> {
        let Region { columns, rows, pixel_columns, .. } = self.region.clone();
        let planes = frame.components.iter().map(|c| Plane::new(c, frame, &columns));
        let mut planes = planes.collect::<Result<Vec<_>, _>>()?;
        let mut scratch = std::array::from_fn(|_| vec![0; pixel_columns.len()]);
        for index in 0..frame.mcus_high {
            let wanted = if rows.contains(&index) { columns.clone() } else { 0..0 };
            source.fill(index, wanted, &mut planes)?;
            if index > rows.start && index <= rows.end {
                self.write(frame, index - 1, &mut planes, &mut scratch);
            }
            planes.iter_mut().for_each(Plane::turn);
        }
        if rows.end == frame.mcus_high {
            self.write(frame, rows.end - 1, &mut planes, &mut scratch);
        }
        Ok(())
    }

    fn write(
        &mut self,
        frame: &Frame,
        band: usize,
        planes: &mut [Plane],
        scratch: &mut [Vec<u8>; 4],
    ) {
        Arch::new().dispatch(WriteBand { output: self, frame, band, planes, scratch });
    }
}

/// Hands on the rows of a band; compiled once per instruction set.
struct WriteBand<'a, 'o> {
    output: &'a mut Output<'o>,
    frame: &'a Frame,
    band: usize,
    planes: &'a mut [Plane],
    scratch: &'a mut [Vec<u8>; 4],
}

impl WithSimd for WriteBand<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { output, frame, band, planes, scratch } = self;
        let Output { conversion, region, sink } = output;
        let band_rows = frame.v_max * frame.side;
        let top = band * band_rows;
        for y in top..(top + band_rows).min(region.pixel_rows.end) {
            for plane in planes.iter_mut() {
                plane.prepare(band, y);
            }
            let rows = std::array::from_fn(|i| {
                planes
                    .get(i)
                    .map_or(&[][..], |plane| &plane.row(band, y)[..region.pixel_columns.len()])
            });
            let channels = conversion.row(rows, scratch);
            sink.row((region.pixel_columns.start, y), &channels[..conversion.color().channels()]);
        }
    }
}
