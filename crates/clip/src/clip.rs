//! The model most people use: load once, then images and texts in, numbers out.

use std::path::Path;
use std::sync::OnceLock;

use clip_image::{CropOffset, Pixels, Preprocess};
use clip_kernels::Precision;
use clip_model::checkpoint::{PreprocessKind, TokenizerConfig};
use clip_model::{ActivationSource, Architecture, Checkpoint, Layout, TextPooling};
use clip_tokenizer::{Cleaning, Overflow, Tokenizer};
use rayon::prelude::*;

use crate::encoder::{self, Encoder};
use crate::error::Error;
use crate::features::{Features, Similarity};
use crate::inputs::ImageInput;
use crate::options::{InstructionSet, LoadOptions};
use crate::starter;

/// A CLIP model with its tokenizer and its preprocessing.
///
/// # Examples
/// ```
/// let clip = clip_rs::Clip::starter()?;
/// let features = clip.encode_texts(&["a photo of a cat", "a photo of a dog"])?;
/// assert_eq!((features.len(), features.embed_dim()), (2, clip.embed_dim()));
/// # Ok::<(), clip_rs::Error>(())
/// ```
pub struct Clip {
    name: String,
    encoder: Box<dyn Encoder>,
    tokenizer: Tokenizer,
    tokenizer_config: TokenizerConfig,
    /// Why texts are refused; found out with the first.
    texts_refused: OnceLock<Option<String>>,
    preprocess: Preprocess,
    options: LoadOptions,
    instruction_set: InstructionSet,
    warnings: Vec<String>,
    activation_source: ActivationSource,
}

/// A text that lost its end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TruncatedText {
    /// Position in the call, from 0.
    pub index: usize,
    /// Content tokens cut off.
    pub lost: usize,
}

impl Clip {
    /// The built-in starter model; needs no file and no network.
    ///
    /// # Errors
    /// None in a sound build.
    pub fn starter() -> Result<Clip, Error> {
        Clip::load(starter::NAME)
    }

    /// Loads `starter`, a released model by name (`ViT-B/32`), `hf:owner/name`, or a path. Asks no
    /// network: a released model must have been downloaded before, by this program, OpenAI's or
    /// Hugging Face's.
    ///
    /// # Errors
    /// The name leads to no file, or the file is no CLIP checkpoint.
    ///
    /// # Examples
    /// ```
    /// let clip = clip_rs::Clip::load("starter")?;
    /// assert_eq!(clip.resolution(), 224);
    /// # Ok::<(), clip_rs::Error>(())
    /// ```
    pub fn load(name_or_path: &str) -> Result<Clip, Error> {
        Clip::load_with(name_or_path, &LoadOptions::default())
    }

    /// [`Clip::load`] with everything that can be chosen.
    ///
    /// # Errors
    /// As [`Clip::load`].
    pub fn load_with(name_or_path: &str, options: &LoadOptions) -> Result<Clip, Error> {
        let checkpoint = open_checkpoint(name_or_path, options)?;
        let instruction_set = options.instruction_set()?;
        let cleaning = if checkpoint.tokenizer.canonicalize {
            Cleaning::Canonicalize
        } else {
            Cleaning::Reference
        };
        let (encoder, tokenizer) = rayon::join(
            || encoder::build(instruction_set, options, &checkpoint),
            || Tokenizer::with_cleaning(cleaning),
        );
        let encoder = encoder?;
        let mut warnings = checkpoint.warnings.clone();
        let preprocess = preprocess_of(&checkpoint, &mut warnings)?;
        let preprocess = Preprocess {
            fast_decode: options.fast_decode,
            convert_first: preprocess.convert_first || options.convert_first,
            transparency: options.transparency,
            ..preprocess
        };
        Ok(Clip {
            name: name_or_path.to_owned(),
            tokenizer,
            tokenizer_config: checkpoint.tokenizer,
            texts_refused: OnceLock::new(),
            preprocess,
            options: options.clone(),
            instruction_set,
            warnings,
            activation_source: checkpoint.activation_source,
            encoder,
        })
    }

    /// Features of image files, `[images, embed_dim]`, not normalised. Fails at the first image
    /// that cannot be used; [`Clip::encode_in_batches`] is for bulk work that skips.
    ///
    /// # Errors
    /// An image cannot be read or decoded.
    pub fn encode_images<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Features, Error> {
        let inputs: Vec<ImageInput> =
            paths.iter().map(|path| ImageInput::file(path.as_ref())).collect();
        let mut data = Vec::with_capacity(paths.len().saturating_mul(self.embed_dim()));
        self.encode_in_batches(&inputs, |mut batch| {
            data.extend_from_slice(batch.features.as_slice());
            batch.failed.drain(..).next().map_or(Ok(()), |image| Err(image.error))
        })?;
        Ok(Features::new(self.embed_dim(), data))
    }

