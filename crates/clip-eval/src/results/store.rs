//! The folder of results, shared by any number of programs.
//!
//! ```text
//! OUT/MODEL/DATASET.TASK.json                      where every choice is the default
//! OUT/MODEL/DATASET.TASK.VARIANT.json              where some are not
//! OUT/MODEL/DATASET.TASK.….PLACE.json              where the name is another's: two files, or two folders, of one name
//!                        .predictions.jsonl        what was said of every item; the result has its hash
//!                        .skipped.jsonl            every item that was left out
//! OUT/results.csv                                  all figures; OUT/.lock orders those who write
//! ```
//!
//! A result ends with the BLAKE3 of its text. One whose figure was changed by hand, or whose
//! predictions are gone or others, is no result of a run: it is made again.

use std::path::{Path, PathBuf};

use clip_files::Lock;

use super::csv::write_csv;
use super::identity::Identity;
use super::predictions::{self, Prediction};
use super::record::{Record, SCHEMA, SKIPS_NAMED, Skipped, slug};
use super::sealed::{self, Seal};
use super::write::write_whole;
use crate::error::{EvalError, Result};

/// Second part of the names of audits: `DATASET.audit.KIND.json` beside the results of tasks.
pub const AUDIT: &str = "audit";
/// Bytes of a file of predictions, at most.
const LARGEST_PREDICTIONS: u64 = 4 << 30;

impl Record {
    /// `MODEL/DATASET.TASK.json` below `folder`, with what was chosen before the ending; characters
    /// that a file name should not have became `-`.
    pub fn path(&self, folder: &Path) -> PathBuf {
        path(folder, &self.model, &self.dataset, &self.task, &[&self.identity.variant])
    }

    /// Writes the file whole or not at all, whatever has the name.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let path = self.path(folder);
        self.write_to(&path)?;
        Ok(path)
    }

    /// Its file below `folder`, whichever of its names it has there.
    pub fn file(&self, folder: &Path) -> Option<PathBuf> {
        let Record { model, dataset, task, identity, .. } = self;
        let is_own =
            |path: &PathBuf| read(path).is_ok_and(|(there, _)| there.identity == *identity);
        candidates(folder, model, dataset, task, identity).into_iter().find(is_own)
    }

    fn write_to(&self, path: &Path) -> Result<()> {
        sealed::write(self, path)
    }

    /// Reads one file.
    ///
    /// # Errors
    /// It cannot be read, or is of another schema.
    pub fn read(path: &Path) -> Result<Record> {
        Ok(read(path)?.0)
    }
}

/// Where the record of a model, data set and task is; `further` parts that are empty are left out.
fn path(folder: &Path, model: &str, dataset: &str, task: &str, further: &[&str]) -> PathBuf {
    let mut name = format!("{}.{}", slug(dataset), slug(task));
    for part in further.iter().filter(|part| !part.is_empty()) {
        name += ".";
        name += part;
    }
    folder.join(slug(model)).join(name + ".json")
}

fn read(path: &Path) -> Result<(Record, Seal)> {
    let (record, seal): (Record, Seal) = sealed::read(path)?;
    match record.schema {
        SCHEMA => Ok((record, seal)),
        other => Err(sealed::other_schema(path, other, SCHEMA)),
    }
}

/// The two names a result may have: its own, and the one it has where that is another's.
fn candidates(
    out: &Path,
    model: &str,
    dataset: &str,
    task: &str,
    identity: &Identity,
) -> [PathBuf; 2] {
    let Identity { variant, place, .. } = identity;
    [
        path(out, model, dataset, task, &[variant]),
        path(out, model, dataset, task, &[variant, place]),
    ]
}

/// The result of an identity, if it is there as it was written, with its predictions.
pub(crate) fn find(
    out: &Path,
    model: &str,
    dataset: &str,
    task: &str,
    identity: &Identity,
) -> Option<Record> {
    let mut found =
        candidates(out, model, dataset, task, identity).into_iter().filter_map(|path| {
            let (record, seal) = read(&path).ok()?;
            let is_whole = seal == Seal::Whole
                && record.identity == *identity
                && has_its_files(&record, &path);
            is_whole.then_some(record)
        });
    found.next()
}

fn has_its_files(record: &Record, path: &Path) -> bool {
    let predictions = match &record.provenance.predictions_blake3 {
        Some(blake3) => hash_of(&predictions_beside(path)).as_ref() == Some(blake3),
        None => true,
    };
    predictions && (record.counts.skipped == 0 || ledger_beside(path).is_file())
}

fn hash_of(path: &Path) -> Option<String> {
    let file = clip_files::open(path, LARGEST_PREDICTIONS).ok()?;
    Some(blake3::Hasher::new().update_reader(file).ok()?.finalize().to_hex().to_string())
}

fn predictions_beside(path: &Path) -> PathBuf {
    path.with_extension("predictions.jsonl")
}

