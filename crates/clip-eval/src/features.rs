//! Features of a split, computed once ever.
//!
//! ```text
//! CACHE/KEY/            KEY = BLAKE3 of weights, recipe, precision, instruction set, numeric version
//!   key.json            what KEY was made of, for people
//!   rows-*.bin          [content 32 bytes][penultimate][features][checksum 8 bytes] ..., appended batch by batch
//! ```
//!
//! A row is found by the BLAKE3 of the item's content, so nothing stale can be reused: another image, another border,
//! another span of a video is another content, and another model or recipe another folder. Splits that share images
//! share rows. A row that was half written when the program ended is not there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_data::formats::video;
use clip_data::{Item, Media, Split};
use clip_files::write_whole;
use clip_rs::{Clip, Computation, Features, ImageInput};
use rayon::prelude::*;

use crate::EvalError;
use crate::results::Skipped;

/// Raised when the towers' arithmetic changes an output bit, so that rows of before are not used.
const NUMERIC_VERSION: u32 = 1;
/// Bytes of a content's hash.
const HASH: usize = 32;
/// Bytes of the checksum behind a row: the first of the BLAKE3 of what stands before it.
const CHECKSUM: usize = 8;
/// Items hashed between two reports of progress.
const CHUNK: usize = 256;

/// BLAKE3 of an item's content.
pub(crate) type Content = [u8; HASH];

/// The rows of one model, on disk.
pub struct FeatureCache {
    folder: PathBuf,
    key: String,
    widths: Widths,
    /// Where the row of each content is: file, and byte of its first value.
    places: HashMap<Content, (usize, u64)>,
    files: Vec<PathBuf>,
    out: Option<BufWriter<File>>,
}

/// Values of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Widths {
    penultimate: usize,
    features: usize,
}

/// Features of the usable items of a split, in the split's order.
#[derive(Debug, Clone)]
pub struct SplitFeatures {
    /// Positions of the items that could be used.
    pub usable: Vec<usize>,
    /// As the image tower gives them, `[usable, embed_dim]`, not normalised.
    pub features: Features,
    /// Before the projection, `[usable, penultimate_width]`.
    pub penultimate: Features,
    /// Items left out.
    pub skipped: Vec<Skipped>,
    /// Key of the cache's folder.
    pub key: String,
    /// BLAKE3 of all item ids, targets and contents in order.
    pub content_blake3: String,
    /// Rows that were computed now; the others came from disk.
    pub computed: usize,
}

impl Widths {
    fn values(self) -> usize {
        self.penultimate + self.features
    }

    fn row_bytes(self) -> usize {
        4 * self.values()
    }
}

impl FeatureCache {
    /// Opens, or begins, the rows of `clip` below `cache`. `writer` tells processes apart that run at the same time:
    /// each appends to its own file.
    ///
    /// `clip` has to be loaded to keep the penultimate layer (`LoadOptions::penultimate`).
    ///
    /// # Errors
    /// The folder cannot be read or made.
    pub fn open(
        cache: &Path,
        clip: &Clip,
        weights_sha256: &str,
        writer: &str,
    ) -> Result<FeatureCache, EvalError> {
        let made_of = serde_json::json!({
            "weights_sha256": weights_sha256,
            "recipe": clip.recipe(),
            "computation": Computation::of(clip),
            "activation": clip.architecture().activation.name(),
            "numeric_version": NUMERIC_VERSION,
        });
        let key = blake3::hash(made_of.to_string().as_bytes()).to_hex().to_string();
        let folder = cache.join(&key);
        std::fs::create_dir_all(&folder).map_err(EvalError::io(&folder))?;
        let description = folder.join("key.json");
        if !description.exists() {
            let text = format!("{made_of:#}\n");
            write_whole(&description, |file| file.write_all(text.as_bytes()))
                .map_err(EvalError::io(&description))?;
        }
        let widths =
            Widths { penultimate: clip.architecture().image.penultimate_width(), features: clip.embed_dim() };
        let mut cache =
            FeatureCache { folder, key, widths, places: HashMap::new(), files: Vec::new(), out: None };
        cache.read_places(writer)?;
        Ok(cache)
    }

