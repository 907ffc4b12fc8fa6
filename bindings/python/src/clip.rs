//! A loaded model: images, texts and labels in, float32 arrays out.

use clip_rs::tokenizer::{Cleaning, Overflow, Tokenizer};
use clip_rs::{Classifier, Embeddings, Features, ImageInput, Ledger};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn,
};
use pyo3::prelude::*;

use crate::errors::{argument, clip_error};
use crate::images::ImageLike;
use crate::options::Options;
use crate::work::{Interrupted, Pool, Watch};

/// Network inputs encoded between two looks for Ctrl-C.
const INPUTS_AT_A_TIME: usize = 32;
/// Texts encoded between two looks for Ctrl-C: enough to share what they begin with.
const TEXTS_AT_A_TIME: usize = 8192;

/// A model on a pool of threads.
#[pyclass(frozen, module = "clip_rs._clip_rs")]
pub(crate) struct Clip {
    pub(crate) clip: clip_rs::Clip,
    pub(crate) pool: Pool,
}

/// Why work on the pool gave nothing.
enum Failure {
    Interrupted,
    Clip(clip_rs::Error),
}

impl From<Interrupted> for Failure {
    fn from(_: Interrupted) -> Failure {
        Failure::Interrupted
    }
}

impl From<clip_rs::Error> for Failure {
    fn from(error: clip_rs::Error) -> Failure {
        Failure::Clip(error)
    }
}

/// An image that was left out: its place, its name, the stage, the reason.
type Skipped = (usize, String, String, String);
/// Features, the places of the images they are of, and what was left out.
type EncodedImages<'py> = (Bound<'py, PyArray2<f32>>, Vec<usize>, Vec<Skipped>);
/// A text that lost its end: its place, and how many tokens.
type Truncated = (usize, usize);
/// Label, probability, cosine.
type Score = (String, f32, f32);

#[pymethods]
impl Clip {
    #[staticmethod]
    fn load(py: Python<'_>, name: &str, options: Options, threads: Option<i64>) -> PyResult<Clip> {
        let (pool, options) = (Pool::of(threads)?, options.load_options()?);
        let clip = pool.run(py, None, |_| clip_rs::Clip::load_with(name, &options))?;
        Ok(Clip { clip: clip.map_err(|error| clip_error(py, &error))?, pool })
    }

