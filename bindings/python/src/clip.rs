//! A loaded model: images, texts and labels in, float32 arrays out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clip_rs::tokenizer::Overflow;
use clip_rs::{Classifier, Embeddings, Features, ImageInput, Ledger};
use numpy::{IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::errors::{argument, clip_error, in_images, in_texts};
use crate::images::ImageLike;
use crate::options::{Download, Options};
use crate::tokenizer::{Text, Truncated, overflow, texts_of, tokenize};
use crate::work::{Interrupted, Pool, Watch};

/// Network inputs encoded between two looks for Ctrl-C, at most.
const INPUTS_AT_A_TIME: usize = 32;
/// Texts encoded between two looks for Ctrl-C, at most: enough to share what they begin with.
const TEXTS_AT_A_TIME: usize = 8192;
/// How long nobody looks for Ctrl-C, about.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A model on a pool of threads.
#[pyclass(frozen, module = "clip_rs._clip_rs")]
pub(crate) struct Clip {
    pub(crate) clip: Arc<clip_rs::Clip>,
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
/// The same before the features are an array.
type EncodedRows = (Vec<f32>, Vec<usize>, Vec<Skipped>);
/// Label, probability, cosine.
type Score = (String, f32, f32);

#[pymethods]
impl Clip {
    #[staticmethod]
    fn load(
        py: Python<'_>,
        name: String,
        options: Options,
        threads: Option<i64>,
        download: Option<Download>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Clip> {
        let (pool, options) = (Pool::of(threads)?, options.load_options()?);
        let clip = pool.run_owned(py, progress, move |watch| {
            if let Some(download) = download {
                download.fetch(&name, &options, watch)?;
            }
            clip_rs::Clip::load_with(&name, &options)
        })?;
        Ok(Clip { clip: Arc::new(clip.map_err(|error| clip_error(py, &error))?), pool })
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
            images.into_iter().map(|image| image.into_input(py)).collect::<PyResult<_>>()?;
        let work =
            move |clip: &clip_rs::Clip, watch: &Watch| encode_inputs(clip, &inputs, skip, watch);
        let (data, places, skipped) = self.run_owned(py, progress, work)?;
        Ok((self.rows(py, data)?, places, skipped))
    }

    /// Normalised pixels `[n, 3, image_size, image_size]`; errors call them `name`.
    fn encode_input<'py>(
        &self,
        py: Python<'py>,
        input: PyReadonlyArrayDyn<'py, f32>,
        name: &str,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let input = input.as_slice().map_err(|error| argument(name, error))?;
        let image = 3 * self.clip.resolution() * self.clip.resolution();
        let data = self.pool.run(py, progress, |watch| -> Result<Vec<f32>, Failure> {
            let mut data = Vec::with_capacity(input.len() / image * self.clip.embed_dim());
            in_parts(input, image, INPUTS_AT_A_TIME, |part, first| {
                let features =
                    self.clip.encode_input(part).map_err(|error| placed(error, first))?;
                data.extend_from_slice(features.as_slice());
                Ok(watch.progress(part.len() / image)?)
            })?;
            Ok(data)
        })?;
        let data = data.map_err(|failure| failure.raised(|error| in_images(py, name, error)))?;
        self.rows(py, data)
    }

    /// Texts; which were cut, and by how many tokens. Errors call them `name`.
    fn encode_texts<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyList>,
        name: &str,
        truncate: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray2<f32>>, Vec<Truncated>)> {
        let texts = Arc::new(texts_of(texts, name)?);
        let shared = Arc::clone(&texts); // Python's strings are given back by this thread
        let encoded = self.run_texts(py, name, progress, move |clip, watch| {
            encode_strings(clip, &shared, overflow(truncate), watch)
        });
        drop(texts);
        let (data, truncated) = encoded?;
        Ok((self.rows(py, data)?, truncated))
    }

    /// Token ids, each text from its start to its end, padded or not.
    fn encode_token_ids<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Vec<u32>>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let data = self.run_texts(py, "texts", progress, move |clip, watch| {
            let mut data = Vec::with_capacity(texts.len() * clip.embed_dim());
            in_parts(&texts, 1, TEXTS_AT_A_TIME, |texts, first| {
                let ids: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
                let features = clip.encode_token_ids(&ids).map_err(|error| placed(error, first))?;
                data.extend_from_slice(features.as_slice());
                Ok(watch.progress(texts.len())?)
            })?;
            Ok(data)
        })?;
        self.rows(py, data)
    }

    /// Ids `[texts, context_length]`, padded with zeros; which were cut, and by how many tokens.
    fn tokenize<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyList>,
        context_length: i64,
        truncate: bool,
    ) -> PyResult<(Bound<'py, PyArray2<i32>>, Vec<Truncated>)> {
        self.clip.check_texts().map_err(|error| clip_error(py, &error))?;
        let tokenizer = self.clip.tokenizer();
        tokenize(py, self.pool, tokenizer, texts, context_length, overflow(truncate))
    }

    /// For each image scores of all labels, most probable first.
    #[pyo3(signature = (images, labels, templates, truncate, progress))]
    fn classify<'py>(
        &self,
        py: Python<'py>,
        images: PyReadonlyArrayDyn<'py, f32>,
        labels: &Bound<'py, PyList>,
        templates: &Bound<'py, PyList>,
        truncate: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<Vec<Score>>, Vec<usize>)> {
        let (labels, templates) = (texts_of(labels, "labels")?, texts_of(templates, "templates")?);
        let labels = labels.iter().map(|label| label.as_ref().to_owned()).collect();
        let templates: Vec<String> =
            templates.iter().map(|template| template.as_ref().to_owned()).collect();
        let rows = images.as_slice().map_err(|error| argument("images", error))?.to_vec();
        let rows = Features::new(self.clip.embed_dim(), rows).normalize();
        self.run_owned(py, progress, move |clip, watch| {
            let cut = overflow(truncate);
            let tell = |done| Ok::<_, Failure>(watch.progress(done)?);
            let classifier = Classifier::new_with(clip, labels, &templates, cut, tell)?;
            let score = |of: clip_rs::LabelScore| (of.label, of.probability, of.cosine);
            let scores = |row| classifier.scores(row).into_iter().map(score).collect();
            Ok((rows.rows().map(scores).collect(), classifier.truncated().to_vec()))
        })
    }

    /// Unit vectors of labels, `[labels, embed_dim]`; which were cut.
    fn label_embeddings<'py>(
        &self,
        py: Python<'py>,
        labels: Vec<String>,
        templates: Vec<String>,
        truncate: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray2<f32>>, Vec<usize>)> {
        let (data, cut) = self.run_owned(py, progress, move |clip, watch| {
            let cut = overflow(truncate);
            let tell = |done| Ok::<_, Failure>(watch.progress(done)?);
            let classifier = Classifier::new_with(clip, labels, &templates, cut, tell)?;
            Ok((classifier.embeddings().as_slice().to_vec(), classifier.truncated().to_vec()))
        })?;
        Ok((self.rows(py, data)?, cut))
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
            "max_pixels": clip.options().image_limits.max_pixels,
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
        let result = self.pool.run(py, progress, work)?;
        result.map_err(|failure| failure.raised(|error| clip_error(py, error)))
    }

    /// [`Clip::run`] of work that is not waited for after Ctrl-C.
    fn run_owned<T: Send + 'static>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&clip_rs::Clip, &Watch) -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<T> {
        let clip = Arc::clone(&self.clip);
        let result = self.pool.run_owned(py, progress, move |watch| work(&clip, watch))?;
        result.map_err(|failure| failure.raised(|error| clip_error(py, error)))
    }

    /// [`Clip::run_owned`] on texts that the caller gave as the argument `name`.
    fn run_texts<T: Send + 'static>(
        &self,
        py: Python<'_>,
        name: &str,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&clip_rs::Clip, &Watch) -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<T> {
        let clip = Arc::clone(&self.clip);
        let result = self.pool.run_owned(py, progress, move |watch| work(&clip, watch))?;
        result.map_err(|failure| failure.raised(|error| in_texts(py, name, error)))
    }

    fn rows<'py>(&self, py: Python<'py>, data: Vec<f32>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let shape = [data.len() / self.clip.embed_dim(), self.clip.embed_dim()];
        data.into_pyarray(py).reshape(shape)
    }
}

