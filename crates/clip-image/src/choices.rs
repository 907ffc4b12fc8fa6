//! The words of a recipe, spelled as in configuration files and on the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ImageError;

/// Defines an enum of words with `FromStr`, `Display` and serde in their lower-case spelling.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$word_doc])* $word),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$word => $text),+ })
            }
        }

        impl FromStr for $name {
            type Err = ImageError;

            fn from_str(text: &str) -> Result<Self, ImageError> {
                match text {
                    $($text => Ok(Self::$word),)+
                    other => Err(ImageError::config(format!(
                        concat!("no ", $what, " `{}`, there are: {}"), other, [$($text),+].join(", ")
                    ))),
                }
            }
        }
    };
}

words! {
    /// Which side of the image becomes the recipe's size.
    ResizeMode, "resize mode":
    /// The shorter side; the other keeps the aspect ratio, rounded down (the reference).
    Shortest = "shortest",
    /// The longer side; the other keeps the aspect ratio, rounded to nearest and at least 1.
    Longest = "longest",
    /// Both sides; the aspect ratio is lost.
    Squash = "squash",
}

words! {
    /// The filter of the resize, as in Pillow (PROTOCOL 1.8.2). All but nearest widen when the image shrinks.
    Interpolation, "interpolation":
    /// The pixel whose place is nearest.
    Nearest = "nearest",
    /// The mean of the pixels covered.
    Box = "box",
    /// A triangle of reach 1.
    Bilinear = "bilinear",
    /// A Hamming window of reach 1.
    Hamming = "hamming",
    /// A cubic of reach 2 with a = -0.5 (the reference).
    Bicubic = "bicubic",
    /// A windowed sinc of reach 3.
    Lanczos = "lanczos",
}

words! {
    /// What makes a square of the resized image.
    CropMode, "crop mode":
    /// The middle of it; a shorter side is padded.
    Center = "center",
    /// The whole of it, padded to the square; a longer side is cut to its middle.
    Pad = "pad",
    /// Nothing: the result may not be square.
    None = "none",
}

words! {
    /// Where the middle lies when what the crop leaves out is odd: half a pixel is rounded.
    #[derive(Default)]
    CropOffset, "crop offset":
    /// To the even neighbour (the reference, open_clip).
    #[default]
    Even = "even",
    /// Down (transformers).
    Floor = "floor",
}

impl CropOffset {
    /// Whether this is what the reference does.
    pub fn is_the_references(&self) -> bool {
        *self == Self::Even
    }
}

words! {
    /// What becomes of pixels that are transparent, wholly or in part.
    #[derive(Default)]
    TransparencyMode, "transparency":
    /// They keep the colour that the file gives them: alpha weighs in the resize and is then dropped (the reference;
    /// transformers up to 5.20).
    #[default]
    Drop = "drop",
    /// Before the resize the image is laid on white, and is RGB from there on (transformers from 5.21 on).
    White = "white",
}

impl TransparencyMode {
    /// Whether this is what the reference does.
    pub fn is_the_references(&self) -> bool {
        *self == Self::Drop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_wrong_ones_are_told_the_choice() {
        for word in ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] {
            assert_eq!(word.parse::<Interpolation>().unwrap().to_string(), word);
            assert_eq!(
                serde_json::to_string(&word.parse::<Interpolation>().unwrap()).unwrap(),
                format!("{word:?}")
            );
        }
        let error = "cubic".parse::<ResizeMode>().unwrap_err();
        let expected = "preprocessing configuration: no resize mode `cubic`, there are: shortest, longest, squash";
        assert_eq!(error.to_string(), expected);
    }
}
