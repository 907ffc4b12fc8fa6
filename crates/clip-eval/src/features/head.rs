//! The zero-shot head: class names and templates become one unit vector per class.
//! PROTOCOL_EVAL 7.1.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;
use std::path::Path;

use clip_data::{PromptSet, Split};
use clip_files::write_whole;
use clip_rs::joint_space::{EnsembleRounding, cosines, prompt_ensemble};
use clip_rs::{ClassPrompts, Clip, Overflow, Tokenizer};

use super::cache::FeatureCache;
use crate::error::{EvalError, Result};
use crate::options::PromptOptions;

/// Pairs of classes of one text that are named; the others are counted.
const SAME_CLASSES_NAMED: usize = 5;

/// Columns of a zero-shot classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    width: usize,
    weights: Vec<f32>, // [classes, width], rows of norm 1
    /// Prompts that were longer than the context and lost their end.
    pub truncated: usize,
}

impl Head {
    /// Encodes every prompt of every class; each row normalised, the mean over the class's prompts
    /// normalised again. `progress` gets the number of prompts done since it was last called.
    /// Memory grows with the classes only.
    ///
    /// # Errors
    /// There is no class or no template, or the features are not finite; what `progress` gives.
    pub fn new(
        clip: &Clip,
        prompts: &PromptSet,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Head> {
        let classes = &prompts.classes;
        if classes.is_empty() || prompts.templates.is_empty() || classes.iter().any(Vec::is_empty) {
            return Err(EvalError::task(
                "zero-shot",
                &prompts.id,
                "a class without names or templates",
            ));
        }
        let width = clip.embed_dim();
        let plan = ClassPrompts::new(clip, classes.len(), Overflow::Truncate, |class| {
            prompts.prompts_of(class)
        })?;
        let mut head = Head::zeros(classes.len(), width);
        plan.for_each(progress, |class, rows| head.set(class, rows))?;
        Ok(Head { truncated: plan.truncated_prompts(), ..head })
    }

    /// A head whose classes are still to be [set](Head::set).
    pub fn zeros(classes: usize, width: usize) -> Head {
        Head { width, weights: vec![0.0; classes * width], truncated: 0 }
    }

    /// Gives a class the normalised mean of its prompts' rows, `[prompts, width]`, each of norm 1.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn set(&mut self, class: usize, rows: &[f32]) {
        let weights = &mut self.weights[class * self.width..(class + 1) * self.width];
        prompt_ensemble(rows, weights, EnsembleRounding::Once);
    }

    /// [`Head::new`], kept beside the features of `cache` by the names and templates it is made of.
    ///
    /// # Errors
    /// As [`Head::new`], or the file cannot be written.
    pub(crate) fn cached(
        clip: &Clip,
        prompts: &PromptSet,
        cache: &FeatureCache,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Head> {
        let name = file_name(prompts);
        let (path, seal) = (cache.folder().join(&name), cache.sealed_by().seal(&name));
        if let Some(head) = Head::read(&path, seal.clone(), clip.embed_dim(), prompts.classes.len())
        {
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

    /// None where there is no such file, or it is not as it was written by this model for these
    /// prompts.
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
        cosines(embeddings, &self.weights, self.width)
            .into_iter()
            .map(|cosine| scale * cosine)
            .collect()
    }
}

/// Says which classes are one text to the model, as `Cat` and `cat` are: it cannot tell them apart.
pub fn note_of_same_classes(tokenizer: &Tokenizer, prompts: &PromptSet) -> Option<String> {
    let mut seen: HashMap<Vec<Vec<u32>>, &str> = HashMap::new();
    let mut same = Vec::new();
    for names in &prompts.classes {
        let name = names.first().map_or("", String::as_str);
        match seen.entry(names.iter().map(|name| tokenizer.encode(name)).collect()) {
            Entry::Occupied(earlier) => same.push(format!("{:?} and {name:?}", earlier.get())),
            Entry::Vacant(place) => drop(place.insert(name)),
        }
    }
    let more = match same.len() {
        0 => return None,
        1..=SAME_CLASSES_NAMED => String::new(),
        count => format!(" and {} more", count - SAME_CLASSES_NAMED),
    };
    same.truncate(SAME_CLASSES_NAMED);
    Some(format!(
        "classes that are one text to the model, the earlier is always chosen: {}{more}",
        same.join(", ")
    ))
}

/// The prompts of a split, with the person's own in place of ours.
///
/// # Errors
/// A file of the person's cannot be used.
pub(crate) fn prompts_of(split: &Split, own: &PromptOptions) -> Result<PromptSet> {
    let mut prompts = split.prompts.clone();
    prompts.override_from(own.classnames.as_deref(), own.templates.as_deref())?;
    Ok(prompts)
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
    use clip_rs::joint_space::dot;

    fn prompts() -> PromptSet {
        let json = r#"{"classnames": ["cat", ["dog", "puppy"], "cat"], "templates": ["a photo of a {}.", "a {}"]}"#;
        PromptSet::parse("test", json).expect("a prompt file")
    }

    #[test]
    fn head_is_read_back_as_it_was_written_and_not_when_it_is_damaged_or_anothers() {
        let clip = Clip::starter().expect("built in");
        let folder = tempfile::tempdir().expect("a folder");
        let open =
            |weights| FeatureCache::open(folder.path(), &clip, weights, "test").expect("a cache");
        let (cache, other) = (open("weights"), open("other weights"));
        let cached = |cache: &FeatureCache, prompts: &PromptSet| {
            Head::cached(&clip, prompts, cache, |_| Ok(())).expect("a head")
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
        std::fs::write(other.folder().join(file_name(&prompts())), &bytes)
            .expect("another model's");
        assert_eq!(read(&other), None);
        let others = PromptSet { templates: vec!["{}".to_owned()], ..prompts() };
        cached(&cache, &others);
        std::fs::copy(cache.folder().join(file_name(&others)), &path).expect("another's name");
        assert_eq!(read(&cache), None);
    }

    #[test]
    fn classes_that_the_model_cannot_tell_apart_are_named() {
        let note = note_of_same_classes(&Tokenizer::new(), &prompts());
        let said = "classes that are one text to the model, the earlier is always chosen: \"cat\" and \"cat\"";
        assert_eq!(note.as_deref(), Some(said));
        let json =
            r#"{"classnames": ["Cat", "dog", "cat", ["dog", "puppy"]], "templates": ["a {}"]}"#;
        let other = PromptSet::parse("test", json).expect("a prompt file");
        assert!(
            note_of_same_classes(&Tokenizer::new(), &other)
                .is_some_and(|note| note.ends_with("\"Cat\" and \"cat\""))
        );
        let json = r#"{"classnames": ["cat", "dog"], "templates": ["a {}"]}"#;
        let apart = PromptSet::parse("test", json).expect("a prompt file");
        assert_eq!(note_of_same_classes(&Tokenizer::new(), &apart), None);
    }

    #[test]
    fn classes_of_one_name_have_equal_logits_and_rows_have_norm_one() {
        let clip = Clip::starter().expect("built in");
        let head = Head::new(&clip, &prompts(), |_| Ok(())).expect("a head");
        let image = clip.encode_texts(&["a picture of something"]).expect("features").normalize();
        let logits = head.logits(image.as_slice(), 100.0);
        assert_eq!(logits[0].to_bits(), logits[2].to_bits());
        for row in head.weights().chunks_exact(clip.embed_dim()) {
            assert!((dot::<8>(row, row) - 1.0).abs() < 1e-6);
        }
    }
}
