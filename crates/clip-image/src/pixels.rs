//! The result of preprocessing: RGB pixels, and the model's input made of them.

use crate::ImageError;

/// RGB pixels, `[height, width, 3]`, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue of each pixel.
    pub data: Vec<u8>,
    /// Pixels of the decoded image beyond 0..=255 that were clipped: see
    /// [`Image::clipped_pixels`](crate::Image::clipped_pixels).
    pub clipped: usize,
}

impl Pixels {
    /// Normalised input of the model, `[3, height, width]`: `(v / 255 - mean) / std` per channel.
    ///
    /// Three f32 operations in this order; the fused form differs by up to 4.8e-7 (PROTOCOL 1.8.1).
    pub fn to_input(&self, mean: [f32; 3], std: [f32; 3]) -> Vec<f32> {
        let mut input = vec![0.0; self.data.len()];
        self.write_input(mean, std, &mut input);
        input
    }

    /// The same into `input`, `[3, height, width]`: a place in a batch.
    ///
    /// # Panics
    /// If `input` has another length.
    pub fn write_input(&self, mean: [f32; 3], std: [f32; 3], input: &mut [f32]) {
        let pixels = self.data.as_chunks::<3>().0;
        assert_eq!(input.len(), 3 * pixels.len(), "a place of another size");
        for (channel, plane) in input.chunks_exact_mut(pixels.len().max(1)).enumerate() {
            // 256 values at most: each is computed once and looked up.
            let table: [f32; 256] =
                std::array::from_fn(|value| (value as f32 / 255.0 - mean[channel]) / std[channel]);
            for (value, pixel) in plane.iter_mut().zip(pixels) {
                *value = table[usize::from(pixel[channel])];
            }
        }
    }

    /// A PNG of the pixels, for looking at.
    ///
    /// # Errors
    /// [`ImageError::Config`] when `data` does not hold `width` x `height` pixels, or either is 0.
    pub fn to_png(&self) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.data)?;
            writer.finish()
        });
        match written {
            Ok(()) => Ok(bytes),
            Err(error) => {
                Err(ImageError::config(format!("{} x {} pixels: {error}", self.width, self.height)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, MEAN, STD, decode};

    #[test]
    fn black_and_white_become_the_values_of_the_protocol() {
        let pixels = Pixels { width: 2, height: 1, data: vec![0, 0, 0, 255, 255, 255], clipped: 0 };
        let expected: [f32; 6] =
            [-1.792_262_6, 1.930_336_2, -1.752_097_1, 2.074_883_7, -1.480_219_8, 2.145_897];
        // PROTOCOL 1.8.1 prints eight digits; the bits are held against the golden tensors.
        for (found, expected) in pixels.to_input(MEAN, STD).into_iter().zip(expected) {
            assert!((found - expected).abs() < 2e-7, "{found} against {expected}");
        }
    }

    #[test]
    fn png_reads_back() {
        let pixels = Pixels { width: 2, height: 2, data: (0..12).collect(), clipped: 0 };
        let image = decode(&pixels.to_png().unwrap(), &Limits::default()).unwrap();
        assert_eq!((image.width, image.height, image.data), (2, 2, pixels.data));
    }
}
