//! Features of a split, computed once ever.
//!
//! ```text
//! CACHE/KEY/            KEY = BLAKE3 of weights, architecture, recipe, precision, instruction set, numeric version
//!   key.json            what KEY was made of, for people
//!   rows-*.bin          see `rows`
//!   head-*.bin          see `head`
//!   frames/*.bin        see `frames`
//! ```
//!
//! A row is found by the BLAKE3 of the item's content, so nothing stale can be reused: another
//! image, another border, another span of a video is another content, and another model or recipe
//! another folder. Splits that share images share rows. Any number of programs read and write one
//! cache at a time: whatever becomes of the files, a row is what the model gives for the content,
//! or it is computed again.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_data::{Item, Items};
use clip_files::write_whole;
use clip_rs::{Clip, ComputeEnv, Features, ImageInput};

use super::content::{Content, bytes_of, contents_of, fingerprint_of};
use super::rows::Rows;
use crate::error::{EvalError, Result};
use crate::results::Skipped;

/// Raised when the towers' arithmetic changes an output bit, so that rows of before are not used.
const NUMERIC_VERSION: u32 = 1;

/// The rows of one model, on disk.
pub struct FeatureCache {
    folder: PathBuf,
    key: Key,
    widths: Widths,
    rows: Rows,
}

/// What identifies a model and how it computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(blake3::Hash);

impl Key {
    fn of(clip: &Clip, weights_sha256: &str) -> (Key, String) {
        let mut made_of = serde_json::json!({
            "weights_sha256": weights_sha256,
            "architecture": format!("{:?}", clip.architecture()), // heads and activation are in no tensor
            "recipe": clip.preprocess(),
            "cleaning": format!("{:?}", clip.tokenizer().cleaning()), // of class names
            "computation": ComputeEnv::of(clip),
            "max_pixels": clip.options().image_limits.max_pixels, // an image above it has no row
            "numeric_version": NUMERIC_VERSION,
        });
        if clip.check_texts().is_err() {
            made_of["texts"] = "refused".into(); // class vectors of the same weights under CLIP's tokens are not its own
        }
        (Key(blake3::hash(made_of.to_string().as_bytes())), format!("{made_of:#}\n"))
    }

    /// Seal of a whole file kept under `name`: of another model, or under another name, it does not
    /// fit.
    pub(crate) fn seal(self, name: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(self.0.as_bytes());
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher
    }
}

/// Values of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Widths {
    penultimate: usize,
    features: usize,
}

/// Features of the usable items of a list, in its order.
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

impl FeatureCache {
    /// Opens, or begins, the rows of `clip` below `cache`. `writer` begins the names of the files
    /// that are written.
    ///
    /// `clip` has to be loaded to keep the penultimate layer (`LoadOptions::penultimate`).
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(
        cache: &Path,
        clip: &Clip,
        weights_sha256: &str,
        writer: &str,
    ) -> Result<FeatureCache> {
        let (key, made_of) = Key::of(clip, weights_sha256);
        let folder = cache.join(key.0.to_hex().as_str());
        std::fs::create_dir_all(&folder).map_err(EvalError::io(&folder))?;
        let description = folder.join("key.json");
        if !description.exists() {
            write_whole(&description, |file| file.write_all(made_of.as_bytes()))
                .map_err(EvalError::io(&description))?;
        }
        let widths = Widths {
            penultimate: clip.architecture().image.penultimate_width(),
            features: clip.embed_dim(),
        };
        let rows =
            Rows::open(&folder, *key.0.as_bytes(), widths.penultimate + widths.features, writer);
        Ok(FeatureCache { folder, key, widths, rows })
    }

    /// Of its folder; printed with results.
    pub fn key(&self) -> String {
        self.key.0.to_hex().to_string()
    }

    /// To seal what else is kept.
    pub(crate) fn sealed_by(&self) -> Key {
        self.key
    }

