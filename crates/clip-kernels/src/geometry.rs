//! Sizes of pictures on their way through a tower: patch grids, feature maps, convolutions.

/// A square picture cut into square patches (PROTOCOL 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchGrid {
    /// Side of the picture in pixels.
    pub resolution: usize,
    /// Side of a patch in pixels; divides the resolution.
    pub patch_size: usize,
}

impl PatchGrid {
    /// Color channels of a picture.
    pub const CHANNELS: usize = 3;

    /// Patches along one side.
    pub fn side(&self) -> usize {
        self.resolution / self.patch_size
    }

    /// Patches of a picture.
    pub fn patches(&self) -> usize {
        self.side() * self.side()
    }

    /// Values of a patch: `3 · patch_size²`.
    pub fn patch_values(&self) -> usize {
        Self::CHANNELS * self.patch_size * self.patch_size
    }

    /// Values of a picture: `3 · resolution²`.
    pub fn image_values(&self) -> usize {
        Self::CHANNELS * self.resolution * self.resolution
    }
}

/// The sides of one item's feature map. Its rows are the map's cells, row by row:
/// `[height · width, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapShape {
    /// Cells from top to bottom.
    pub height: usize,
    /// Cells from left to right.
    pub width: usize,
}

impl MapShape {
    /// A square map.
    pub fn square(side: usize) -> Self {
        Self { height: side, width: side }
    }

    /// Cells of the map.
    pub fn cells(&self) -> usize {
        self.height * self.width
    }
}

/// A convolution with a square kernel over maps of one shape, zeros around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// The maps that go in.
    pub input: MapShape,
    /// Side of the kernel in cells.
    pub kernel: usize,
    /// Cells from one application of the kernel to the next.
    pub stride: usize,
    /// Rings of zeros around each map.
    pub padding: usize,
}

impl ConvolutionShape {
    /// The maps that come out: `(side + 2·padding − kernel) / stride + 1` cells, rounded down.
    pub fn output(&self) -> MapShape {
        let side = |input: usize| match (input + 2 * self.padding).checked_sub(self.kernel) {
            Some(room) if input > 0 => room / self.stride + 1,
            _ => 0,
        };
        MapShape { height: side(self.input.height), width: side(self.input.width) }
    }

    /// Kernel positions: `kernel²`.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Where in its map the tap reads for an output cell, or nothing where it reads the zeros
    /// around it.
    #[inline]
    pub(crate) fn source_cell(&self, output_cell: usize, tap: usize) -> Option<usize> {
        let output_width = self.output().width;
        let (y, x) = (output_cell / output_width, output_cell % output_width);
        let row = (y * self.stride + tap / self.kernel).checked_sub(self.padding)?;
        let column = (x * self.stride + tap % self.kernel).checked_sub(self.padding)?;
        (row < self.input.height && column < self.input.width)
            .then(|| row * self.input.width + column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_sizes_are_those_of_the_stem() {
        let first =
            ConvolutionShape { input: MapShape::square(224), kernel: 3, stride: 2, padding: 1 };
        assert_eq!(first.output(), MapShape::square(112));
        assert_eq!(first.source_cell(0, 0), None); // above and left of the map
        assert_eq!(first.source_cell(0, 4), Some(0));
        assert_eq!(first.source_cell(113, 8), Some(3 * 224 + 3));
    }

    #[test]
    fn kernel_larger_than_the_map_leaves_nothing() {
        let shape =
            ConvolutionShape { input: MapShape::square(1), kernel: 3, stride: 1, padding: 0 };
        assert_eq!(shape.output().cells(), 0);
    }
}
