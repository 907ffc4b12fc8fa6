//! The zero-shot head: class names and templates become one unit vector per class. PROTOCOL_EVAL 7.1.

use std::io::Write;
use std::path::Path;

use clip_data::PromptSet;
use clip_files::write_whole;
use clip_rs::{Clip, Overflow};
use rayon::prelude::*;

use crate::{EvalError, FeatureCache};

/// Prompts encoded between two reports of progress.
const PROMPTS_AT_A_TIME: usize = 2048;

/// Columns of a zero-shot classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    width: usize,
    weights: Vec<f32>, // [classes, width], rows of norm 1
    /// Prompts that were longer than the context and lost their end.
    pub truncated: usize,
}

impl Head {
    /// Encodes every prompt of every class; each row normalised, the mean over the class's prompts normalised again.
    /// `progress` gets the number of prompts done.
    ///
    /// # Errors
    /// There is no class or no template, or the features are not finite.
    pub fn new(clip: &Clip, prompts: &PromptSet, mut progress: impl FnMut(usize)) -> Result<Head, EvalError> {
        let (texts, sizes) = prompts.prompts();
        if sizes.is_empty() || sizes.contains(&0) {
            return Err(EvalError::task("zero-shot", &prompts.id, "a class without names or templates"));
        }
        let width = clip.embed_dim();
        let mut rows = Vec::with_capacity(texts.len() * width);
        let mut truncated = 0;
        for texts in texts.chunks(PROMPTS_AT_A_TIME) {
            let (features, cut) = clip.encode_texts_with(texts, Overflow::Truncate)?;
            rows.extend_from_slice(features.normalize().as_slice());
            truncated += cut.len();
            progress(texts.len());
        }
        Ok(Head { truncated, ..Head::of_prompts(&rows, width, &sizes) })
    }

    /// The head of prompts that are encoded already.
    ///
    /// - `embeddings`: `[prompts, width]`, rows of norm 1: all of the first class, then of the second, …
    /// - `sizes`: `[classes]`, prompts of each
    ///
    /// # Panics
    /// When there are fewer rows than the sizes say.
    pub fn of_prompts(embeddings: &[f32], width: usize, sizes: &[usize]) -> Head {
        assert_eq!(embeddings.len(), sizes.iter().sum::<usize>() * width, "rows of all prompts");
        let mut rows = embeddings.chunks_exact(width);
        let weights = sizes.iter().flat_map(|&prompts| mean_direction(&mut rows, prompts, width)).collect();
        Head { width, weights, truncated: 0 }
    }

    /// [`Head::new`], kept beside the features of `cache` by the names and templates it is made of.
    ///
    /// # Errors
    /// As [`Head::new`], or the file cannot be written.
    pub(crate) fn cached(
        clip: &Clip,
        prompts: &PromptSet,
        cache: &FeatureCache,
        progress: impl FnMut(usize),
    ) -> Result<Head, EvalError> {
        let name = file_name(prompts);
        let (path, seal) = (cache.folder().join(&name), cache.sealed_by().seal(&name));
        if let Some(head) = Head::read(&path, seal.clone(), clip.embed_dim(), prompts.classes.len()) {
            return Ok(head);
        }
        let head = Head::new(clip, prompts, progress)?;
        let bytes = head.bytes(seal);
        std::fs::create_dir_all(cache.folder()).map_err(EvalError::io(cache.folder()))?;
        write_whole(&path, |file| file.write_all(&bytes)).map_err(EvalError::io(&path))?;
        Ok(head)
    }

    /// Number of prompts cut, the weights, and the seal of both.
    fn bytes(&self, mut seal: blake3::Hasher) -> Vec<u8> {
        let mut bytes = (self.truncated as u64).to_le_bytes().to_vec();
        bytes.extend(self.weights.iter().flat_map(|weight| weight.to_le_bytes()));
        seal.update(&bytes);
        bytes.extend_from_slice(seal.finalize().as_bytes());
        bytes
    }

    /// None where there is no such file, or it is not as it was written by this model for these prompts.
    fn read(path: &Path, mut seal: blake3::Hasher, width: usize, classes: usize) -> Option<Head> {
        let length = 8 + 4 * classes as u64 * width as u64 + 32;
        let bytes = clip_files::read(path, length).ok()?;
        let (said, found) = bytes.split_last_chunk::<32>()?;
        if seal.update(said).finalize() != *found {
            return None;
        }
        let (truncated, weights) = said.split_first_chunk::<8>()?;
        let weights: Vec<f32> =
            weights.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let truncated = u64::from_le_bytes(*truncated) as usize;
        (weights.len() == classes * width).then_some(Head { width, weights, truncated })
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.weights.len() / self.width
    }

