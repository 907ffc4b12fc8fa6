//! From the bytes of an image file to the pixels that CLIP's reference preprocessing gives, bit for
//! bit.
//!
//! ```text
//! bytes of a file
//!    │ decode      any of eight formats, to the mode that Pillow opens it in
//!    ▼
//! Image           mode 1, L, LA, P, RGB, RGBA, CMYK, I;16, I;16B, I or F
//!    │ resize      Pillow's resampler, in that mode; only what the crop keeps is computed
//!    │ crop        centre, or pad to the square
//!    │ convert     to RGB, last (PROTOCOL 1.8.1)
//!    ▼
//! Pixels          [height, width, 3] u8
//!    │ normalise   (v / 255 - mean) / std
//!    ▼
//! input           [3, size, size] f32
//! ```
//!
//! A JPEG goes through the first two steps a few rows at a time, and of what the crop leaves out
//! only the bits are read: the pixels are the same, and the image is never in memory as a whole.
//!
//! [`Preprocess`] holds the choices; [`Preprocess::input`] does all of it.
//!
//! ```
//! use clip_image::{Limits, Preprocess};
//!
//! let grey_pixel = b"P5 1 1 255\n\x80"; // a PGM of 1 x 1
//! let input = Preprocess::clip(224).input(grey_pixel, &Limits::default())?;
//! assert_eq!(input.len(), 3 * 224 * 224);
//! # Ok::<(), clip_image::ImageError>(())
//! ```
#![forbid(unsafe_code)]

mod convert;
mod crop;
mod decode;
mod endings;
mod error;
mod format;
mod limits;
mod mode;
mod named_enum;
mod pixels;
mod preprocess;
mod resize;
mod signature;
mod white;

pub use convert::rgb_pixels;
pub use crop::{CropMode, CropOffset};
pub use decode::{Header, decode, header, jpeg};
pub use endings::is_image_name;
pub use error::ImageError;
pub use format::Format;
pub use limits::Limits;
pub use mode::{Image, Mode, Palette, Transparency};
pub use pixels::Pixels;
pub use preprocess::{Layout, MEAN, Preprocess, ResizeMode, STD, View};
pub use resize::{Interpolation, resize};
pub use white::TransparencyMode;
