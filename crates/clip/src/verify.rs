//! Does this build, on this machine, give the reference's numbers?

use std::path::Path;

use clip_model::joint_space::normalize_rows;
use clip_model::{CheckpointError, Tensor, safetensors, sha256_of_bytes};
use serde::Serialize;

use crate::classifier::rank;
use crate::clip::Clip;
use crate::error::Error;
use crate::features::{Features, cosine};

/// How far two matrices are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Greatest absolute difference.
    pub max_abs: f64,
    /// The same over the reference's greatest magnitude.
    pub max_rel: f64,
    /// Least cosine of a row with its reference.
    pub min_cosine: f64,
    /// Rows compared.
    pub rows: usize,
}

/// What a comparison with reference outputs found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The model.
    pub model: String,
    /// Greatest `max_rel` that passes.
    pub tolerance: f64,
    /// Image tower; absent when the files hold no `pixels` or no `image_features`.
    pub image: Option<Difference>,
    /// Text tower; absent when the files hold no `token_ids` or no `text_features`.
    pub text: Option<Difference>,
    /// `exp(logit_scale)` times cosines; absent when the outputs hold no `logits_per_image`.
    pub logits_per_image: Option<Difference>,
    /// Whether everything compared is within the tolerance, and something was compared.
    pub ok: bool,
}

/// Runs the encoders on `pixels` (f32 `[n, 3, r, r]`, normalised) and `token_ids` (i64 `[n, 77]`)
/// of `inputs`, and compares with `image_features`, `text_features` and, if present,
/// `logits_per_image` of `outputs`.
///
/// # Errors
/// A file is broken, or a tensor has another shape than the model gives.
pub fn against_files(
    clip: &Clip,
    inputs: &Path,
    outputs: &Path,
    tolerance: f64,
) -> Result<Verification, Error> {
    let given = safetensors::open(inputs)?.tensors;
    let expected = safetensors::open(outputs)?.tensors;
    let images = match given.get("pixels") {
        Some(pixels) => Some(clip.encode_input(&pixels.to_f32())?),
        None => None,
    };
    let texts = match given.get("token_ids") {
        Some(ids) => Some(encode_ids(clip, ids, inputs)?),
        None => None,
    };
    let compare = |features: &Option<Features>, name: &str| -> Result<Option<Difference>, Error> {
        let (Some(features), Some(tensor)) = (features, expected.get(name)) else {
            return Ok(None);
        };
        let shape = [features.len(), clip.embed_dim()];
        expect_shape(outputs, name, tensor.shape(), &shape)?;
        Ok(Some(difference(features.as_slice(), &tensor.to_f32(), clip.embed_dim())))
    };
    let (image, text) = (compare(&images, "image_features")?, compare(&texts, "text_features")?);
    let logits_per_image = match (&images, &texts, expected.get("logits_per_image")) {
        (Some(images), Some(texts), Some(tensor)) => {
            expect_shape(
                outputs,
                "logits_per_image",
                tensor.shape(),
                &[images.len(), texts.len()],
            )?;
            Some(difference(&logits(clip, images, texts), &tensor.to_f32(), texts.len()))
        }
        _ => None,
    };
    let compared: Vec<Difference> = [image, text, logits_per_image].into_iter().flatten().collect();
    let ok =
        !compared.is_empty() && compared.iter().all(|difference| difference.max_rel <= tolerance);
    Ok(Verification { model: clip.name().to_owned(), tolerance, image, text, logits_per_image, ok })
}

fn logits(clip: &Clip, images: &Features, texts: &Features) -> Vec<f32> {
    let cosines = images.clone().normalize().cosines(&texts.clone().normalize()).cosines;
    cosines.iter().map(|cosine| clip.scale() * cosine).collect()
}

fn encode_ids(clip: &Clip, tensor: &Tensor, path: &Path) -> Result<Features, Error> {
    let &[_, columns] = tensor.shape() else {
        let expected = [0, clip.architecture().text.context_length];
        return Err(wrong_shape(path, "token_ids", tensor.shape(), &expected));
    };
    let Some(ids) = tensor.to_i64() else {
        return Err(Error::Checkpoint(CheckpointError::WrongDtype {
            path: path.to_owned(),
            name: "token_ids".into(),
            found: tensor.dtype().name().into(),
            expected: "integers",
        }));
    };
    // A negative id, or one beyond u32, is as unknown as the greatest one; the encoder names it.
    let ids: Vec<u32> = ids.iter().map(|&id| u32::try_from(id).unwrap_or(u32::MAX)).collect();
    let rows: Vec<&[u32]> = ids.chunks_exact(columns.max(1)).collect();
    clip.encode_token_ids(&rows)
}

fn expect_shape(path: &Path, name: &str, found: &[usize], expected: &[usize]) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(wrong_shape(path, name, found, expected)) }
}

fn wrong_shape(path: &Path, name: &str, found: &[usize], expected: &[usize]) -> Error {
    Error::Checkpoint(CheckpointError::WrongShape {
        path: path.to_owned(),
        name: name.to_owned(),
        found: found.to_vec(),
        expected: expected.to_vec(),
    })
}