    /// Of its folder; printed with results.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where its rows are; what else is made by the same model is kept beside them.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Rows on disk.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Features of all items of a split: from disk where they are known, else computed and kept. An item that cannot
    /// be used is listed, and stops nothing. `progress` gets the number of items done.
    ///
    /// # Errors
    /// The features are not finite, or the cache cannot be written.
    pub fn features_of(
        &mut self,
        clip: &Clip,
        split: &Arc<Split>,
        mut progress: impl FnMut(usize),
    ) -> Result<SplitFeatures, EvalError> {
        let (contents, mut skipped) = contents_of(split);
        let missing: Vec<usize> = (0..contents.len())
            .filter(|&item| contents[item].is_some_and(|content| !self.places.contains_key(&content)))
            .collect();
        progress(contents.len() - missing.len());
        skipped.extend(self.compute(clip, split, &contents, &missing, progress)?);
        skipped.sort_by_key(|&(item, _)| item);
        let content_blake3 = fingerprint_of(split, &contents);
        self.collect(&contents, skipped, missing.len(), content_blake3)
    }

    /// Encodes items and appends their rows; returns those that cannot be used.
    fn compute(
        &mut self,
        clip: &Clip,
        split: &Arc<Split>,
        contents: &[Option<Content>],
        missing: &[usize],
        mut progress: impl FnMut(usize),
    ) -> Result<Vec<(usize, Skipped)>, EvalError> {
        // An item's name in the batch is its position: two items may have the same name.
        let input = |&item: &usize| {
            let split = Arc::clone(split);
            ImageInput::lazy(&item.to_string(), move || {
                split.bytes(&split.items[item]).map_err(|error| error.to_string())
            })
        };
        let inputs: Vec<ImageInput> = missing.iter().map(input).collect();
        let mut skipped = Vec::new();
        clip.encode_in_batches(&inputs, |batch| -> Result<(), EvalError> {
            let penultimate = batch.penultimate.iter().flat_map(Features::rows);
            for ((image, penultimate), features) in
                batch.usable.iter().zip(penultimate).zip(batch.features.rows())
            {
                let item: usize = image.input.name().parse().unwrap_or_default();
                if let Some(content) = contents[item] {
                    self.append(&content, penultimate, features)?;
                }
            }
            for (input, error) in &batch.failed {
                let item: usize = input.name().parse().unwrap_or_default();
                skipped.push((item, skip(split, item, error)));
            }
            self.flush()?;
            progress(batch.usable.len() + batch.failed.len());
            Ok(())
        })?;
        Ok(skipped)
    }

    fn append(&mut self, content: &Content, penultimate: &[f32], features: &[f32]) -> Result<(), EvalError> {
        if self.places.contains_key(content) {
            return Ok(()); // the same image twice in one split
        }
        let path = self.files[0].clone();
        let out = match &mut self.out {
            Some(out) => out,
            None => {
                let mut file =
                    File::options().create(true).append(true).open(&path).map_err(EvalError::io(&path))?;
                file.seek(SeekFrom::End(0)).map_err(EvalError::io(&path))?;
                self.out.insert(BufWriter::new(file))
            }
        };
        let mut row = content.to_vec();
        row.extend(penultimate.iter().chain(features).flat_map(|value| value.to_le_bytes()));
        row.extend_from_slice(&checksum(&row));
        let start = out.stream_position().map_err(EvalError::io(&path))?;
        out.write_all(&row).map_err(EvalError::io(&path))?;
        self.places.insert(*content, (0, start + HASH as u64));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), EvalError> {
        self.out.as_mut().map_or(Ok(()), Write::flush).map_err(EvalError::io(&self.folder))
    }

    /// Rows of all contents that have one, in their order.
    fn collect(
        &mut self,
        contents: &[Option<Content>],
        skipped: Vec<(usize, Skipped)>,
        missing: usize,
        content_blake3: String,
    ) -> Result<SplitFeatures, EvalError> {
        let place = |item: usize| self.places.get(contents[item].as_ref()?).copied();
        let usable: Vec<usize> = (0..contents.len()).filter(|&item| place(item).is_some()).collect();
        let Widths { penultimate, features } = self.widths;
        let mut before = Vec::with_capacity(usable.len() * penultimate);
        let mut after = Vec::with_capacity(usable.len() * features);
        let mut open: Vec<Option<BufReader<File>>> = self.files.iter().map(|_| None).collect();
        let mut row = vec![0; self.widths.row_bytes()];
        for (file, start) in usable.iter().filter_map(|&item| place(item)) {
            let path = &self.files[file];
            let reader = match &mut open[file] {
                Some(reader) => reader,
                none => none.insert(BufReader::new(File::open(path).map_err(EvalError::io(path))?)),
            };
            let here = reader.stream_position().map_err(EvalError::io(path))?;
            // Successive rows are read without leaving the buffer.
            reader.seek_relative(start as i64 - here as i64).map_err(EvalError::io(path))?;
            reader.read_exact(&mut row).map_err(EvalError::io(path))?;
            let (first, second) = row.split_at(4 * penultimate);
            before.extend(floats(first));
            after.extend(floats(second));
        }
        Ok(SplitFeatures {
            computed: missing.saturating_sub(skipped.len()),
            usable,
            features: Features::new(features, after),
            penultimate: Features::new(penultimate, before),
            skipped: skipped.into_iter().map(|(_, skip)| skip).collect(),
            key: self.key.clone(),
            content_blake3,
        })
    }

