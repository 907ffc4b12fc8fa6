//! An image in the mode that Pillow opens it in. The mode decides how it is resized
//! (PROTOCOL 1.8.3).

use crate::{Format, ImageError};

/// How a pixel is stored; names in Pillow's spelling by [`Mode::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `1`: black or white, one byte of 0 or 255.
    Bilevel,
    /// `L`: grey, one byte.
    Grey,
    /// `LA`: grey and alpha, two bytes.
    GreyAlpha,
    /// `P`: an index into [`Image::palette`], one byte.
    Palette,
    /// `RGB`: three bytes.
    Rgb,
    /// `RGBA`: three bytes and alpha, not multiplied by it.
    Rgba,
    /// `CMYK`: four bytes, 255 is full ink.
    Cmyk,
    /// `I;16`: 16-bit grey, two bytes, little-endian.
    Grey16,
    /// `I;16B`: 16-bit grey, two bytes, big-endian.
    Grey16Big,
    /// `I`: an i32, four bytes, little-endian.
    Int32,
    /// `F`: an f32, four bytes, little-endian.
    Float32,
}

impl Mode {
    /// Pillow's name of the mode.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bilevel => "1",
            Self::Grey => "L",
            Self::GreyAlpha => "LA",
            Self::Palette => "P",
            Self::Rgb => "RGB",
            Self::Rgba => "RGBA",
            Self::Cmyk => "CMYK",
            Self::Grey16 => "I;16",
            Self::Grey16Big => "I;16B",
            Self::Int32 => "I",
            Self::Float32 => "F",
        }
    }

    /// Bytes of one pixel in [`Image::data`].
    pub fn pixel_bytes(self) -> usize {
        match self {
            Self::Bilevel | Self::Grey | Self::Palette => 1,
            Self::GreyAlpha | Self::Grey16 | Self::Grey16Big => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk | Self::Int32 | Self::Float32 => 4,
        }
    }
}

/// A colour table of at most 256 entries. Indices beyond it are black, as in Pillow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// Red, green, blue of each entry.
    pub colors: Vec<[u8; 3]>,
}

impl Palette {
    /// Reads red, green, blue, ...; an incomplete last entry is dropped.
    pub fn from_rgb(bytes: &[u8]) -> Self {
        Self { colors: bytes.as_chunks::<3>().0.iter().take(256).copied().collect() }
    }

    /// All 256 entries, the missing ones black.
    pub(crate) fn table(&self) -> [[u8; 3]; 256] {
        let mut table = [[0; 3]; 256];
        for (entry, color) in table.iter_mut().zip(&self.colors) {
            *entry = *color;
        }
        table
    }
}

/// What a file says to be transparent. Neither resize nor conversion to RGB looks at it; it is kept
/// because it is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transparency {
    /// One grey level or palette index.
    Value(u16),
    /// One colour.
    Color([u16; 3]),
    /// One alpha for each of the first palette entries.
    Table(Vec<u8>),
}

/// A decoded image, exactly the pixels that Pillow has after `load()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The format of the file it came from; none of pixels that were in memory.
    pub format: Option<Format>,
    /// How a pixel is stored.
    pub mode: Mode,
    /// Width in pixels, never 0.
    pub width: u32,
    /// Height in pixels, never 0.
    pub height: u32,
    /// `[height, width]` pixels of [`Mode::pixel_bytes`] bytes, without gaps.
    pub data: Vec<u8>,
    /// The colour table of mode [`Mode::Palette`].
    pub palette: Option<Palette>,
    /// What the file says to be transparent.
    pub transparency: Option<Transparency>,
    /// EXIF orientation that has not been applied yet, 1..=8. For TIFF the decoder has applied it,
    /// as Pillow does.
    pub orientation: u8,
}

impl Image {
    /// What every decoder ends with: the one place where pixels and size are held against each
    /// other.
    ///
    /// # Errors
    /// [`ImageError::Corrupt`] when `data` is not `width` x `height` pixels of the mode: a variant
    /// of the format whose rows are packed otherwise than its header makes believe.
    pub(crate) fn new(
        format: Format,
        mode: Mode,
        (width, height): (u32, u32),
        data: Vec<u8>,
    ) -> Result<Self, ImageError> {
        let needed = u128::from(width) * u128::from(height) * mode.pixel_bytes() as u128;
        if data.len() as u128 != needed {
            let found = data.len();
            let what = format!(
                "{found} bytes of pixels, {width} x {height} in mode {} have {needed}",
                mode.name()
            );
            return Err(ImageError::corrupt(format, what));
        }
        Ok(Self {
            format: Some(format),
            mode,
            width,
            height,
            data,
            palette: None,
            transparency: None,
            orientation: 1,
        })
    }

