//! From bands of component samples to the pixels of the image.
//!
//! A band is one row of MCUs. It is written one step late, because vertical upsampling looks at the row below it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "sizes were met by the pixel limit; there are 1, 3 or 4 planes"
)]

use pulp::{Arch, Simd, WithSimd};

use super::color::Conversion;
use super::error::JpegError;
use super::frame::{Frame, Process};
use super::upsample::Plane;

/// Fills the `next` band of each plane.
pub(super) trait Bands {
    /// Decodes band `index`; called once for each in rising order.
    fn fill(&mut self, index: usize, planes: &mut [Plane]) -> Result<(), JpegError>;
}

/// Runs a source of bands to the end and returns the pixels, interleaved, row by row.
pub(super) fn render(
    frame: &Frame,
    conversion: Conversion,
    source: &mut impl Bands,
) -> Result<Vec<u8>, JpegError> {
    let mut planes = frame.components.iter().map(|c| Plane::new(c, frame)).collect::<Result<Vec<_>, _>>()?;
    let row_bytes = frame.width * conversion.color().channels();
    let mut pixels = vec![0; row_bytes * frame.height];
    let unit = if frame.process == Process::Lossless { 1 } else { super::frame::BLOCK };
    let band_bytes = row_bytes * frame.v_max * unit;
    let mut bands = pixels.chunks_mut(band_bytes).enumerate();

    for index in 0..frame.mcus_high {
        source.fill(index, &mut planes)?;
        if index > 0
            && let Some((band, out)) = bands.next()
        {
            Arch::new().dispatch(WriteBand { frame, conversion, planes: &mut planes, band, out });
        }
        planes.iter_mut().for_each(Plane::turn);
    }
    if let Some((band, out)) = bands.next() {
        Arch::new().dispatch(WriteBand { frame, conversion, planes: &mut planes, band, out });
    }
    Ok(pixels)
}

/// Writes the pixels of a band; compiled once per instruction set.
struct WriteBand<'a> {
    frame: &'a Frame,
    conversion: Conversion,
    planes: &'a mut [Plane],
    band: usize,
    out: &'a mut [u8],
}

impl WithSimd for WriteBand<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { frame, conversion, planes, band, out } = self;
        let unit = if frame.process == Process::Lossless { 1 } else { super::frame::BLOCK };
        let top = band * frame.v_max * unit;
        let row_bytes = frame.width * conversion.color().channels();
        for (y, out) in (top..).zip(out.chunks_exact_mut(row_bytes)) {
            for plane in planes.iter_mut() {
                plane.prepare(band, y);
            }
            let rows = std::array::from_fn(|i| planes.get(i).map_or(&[][..], |plane| plane.row(band, y)));
            conversion.row(rows, out);
        }
    }
}
