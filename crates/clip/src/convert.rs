//! A checkpoint in another layout, with all that goes with it: what is written reads back as what
//! was read.

use std::path::{Path, PathBuf};

use clip_image::{CropMode, CropOffset, ImageError, Preprocess};
use clip_model::convert::WeightFormat;
use clip_model::{Activation, Architecture, Checkpoint, ImageArchitecture, Layout, TextPooling};

use crate::clip::preprocess_of;
use crate::error::Error;

/// What [`convert`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What the layout cannot say to other programs, one sentence each.
    pub warnings: Vec<String>,
}

/// Writes `checkpoint` in `layout` together with its preprocessing and its way from texts to
/// tokens.
///
/// # Errors
/// As [`clip_model::convert()`]; [`Error::Preprocess`] where the layout has no place for the
/// preprocessing.
pub fn convert(
    checkpoint: &Checkpoint,
    layout: Layout,
    out: &Path,
    weights: WeightFormat,
) -> Result<Converted, Error> {
    let mut warnings = Vec::new();
    let preprocess = preprocess_of(checkpoint, &mut warnings)?;
    let no_place = |source| Error::Preprocess { path: format!("layout {}", layout.name()), source };
    if layout == Layout::OpenClip && !preprocess.is_known_to_open_clip() {
        let found = format!(
            "open_clip has bicubic and bilinear only, no interpolation `{}`",
            preprocess.interpolation
        );
        return Err(no_place(ImageError::Config { what: found }));
    }
    let preprocessing = match layout {
        Layout::HuggingFace => preprocess.to_preprocessor_config(),
        Layout::OpenAi | Layout::OpenClip => preprocess.to_open_clip_config(),
    };
    let files =
        clip_model::convert(checkpoint, layout, out, weights, &preprocessing.map_err(no_place)?)?;
    let theirs = if layout == Layout::HuggingFace { CropOffset::Floor } else { CropOffset::Even };
    if layout != Layout::OpenAi
        && preprocess.crop == CropMode::Center
        && preprocess.crop_offset != theirs
    {
        warnings.push(format!(
            "the crop's offset is rounded `{}`, which only clip-rs reads there (`crop_offset`): others round `{theirs}`, \
             one pixel beside it for every fourth aspect ratio",
            preprocess.crop_offset
        ));
    }
    warnings.extend(unsaid(checkpoint, layout, &preprocess));
    Ok(Converted { files, warnings })
}

/// What only this program can know of the files, or none.
fn unsaid(checkpoint: &Checkpoint, layout: Layout, preprocess: &Preprocess) -> Vec<String> {
    let mut warnings = Vec::new();
    match layout {
        Layout::OpenAi => {
            if *preprocess != Preprocess::clip(preprocess.size) {
                warnings.push(format!(
                    "this layout has no place for preprocessing (resize {}, {}, crop offset {}, mean {:?}, std {:?}): \
                     clip-rs reads it from the file's metadata, OpenAI's own loader and others take CLIP's",
                    preprocess.resize, preprocess.interpolation, preprocess.crop_offset, preprocess.mean, preprocess.std
                ));
            }
            let beyond = beyond_sizes(&checkpoint.architecture);
            if !beyond.is_empty() {
                warnings.push(format!(
                    "this layout has no place for {}: clip-rs reads it from the file's metadata, OpenAI's own loader and \
                     others take QuickGELU, 64 features a head and the end of the text",
                    beyond.join(", ")
                ));
            }
            if checkpoint.tokenizer.canonicalize {
                warnings.push(
                    "this layout has no place for `clean = \"canonicalize\"`: clip-rs reads it from the file's \
                     metadata, others do not"
                        .to_owned(),
                );
            }
        }
        Layout::HuggingFace if checkpoint.tokenizer.files.is_empty() => warnings.push(
            "no tokenizer files were written: transformers finds CLIP's under `openai/clip-vit-base-patch32`"
                .to_owned(),
        ),
        Layout::OpenClip | Layout::HuggingFace => {}
    }
    warnings
}

/// What no size of a tensor tells, where it is not as in OpenAI's models.
fn beyond_sizes(architecture: &Architecture) -> Vec<&'static str> {
    let text = &architecture.text;
    let (width, heads) = match architecture.image {
        ImageArchitecture::VisionTransformer { width, heads, .. } => (width, heads),
        ImageArchitecture::ModifiedResNet { width, heads, .. } => (32 * width, heads),
    };
    [
        (architecture.activation != Activation::QuickGelu, "the activation GELU"),
        (width != 64 * heads, "the heads of the image tower"),
        (text.width != 64 * text.heads, "the heads of the text tower"),
        (matches!(text.pooling, TextPooling::First | TextPooling::Last), "the pooling of texts"),
    ]
    .into_iter()
    .filter_map(|(is_beyond, what)| is_beyond.then_some(what))
    .collect()
}