/// NaN differs from everything: it counts as an infinite difference.
fn difference(found: &[f32], expected: &[f32], width: usize) -> Difference {
    let apart = |(&a, &b): (&f32, &f32)| {
        let apart = (f64::from(a) - f64::from(b)).abs();
        if apart.is_nan() { f64::INFINITY } else { apart }
    };
    let max_abs = found.iter().zip(expected).map(apart).fold(0.0, f64::max);
    let magnitude = expected.iter().map(|v| f64::from(v.abs())).fold(0.0, f64::max);
    let unit = |rows: &[f32]| {
        let mut rows = rows.to_vec();
        normalize_rows(&mut rows, width);
        rows
    };
    let (a, b) = (unit(found), unit(expected));
    let cosines =
        a.chunks_exact(width).zip(b.chunks_exact(width)).map(|(a, b)| f64::from(cosine(a, b)));
    Difference {
        max_abs,
        max_rel: if magnitude > 0.0 { max_abs / magnitude } else { max_abs },
        min_cosine: cosines.fold(1.0, f64::min),
        rows: found.len() / width.max(1),
    }
}

/// What the built-in check found; see [`built_in`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfCheck {
    /// Texts whose token ids were compared, and how many were equal.
    pub tokenizer: Count,
    /// Photos whose 224 x 224 pixels were compared by SHA-256, and how many were equal.
    pub preprocessing: Count,
    /// Probabilities of the starter model compared, and how many were within 1e-4.
    pub starter: Count,
    /// Whether all are equal.
    pub ok: bool,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// As the reference has it.
    pub equal: usize,
    /// Compared.
    pub of: usize,
}

/// Reference values of the built-in check, made with the Python reference.
#[derive(serde::Deserialize)]
struct BuiltIn {
    tokens: Vec<(String, Vec<u32>)>,
    photos: Vec<BuiltInPhoto>,
    texts: Vec<String>,
}

#[derive(serde::Deserialize)]
struct BuiltInPhoto {
    file: String,
    rgb_sha256: String,
    probabilities: Vec<f32>,
}

const BUILT_IN: &str = include_str!("../assets/verify/reference.json");
const PHOTOS: [(&str, &[u8]); 2] = [
    ("cat.jpg", include_bytes!("../../../photos/cat.jpg")),
    ("rocket.jpg", include_bytes!("../../../photos/rocket.jpg")),
];

/// Probabilities of the starter model are stated to this.
const PROBABILITY_TOLERANCE: f32 = 1e-4;

/// Checks tokenizer, preprocessing and the starter model against reference values inside the
/// program.
///
/// # Errors
/// None in a sound build.
pub fn built_in(starter: &Clip) -> Result<SelfCheck, Error> {
    let reference: BuiltIn = serde_json::from_str(BUILT_IN).map_err(|error| Error::BrokenFile {
        path: "reference.json".into(),
        reason: error.to_string(),
    })?;
    let equal = reference
        .tokens
        .iter()
        .filter(|(text, ids)| starter.tokenizer().encode(text) == *ids)
        .count();
    let tokenizer = Count { equal, of: reference.tokens.len() };
    let texts = starter.encode_texts(&reference.texts)?.normalize();
    let (mut preprocessing, mut probabilities) =
        (Count { equal: 0, of: 0 }, Count { equal: 0, of: 0 });
    for photo in &reference.photos {
        let Some((name, bytes)) = PHOTOS.iter().find(|(name, _)| *name == photo.file) else {
            continue;
        };
        let input = crate::ImageInput::bytes(name, bytes.to_vec());
        let pixels = starter.pixels(&input)?;
        preprocessing.of += 1;
        preprocessing.equal += usize::from(sha256_of_bytes(&pixels.data) == photo.rgb_sha256);
        let image = starter.encode_pixels(&[pixels])?.normalize();
        let found = rank(&reference.texts, image.cosines(&texts).row(0), starter.scale());
        for (text, expected) in reference.texts.iter().zip(&photo.probabilities) {
            let found = found.iter().find(|score| score.label == *text);
            probabilities.of += 1;
            probabilities.equal += usize::from(
                found.is_some_and(|f| (f.probability - expected).abs() <= PROBABILITY_TOLERANCE),
            );
        }
    }
    let ok = [tokenizer, preprocessing, probabilities]
        .iter()
        .all(|count| count.of > 0 && count.equal == count.of);
    Ok(SelfCheck { tokenizer, preprocessing, starter: probabilities, ok })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_relative_to_the_greatest_magnitude() {
        let found = difference(&[1.0, 2.5, 0.0, -4.0], &[1.0, 2.0, 0.0, -4.0], 2);
        assert_eq!((found.max_abs, found.max_rel, found.rows), (0.5, 0.125, 2));
        assert!(found.min_cosine < 1.0);
    }

    #[test]
    fn nan_is_an_infinite_difference() {
        assert_eq!(difference(&[f32::NAN], &[1.0], 1).max_abs, f64::INFINITY);
    }
}
