//! The frame: how many components there are, and how samples, blocks and MCUs tile the image.

use super::error::{JpegError, broken};

/// Samples along a side of a transformed block.
pub(super) const BLOCK: usize = 8;

/// Data units in an interleaved MCU: T.81 B.2.3.
pub(super) const MAX_UNITS_OF_MCU: usize = 10;

/// How the samples are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// Baseline and extended: one pass over each component.
    Sequential,
    /// Spectral selection and successive approximation.
    Progressive,
    /// Predicted samples, no transform.
    Lossless,
}

/// One colour channel.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors: data units of this component in an interleaved MCU.
    pub(super) h: usize,
    pub(super) v: usize,
    pub(super) quant_index: u8,
    /// Samples along a side of a data unit: 1 in the lossless process, else 8, or fewer in a
    /// reduced image.
    pub(super) side: usize,
    /// Samples that belong to the image.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Data units that hold them (blocks, or samples in the lossless process).
    pub(super) units_wide: usize,
    pub(super) units_high: usize,
    /// Data units rounded up to whole MCUs: what is stored.
    pub(super) stored_wide: usize,
    pub(super) stored_high: usize,
    /// The quantisation table in force when the first scan of the component began, natural order.
    pub(super) quant: Option<[i16; 64]>,
}

/// A frame header, checked.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) process: Process,
    pub(super) arithmetic: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
    /// Pixels along a side of a data unit of a component with the largest factors.
    pub(super) side: usize,
    pub(super) h_max: usize,
    pub(super) v_max: usize,
    pub(super) mcus_wide: usize,
    pub(super) mcus_high: usize,
}

/// How much smaller than the file says an image is decoded: the exponent of a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    Whole = 0,
    Half = 1,
    Quarter = 2,
    Eighth = 3,
}

impl Reduction {
    /// The strongest first.
    pub(crate) const ALL: [Self; 4] = [Self::Eighth, Self::Quarter, Self::Half, Self::Whole];

    /// How many pixels `pixels` become.
    pub(crate) fn of(self, pixels: usize) -> usize {
        pixels.div_ceil(1 << self as usize)
    }

    /// The same, with what the last of them lacks.
    pub(crate) fn exactly(self, pixels: u32) -> f64 {
        f64::from(pixels) / f64::from(1_u32 << self as u32)
    }
}

/// What a frame header says of one component.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComponentHeader {
    pub(super) id: u8,
    pub(super) h: u8,
    pub(super) v: u8,
    pub(super) quant_index: u8,
}

/// What a frame header says, before any check.
#[derive(Debug, Clone)]
pub(super) struct FrameHeader {
    pub(super) process: Process,
    pub(super) arithmetic: bool,
    pub(super) precision: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: Vec<ComponentHeader>,
}

/// libjpeg's `JPEG_MAX_DIMENSION`.
const MAX_SIDE: u16 = 65500;

impl FrameHeader {
    /// Width times height.
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width).saturating_mul(u64::from(self.height))
    }

    /// What can be refused from the header alone.
    pub(super) fn validate(&self, max_pixels: u64) -> Result<(), JpegError> {
        if self.width == 0 || self.height == 0 {
            return broken("the frame header gives a width or height of 0");
        }
        match self.precision {
            8 => {}
            12 => return Err(JpegError::Unsupported { feature: "12-bit JPEG" }),
            16 => return Err(JpegError::Unsupported { feature: "16-bit JPEG" }),
            _ => return broken("the frame header gives a precision other than 8 bits"),
        }
        if self.pixels() > max_pixels {
            return Err(JpegError::TooManyPixels {
                width: u32::from(self.width),
                height: u32::from(self.height),
                limit: max_pixels,
            });
        }
        if self.width > MAX_SIDE || self.height > MAX_SIDE {
            return broken("the frame is wider or higher than 65500 pixels");
        }
        if !matches!(self.components.len(), 1 | 3 | 4) {
            return Err(JpegError::Unsupported {
                feature: "JPEG with other than 1, 3 or 4 components",
            });
        }
        if self.components.iter().any(|c| !(1..=4).contains(&c.h) || !(1..=4).contains(&c.v)) {
            return broken("a sampling factor is not 1 to 4");
        }
        if self.arithmetic && self.process == Process::Lossless {
            return Err(JpegError::Unsupported { feature: "lossless JPEG with arithmetic coding" });
        }
        Ok(())
    }
}

impl Frame {
    /// Lays out a header that passed [`FrameHeader::validate`].
    pub(super) fn new(header: &FrameHeader) -> Self {
        let side = if header.process == Process::Lossless { 1 } else { BLOCK };
        let (width, height) = (usize::from(header.width), usize::from(header.height));
        // The factors of a lone component say nothing: its scan has one data unit per MCU whatever
        // they are.
        let lone = header.components.len() == 1;
        let factor = |f: u8| if lone { 1 } else { usize::from(f) };
        let h_max = header.components.iter().map(|c| factor(c.h)).max().unwrap_or(1);
        let v_max = header.components.iter().map(|c| factor(c.v)).max().unwrap_or(1);
        let mcus_wide = width.div_ceil(h_max.saturating_mul(side));
        let mcus_high = height.div_ceil(v_max.saturating_mul(side));
        let components = header
            .components
            .iter()
            .map(|c| {
                let (h, v) = (factor(c.h), factor(c.v));
                Component {
                    id: c.id,
                    h,
                    v,
                    quant_index: c.quant_index,
                    side,
                    width: width.saturating_mul(h).div_ceil(h_max),
                    height: height.saturating_mul(v).div_ceil(v_max),
                    units_wide: width.saturating_mul(h).div_ceil(h_max.saturating_mul(side)),
                    units_high: height.saturating_mul(v).div_ceil(v_max.saturating_mul(side)),
                    stored_wide: mcus_wide.saturating_mul(h),
                    stored_high: mcus_high.saturating_mul(v),
                    quant: None,
                }
            })
            .collect();
        Self {
            process: header.process,
            arithmetic: header.arithmetic,
            width,
            height,
            components,
            side,
            h_max,
            v_max,
            mcus_wide,
            mcus_high,
        }
    }

    /// The same file decoded to a half, a quarter or an eighth of its size, as libjpeg lays that
    /// out: a component with fewer samples gives up fewer of them. The lossless process has no such
    /// thing.
    pub(super) fn reduced(mut self, by: Reduction) -> Self {
        let shift = by as u32;
        if self.process == Process::Lossless || shift == 0 {
            return self;
        }
        self.side = BLOCK >> shift;
        for component in &mut self.components {
            component.side = self.side;
            let fits = |max: usize, factor: usize, side: usize| {
                max.saturating_mul(self.side).is_multiple_of(factor.saturating_mul(side))
            };
            for side in [2, 4, BLOCK] {
                if side > component.side
                    && fits(self.h_max, component.h, side)
                    && fits(self.v_max, component.v, side)
                {
                    component.side = side;
                }
            }
            let samples = |pixels: usize, factor: usize, max: usize| {
                let all = pixels.saturating_mul(factor).saturating_mul(component.side);
                all.div_ceil(max.saturating_mul(BLOCK))
            };
            component.width = samples(self.width, component.h, self.h_max);
            component.height = samples(self.height, component.v, self.v_max);
        }
        self.width = by.of(self.width);
        self.height = by.of(self.height);
        self
    }

    /// Data units stored over all components.
    pub(super) fn units(&self) -> u64 {
        self.components
            .iter()
            .map(|c| (c.stored_wide as u64).saturating_mul(c.stored_high as u64))
            .sum()
    }
}
