//! Many cells in one run: models times data sets times tasks, resumed after an interruption, shared among processes.
//!
//! ```text
//! suite.toml ─▶ jobs, in one order ─▶ those of this shard ─▶ MODEL/DATASET.TASK.json, .predictions.jsonl
//!                                                │
//!                                                └─ all cells in the folder ─▶ results.csv   (the same bytes however
//!                                                                              the jobs were shared or interrupted)
//! ```
//!
//! A job whose result is there, and was made from the same weights, recipe, precision, prompts, images and options, is
//! not done again. A job that cannot be done is listed, and stops nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clip_data::{Dataset, Split, Task, catalogue, find};
use clip_rs::{Clip, LoadOptions};
use serde::{Deserialize, Serialize};

use crate::features::content_fingerprint;
use crate::folds::{self, folds_of};
use crate::head::blake3_of;
use crate::laboratory::{EvalOptions, Laboratory, Progress, fingerprint};
use crate::predictions::{self, Prediction};
use crate::results::{self, Cell, SplitRead};
use crate::{EvalError, zero_shot};

/// Bytes of a suite file that are read.
const LARGEST_SUITE: u64 = 16 << 20;

/// A task by its word on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Class names in sentences.
    Zeroshot,
    /// Captions and images find each other.
    Retrieval,
    /// Logistic regression on all labelled images.
    Probe,
    /// Logistic regression on a few.
    Fewshot,
    /// Accuracy under natural shifts against accuracy on ImageNet.
    Robustness,
}

/// What a suite file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Models by name or path.
    pub models: Vec<String>,
    /// What is asked of each.
    pub tasks: Vec<Verb>,
    /// Of which data sets; those that a task does not fit are left out of it.
    pub datasets: Vec<Entry>,
    /// Where data sets are that name no root of their own.
    #[serde(default)]
    pub root: PathBuf,
    /// Choices of all tasks.
    #[serde(default)]
    pub options: EvalOptions,
}

/// A data set of a suite: its id, or its id, its root and perhaps a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// `"cifar10"`, or `"all"`.
    Id(String),
    /// `{ dataset = "cifar10", root = "somewhere", split = "train" }`.
    At {
        /// Id in the catalogue.
        dataset: String,
        /// Where it is.
        root: PathBuf,
        /// The split that is scored, in place of the data set's own.
        #[serde(default)]
        split: Option<String>,
    },
}

/// One cell to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Name or path.
    pub model: String,
    /// What is asked.
    pub verb: Verb,
    /// Of what: an id of the catalogue, or a user's own files (`folder:PATH`, `csv:PATH`, `webdataset:PATH`).
    pub dataset: String,
    /// Where it is.
    pub root: PathBuf,
    /// The split that is scored, in place of the data set's own.
    pub split: Option<String>,
}

/// A part of the jobs: those whose number leaves `index` when divided by `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: usize,
    /// How many shards.
    pub of: usize,
}

/// What became of a job.
#[derive(Debug)]
pub enum Outcome {
    /// Its cell, made now.
    Made(Box<Cell>),
    /// Its cell, made before from the same things.
    Kept(Box<Cell>),
    /// Why there is none.
    Failed(EvalError),
}

impl Verb {
    /// Its word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeroshot => "zeroshot",
            Self::Retrieval => "retrieval",
            Self::Probe => "probe",
            Self::Fewshot => "fewshot",
            Self::Robustness => "robustness",
        }
    }

    /// Its name in results.
    pub fn task(self) -> &'static str {
        match self {
            Self::Zeroshot => zero_shot::TASK,
            Self::Retrieval => "zeroshot_retrieval",
            Self::Probe => "linear_probe",
            Self::Fewshot => "few_shot",
            Self::Robustness => "robustness",
        }
    }

    /// Whether it can be asked of a data set.
    pub fn fits(self, dataset: &Dataset) -> bool {
        let trained = !dataset.train.is_empty();
        match self {
            Self::Zeroshot => !matches!(dataset.task, Task::Retrieval | Task::Audit),
            Self::Retrieval => dataset.task == Task::Retrieval,
            Self::Probe => trained && matches!(dataset.task, Task::Classification | Task::MultiLabel),
            Self::Fewshot => trained && dataset.task == Task::Classification,
            Self::Robustness => crate::robustness::settings_of(&dataset.id).next().is_some(),
        }
    }
}

impl Default for Shard {
    fn default() -> Self {
        Shard { index: 0, of: 1 }
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    /// `i/n`, i from 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index, of)) if index < of => Ok(Shard { index, of }),
            _ => Err(format!("`{text}` is no shard; the first of two is 0/2, the second 1/2")),
        }
    }
}

