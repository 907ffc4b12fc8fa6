//! Endings of image files: the one list. A name says only that a file is worth opening; its first
//! bytes say what it is.

use std::path::Path;

use crate::{Format, ImageError, Limits};

impl Format {
    /// Endings of names that files of this format have, in lower case.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif", "jfi", "jif", "mpo"],
            Self::Png => &["png", "apng"],
            Self::Gif => &["gif"],
            Self::Bmp => &["bmp", "dib"],
            Self::WebP => &["webp"],
            Self::Tiff => &["tif", "tiff"],
            Self::Pnm => &["pbm", "pgm", "ppm", "pnm", "pfm"],
        }
    }

    const ALL: [Format; 7] =
        [Self::Jpeg, Self::Png, Self::Gif, Self::Bmp, Self::WebP, Self::Tiff, Self::Pnm];

    /// The format of a file by its first bytes, at least 512 or all; `path` only serves to name a
    /// format that is not read and has no mark of its own.
    ///
    /// # Errors
    /// As [`Format::of`].
    pub fn of_file(head: &[u8], path: &Path) -> Result<Format, ImageError> {
        Format::of(head).map_err(|error| match (error, unread_format(path)) {
            (ImageError::UnknownFormat(_), Some(name)) => ImageError::UnsupportedFormat { name },
            (error, _) => error,
        })
    }

    /// Whether a file begins as an image does, of a format that is read or not; `head` are its
    /// first 512 bytes or all.
    pub fn begins(head: &[u8]) -> bool {
        match Format::of(head) {
            // Two letters begin many texts as well: here the header has to hold.
            Ok(Self::Bmp | Self::Pnm) => {
                crate::header(head, &Limits { max_pixels: u64::MAX }).is_ok()
            }
            Ok(_) => true,
            Err(ImageError::UnsupportedFormat { name }) => {
                !matches!(name, "a video" | "PDF" | "SVG")
            }
            Err(_) => false,
        }
    }
}

/// Whether files of this name are images: of a format that is read, or of one that Pillow or a
/// camera knows and that is refused by its name.
pub fn is_image_name(path: &Path) -> bool {
    let read = |ending: &str| Format::ALL.iter().any(|format| format.endings().contains(&ending));
    ending_of(path).is_some_and(|ending| read(&ending)) || unread_format(path).is_some()
}

/// The image format that the ending stands for, where it is none of [`Format`].
fn unread_format(path: &Path) -> Option<&'static str> {
    let ending = ending_of(path)?;
    UNREAD
        .iter()
        .find(|(_, endings)| endings.split(' ').any(|known| known == ending))
        .map(|(name, _)| *name)
}

fn ending_of(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// Formats that are not read: those that Pillow opens (its registered endings), and those of
/// cameras and browsers.
const UNREAD: [(&str, &str); 35] = [
    ("AVIF", "avif avifs"),
    ("HEIC", "heic heics heif heifs hif"),
    ("JPEG 2000", "jp2 j2k j2c jpc jpf jpx jpm"),
    ("JPEG XL", "jxl"),
    ("JPEG XR", "jxr wdp hdp"),
    ("TGA", "tga icb vda vst"),
    ("ICO", "ico"),
    ("CUR", "cur"),
    ("ICNS", "icns"),
    ("PSD", "psd psb"),
    ("DDS", "dds"),
    ("PCX", "pcx dcx"),
    ("SGI", "sgi rgb rgba bw"),
    ("XBM", "xbm"),
    ("XPM", "xpm"),
    ("QOI", "qoi"),
    ("SVG", "svg svgz"),
    ("EPS", "eps ps"),
    ("WMF", "wmf emf"),
    ("FITS", "fits fit"),
    ("OpenEXR", "exr"),
    ("Radiance HDR", "hdr"),
    ("BLP", "blp"),
    ("FLI", "fli flc"),
    ("FTEX", "ftc ftu"),
    ("GIMP brush", "gbr"),
    ("IM", "im"),
    ("MSP", "msp"),
    ("Photo CD", "pcd"),
    ("PIXAR", "pxr"),
    ("Sun raster", "ras"),
    ("Netpbm PAM", "pam"),
    ("DNG", "dng"),
    ("camera raw", "cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw"),
    ("XCF", "xcf"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_those_of_formats_read_and_not_read() {
        for name in [
            "a.jpg", "a.JPEG", "a.mpo", "a.pfm", "a.avif", "a.HEIC", "a.tga", "a.svg", "a.dng",
            "x/y.Ico",
        ] {
            assert!(is_image_name(Path::new(name)), "{name}");
        }
        for name in ["a", "a.txt", "a.json", "a.csv", "jpg", "a.jpg_large", "a.npy", "a.mp4"] {
            assert!(!is_image_name(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn format_without_a_mark_is_named_by_the_ending_and_a_mark_is_stronger() {
        let error = |head: &[u8], name: &str| {
            Format::of_file(head, Path::new(name)).expect_err("none").to_string()
        };
        assert_eq!(error(b"\0\0\x02\0\0\0\0\0", "a.tga"), "TGA is not supported");
        assert_eq!(error(b"\0\0\0\x18ftypavif", "a.tga"), "AVIF is not supported");
        assert_eq!(error(b"", "a.tga"), "the file is empty");
        assert!(error(b"hello", "a.jpg").starts_with("not an image"));
        assert_eq!(
            Format::of_file(b"\xff\xd8\xff\xe0", Path::new("a.HEIC")).expect("a JPEG"),
            Format::Jpeg
        );
    }

    #[test]
    fn texts_that_begin_with_two_letters_of_a_format_are_no_images() {
        for image in [
            &b"\xff\xd8\xff\xe1"[..],
            b"GIF89a",
            b"P5 1 1 255\n\x80",
            b"P1\n# c\n2 1\n0 1",
            b"\0\0\0\x18ftypheic",
        ] {
            assert!(Format::begins(image), "{image:?}");
        }
        for text in [
            &b"BMW of 1999"[..],
            b"P5 is a format",
            b"P1",
            b"%PDF-1.7",
            b"\0\0\0\x18ftypmp42",
            b"",
            b"<svg/>",
        ] {
            assert!(!Format::begins(text), "{text:?}");
        }
    }
}
