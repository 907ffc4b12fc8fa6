//! Texts as Python holds them, and CLIP's own tokenizer without a model.

use clip_rs::tokenizer::{Cleaning, Overflow, Tokenizer, TokenizerError};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyString};
use rayon::prelude::*;

use crate::errors::{argument, text_error};
use crate::work::Pool;

/// Longest row of ids; all released models have 77.
const LONGEST_CONTEXT: i64 = 1 << 16;
/// Texts tokenized between two looks for Ctrl-C.
const TEXTS_AT_A_TIME: usize = 1 << 14;

/// A text that lost its end: its place, and how many tokens.
pub(crate) type Truncated = (usize, usize);
/// Ids `[texts, context_length]`, padded with zeros; which texts were cut.
type Tokenized<'py> = (Bound<'py, PyArray2<i32>>, Vec<Truncated>);

/// One text.
pub(crate) enum Text {
    /// The memory of Python's own string.
    Shared(PyBackedStr),
    /// A string that holds surrogates: pairs are the character they stand for, half a pair is
    /// U+FFFD, as in the reference. PROTOCOL 3.1.
    Mended(String),
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        match self {
            Self::Shared(text) => text,
            Self::Mended(text) => text,
        }
    }
}

impl Text {
    fn of(text: &Bound<'_, PyString>) -> PyResult<Text> {
        if let Ok(shared) = PyBackedStr::try_from(text.clone()) {
            return Ok(Self::Shared(shared));
        }
        let utf16 = text.call_method1("encode", ("utf-16-le", "surrogatepass"))?;
        let units = utf16.extract::<&[u8]>()?.chunks_exact(2);
        let units: Vec<u16> = units.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(Self::Mended(String::from_utf16_lossy(&units)))
    }
}

/// The texts of a list.
///
/// # Errors
/// `TypeError` with the place of what is no text.
pub(crate) fn texts_of(list: &Bound<'_, PyList>, name: &str) -> PyResult<Vec<Text>> {
    let text = |(place, item): (usize, Bound<'_, PyAny>)| match item.cast::<PyString>() {
        Ok(text) => Text::of(text),
        Err(_) => {
            let kind = item.get_type().name()?;
            Err(PyTypeError::new_err(format!("{name}[{place}]: {kind} is no text")))
        }
    };
    list.iter().enumerate().map(text).collect()
}

pub(crate) fn overflow(truncate: bool) -> Overflow {
    if truncate { Overflow::Truncate } else { Overflow::Refuse }
}

/// Ids of CLIP's own tokenizer, whatever the model.
#[pyfunction]
pub(crate) fn tokenize_texts<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyList>,
    context_length: i64,
    truncate: bool,
    threads: Option<i64>,
) -> PyResult<Tokenized<'py>> {
    let tokenizer = Tokenizer::with_cleaning(Cleaning::Reference);
    tokenize(py, Pool::of(threads)?, &tokenizer, texts, context_length, overflow(truncate))
}

/// The text of ids, as the reference's tokenizer decodes them.
#[pyfunction]
pub(crate) fn decode(ids: Vec<u32>) -> PyResult<String> {
    let tokenizer = Tokenizer::with_cleaning(Cleaning::Reference);
    tokenizer.decode(&ids).map_err(|error| argument("ids", error))
}

pub(crate) fn tokenize<'py>(
    py: Python<'py>,
    pool: Pool,
    tokenizer: &Tokenizer,
    texts: &Bound<'py, PyList>,
    context_length: i64,
    overflow: Overflow,
) -> PyResult<Tokenized<'py>> {
    let texts = texts_of(texts, "texts")?;
    let length = row_length(context_length)?;
    let mut ids = room_for(texts.len(), length)?; // [texts, context_length]
    let tokens = pool.run(py, None, |watch| {
        let mut cut = Vec::new();
        let chunks = ids.chunks_mut(TEXTS_AT_A_TIME * length).zip(texts.chunks(TEXTS_AT_A_TIME));
        for (chunk, (ids, texts)) in chunks.enumerate() {
            if watch.check().is_err() {
                break; // the caller has the exception
            }
            let first = chunk * TEXTS_AT_A_TIME;
            cut.extend(fill(tokenizer, texts, ids, overflow, first)?);
        }
        Ok(cut)
    })?;
    let cut = tokens.map_err(|(place, error)| text_error(py, "texts", place, &error))?;
    Ok((PyArray1::from_vec(py, ids).reshape([texts.len(), length])?, cut))
}

/// Fills the rows of texts, of which the first stands at place `first`; tells which were cut.
fn fill(
    tokenizer: &Tokenizer,
    texts: &[Text],
    ids: &mut [i32],
    overflow: Overflow,
    first: usize,
) -> Result<Vec<Truncated>, (usize, TokenizerError)> {
    let length = ids.len() / texts.len();
    let rows = ids.par_chunks_exact_mut(length).zip(texts).enumerate();
    let cut = rows.filter_map(|(place, (row, text))| {
        let place = first + place;
        match tokenizer.tokenize(text.as_ref(), length, overflow) {
            Ok(tokens) => {
                row.iter_mut().zip(&tokens.ids).for_each(|(slot, &id)| *slot = id as i32);
                tokens.truncated().then_some(Ok((place, tokens.lost)))
            }
            Err(error) => Some(Err((place, error))),
        }
    });
    cut.collect()
}

fn row_length(context_length: i64) -> PyResult<usize> {
    let allowed = (1..=LONGEST_CONTEXT).contains(&context_length);
    usize::try_from(context_length).ok().filter(|_| allowed).ok_or_else(|| {
        let reason = format!("{context_length} is no whole number from 1 to {LONGEST_CONTEXT}");
        argument("context_length", reason)
    })
}

/// Zeros, or `MemoryError`.
fn room_for(texts: usize, length: usize) -> PyResult<Vec<i32>> {
    let mut ids = Vec::new();
    let too_many =
        || PyMemoryError::new_err(format!("texts: {texts} rows of {length} ids are more than fit"));
    let values = texts.checked_mul(length).ok_or_else(too_many)?;
    ids.try_reserve_exact(values).map_err(|_| too_many())?;
    ids.resize(values, 0);
    Ok(ids)
}