impl Failure {
    fn raised(self, of: impl FnOnce(&clip_rs::Error) -> PyErr) -> PyErr {
        match self {
            Failure::Clip(error) => of(&error),
            Failure::Interrupted => pyo3::exceptions::PyKeyboardInterrupt::new_err(()),
        }
    }
}

fn encode_inputs(
    clip: &clip_rs::Clip,
    inputs: &[ImageInput],
    skip: bool,
    watch: &Watch,
) -> Result<EncodedRows, Failure> {
    let mut data = Vec::with_capacity(inputs.len() * clip.embed_dim());
    let (mut places, mut skipped) = (Vec::with_capacity(inputs.len()), Vec::new());
    clip.encode_in_batches(inputs, |batch| -> Result<(), Failure> {
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
    clip: &clip_rs::Clip,
    texts: &[Text],
    overflow: Overflow,
    watch: &Watch,
) -> Result<(Vec<f32>, Vec<Truncated>), Failure> {
    let mut data = Vec::with_capacity(texts.len() * clip.embed_dim());
    let mut truncated = Vec::new();
    in_parts(texts, 1, TEXTS_AT_A_TIME, |texts, first| {
        let encoded = clip.encode_texts_with(texts, overflow);
        let (features, cut) = encoded.map_err(|error| placed(error, first))?;
        data.extend_from_slice(features.as_slice());
        truncated.extend(cut.into_iter().map(|text| (first + text.index, text.lost)));
        Ok(watch.progress(texts.len())?)
    })?;
    Ok((data, truncated))
}

/// Does `work` on parts of `items` and the place of their first: small ones at the beginning, then
/// larger ones up to `most`, as long as one takes less than half of [`LOOK_EVERY`]. An item is
/// `size` values.
fn in_parts<T>(
    items: &[T],
    size: usize,
    most: usize,
    mut work: impl FnMut(&[T], usize) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut left, mut count) = (items, rayon::current_num_threads().next_power_of_two().max(8));
    while !left.is_empty() {
        let (part, rest) = left.split_at(left.len().min(count.min(most) * size));
        let started = Instant::now();
        work(part, (items.len() - left.len()) / size)?;
        if started.elapsed() < LOOK_EVERY / 2 {
            count = (count * 2).min(most);
        }
        left = rest;
    }
    Ok(())
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

/// The error of an item of a part, at its place among all.
fn placed(error: clip_rs::Error, first: usize) -> clip_rs::Error {
    use clip_rs::model::EncodeError;
    let mut error = error;
    if let clip_rs::Error::Text { index, .. }
    | clip_rs::Error::Encode(
        EncodeError::EmptyText { index }
        | EncodeError::TextTooLong { index, .. }
        | EncodeError::UnknownToken { index, .. }
        | EncodeError::NotFinite { index, .. },
    ) = &mut error
    {
        *index += first;
    }
    error
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