fn ledger_beside(path: &Path) -> PathBuf {
    path.with_extension("skipped.jsonl")
}

/// Writes a result, its predictions and what it left out, in the place of an earlier one of the
/// same identity; then the record has what the file has.
///
/// # Errors
/// They cannot be written.
pub(crate) fn write(
    out: &Path,
    record: &mut Record,
    predictions: &[Prediction],
) -> Result<PathBuf> {
    std::fs::create_dir_all(out).map_err(EvalError::io(out))?;
    let _lock = lock(out);
    let [own, other] =
        candidates(out, &record.model, &record.dataset, &record.task, &record.identity);
    let path = if is_anothers(&own, record) { other } else { own };
    write_lines(&ledger_beside(&path), &record.skipped)?;
    record.skipped.truncate(SKIPS_NAMED);
    let beside = predictions_beside(&path);
    record.provenance.predictions_blake3 = None;
    if predictions.is_empty() {
        remove(&beside)?;
    } else {
        predictions::write(predictions, &beside)?;
        record.provenance.predictions_blake3 = hash_of(&beside);
    }
    record.write_to(&path)?;
    Ok(path)
}

/// Whether a name holds a result of other files than `record` was made from.
fn is_anothers(path: &Path, record: &Record) -> bool {
    Record::read(path).is_ok_and(|there| {
        if there.identity.place.is_empty() {
            return there.model != record.model || there.dataset_title != record.dataset_title;
        }
        there.identity.place != record.identity.place
    })
}

/// One JSON line for each; no file where there is none.
fn write_lines(path: &Path, skipped: &[Skipped]) -> Result<()> {
    if skipped.is_empty() {
        return remove(path);
    }
    let mut text = Vec::new();
    for skip in skipped {
        serde_json::to_writer(&mut text, skip).map_err(|error| EvalError::result(path, error))?;
        text.push(b'\n');
    }
    write_whole(path, &text)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EvalError::io(path)(error))
        }
        _ => Ok(()),
    }
}

/// Held while files that belong together are written. Where there are no locks, each file is still
/// whole.
fn lock(out: &Path) -> Option<Lock> {
    Lock::wait(&out.join(".lock")).ok()
}

/// Joins all records below `out` into `results.csv`; returns them, and what could not be read.
///
/// # Errors
/// The folder cannot be read or written.
pub fn merge(out: &Path) -> Result<(Vec<Record>, Vec<EvalError>)> {
    std::fs::create_dir_all(out).map_err(EvalError::io(out))?;
    let _lock = lock(out); // a list made before another's result was there must not replace one made after
    let (records, broken) = read_all(out)?;
    write_csv(&records, &out.join("results.csv"))?;
    Ok((records, broken))
}

/// All records below `folder`, in the order of their names and identities, and what could not be
/// read, or was changed since it was written; a record of the latter has a note.
///
/// # Errors
/// The folder cannot be listed.
pub fn read_all(folder: &Path) -> Result<(Vec<Record>, Vec<EvalError>)> {
    let (paths, mut broken) = files_of_models(folder, is_record)?;
    let mut records = Vec::new();
    for path in paths {
        match read(&path) {
            Ok((mut record, Seal::Broken)) => {
                let reason = "was changed after it was written: its figures are not those of a run; `clip-rs eval` makes it again";
                record.notes.push(format!("this result {reason}"));
                records.push(record);
                broken.push(EvalError::result(&path, reason));
            }
            Ok((record, _)) => records.push(record),
            Err(error) => broken.push(error),
        }
    }
    records.sort_by_cached_key(order);
    Ok((records, broken))
}

/// That of the names of their files, whoever was the first to take a name.
fn order(record: &Record) -> [String; 5] {
    let name = format!("{}.{}", slug(&record.dataset), slug(&record.task));
    let Identity { variant, place, .. } = &record.identity;
    [slug(&record.model), name, variant.clone(), place.clone(), record.dataset_title.clone()]
}