impl Suite {
    /// Reads a suite file; roots in it are relative to its folder.
    ///
    /// # Errors
    /// It cannot be read, or says what a suite cannot.
    pub fn read(path: &Path) -> Result<Suite, EvalError> {
        let text = clip_files::read_text(path, LARGEST_SUITE).map_err(EvalError::io(path))?;
        let mut suite: Suite =
            toml::from_str(&text).map_err(|error| EvalError::result(path, error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        suite.root = folder.join(&suite.root);
        for entry in &mut suite.datasets {
            if let Entry::At { root, .. } = entry {
                *root = folder.join(&*root);
            }
        }
        Ok(suite)
    }

    /// All jobs: model by model, so that each is loaded once; then in order of the data sets and tasks.
    ///
    /// # Errors
    /// A data set that is not in the catalogue.
    pub fn jobs(&self) -> Result<Vec<Job>, EvalError> {
        let mut jobs = Vec::new();
        for model in &self.models {
            for entry in &self.datasets {
                let (names, root, split) = match entry {
                    Entry::Id(id) if id == "all" => (
                        catalogue().iter().map(|dataset| dataset.id.clone()).collect(),
                        &self.root,
                        &self.options.split,
                    ),
                    Entry::Id(id) => (vec![id.clone()], &self.root, &self.options.split),
                    Entry::At { dataset, root, split } => (
                        vec![dataset.clone()],
                        root,
                        if split.is_some() { split } else { &self.options.split },
                    ),
                };
                for name in names {
                    // What a user's own files allow is known when they are read.
                    let known = if name.contains(':') { None } else { Some(find(&name)?) };
                    for &verb in self.tasks.iter().filter(|verb| known.is_none_or(|known| verb.fits(known))) {
                        let (model, root, dataset) = (model.clone(), root.clone(), name.clone());
                        jobs.push(Job { model, verb, dataset, root, split: split.clone() });
                    }
                }
            }
        }
        jobs.dedup();
        Ok(jobs)
    }
}

/// Where results and features go, and what a run shares with others.
pub struct Run<'a> {
    /// Results.
    pub out: &'a Path,
    /// Features.
    pub cache: &'a Path,
    /// The jobs of this process.
    pub shard: Shard,
    /// How models are loaded; conversion first and the penultimate layer are set whatever it says.
    pub load: &'a LoadOptions,
}

impl Run<'_> {
    /// Does the jobs of this shard. `begin` hears of every job and gives what hears of its steps; `end` what became of
    /// it.
    ///
    /// # Errors
    /// A result that was made cannot be written: then nothing after it could be either.
    pub fn jobs(
        &self,
        jobs: &[Job],
        options: &EvalOptions,
        mut begin: impl FnMut(&Job) -> Box<Progress<'static>>,
        mut end: impl FnMut(&Job, Outcome),
    ) -> Result<(), EvalError> {
        let own = jobs.iter().enumerate().filter(|(number, _)| number % self.shard.of == self.shard.index);
        let mut laboratory: Option<Laboratory> = None;
        let mut fingerprints = Fingerprints::default();
        for (_, job) in own {
            let mut progress = begin(job);
            if laboratory.as_ref().is_none_or(|loaded| loaded.model.name != job.model) {
                laboratory = None; // the last model leaves memory before the next comes
                match self.laboratory(&job.model, options) {
                    Ok(loaded) => laboratory = Some(loaded),
                    Err(error) => {
                        end(job, Outcome::Failed(error));
                        continue;
                    }
                }
            }
            let Some(laboratory) = &mut laboratory else { continue };
            let outcome = match self.job(laboratory, job, &mut fingerprints, &mut *progress) {
                Ok((cell, None)) => Outcome::Kept(Box::new(cell)),
                Ok((cell, Some(predictions))) => {
                    self.write(&cell, &predictions)?;
                    Outcome::Made(Box::new(cell))
                }
                Err(error) => Outcome::Failed(error),
            };
            drop(progress); // its bar goes before its row comes
            end(job, outcome);
        }
        Ok(())
    }

    /// A model and the features of this run.
    ///
    /// # Errors
    /// The model cannot be loaded, or the cache cannot be used.
    pub fn laboratory(&self, model: &str, options: &EvalOptions) -> Result<Laboratory, EvalError> {
        let load = LoadOptions { convert_first: true, penultimate: true, ..self.load.clone() };
        let clip = Clip::load_with(model, &load)?;
        let writer = format!("{}-of-{}", self.shard.index, self.shard.of);
        Laboratory::new(clip, self.cache, &writer, options.clone())
    }