    /// Reads, decodes and encodes; `skip` leaves out what cannot be used.
    fn encode_images<'py>(
        &self,
        py: Python<'py>,
        images: Vec<ImageLike>,
        skip: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<EncodedImages<'py>> {
        let inputs: Vec<ImageInput> =
            images.into_iter().map(ImageLike::into_input).collect::<PyResult<_>>()?;
        let work = |watch: &Watch| self.encode_inputs(&inputs, skip, watch);
        let (data, places, skipped) = self.run(py, progress, work)?;
        Ok((self.rows(py, data)?, places, skipped))
    }

    /// Normalised pixels `[n, 3, image_size, image_size]`.
    fn encode_input<'py>(
        &self,
        py: Python<'py>,
        input: PyReadonlyArrayDyn<'py, f32>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let input = input.as_slice().map_err(|error| argument("images", error))?;
        let image = 3 * self.clip.resolution() * self.clip.resolution();
        let data = self.run(py, progress, |watch| -> Result<Vec<f32>, Failure> {
            let mut data = Vec::with_capacity(input.len() / image * self.clip.embed_dim());
            for batch in input.chunks(INPUTS_AT_A_TIME * image) {
                data.extend_from_slice(self.clip.encode_input(batch)?.as_slice());
                watch.progress(batch.len() / image)?;
            }
            Ok(data)
        })?;
        self.rows(py, data)
    }

    /// Texts; which were cut, and by how many tokens.
    fn encode_texts<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<String>,
        truncate: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray2<f32>>, Vec<Truncated>)> {
        let work = |watch: &Watch| self.encode_strings(&texts, overflow(truncate), watch);
        let (data, truncated) = self.run(py, progress, work)?;
        Ok((self.rows(py, data)?, truncated))
    }

    /// Token ids, each text from its start to its end, padded or not.
    fn encode_token_ids<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Vec<u32>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let data = self.run(py, None, |watch| -> Result<Vec<f32>, Failure> {
            let mut data = Vec::new();
            for texts in texts.chunks(TEXTS_AT_A_TIME) {
                let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
                data.extend_from_slice(self.clip.encode_token_ids(&texts)?.as_slice());
                watch.progress(texts.len())?;
            }
            Ok(data)
        })?;
        self.rows(py, data)
    }

    /// Ids `[texts, context_length]`, padded with zeros; which were cut, and by how many tokens.
    fn tokenize<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<String>,
        context_length: usize,
        truncate: bool,
    ) -> PyResult<(Bound<'py, PyArray2<i32>>, Vec<Truncated>)> {
        self.clip.check_texts().map_err(|error| clip_error(py, &error))?;
        let tokenizer = self.clip.tokenizer();
        tokenize(py, self.pool, tokenizer, &texts, context_length, overflow(truncate))
    }

    /// For each image scores of all labels, most probable first.
    #[pyo3(signature = (images, labels, templates, truncate, progress))]
    fn classify<'py>(
        &self,
        py: Python<'py>,
        images: PyReadonlyArrayDyn<'py, f32>,
        labels: Vec<String>,
        templates: Vec<String>,
        truncate: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<Vec<Score>>, Vec<usize>)> {
        let rows = images.as_slice().map_err(|error| argument("images", error))?.to_vec();
        let rows = Features::new(self.clip.embed_dim(), rows).normalize();
        self.run(py, progress, |watch| -> Result<_, Failure> {
            let cut = overflow(truncate);
            let tell = |done| drop(watch.progress(done));
            let classifier = Classifier::new_with(&self.clip, labels, &templates, cut, tell)?;
            watch.check()?;
            let score = |of: clip_rs::LabelScore| (of.label, of.probability, of.cosine);
            let scores = |row| classifier.scores(row).into_iter().map(score).collect();
            Ok((rows.rows().map(scores).collect(), classifier.truncated().to_vec()))
        })
    }

    /// Cosines `[images, texts]` of features of both.
    fn cosines<'py>(
        &self,
        py: Python<'py>,
        images: PyReadonlyArrayDyn<'py, f32>,
        texts: PyReadonlyArrayDyn<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let unit = |name: &str, rows: &PyReadonlyArrayDyn<'py, f32>| -> PyResult<Embeddings> {
            let rows = rows.as_slice().map_err(|error| argument(name, error))?;
            Ok(Features::new(self.clip.embed_dim(), rows.to_vec()).normalize())
        };
        let (images, texts) = (unit("images", &images)?, unit("texts", &texts)?);
        let similarity = self.pool.run(py, None, |_| images.cosines(&texts))?;
        similarity.cosines.into_pyarray(py).reshape([similarity.images, similarity.texts])
    }

    /// The RGB pixels that the model sees of an image, `[image_size, image_size, 3]`.
    fn pixels<'py>(&self, py: Python<'py>, image: ImageLike) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let input = image.into_input()?;
        let pixels = self.run(py, None, |_| Ok::<_, Failure>(self.clip.pixels(&input)?))?;
        let shape = [pixels.height as usize, pixels.width as usize, 3];
        pixels.data.into_pyarray(py).reshape(shape)
    }

    /// The input that the model is given for an image, `[3, image_size, image_size]`.
    fn input<'py>(&self, py: Python<'py>, image: ImageLike) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let (input, recipe) = (image.into_input()?, self.clip.preprocess());
        let pixels = self.run(py, None, |_| Ok::<_, Failure>(self.clip.pixels(&input)?))?;
        let shape = [3, pixels.height as usize, pixels.width as usize];
        pixels.to_input(recipe.mean, recipe.std).into_pyarray(py).reshape(shape)
    }

    /// Name, sizes, recipe and warnings, as JSON.
    fn describe(&self) -> String {
        let (clip, architecture) = (&self.clip, self.clip.architecture());
        serde_json::json!({
            "name": clip.name(),
            "is_starter": clip.is_starter(),
            "image_size": clip.resolution(),
            "context_length": architecture.text.context_length,
            "vocab_size": architecture.text.vocab_size,
            "embed_dim": clip.embed_dim(),
            "activation": architecture.activation.name(),
            "activation_source": clip.activation_source().name(),
            "precision": clip.precision().name(),
            "isa": clip.instruction_set().name(),
            "threads": self.pool.threads(),
            "preprocess": clip.preprocess(),
            "warnings": clip.warnings(),
        })
        .to_string()
    }

    /// Name and shape of every parameter, under the reference's names.
    fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let parameters = self.clip.architecture().parameters().into_iter();
        let learned = parameters.filter(|parameter| parameter.kind.is_parameter());
        learned.map(|parameter| (parameter.name, parameter.shape)).collect()
    }

    /// What identifies the model, as JSON. Reads the weights once more.
    fn provenance(&self, py: Python<'_>) -> PyResult<String> {
        let provenance = self.run(py, None, |_| Ok::<_, Failure>(self.clip.provenance()?))?;
        Ok(serde_json::json!(provenance).to_string())
    }

    /// `exp(logit_scale)`.
    #[getter]
    fn scale(&self) -> f32 {
        self.clip.scale()
    }
}

