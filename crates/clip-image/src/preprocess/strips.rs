//! The short way for JPEG: pixels go from the decoder to the resize a few rows at a time, and those
//! that the crop leaves out are never made.

use super::Preprocess;
use crate::decode::jpeg::{self, JpegColor, JpegHeader, Reduction};
use crate::resize::{Strips, Window};
use crate::{Format, Image, ImageError, Limits, Mode};

impl Preprocess {
    /// The resized window of the image, or none where only the long way is right. Fails exactly
    /// where that fails.
    pub(super) fn strips(
        &self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<Image>, ImageError> {
        if self.exif_orientation || !matches!(Format::of(bytes), Ok(Format::Jpeg)) {
            return Ok(None);
        }
        let Ok(header) = jpeg::read_header(bytes) else { return Ok(None) };
        let source = (header.width.into(), header.height.into());
        let Ok(window) = self.window(source, limits) else { return Ok(None) };
        if window.full_size() == source {
            return Ok(None);
        }
        let reduction = self.reduction(&header, window.full_size());
        match header.color {
            JpegColor::Grey => {
                self.strips_of::<1>(Mode::Grey, bytes, (&header, reduction), &window, limits)
            }
            JpegColor::Rgb => {
                self.strips_of::<3>(Mode::Rgb, bytes, (&header, reduction), &window, limits)
            }
            JpegColor::Cmyk => Ok(None),
        }
    }

    /// The strongest that leaves twice the pixels that the resize makes, in both directions.
    fn reduction(&self, header: &JpegHeader, full: (u64, u64)) -> Reduction {
        let leaves_enough = |reduction: &Reduction| {
            let enough = |side: u32, wanted: u64| reduction.of(side as usize) as u64 >= 2 * wanted;
            enough(header.width, full.0) && enough(header.height, full.1)
        };
        let allowed = self.fast_decode && !header.lossless;
        Reduction::ALL
            .into_iter()
            .find(|by| allowed && leaves_enough(by))
            .unwrap_or(Reduction::Whole)
    }

    fn strips_of<const CHANNELS: usize>(
        &self,
        mode: Mode,
        bytes: &[u8],
        (header, reduction): (&JpegHeader, Reduction),
        window: &Window,
        limits: &Limits,
    ) -> Result<Option<Image>, ImageError> {
        let [width, height] = [header.width, header.height];
        let source = (reduction.of(width as usize) as u64, reduction.of(height as usize) as u64);
        let extent = (reduction.exactly(width), reduction.exactly(height));
        let Some(mut strips) = Strips::<CHANNELS>::new(source, extent, window, self.interpolation)
        else {
            return Ok(None);
        };
        jpeg::decode_rows(bytes, limits.max_pixels, reduction, strips.needed(), &mut strips)?;
        Image::new(Format::Jpeg, mode, window.size(), strips.finish()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::{CropMode, Interpolation, Pixels, ResizeMode, convert, decode};

    /// Every process, sampling and kind of damage.
    fn files() -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
        let paths =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "jpg")).collect();
        files.sort();
        files
    }

    proptest! {
        #[test]
        fn strips_give_what_the_whole_image_gives_damaged_or_not(
            path in prop::sample::select(files()),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
            size in 1_u32..90,
            resize in prop::sample::select(&[ResizeMode::Shortest, ResizeMode::Longest, ResizeMode::Squash][..]),
            crop in prop::sample::select(&[CropMode::Center, CropMode::Pad, CropMode::None][..]),
            interpolation in prop::sample::select(&[Interpolation::Bicubic, Interpolation::Lanczos][..]),
            fast_decode: bool,
        ) {
            let mut bytes = fs::read(&path).expect("a file");
            for (place, byte) in damage {
                *place.get_mut(&mut bytes) = byte;
            }
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
            let preprocess = Preprocess { resize, crop, interpolation, fast_decode, ..Preprocess::clip(size) };
            let limits = Limits { max_pixels: 1 << 20 };
            let rgb = |image: Image| -> Pixels { convert::to_rgb(image) };
            let whole = decode(&bytes, &limits).and_then(|image| preprocess.resized(&image, &limits));
            let expected = whole.map(|(image, _)| rgb(image));
            match (preprocess.strips(&bytes, &limits), expected) {
                (Ok(None), _) => {}
                (Ok(Some(found)), Ok(expected)) => {
                    let found = rgb(found);
                    prop_assert_eq!((found.width, found.height), (expected.width, expected.height));
                    prop_assert!(fast_decode || found == expected, "{:?} {:?}", path, preprocess);
                }
                (Err(found), Err(expected)) => prop_assert_eq!(found.to_string(), expected.to_string()),
                (found, expected) => prop_assert!(false, "{path:?}: {found:?} against {expected:?}"),
            }
        }
    }

    #[test]
    fn color_and_grey_files_that_shrink_go_through_in_strips() {
        let taken = |path: &PathBuf| {
            let bytes = fs::read(path).expect("a file");
            matches!(Preprocess::clip(32).strips(&bytes, &Limits::default()), Ok(Some(_)))
        };
        let (short, long): (Vec<_>, Vec<_>) = files().into_iter().partition(taken);
        assert!(short.len() > 20, "only {} do", short.len());
        assert!(long.iter().any(|path| path.ends_with("ycck_444.jpg")), "CMYK does not");
    }

    #[test]
    fn fast_decode_moves_pixels_little_whatever_the_sampling() {
        for name in [
            "411_odd",
            "422_progressive",
            "440",
            "441",
            "420_arithmetic",
            "grey_sampling_2x2",
            "exif_6",
        ] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
            let bytes = fs::read(folder.join(name).with_extension("jpg")).expect("a file");
            let pixels = |size, fast_decode| {
                let preprocess = Preprocess { fast_decode, ..Preprocess::clip(size) };
                preprocess.pixels(&bytes, &Limits::default()).expect("pixels").data
            };
            // A half, a quarter and, for the largest, an eighth.
            for size in [24, 12, 6] {
                let (exact, fast) = (pixels(size, false), pixels(size, true));
                let sum: u32 =
                    exact.iter().zip(&fast).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                let mean = f64::from(sum) / exact.len() as f64;
                assert!(mean < 2.0, "{name} to {size}: {mean}");
                assert!(exact != fast, "{name} to {size}: nothing was reduced");
            }
        }
    }
}