    /// The cell of a job; with predictions if it was made now.
    fn job(
        &self,
        laboratory: &mut Laboratory,
        job: &Job,
        fingerprints: &mut Fingerprints,
        progress: &mut Progress<'_>,
    ) -> Result<(Cell, Option<Vec<Prediction>>), EvalError> {
        let split = Split::open(&job.dataset, &job.root, job.split.as_deref(), &laboratory.read_options())?;
        if let Some(cell) = self.made_before(laboratory, job, &split, fingerprints)? {
            return Ok((cell, None));
        }
        laboratory.read.clear();
        let (mut cell, predictions) = match job.verb {
            Verb::Zeroshot => laboratory.zero_shot(job, split, progress)?,
            Verb::Retrieval => (laboratory.retrieval(split, progress)?, Vec::new()),
            Verb::Probe => laboratory.probe(job, split, progress)?,
            Verb::Fewshot => (laboratory.few_shot(job, split, progress)?, Vec::new()),
            Verb::Robustness => (laboratory.robustness(job, split, progress)?, Vec::new()),
        };
        cell.provenance.read = std::mem::take(&mut laboratory.read);
        Ok((cell, Some(predictions)))
    }

    /// The result on disk, if it was made from the same things.
    fn made_before(
        &self,
        laboratory: &Laboratory,
        job: &Job,
        split: &Split,
        fingerprints: &mut Fingerprints,
    ) -> Result<Option<Cell>, EvalError> {
        let path = results::path(self.out, &job.model, &split.dataset.id, job.verb.task());
        let Ok(cell) = Cell::read(&path) else { return Ok(None) };
        let made = &cell.provenance;
        let prompts = made.prompts_blake3.is_none()
            || split.dataset.task == Task::Ocr // its prompts are the words of the split
            || made.prompts_blake3 == Some(blake3_of(&laboratory.prompts(split)?));
        let options = serde_json::to_value(&laboratory.options).unwrap_or_default();
        let folds = folds_of(&split.dataset, &split.info.name, job.verb, job.split.as_deref());
        let same = prompts
            && cell.clip_rs == env!("CARGO_PKG_VERSION")
            && made.weights_sha256 == laboratory.model.tensors_sha256
            && made.features_key == Some(laboratory.features_key())
            && made.split_blake3 == fingerprint(split)
            && cell.split == folds::split_name(&folds)
            && made.options == options
            && !made.read.is_empty()
            && made.read.iter().all(|read| fingerprints.is_unchanged(read, laboratory, job, split));
        Ok(same.then_some(cell))
    }

    fn write(&self, cell: &Cell, predictions: &[Prediction]) -> Result<(), EvalError> {
        if !predictions.is_empty() {
            predictions::write(predictions, &cell.path(self.out).with_extension("predictions.jsonl"))?;
        }
        cell.write(self.out)?;
        Ok(())
    }
}

/// What the splits on disk are now; each is hashed once in a run.
#[derive(Default)]
struct Fingerprints(HashMap<(PathBuf, String, String), Option<String>>);

impl Fingerprints {
    /// Whether a split that a cell was made from still has the same items, targets and contents. `scored` is the split
    /// of the job.
    fn is_unchanged(&mut self, read: &SplitRead, laboratory: &Laboratory, job: &Job, scored: &Split) -> bool {
        let SplitRead { dataset, split, blake3 } = read;
        let of_job = *dataset == scored.dataset.id;
        let name = if of_job { &job.dataset } else { dataset };
        let now = self.0.entry((job.root.clone(), name.clone(), split.clone())).or_insert_with(|| {
            if of_job && *split == scored.info.name {
                return Some(content_fingerprint(scored));
            }
            let split = Split::open(name, &job.root, Some(split), &laboratory.read_options()).ok()?;
            Some(content_fingerprint(&split))
        });
        now.as_ref() == Some(blake3)
    }
}

/// Joins all cells below `out` into `results.csv`.
///
/// # Errors
/// The folder cannot be read or written.
pub fn merge(out: &Path) -> Result<(Vec<Cell>, Vec<EvalError>), EvalError> {
    let (cells, broken) = results::read_all(out)?;
    results::write_csv(&cells, &out.join("results.csv"))?;
    Ok((cells, broken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_pairs_below_their_number() {
        assert_eq!("1/3".parse(), Ok(Shard { index: 1, of: 3 }));
        for wrong in ["3/3", "x", "1", "-1/2", "0/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn unknown_keys_of_a_suite_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("suite.toml");
        std::fs::write(&path, "models = []\ntasks = []\ndatasets = []\nmodel = 1\n").expect("a file");
        let error = Suite::read(&path).expect_err("a misspelt key").to_string();
        assert!(error.contains("unknown field `model`"), "{error}");
    }
}