    /// `[classes, width]`, rows of norm 1.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// `scale · cosine` of every image with every class, `[images, classes]`.
    ///
    /// - `embeddings`: `[images, width]`, rows of norm 1
    pub fn logits(&self, embeddings: &[f32], scale: f32) -> Vec<f32> {
        cosines(embeddings, &self.weights, self.width).into_iter().map(|cosine| scale * cosine).collect()
    }
}

/// Dot products of every row of `a` with every row of `b`, `[rows of a, rows of b]`. Sums in f64 in one order, so that
/// equal rows have equal products whatever their neighbours.
pub fn cosines(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let columns = b.len() / width;
    let mut products = vec![0.0; a.len() / width * columns];
    if columns == 0 {
        return products;
    }
    let row = |(products, a): (&mut [f32], &[f32])| {
        for (product, b) in products.iter_mut().zip(b.chunks_exact(width)) {
            *product = dot(a, b) as f32;
        }
    };
    products.par_chunks_mut(columns).zip(a.par_chunks(width)).for_each(row);
    products
}

/// Eight sums, then their sum: the compiler makes vectors of them.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let (a_eights, a_rest) = a.as_chunks::<8>();
    let (b_eights, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_eights.iter().zip(b_eights) {
        for lane in 0..8 {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    sums.iter().sum::<f64>() + rest
}

/// The normalised mean of the next `count` rows.
fn mean_direction<'a>(rows: &mut impl Iterator<Item = &'a [f32]>, count: usize, width: usize) -> Vec<f32> {
    let mut mean = vec![0.0_f64; width];
    for row in rows.take(count) {
        for (mean, &value) in mean.iter_mut().zip(row) {
            *mean += f64::from(value);
        }
    }
    let norm = mean.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-12);
    mean.into_iter().map(|value| (value / norm) as f32).collect()
}

/// Identity of the names and templates of a prompt file.
pub fn blake3_of(prompts: &PromptSet) -> String {
    let text = serde_json::json!([prompts.classes, prompts.templates]).to_string();
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn file_name(prompts: &PromptSet) -> String {
    format!("head-{}.bin", blake3_of(prompts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts() -> PromptSet {
        let json =
            r#"{"classnames": ["cat", ["dog", "puppy"], "cat"], "templates": ["a photo of a {}.", "a {}"]}"#;
        PromptSet::parse("test", json).expect("a prompt file")
    }

    #[test]
    fn head_is_read_back_as_it_was_written_and_not_when_it_is_damaged_or_anothers() {
        let clip = Clip::starter().expect("built in");
        let folder = tempfile::tempdir().expect("a folder");
        let open = |weights| FeatureCache::open(folder.path(), &clip, weights, "test").expect("a cache");
        let (cache, other) = (open("weights"), open("other weights"));
        let cached = |cache: &FeatureCache, prompts: &PromptSet| {
            Head::cached(&clip, prompts, cache, |_| {}).expect("a head")
        };
        let read = |cache: &FeatureCache| {
            let name = file_name(&prompts());
            let seal = cache.sealed_by().seal(&name);
            Head::read(&cache.folder().join(name), seal, clip.embed_dim(), 3)
        };
        let head = cached(&cache, &prompts());
        assert_eq!(read(&cache), Some(head.clone()));
        let path = cache.folder().join(file_name(&prompts()));
        let bytes = std::fs::read(&path).expect("the file");
        let mut damaged = bytes.clone();
        damaged[20] ^= 1;
        std::fs::write(&path, damaged).expect("the file");
        assert_eq!(read(&cache), None);
        assert_eq!(cached(&cache, &prompts()), head, "made again");
        std::fs::write(other.folder().join(file_name(&prompts())), &bytes).expect("another model's");
        assert_eq!(read(&other), None);
        let others = PromptSet { templates: vec!["{}".to_owned()], ..prompts() };
        cached(&cache, &others);
        std::fs::copy(cache.folder().join(file_name(&others)), &path).expect("another's name");
        assert_eq!(read(&cache), None);
    }

    #[test]
    fn classes_of_one_name_have_equal_logits_and_rows_have_norm_one() {
        let clip = Clip::starter().expect("built in");
        let head = Head::new(&clip, &prompts(), |_| {}).expect("a head");
        let image = clip.encode_texts(&["a picture of something"]).expect("features").normalize();
        let logits = head.logits(image.as_slice(), 100.0);
        assert_eq!(logits[0].to_bits(), logits[2].to_bits());
        for row in head.weights().chunks_exact(clip.embed_dim()) {
            assert!((dot(row, row) - 1.0).abs() < 1e-6);
        }
    }
}