    /// Pixels that another program has decoded, `[height, width]` of [`Mode::pixel_bytes`] bytes.
    /// Indices of [`Mode::Palette`] beyond `palette` are black.
    ///
    /// # Errors
    /// [`ImageError::Memory`]: a side of 0, or `data` of another length.
    pub fn from_pixels(
        mode: Mode,
        (width, height): (u32, u32),
        data: Vec<u8>,
        palette: Option<Palette>,
    ) -> Result<Self, ImageError> {
        let needed = u128::from(width) * u128::from(height) * mode.pixel_bytes() as u128;
        let found = data.len();
        let mode_name = mode.name();
        if needed == 0 || found as u128 != needed {
            return Err(ImageError::Memory(format!(
                "{width} x {height} pixels of mode {mode_name} have {needed} bytes, not {found}"
            )));
        }
        let (format, transparency, orientation) = (None, None, 1);
        Ok(Self { format, mode, width, height, data, palette, transparency, orientation })
    }

    /// How many pixels the conversion to RGB clips, because they are beyond 0..=255.
    ///
    /// An ordinary 16-bit grey photograph turns nearly white in the reference, and here: worth a
    /// warning.
    ///
    /// Source: PROTOCOL 9.21.
    pub fn clipped_pixels(&self) -> usize {
        let count16 = |order: fn([u8; 2]) -> u16| {
            self.data.as_chunks::<2>().0.iter().filter(|pair| order(**pair) > 255).count()
        };
        let words = self.data.as_chunks::<4>().0.iter();
        match self.mode {
            Mode::Grey16 => count16(u16::from_le_bytes),
            Mode::Grey16Big => count16(u16::from_be_bytes),
            Mode::Int32 => {
                words.filter(|word| !(0..=255).contains(&i32::from_le_bytes(**word))).count()
            }
            Mode::Float32 => {
                words.filter(|word| !(0.0..256.0).contains(&f32::from_le_bytes(**word))).count()
            }
            _ => 0,
        }
    }

    /// Bytes of one row in [`Image::data`].
    pub(crate) fn row_bytes(&self) -> usize {
        self.width as usize * self.mode.pixel_bytes()
    }

    /// The same file's pixels after some step: same mode, palette and transparency.
    pub(crate) fn with_data(&self, (width, height): (u32, u32), data: Vec<u8>) -> Self {
        debug_assert_eq!(data.len(), width as usize * height as usize * self.mode.pixel_bytes());
        Self {
            format: self.format,
            mode: self.mode,
            width,
            height,
            data,
            palette: self.palette.clone(),
            transparency: self.transparency.clone(),
            orientation: self.orientation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_has_the_pixels_of_its_size_or_is_none() {
        for (mode, bytes) in
            [(Mode::Grey, 6), (Mode::Rgb, 18), (Mode::Grey16, 12), (Mode::Cmyk, 24)]
        {
            let image = |bytes| Image::new(Format::Bmp, mode, (3, 2), vec![0; bytes]);
            assert!(image(bytes).is_ok());
            assert!(image(bytes - 1).is_err() && image(bytes + 1).is_err() && image(0).is_err());
        }
        let huge =
            Image::new(Format::Bmp, Mode::Rgb, (u32::MAX, u32::MAX), Vec::new()).unwrap_err();
        assert!(huge.to_string().contains("0 bytes of pixels, 4294967295 x 4294967295"), "{huge}");
    }

    #[test]
    fn sixteen_bit_pixels_above_255_count_as_clipped() {
        let little =
            Image::new(Format::Png, Mode::Grey16, (3, 1), vec![255, 0, 0, 1, 255, 255]).unwrap();
        assert_eq!(little.clipped_pixels(), 2);
        let big = Image::new(Format::Tiff, Mode::Grey16Big, (2, 1), vec![0, 255, 1, 0]).unwrap();
        assert_eq!(big.clipped_pixels(), 1);
        let floats = [-1.0_f32, 0.5, 255.9, 256.0, f32::NAN]
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        let float = Image::new(Format::Tiff, Mode::Float32, (5, 1), floats).unwrap();
        assert_eq!(float.clipped_pixels(), 3);
    }
}