impl Clip {
    /// Work of this model, with its errors as Python's.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&Watch) -> Result<T, Failure> + Send,
    ) -> PyResult<T> {
        match self.pool.run(py, progress, work)? {
            Ok(result) => Ok(result),
            Err(Failure::Clip(error)) => Err(clip_error(py, &error)),
            Err(Failure::Interrupted) => Err(pyo3::exceptions::PyKeyboardInterrupt::new_err(())),
        }
    }

    fn encode_inputs(
        &self,
        inputs: &[ImageInput],
        skip: bool,
        watch: &Watch,
    ) -> Result<(Vec<f32>, Vec<usize>, Vec<Skipped>), Failure> {
        let mut data = Vec::with_capacity(inputs.len() * self.clip.embed_dim());
        let (mut places, mut skipped) = (Vec::with_capacity(inputs.len()), Vec::new());
        self.clip.encode_in_batches(inputs, |batch| -> Result<(), Failure> {
            let done = batch.len();
            data.extend_from_slice(batch.features.as_slice());
            places.extend(batch.usable.iter().map(|image| image.index));
            for image in batch.failed {
                if !skip {
                    return Err(image.error.into());
                }
                skipped.push(skip_of(image.index, image.input.name(), &image.error));
            }
            Ok(watch.progress(done)?)
        })?;
        Ok((data, places, skipped))
    }

    fn encode_strings(
        &self,
        texts: &[String],
        overflow: Overflow,
        watch: &Watch,
    ) -> Result<(Vec<f32>, Vec<Truncated>), Failure> {
        let mut data = Vec::with_capacity(texts.len() * self.clip.embed_dim());
        let mut truncated = Vec::new();
        for (chunk, texts) in texts.chunks(TEXTS_AT_A_TIME).enumerate() {
            let first = chunk * TEXTS_AT_A_TIME;
            let encoded = self.clip.encode_texts_with(texts, overflow);
            let (features, cut) = encoded.map_err(|error| placed(error, first))?;
            data.extend_from_slice(features.as_slice());
            truncated.extend(cut.into_iter().map(|text| (first + text.index, text.lost)));
            watch.progress(texts.len())?;
        }
        Ok((data, truncated))
    }

    fn rows<'py>(&self, py: Python<'py>, data: Vec<f32>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let shape = [data.len() / self.clip.embed_dim(), self.clip.embed_dim()];
        data.into_pyarray(py).reshape(shape)
    }
}