    /// Where its rows are; what else is made by the same model is kept beside them.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Rows on disk.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// Features of all items: from disk where they are known, else computed and kept. An item that
    /// cannot be used is listed, and stops nothing. `progress` gets the number of items done.
    ///
    /// # Errors
    /// The features are not finite, or the cache cannot be written; what `progress` gives: the rows
    /// told of are kept.
    pub fn features_of(
        &mut self,
        clip: &Clip,
        items: &Arc<Items>,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<SplitFeatures> {
        let (contents, mut skipped) = contents_of(items);
        self.rows.look_again();
        let mut table = Table::new(self.widths, contents.len());
        let mut on_disk = self.rows.reader();
        let mut missing = Vec::new();
        for (item, content) in contents.iter().enumerate() {
            let Some(content) = content else { continue };
            match on_disk.values(content) {
                Some(values) => table.enter(item, values),
                None => missing.push((item, *content)),
            }
        }
        progress(contents.len() - missing.len())?;
        let failed = self.compute(clip, items, &missing, &mut table, progress)?;
        let computed = missing.len() - failed.len();
        skipped.extend(failed);
        skipped.sort_by_key(|&(item, _)| item);
        let (usable, penultimate, features) = table.known();
        Ok(SplitFeatures {
            usable,
            features,
            penultimate,
            skipped: skipped.into_iter().map(|(_, skip)| skip).collect(),
            key: self.key(),
            content_blake3: fingerprint_of(items, &contents),
            computed,
        })
    }

    /// Encodes items, enters their rows and keeps them; returns those that cannot be used.
    fn compute(
        &mut self,
        clip: &Clip,
        items: &Arc<Items>,
        missing: &[(usize, Content)],
        table: &mut Table,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Vec<(usize, Skipped)>> {
        let input = |&(item, content): &(usize, Content)| {
            let of = Arc::clone(items);
            ImageInput::lazy(&items[item].id(), move || bytes_of(&of, &of[item], &content))
        };
        let inputs: Vec<ImageInput> = missing.iter().map(input).collect();
        let mut failed = Vec::new();
        let mut kept = HashSet::new();
        clip.encode_in_batches(&inputs, |batch| -> Result<()> {
            let penultimate = batch.penultimate.iter().flat_map(Features::rows);
            for ((image, before), after) in
                batch.usable.iter().zip(penultimate).zip(batch.features.rows())
            {
                let (item, content) = missing[image.index];
                let values = || before.iter().chain(after).copied();
                table.enter(item, values());
                if kept.insert(content) {
                    self.rows.append(&content, values());
                }
            }
            for image in &batch.failed {
                let item = missing[image.index].0;
                failed.push((item, skip(&items[item], &image.error)));
            }
            self.rows.flush().map_err(EvalError::io(&self.folder))?;
            progress(batch.len())
        })?;
        Ok(failed)
    }
}

/// Rows of a split as they come to be known.
struct Table {
    widths: Widths,
    penultimate: Vec<f32>,
    features: Vec<f32>,
    known: Vec<bool>,
}

impl Table {
    fn new(widths: Widths, items: usize) -> Table {
        Table {
            widths,
            penultimate: vec![0.0; items * widths.penultimate],
            features: vec![0.0; items * widths.features],
            known: vec![false; items],
        }
    }

    /// - `values`: what stands before the projection, then the features
    fn enter(&mut self, item: usize, mut values: impl Iterator<Item = f32>) {
        let Widths { penultimate, features } = self.widths;
        let before = &mut self.penultimate[item * penultimate..][..penultimate];
        before.iter_mut().zip(values.by_ref()).for_each(|(place, value)| *place = value);
        let after = &mut self.features[item * features..][..features];
        after.iter_mut().zip(values).for_each(|(place, value)| *place = value);
        self.known[item] = true;
    }

    /// The items with a row, and their rows without gaps.
    fn known(mut self) -> (Vec<usize>, Features, Features) {
        let usable: Vec<usize> = (0..self.known.len()).filter(|&item| self.known[item]).collect();
        close_gaps(&mut self.penultimate, &usable, self.widths.penultimate);
        close_gaps(&mut self.features, &usable, self.widths.features);
        let Widths { penultimate, features } = self.widths;
        (
            usable,
            Features::new(penultimate, self.penultimate),
            Features::new(features, self.features),
        )
    }
}

fn close_gaps(values: &mut Vec<f32>, rows: &[usize], width: usize) {
    for (place, &row) in rows.iter().enumerate() {
        values.copy_within(row * width..(row + 1) * width, place * width);
    }
    values.truncate(rows.len() * width);
}

fn skip(item: &Item, error: &clip_rs::Error) -> Skipped {
    let (stage, reason) = match error {
        clip_rs::Error::ReadImage { source, .. } => ("read", source.to_string()),
        clip_rs::Error::Image { source, .. } => ("decode", source.to_string()),
        other => ("encode", other.to_string()),
    };
    Skipped { input: item.id(), stage: stage.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use clip_data::Target;
    use clip_rs::LoadOptions;

    use super::super::content::{CHANGED, HASH};
    use super::*;

    fn clip() -> Clip {
        let options =
            LoadOptions { penultimate: true, convert_first: true, ..LoadOptions::default() };
        Clip::load_with("starter", &options).expect("built in")
    }

    /// One image file per shade, of 8 x 8.
    fn items(folder: &Path, shades: &[u8]) -> Arc<Items> {
        let item = |(number, &shade): (usize, &u8)| {
            let path = format!("{number}.pgm");
            let file = clip_data::formats::ppm::grey(8, 8, &[shade; 64]);
            std::fs::write(folder.join(&path), file).expect("a file");
            Item::file(path, Target::Class(0))
        };
        Arc::new(Items {
            list: shades.iter().enumerate().map(item).collect(),
            folder: folder.to_owned(),
        })
    }

    fn features(cache: &Path, clip: &Clip, items: &Arc<Items>) -> SplitFeatures {
        let mut cache = FeatureCache::open(cache, clip, "weights", "test").expect("a cache");
        cache.features_of(clip, items, |_| Ok(())).expect("features")
    }

    #[test]
    fn rows_come_back_from_disk_with_the_same_bits_and_equal_images_share_one() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let items = items(folder.path(), &[0, 90, 200, 90]);
        let cache = folder.path().join("cache");
        let first = features(&cache, &clip, &items);
        let again = features(&cache, &clip, &items);
        assert_eq!((first.computed, again.computed), (4, 0));
        assert_eq!((&first.features, &first.penultimate), (&again.features, &again.penultimate));
        let rows: Vec<&[f32]> = first.features.rows().collect();
        assert!(rows[1] == rows[3] && rows[1] != rows[2]);
        assert_eq!(FeatureCache::open(&cache, &clip, "weights", "test").expect("a cache").len(), 3);
        assert!(
            FeatureCache::open(&cache, &clip, "other weights", "test").expect("a cache").is_empty()
        );
    }

    #[test]
    fn half_a_row_and_a_damaged_one_are_computed_again() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let items = items(folder.path(), &[0, 90, 200]);
        let cache = folder.path().join("cache");
        let whole = features(&cache, &clip, &items);
        let path = cache.join(&whole.key).join("rows-test.bin");
        let bytes = std::fs::read(&path).expect("rows");
        std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("cut");
        assert_eq!(features(&cache, &clip, &items).computed, 1);
        assert_eq!(std::fs::read(&path).expect("rows"), bytes);
        let mut damaged = bytes.clone();
        damaged[HASH + 3] ^= 1;
        std::fs::write(&path, damaged).expect("damaged");
        let again = features(&cache, &clip, &items);
        assert_eq!(
            (again.computed, &again.features),
            (1, &whole.features),
            "those behind it are whole"
        );
        assert_eq!(features(&cache, &clip, &items).computed, 0);
    }

    /// Each accident happens after the cache was opened and its rows were found.
    #[test]
    fn rows_that_were_cut_damaged_replaced_or_removed_since_they_were_found_are_computed_again() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let items = items(folder.path(), &[0, 90, 200]);
        let cache = folder.path().join("cache");
        let whole = features(&cache, &clip, &items);
        let path = cache.join(&whole.key).join("rows-test.bin");
        let bytes = std::fs::read(&path).expect("rows");
        let row = bytes.len() / 3;
        let replaced = |bytes: &[u8]| std::fs::write(&path, bytes).expect("written");
        let accidents: [(&str, usize, &dyn Fn()); 5] = [
            ("cut", 2, &|| replaced(&bytes[..row + 7])),
            ("rows in another order", 2, &|| {
                replaced(&[&bytes[row..], &bytes[..row]].concat()[..row * 2]);
            }),
            ("one bit", 1, &|| {
                let mut damaged = bytes.clone();
                damaged[row - 20] ^= 4;
                replaced(&damaged);
            }),
            ("removed", 3, &|| std::fs::remove_file(&path).expect("removed")),
            ("the whole folder", 3, &|| {
                std::fs::remove_dir_all(cache.join(&whole.key)).expect("removed");
            }),
        ];
        for (accident, least, happens) in accidents {
            let _ = std::fs::create_dir_all(cache.join(&whole.key));
            replaced(&bytes);
            let mut open = FeatureCache::open(&cache, &clip, "weights", "test").expect("a cache");
            assert_eq!(open.len(), 3, "{accident}");
            happens();
            let again = open.features_of(&clip, &items, |_| Ok(())).expect("features");
            assert!(again.computed >= least, "{accident}: {}", again.computed);
            assert_eq!(
                (&again.features, &again.penultimate),
                (&whole.features, &whole.penultimate),
                "{accident}"
            );
        }
    }