/// Files `MODEL/NAME` below a folder of results that are `wanted`, sorted, and the models that
/// cannot be listed; none where there is no folder.
///
/// # Errors
/// The folder cannot be listed.
pub fn files_of_models(
    folder: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<(Vec<PathBuf>, Vec<EvalError>)> {
    let (mut paths, mut broken) = (Vec::new(), Vec::new());
    if !folder.exists() {
        return Ok((paths, broken));
    }
    for model in list(folder)?.into_iter().filter(|path| path.is_dir()) {
        match list(&model) {
            Ok(files) => paths.extend(files.into_iter().filter(|path| wanted(path))),
            Err(error) => broken.push(error),
        }
    }
    paths.sort();
    Ok((paths, broken))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(EvalError::io(folder))?;
    entries.map(|entry| Ok(entry.map_err(EvalError::io(folder))?.path())).collect()
}

/// `DATASET.TASK.json`, or with more parts: the dots tell it from other files.
fn is_record(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_audit = name.split('.').nth(1) == Some(AUDIT);
    name.ends_with(".json") && name.matches('.').count() >= 2 && !name.starts_with('.') && !is_audit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(model: &str, place: &str) -> Record {
        let text = std::fs::read_to_string(
            "tests/fixtures/report/starter/cifar10.zeroshot_classification.json",
        );
        let mut record: Record = serde_json::from_str(&text.expect("a fixture")).expect("a record");
        record.model = model.to_owned();
        record.identity.place = place.to_owned();
        record
    }

    fn prediction(item: &str) -> Prediction {
        let text = format!(
            "{{\"item\":\"{item}\",\"truth\":[1],\"best\":[1],\"probabilities\":[1.0],\"truth_probability\":null}}"
        );
        serde_json::from_str(&text).expect("a prediction")
    }

    fn find_again(out: &Path, record: &Record) -> Option<Record> {
        find(out, &record.model, &record.dataset, &record.task, &record.identity)
    }

    #[test]
    fn result_that_was_changed_or_lost_its_predictions_is_not_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        let mut record = record("starter", "aa");
        let path = write(out, &mut record, &[prediction("1"), prediction("2")]).expect("written");
        assert_eq!(find_again(out, &record), Some(record.clone()));
        assert_eq!(read_all(out).expect("listed").1.len(), 0);
        let (text, lines) =
            (std::fs::read_to_string(&path).expect("it"), predictions_beside(&path));
        let told = std::fs::read_to_string(&lines).expect("them");

        let changed = text.replace("\"scored\": ", "\"scored\": 1");
        assert_ne!(changed, text);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let in_another_form = serde_json::to_string(&value).expect("JSON");
        for other in [changed, in_another_form] {
            std::fs::write(&path, other).expect("edited");
            assert_eq!(find_again(out, &record), None);
            let (records, broken) = read_all(out).expect("listed");
            assert!(
                broken[0].to_string().contains("was changed after it was written"),
                "{broken:?}"
            );
            assert!(records[0].notes.iter().any(|note| note.contains("was changed")));
        }
        std::fs::write(&path, &text).expect("as it was");
        assert!(find_again(out, &record).is_some());
        for other in [&told[..told.len() / 2], &told.replace("[1]", "[2]")] {
            std::fs::write(&lines, other).expect("edited");
            assert_eq!(find_again(out, &record), None, "{other}");
        }
        std::fs::remove_file(&lines).expect("removed");
        assert_eq!(find_again(out, &record), None);
    }

    #[test]
    fn models_and_data_sets_of_one_name_have_a_file_each_whoever_comes_first() {
        let tables = [["aa", "bb"], ["bb", "aa"]].map(|places| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut records = [record("a/x.pt", places[0]), record("a-x.pt", places[1])];
            records.sort_by_key(|record| record.identity.place == places[1]);
            for (record, place) in records.iter_mut().zip(places) {
                record.model = if place == "aa" { "a/x.pt" } else { "a-x.pt" }.to_owned();
                write(folder.path(), record, &[prediction("1")]).expect("written");
            }
            for record in &mut records {
                assert_eq!(find_again(folder.path(), record).as_ref(), Some(&*record));
                write(folder.path(), record, &[prediction("1")])
                    .expect("written again, in its own place");
            }
            assert_eq!(merge(folder.path()).expect("joined").0.len(), 2);
            std::fs::read_to_string(folder.path().join("results.csv")).expect("a table")
        });
        assert_eq!(tables[0], tables[1]);
    }

    #[test]
    fn everything_left_out_is_in_the_ledger() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut record = record("starter", "aa");
        let skip = |item: usize| Skipped {
            input: item.to_string(),
            stage: "read".to_owned(),
            reason: "gone".to_owned(),
        };
        record.skipped = (0..250).map(skip).collect();
        record.counts.skipped = 250;
        let path = write(folder.path(), &mut record, &[]).expect("written");
        assert_eq!(record.skipped.len(), SKIPS_NAMED);
        let ledger = std::fs::read_to_string(ledger_beside(&path)).expect("a ledger");
        assert_eq!(ledger.lines().count(), 250);
        assert_eq!(
            ledger.lines().last(),
            Some(r#"{"input":"249","stage":"read","reason":"gone"}"#)
        );
        assert!(find_again(folder.path(), &record).is_some());
        std::fs::remove_file(ledger_beside(&path)).expect("removed");
        assert!(find_again(folder.path(), &record).is_none());
    }

    #[test]
    fn one_file_that_cannot_be_read_stops_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        write(out, &mut record("starter", "aa"), &[]).expect("written");
        std::fs::write(out.join("starter/x.y.json"), "{\"score\": null}").expect("written");
        std::fs::create_dir(out.join("starter/folder.z.json")).expect("made");
        let (records, broken) = merge(out).expect("joined");
        assert_eq!((records.len(), broken.len()), (1, 2));
    }
}