    /// Features of network inputs `[n, 3, resolution, resolution]` (normalised pixels), not
    /// normalised.
    ///
    /// # Errors
    /// A length that is no whole number of images; features that are not finite.
    pub fn encode_input(&self, input: &[f32]) -> Result<Features, Error> {
        Ok(Features::new(self.embed_dim(), self.encoder.encode_images(input)?.features))
    }

    /// [`Clip::encode_input`] together with what stands before the projection:
    /// `[n, penultimate_width]`, then `[n, embed_dim]`.
    ///
    /// # Errors
    /// As [`Clip::encode_input`].
    pub fn encode_input_and_penultimate(
        &self,
        input: &[f32],
    ) -> Result<(Features, Features), Error> {
        let images = self.encoder.encode_images(input)?;
        let width = self.architecture().image.penultimate_width();
        Ok((
            Features::new(width, images.penultimate),
            Features::new(self.embed_dim(), images.features),
        ))
    }

    pub(crate) fn encoder(&self) -> &dyn Encoder {
        &*self.encoder
    }

    /// Features of texts, `[texts, embed_dim]`, not normalised.
    ///
    /// # Errors
    /// A text has more tokens than the context; [`Clip::encode_texts_with`] can cut it.
    pub fn encode_texts<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Features, Error> {
        Ok(self.encode_texts_with(texts, Overflow::Refuse)?.0)
    }

    /// Whether texts of this model become CLIP's tokens. The first call reads the tokenizer files
    /// beside the weights.
    ///
    /// # Errors
    /// [`Error::TextsRefused`] with the field or file that asks for another tokenizer. Images, and
    /// token ids ([`Clip::encode_token_ids`]), are not concerned.
    pub fn check_texts(&self) -> Result<(), Error> {
        match self.texts_refused.get_or_init(|| self.tokenizer_config.refusal()) {
            None => Ok(()),
            Some(reason) => {
                Err(Error::TextsRefused { path: self.name.clone(), reason: reason.clone() })
            }
        }
    }