    #[test]
    fn rows_of_another_model_are_not_believed_wherever_they_lie() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let items = items(folder.path(), &[0, 90]);
        let cache = folder.path().join("cache");
        let of = |weights| {
            let mut cache = FeatureCache::open(&cache, &clip, weights, "test").expect("a cache");
            cache.features_of(&clip, &items, |_| Ok(())).expect("features")
        };
        let (mine, other) = (of("weights"), of("other weights"));
        let path = |key: &str| cache.join(key).join("rows-test.bin");
        std::fs::copy(path(&other.key), path(&mine.key)).expect("copied");
        assert_eq!(of("weights").computed, 2);
    }

    #[test]
    fn writers_at_one_time_append_to_files_of_their_own_and_see_each_others_rows() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let (first, second) =
            (items(folder.path(), &[0, 90, 200]), items(folder.path(), &[0, 90, 200, 7]));
        let cache = folder.path().join("cache");
        let open = || FeatureCache::open(&cache, &clip, "weights", "test").expect("a cache");
        let (mut a, mut b) = (open(), open());
        assert_eq!(a.features_of(&clip, &first, |_| Ok(())).expect("features").computed, 3);
        assert_eq!(b.features_of(&clip, &second, |_| Ok(())).expect("features").computed, 1);
        let key = a.key();
        let bytes =
            |name: &str| std::fs::metadata(cache.join(&key).join(name)).map(|file| file.len());
        assert_eq!(
            bytes("rows-test.bin").expect("a's"),
            3 * bytes("rows-test.1.bin").expect("b's")
        );
        drop((a, b));
        let third = items(folder.path(), &[0, 90, 200, 7, 8]);
        assert_eq!(open().features_of(&clip, &third, |_| Ok(())).expect("features").computed, 1);
        assert!(bytes("rows-test.2.bin").is_err(), "a file that nobody holds is taken up");
    }

    #[test]
    fn image_that_changes_between_its_hash_and_its_reading_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let items = items(folder.path(), &[0, 90]);
        let (contents, _) = contents_of(&items);
        let contents: Vec<Content> = contents.into_iter().flatten().collect();
        assert!(bytes_of(&items, &items[0], &contents[0]).is_ok());
        let reason = bytes_of(&items, &items[0], &contents[1]).expect_err("another image");
        assert_eq!(reason, CHANGED);
    }

    #[test]
    fn broken_and_missing_files_are_listed_and_stop_nothing() {
        let (folder, clip) = (tempfile::tempdir().expect("a folder"), clip());
        let items = items(folder.path(), &[0, 90, 200]);
        std::fs::write(folder.path().join("1.pgm"), b"P5 8 8 255 too short").expect("a file");
        std::fs::remove_file(folder.path().join("2.pgm")).expect("gone");
        let found = features(&folder.path().join("cache"), &clip, &items);
        assert_eq!(found.usable, [0]);
        let stages: Vec<(&str, &str)> =
            found.skipped.iter().map(|skip| (skip.input.as_str(), skip.stage.as_str())).collect();
        assert_eq!(stages, [("1.pgm", "decode"), ("2.pgm", "read")]);
    }
}
