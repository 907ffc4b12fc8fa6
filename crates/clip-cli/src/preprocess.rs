//! `clip-rs preprocess`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clip_rs::{
    CropMode, ImageInput, Interpolation, ResizeMode, TransparencyMode, embeddings, image,
};

use crate::console::{Console, Usage};
use crate::exit::Exit;
use crate::images::read_stdin;
use crate::settings::Settings;

/// Write the pixels a model sees of an image
///
/// Decodes, resizes and crops exactly as the reference does (Pillow, libjpeg-turbo) and writes
/// 8-bit RGB as PNG. The defaults are CLIP's: shorter side to 224 px, bicubic, centre crop,
/// conversion to RGB last, EXIF ignored.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  clip-rs preprocess photos/cat.jpg --size 336 --out seen.png")]
pub(crate) struct Preprocess {
    /// The image, or `-` for standard input
    #[arg(value_name = "IMAGE")]
    image: OsString,
    /// Side of the result, px
    #[arg(long, default_value_t = 224, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16_384))]
    size: u32,
    /// Which side becomes N: shortest, longest, or squash (both)
    #[arg(long, default_value = "shortest", value_name = "MODE")]
    resize: ResizeMode,
    /// nearest, box, bilinear, hamming, bicubic or lanczos
    #[arg(long, default_value = "bicubic", value_name = "FILTER")]
    interpolation: Interpolation,
    /// center, pad or none [default: what goes with --resize: center, pad, none]
    #[arg(long, value_name = "MODE")]
    crop: Option<CropMode>,
    /// Grey level of the padding, 0 to 255
    #[arg(long, default_value_t = 0, value_name = "V")]
    fill: u8,
    /// Turn the image as its EXIF orientation says (the reference does not)
    #[arg(long)]
    exif_orientation: bool,
    /// Convert to RGB before the resize (the reference does it last)
    #[arg(long)]
    convert_first: bool,
    /// What becomes of transparent pixels: drop (as the reference does), or white (transformers
    /// from 5.21 on)
    #[arg(long, default_value = "drop", value_name = "MODE")]
    transparency: TransparencyMode,
    /// The PNG to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

impl Preprocess {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        if self.out.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")) {
            let message = format!("{}: the output is a PNG", self.out.display());
            return Err(Usage::error(message, "give it the ending .png"));
        }
        if same_file(self.image.as_ref(), &self.out) {
            let message = format!("{}: the image itself would be replaced", self.out.display());
            return Err(Usage::error(message, "give --out another name"));
        }
        let input = self.input()?;
        let limits = settings.image_limits();
        let bytes = input.read(&limits)?;
        let image_error = |source| clip_rs::Error::Image { path: input.name().to_owned(), source };
        let preprocess =
            image::Preprocess { fast_decode: settings.fast_decode.value, ..self.preprocess() };
        let pixels = preprocess.pixels(&bytes, &limits).map_err(image_error)?;
        let png = pixels.to_png().map_err(image_error)?;
        embeddings::write_whole(&self.out, |file| std::io::Write::write_all(file, &png))?;
        console.detail(&format!("{}: {} x {} px", self.out.display(), pixels.width, pixels.height));
        Ok(Exit::Ok)
    }

    fn input(&self) -> anyhow::Result<ImageInput> {
        if self.image != "-" {
            return Ok(ImageInput::file(self.image.as_ref()));
        }
        Ok(ImageInput::bytes("-", read_stdin()?))
    }

    fn preprocess(&self) -> image::Preprocess {
        let crop = self.crop.unwrap_or_else(|| self.resize.usual_crop());
        image::Preprocess {
            resize: self.resize,
            interpolation: self.interpolation,
            crop,
            fill: self.fill,
            exif_orientation: self.exif_orientation,
            convert_first: self.convert_first,
            transparency: self.transparency,
            ..image::Preprocess::clip(self.size)
        }
    }
}

/// Whether both names lead to one file that is there.
fn same_file(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}