    /// [`Clip::encode_texts`] with a rule for texts over the context length; tells which were cut.
    ///
    /// # Errors
    /// A text is too long and `overflow` refuses it; [`Clip::check_texts`].
    pub fn encode_texts_with<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        overflow: Overflow,
    ) -> Result<(Features, Vec<TruncatedText>), Error> {
        self.check_texts()?;
        let context_length = self.architecture().text.context_length;
        let tokens: Vec<_> = texts
            .par_iter()
            .enumerate()
            .map(|(index, text)| {
                self.tokenizer
                    .tokenize(text.as_ref(), context_length, overflow)
                    .map_err(|source| Error::Text { index, source })
            })
            .collect::<Result<_, Error>>()?;
        let ids: Vec<&[u32]> = tokens.iter().map(|tokens| tokens.ids.as_slice()).collect();
        let features = self.encode_token_ids(&ids)?;
        let truncated = tokens.iter().enumerate().filter(|(_, tokens)| tokens.lost > 0);
        let truncated = truncated.map(|(index, tokens)| TruncatedText { index, lost: tokens.lost });
        Ok((features, truncated.collect()))
    }

    /// Features of token ids (each from start to end of text, padded or not), `[texts, embed_dim]`,
    /// not normalised.
    ///
    /// # Errors
    /// An id outside the vocabulary, an empty text, or one longer than the context.
    pub fn encode_token_ids(&self, texts: &[&[u32]]) -> Result<Features, Error> {
        let text_tower = &self.architecture().text;
        if text_tower.pooling != TextPooling::Last {
            return Ok(Features::new(self.embed_dim(), self.encoder.encode_texts(texts)?));
        }
        // This pooling reads the last place of the context, whatever stands there: padding, mostly.
        let padded = texts.iter().map(|text| {
            let mut row = text.to_vec();
            row.resize(
                if row.is_empty() { 0 } else { text_tower.context_length.max(row.len()) },
                0,
            );
            row
        });
        let padded: Vec<Vec<u32>> = padded.collect();
        let texts: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
        Ok(Features::new(self.embed_dim(), self.encoder.encode_texts(&texts)?))
    }

    /// Cosine of every image with every text, `[images, texts]`.
    ///
    /// # Errors
    /// An image cannot be used, or a text is over the context length.
    ///
    /// # Examples
    /// ```
    /// let clip = clip_rs::Clip::starter()?;
    /// let photos = concat!(env!("CARGO_MANIFEST_DIR"), "/../../photos/");
    /// let images = ["cat.jpg", "pizza.jpg"].map(|name| format!("{photos}{name}"));
    /// let similarity = clip.similarity(&images, &["a cat", "a pizza"])?;
    /// assert!(similarity.row(0)[0] > similarity.row(0)[1]);
    /// # Ok::<(), clip_rs::Error>(())
    /// ```
    pub fn similarity<P: AsRef<Path>, T: AsRef<str> + Sync>(
        &self,
        images: &[P],
        texts: &[T],
    ) -> Result<Similarity, Error> {
        let images = self.encode_images(images)?.normalize();
        Ok(images.cosines(&self.encode_texts(texts)?.normalize()))
    }

    /// The 8-bit RGB pixels the model sees of an image.
    ///
    /// # Errors
    /// The image cannot be read or decoded.
    pub fn pixels(&self, input: &ImageInput) -> Result<Pixels, Error> {
        input.pixels(&self.preprocess, &self.options.image_limits)
    }

    /// The name or path it was loaded by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the built-in demonstration model.
    pub fn is_starter(&self) -> bool {
        self.name == starter::NAME
    }

    /// Sizes of both towers.
    pub fn architecture(&self) -> &Architecture {
        self.encoder.architecture()
    }

    /// Length of features and embeddings.
    pub fn embed_dim(&self) -> usize {
        self.architecture().embed_dim
    }

    /// How it was loaded.
    pub fn options(&self) -> &LoadOptions {
        &self.options
    }

    /// Side of the image the model takes, px.
    pub fn resolution(&self) -> usize {
        self.architecture().image.resolution()
    }

    /// `exp(logit_scale)`: cosines times this are logits. PROTOCOL 1.4.
    pub fn scale(&self) -> f32 {
        self.encoder.scale()
    }

    /// Of the products with weights.
    pub fn precision(&self) -> Precision {
        self.options.precision
    }

    /// What the towers are computed with.
    pub fn instruction_set(&self) -> InstructionSet {
        self.instruction_set
    }

    /// How images become inputs.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Who says which activation the weights need.
    pub fn activation_source(&self) -> ActivationSource {
        self.activation_source
    }

    /// What had to be guessed or was ignored while loading; to be shown to people.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Finds and reads a checkpoint: the starter, a registry name, `hf:owner/name`, or a path. Asks no
/// network.
///
/// # Errors
/// The name leads to no file, or the file is no CLIP checkpoint.
pub fn open_checkpoint(name_or_path: &str, options: &LoadOptions) -> Result<Checkpoint, Error> {
    let load = clip_model::LoadOptions {
        activation: options.activation,
        guess_activation: true,
        config: options.config.clone(),
        ..Default::default()
    };
    if name_or_path == starter::NAME {
        return Ok(starter::checkpoint(&load)?);
    }
    let folders = options.cache_folders();
    let resolve = clip_model::ResolveOptions { folders: Some(&folders), ..Default::default() };
    let path = clip_model::resolve(name_or_path, &resolve)?;
    Ok(Checkpoint::open(&path, &load)?)
}

/// The recipe beside the weights, else the reference's at the model's resolution.
///
/// # Errors
/// The recipe cannot be followed, or makes pictures of another size than the model takes.
pub fn preprocess_of(
    checkpoint: &Checkpoint,
    warnings: &mut Vec<String>,
) -> Result<Preprocess, Error> {
    let resolution = checkpoint.architecture.image.resolution();
    let side = u32::try_from(resolution).unwrap_or(u32::MAX);
    let Some(config) = &checkpoint.preprocess_config else {
        if checkpoint.layout == Layout::HuggingFace {
            warnings.push(format!(
                "no preprocessor_config.json beside the weights: CLIP's own preprocessing at {side} px was taken"
            ));
        }
        return Ok(Preprocess::clip(side));
    };
    let preprocess = match config.kind {
        PreprocessKind::OpenClip => Preprocess::from_open_clip_config(&config.json, warnings),
        PreprocessKind::HuggingFace => Preprocess::from_preprocessor_config(&config.json, warnings),
    };
    let path = config.path.display().to_string();
    let mut preprocess =
        preprocess.map_err(|source| Error::Preprocess { path: path.clone(), source })?;
    if checkpoint.released {
        preprocess.crop_offset = CropOffset::Even; // the reference's pixels, in whatever layout it comes
    }
    if preprocess.size != side {
        return Err(Error::PreprocessSize { path, size: preprocess.size, model: resolution });
    }
    Ok(preprocess)
}