    /// Reads where rows are. This writer's own file comes first and is cut behind its last whole row.
    fn read_places(&mut self, writer: &str) -> Result<(), EvalError> {
        let own = self.folder.join(format!("rows-{writer}.bin"));
        let mut files = vec![own.clone()];
        let entries = std::fs::read_dir(&self.folder).map_err(EvalError::io(&self.folder))?;
        let others = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_rows = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "bin") && *path != own;
        files.extend(others.filter(is_rows));
        files[1..].sort();
        for (number, path) in files.iter().enumerate() {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(EvalError::io(path)(error)),
            };
            let whole = self.read_file(number, path, file)?;
            if number == 0 {
                let file = File::options().write(true).open(path).map_err(EvalError::io(path))?;
                file.set_len(whole).map_err(EvalError::io(path))?;
            }
        }
        self.files = files;
        Ok(())
    }

    /// Enters the rows of one file; returns how many bytes of it are whole rows.
    fn read_file(&mut self, number: usize, path: &Path, file: File) -> Result<u64, EvalError> {
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut row = vec![0; HASH + self.widths.row_bytes() + CHECKSUM];
        let mut position = 0;
        loop {
            match reader.read_exact(&mut row) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(position),
                Err(error) => return Err(EvalError::io(path)(error)),
            }
            let (said, sum) = row.split_at(row.len() - CHECKSUM);
            if checksum(said) != *sum {
                return Ok(position);
            }
            if let Some(content) = said.first_chunk::<HASH>() {
                self.places.entry(*content).or_insert((number, position + HASH as u64));
            }
            position += row.len() as u64;
        }
    }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::hash(bytes);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// BLAKE3 of all item ids, targets and contents of a split as it lies on disk now.
pub(crate) fn content_fingerprint(split: &Split) -> String {
    fingerprint_of(split, &contents_of(split).0)
}

