//! Enums spelled as in configuration files and on the command line.

/// Defines an enum of words with `FromStr`, `Display` and serde in their lower-case spelling.
macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$word_doc])* $word),+ }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$word => $text),+ })
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ImageError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$word),)+
                    other => Err($crate::ImageError::config(format!(
                        concat!("no ", $what, " `{}`, there are: {}"), other, [$($text),+].join(", ")
                    ))),
                }
            }
        }
    };
}
pub(crate) use named_enum;

#[cfg(test)]
mod tests {
    use crate::{Interpolation, ResizeMode};

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