/// Ids `[texts, context_length]` of CLIP's own tokenizer, whatever the model; and which texts were
/// cut.
#[pyfunction]
pub(crate) fn tokenize_texts<'py>(
    py: Python<'py>,
    texts: Vec<String>,
    context_length: usize,
    truncate: bool,
    threads: Option<i64>,
) -> PyResult<(Bound<'py, PyArray2<i32>>, Vec<Truncated>)> {
    static TOKENIZER: std::sync::OnceLock<Tokenizer> = std::sync::OnceLock::new();
    let pool = Pool::of(threads)?;
    let tokenizer = match TOKENIZER.get() {
        Some(tokenizer) => tokenizer,
        None => {
            let made = pool.run(py, None, |_| Tokenizer::with_cleaning(Cleaning::Reference))?;
            TOKENIZER.get_or_init(|| made)
        }
    };
    tokenize(py, pool, tokenizer, &texts, context_length, overflow(truncate))
}

fn tokenize<'py>(
    py: Python<'py>,
    pool: Pool,
    tokenizer: &Tokenizer,
    texts: &[String],
    context_length: usize,
    overflow: Overflow,
) -> PyResult<(Bound<'py, PyArray2<i32>>, Vec<Truncated>)> {
    use rayon::prelude::*;
    let tokens = pool.run(py, None, |_| {
        let mut ids = vec![0_i32; texts.len() * context_length]; // [texts, context_length]
        let rows = ids.par_chunks_mut(context_length.max(1)).zip(texts).enumerate();
        let lost = rows.map(|(index, (row, text))| {
            let tokens = tokenizer
                .tokenize(text, context_length, overflow)
                .map_err(|source| clip_rs::Error::Text { index, source })?;
            row.iter_mut().zip(&tokens.ids).for_each(|(place, &id)| *place = id as i32);
            Ok((index, tokens.lost))
        });
        let lost: Vec<Truncated> = lost.collect::<Result<_, clip_rs::Error>>()?;
        Ok((ids, lost.into_iter().filter(|&(_, lost)| lost > 0).collect()))
    })?;
    let (ids, lost): (Vec<i32>, Vec<Truncated>) =
        tokens.map_err(|error: clip_rs::Error| clip_error(py, &error))?;
    Ok((PyArray1::from_vec(py, ids).reshape([texts.len(), context_length])?, lost))
}

/// Rows of norm 1, `[n, embed_dim]`.
#[pyfunction]
pub(crate) fn normalize<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f32>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let shape = [features.as_array().nrows(), features.as_array().ncols()];
    let rows = features.as_slice().map_err(|error| argument("features", error))?.to_vec();
    if rows.is_empty() {
        return rows.into_pyarray(py).reshape(shape);
    }
    let unit = Features::new(shape[1], rows).normalize();
    unit.as_slice().to_vec().into_pyarray(py).reshape(shape)
}

fn overflow(truncate: bool) -> Overflow {
    if truncate { Overflow::Truncate } else { Overflow::Refuse }
}

/// The error of a text of a chunk, at its place among all.
fn placed(error: clip_rs::Error, first: usize) -> clip_rs::Error {
    match error {
        clip_rs::Error::Text { index, source } => {
            clip_rs::Error::Text { index: first + index, source }
        }
        other => other,
    }
}

fn skip_of(index: usize, input: &str, error: &clip_rs::Error) -> Skipped {
    let mut ledger = Ledger::default();
    ledger.skip(input, error);
    let skip = ledger.skips().first();
    let stage = skip.and_then(|skip| serde_json::to_value(skip.stage).ok());
    let stage = stage.and_then(|stage| stage.as_str().map(str::to_owned)).unwrap_or_default();
    let reason = skip.map_or_else(|| error.to_string(), |skip| skip.reason.clone());
    (index, input.to_owned(), stage, reason)
}