pub(crate) fn fingerprint_of(split: &Split, contents: &[Option<Content>]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (line, content) in split.lines().zip(contents) {
        hasher.update(line.as_bytes());
        hasher.update(content.as_ref().map_or(b"unreadable".as_slice(), |content| content));
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// Hashes of all items; none for those that cannot be read, which are listed.
pub(crate) fn contents_of(split: &Split) -> (Vec<Option<Content>>, Vec<(usize, Skipped)>) {
    let hashed: Vec<Result<Content, Skipped>> = split
        .items
        .par_iter()
        .with_min_len(1)
        .with_max_len(CHUNK)
        .map(|item| {
            content_of(split, item).map_err(|error| Skipped {
                input: item.id(),
                stage: "read".to_owned(),
                reason: error.to_string(),
            })
        })
        .collect();
    let mut skipped = Vec::new();
    let mut contents = Vec::with_capacity(hashed.len());
    for (item, hash) in hashed.into_iter().enumerate() {
        match hash {
            Ok(content) => contents.push(Some(content)),
            Err(skip) => {
                contents.push(None);
                skipped.push((item, skip));
            }
        }
    }
    (contents, skipped)
}

/// BLAKE3 of what an item's pixels are made from.
fn content_of(split: &Split, item: &Item) -> Result<Content, EvalError> {
    let mut hasher = blake3::Hasher::new();
    match &item.media {
        Media::Record { records, index } => {
            hasher.update(b"image");
            hasher.update(&records.bytes(*index)?);
        }
        Media::File { path, border } => {
            let plain = *border == clip_data::Border::default();
            hasher.update(if plain { b"image".as_slice() } else { b"cut image" });
            if !plain {
                hasher.update(&border.all.to_le_bytes());
                hasher.update(&border.foot.to_le_bytes());
            }
            update_with_file(&mut hasher, &split.folder.join(&**path))?;
        }
        Media::Video { path, span } => {
            hasher.update(b"middle frame");
            let (start, end) = span.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            hasher.update(&start.to_le_bytes());
            hasher.update(&end.to_le_bytes());
            let path = split.folder.join(&**path);
            let files = video::files(&path)?;
            for file in &files {
                if *file == path {
                    hasher.update(video::version()?.as_bytes()); // another one may give other pixels
                } else {
                    let length = std::fs::metadata(file).map_err(EvalError::io(file))?.len();
                    hasher.update(b"extracted frame").update(&length.to_le_bytes());
                }
                update_with_file(&mut hasher, file)?;
            }
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

fn update_with_file(hasher: &mut blake3::Hasher, path: &Path) -> Result<(), EvalError> {
    let file = File::open(path).map_err(EvalError::io(path))?;
    hasher.update_reader(file).map_err(EvalError::io(path))?;
    Ok(())
}

fn skip(split: &Split, item: usize, error: &clip_rs::Error) -> Skipped {
    let (stage, reason) = match error {
        clip_rs::Error::ReadImage { source, .. } => ("read", source.to_string()),
        clip_rs::Error::Image { source, .. } => ("decode", source.to_string()),
        other => ("encode", other.to_string()),
    };
    Skipped { input: split.items[item].id(), stage: stage.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use clip_data::{PromptSet, Target};
    use clip_rs::LoadOptions;

    use super::*;

    fn clip() -> Clip {
        let options = LoadOptions { penultimate: true, convert_first: true, ..LoadOptions::default() };
        Clip::load_with("starter", &options).expect("built in")
    }

    /// One image file per shade, of 8 x 8.
    fn split(folder: &Path, shades: &[u8]) -> Arc<Split> {
        let item = |(number, &shade): (usize, &u8)| {
            let path = format!("{number}.pgm");
            let file = clip_data::formats::ppm::grey(8, 8, &[shade; 64]);
            std::fs::write(folder.join(&path), file).expect("a file");
            Item::file(path, Target::Class(0))
        };
        let dataset = clip_data::catalogue().first().expect("a data set");
        Arc::new(Split {
            dataset: Cow::Borrowed(dataset),
            info: dataset.splits[0].clone(),
            prompts: PromptSet::of("mnist").expect("ours"),
            items: shades.iter().enumerate().map(item).collect(),
            notes: Vec::new(),
            absent: Vec::new(),
            left_out: Vec::new(),
            folder: folder.to_owned(),
        })
    }

    fn features(cache: &Path, clip: &Clip, split: &Arc<Split>) -> SplitFeatures {
        let mut cache = FeatureCache::open(cache, clip, "weights", "test").expect("a cache");
        cache.features_of(clip, split, |_| {}).expect("features")
    }

    #[test]
    fn rows_come_back_from_disk_with_the_same_bits_and_equal_images_share_one() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let split = split(folder.path(), &[0, 90, 200, 90]);
        let cache = folder.path().join("cache");
        let first = features(&cache, &clip, &split);
        let again = features(&cache, &clip, &split);
        assert_eq!((first.computed, again.computed), (4, 0));
        assert_eq!((&first.features, &first.penultimate), (&again.features, &again.penultimate));
        let rows: Vec<&[f32]> = first.features.rows().collect();
        assert!(rows[1] == rows[3] && rows[1] != rows[2]);
        assert_eq!(FeatureCache::open(&cache, &clip, "weights", "test").expect("a cache").len(), 3);
        assert!(FeatureCache::open(&cache, &clip, "other weights", "test").expect("a cache").is_empty());
    }

    #[test]
    fn half_a_row_and_a_damaged_one_are_computed_again() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let split = split(folder.path(), &[0, 90, 200]);
        let cache = folder.path().join("cache");
        let whole = features(&cache, &clip, &split);
        let path = cache.join(&whole.key).join("rows-test.bin");
        let bytes = std::fs::read(&path).expect("rows");
        std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("cut");
        assert_eq!(features(&cache, &clip, &split).computed, 1);
        assert_eq!(std::fs::read(&path).expect("rows"), bytes);
        let mut damaged = bytes.clone();
        damaged[HASH + 3] ^= 1;
        std::fs::write(&path, damaged).expect("damaged");
        let again = features(&cache, &clip, &split);
        assert_eq!((again.computed, again.features), (3, whole.features)); // what stands behind it is not trusted
    }

    #[test]
    fn broken_and_missing_files_are_listed_and_stop_nothing() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let split = split(folder.path(), &[0, 90, 200]);
        std::fs::write(folder.path().join("1.pgm"), b"P5 8 8 255 too short").expect("a file");
        std::fs::remove_file(folder.path().join("2.pgm")).expect("gone");
        let found = features(&folder.path().join("cache"), &clip, &split);
        assert_eq!(found.usable, [0]);
        let stages: Vec<(&str, &str)> =
            found.skipped.iter().map(|skip| (skip.input.as_str(), skip.stage.as_str())).collect();
        assert_eq!(stages, [("1.pgm", "decode"), ("2.pgm", "read")]);
    }
}
