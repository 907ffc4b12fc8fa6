//! Small sources, and batches of them.

use std::path::Path;

use clip_image::Preprocess;
use clip_tokenizer::Tokenizer;
use clip_train::Batch;
use clip_train::data::{
    DataError, DataOptions, Images, Loader, LoaderOptions, LoaderState, MaxBad, Pairs, Recipe,
    Share,
};

/// Side of the images that loaders make here.
pub(crate) const SIZE: u32 = 6;

/// A picture that is like no other.
pub(crate) fn picture(number: usize) -> Vec<u8> {
    let (width, height) = (7 + number % 5, 6 + number % 3);
    let mut bytes = format!("P6 {width} {height} 255\n").into_bytes();
    bytes.extend((0..width * height * 3).map(|i| (i * 31 + number * 97) as u8));
    bytes
}

/// Members of a shard with pairs of these numbers; captions are `a photo of NUMBER`.
pub(crate) fn shard(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let pairs: Vec<(String, String, Vec<u8>, String)> = numbers
        .map(|n| {
            (format!("{n:05}.ppm"), format!("{n:05}.txt"), picture(n), format!("a photo of {n}"))
        })
        .collect();
    let members: Vec<(&str, u8, &[u8])> = pairs
        .iter()
        .flat_map(|(image, text, bytes, caption)| {
            [(image.as_str(), b'0', &bytes[..]), (text.as_str(), b'0', caption.as_bytes())]
        })
        .collect();
    clip_testing::tar(&members)
}

/// A folder of shards `0.tar`, `1.tar`, … of `each` pairs.
pub(crate) fn shards(count: usize, each: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..count {
        let bytes = shard(number * each..(number + 1) * each);
        std::fs::write(folder.path().join(format!("{number}.tar")), bytes).expect("written");
    }
    folder
}

pub(crate) fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, bytes).expect("written");
}

/// Choices for what lies at `path`; half of it may be bad.
pub(crate) fn options(path: impl AsRef<Path>) -> DataOptions {
    DataOptions {
        source: path.as_ref().display().to_string(),
        max_bad: MaxBad::Share(0.5),
        ..DataOptions::default()
    }
}

pub(crate) fn open(path: impl AsRef<Path>) -> Pairs {
    Pairs::open(&options(path)).expect("pairs")
}

pub(crate) fn recipe() -> Recipe {
    Recipe { preprocess: Preprocess::clip(SIZE), tokenizer: Tokenizer::new(), context_length: 77 }
}

pub(crate) fn loader_options(batch: u64) -> LoaderOptions {
    LoaderOptions { batch, share: Share::ALL, seed: 5, threads: 2, images: Images::Decoded }
}

pub(crate) fn loader(pairs: &Pairs, batch: u64) -> Loader {
    Loader::new(pairs, recipe(), &loader_options(batch), None).expect("a loader")
}

pub(crate) fn resumed(pairs: &Pairs, batch: u64, state: &LoaderState) -> Loader {
    Loader::new(pairs, recipe(), &loader_options(batch), Some(state)).expect("a loader")
}

/// All that a batch says, with the bits of its pixels.
pub(crate) type Content = (Vec<u64>, Vec<String>, Vec<u32>, Vec<Vec<u32>>);

pub(crate) fn content(batch: Batch) -> Content {
    let pixels = batch.pixels.iter().map(|value| value.to_bits()).collect();
    (batch.samples, batch.keys, pixels, batch.texts)
}

pub(crate) fn batches(loader: &mut Loader, count: usize) -> Vec<Content> {
    (0..count).map(|_| content(loader.next_batch().expect("a batch"))).collect()
}

/// What all pairs say, in order of their numbers: key and the texts of one epoch, decoded.
pub(crate) fn texts(options: &DataOptions) -> Vec<(String, String)> {
    let pairs = Pairs::open(options).expect("pairs");
    let mut loader = loader(&pairs, pairs.len());
    let batch = loader.next_batch().expect("a batch");
    let tokenizer = Tokenizer::new();
    let mut all: Vec<_> = (0..batch.len())
        .map(|i| {
            let ids = &batch.texts[i][1..batch.texts[i].len() - 1];
            let text = tokenizer.decode(ids).expect("ids").trim().to_owned();
            (batch.samples[i], batch.keys[i].clone(), text)
        })
        .collect();
    all.sort();
    all.into_iter().map(|(_, key, text)| (key, text)).collect()
}

pub(crate) fn refusal(options: &DataOptions) -> DataError {
    Pairs::open(options).err().expect("refused")
}
