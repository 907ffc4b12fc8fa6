//! Many records in one run: models times data sets times tasks, resumed after an interruption, shared among processes.
//!
//! ```text
//! suite.toml ─▶ jobs, in one order ─▶ those of this shard ─▶ MODEL/DATASET.TASK.json, .predictions.jsonl
//!                                                │
//!                                                └─ all records in the folder ─▶ results.csv   (the same bytes however
//!                                                                              the jobs were shared or interrupted)
//! ```
//!
//! A job whose result is there as it was written, and was made from the same weights, recipe, precision, prompts, images
//! and options that its task reads, is not done again. A job that cannot be done is listed, and stops nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clip_data::{Dataset, Split, Task, catalogue, find};
use clip_rs::{Clip, LoadOptions};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::EvalError;
use crate::context::{EvalContext, fingerprint};
use crate::features::content_fingerprint;
use crate::head::blake3_of;
use crate::options::EvalOptions;
use crate::options::OutOfRange;
use crate::progress::Progress;
use crate::results::identity::{self, Identity};
use crate::results::predictions::Prediction;
use crate::results::store;
pub use crate::results::store::merge;
use crate::results::{Record, SplitRead};
use crate::tasks::zero_shot;

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

/// A data set of a suite: its name, or its name and perhaps a root and a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// `"cifar10"`, or `"all"`.
    Id(String),
    /// `{ dataset = "cifar10", root = "somewhere", split = "train" }`.
    At(EntryAt),
}

/// A data set with a root or a split of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryAt {
    /// Id in the catalogue, or a user's own files.
    pub dataset: String,
    /// Where it is; where the others are if none.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// The split that is scored, in place of the data set's own.
    #[serde(default)]
    pub split: Option<String>,
}

/// Not derived: an untagged enum would keep to itself which key is missing or unknown.
impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the name of a data set, or { dataset = \"NAME\", root = \"DIR\", split = \"NAME\" }",
        )
    }

    fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Entry, E> {
        Ok(Entry::Id(id.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        EntryAt::deserialize(MapAccessDeserializer::new(map)).map(Entry::At)
    }
}

impl Entry {
    /// The name, `all` or of one data set.
    pub fn name(&self) -> &str {
        match self {
            Entry::Id(name) | Entry::At(EntryAt { dataset: name, .. }) => name,
        }
    }
}

/// One record to be made.
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
    /// Its record, made now.
    Made(Box<Record>),
    /// Its record, made before from the same things.
    Kept(Box<Record>),
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
            Self::Probe => {
                trained && matches!(dataset.task, Task::Classification | Task::MultiLabel)
            }
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
        let parts = text
            .split_once('/')
            .and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index, of)) if index < of => Ok(Shard { index, of }),
            _ => Err(format!("`{text}` is no shard; the first of two is 0/2, the second 1/2")),
        }
    }
}

impl Suite {
    /// Reads a suite file; paths in it are relative to its folder.
    ///
    /// # Errors
    /// It cannot be read, or says what a suite cannot.
    pub fn read(path: &Path) -> Result<Suite, EvalError> {
        let text = clip_files::read_text(path, LARGEST_SUITE).map_err(EvalError::io(path))?;
        let mut suite: Suite = toml::from_str(&text)
            .map_err(|error| EvalError::result(path, in_its_line(&text, &error)))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        suite.root = folder.join(&suite.root);
        for entry in &mut suite.datasets {
            if let Entry::At(EntryAt { root: Some(root), .. }) = entry {
                *root = folder.join(&*root);
            }
        }
        suite.validate().map_err(|error| EvalError::result(path, error))?;
        Ok(suite)
    }

    /// Refuses what would do nothing: an empty list, an option out of its range or that none of the tasks reads.
    ///
    /// # Errors
    /// The first of them, by its key.
    pub fn validate(&self) -> Result<(), OutOfRange> {
        let lists = [
            ("models", self.models.is_empty()),
            ("tasks", self.tasks.is_empty()),
            ("datasets", self.datasets.is_empty()),
        ];
        if let Some((option, _)) = lists.into_iter().find(|(_, is_empty)| *is_empty) {
            return Err(OutOfRange { option, reason: "there is none".to_owned() });
        }
        self.options.validate()?;
        if let Some(option) = identity::unread(&self.options, &self.tasks).next() {
            let tasks: Vec<&str> = self.tasks.iter().map(|verb| verb.name()).collect();
            return Err(OutOfRange {
                option: "options",
                reason: format!("{option} is not read by {}", tasks.join(", ")),
            });
        }
        Ok(())
    }

    /// All jobs: model by model, so that each is loaded once; then in order of the data sets and tasks.
    ///
    /// # Errors
    /// A data set that is not in the catalogue.
    pub fn jobs(&self) -> Result<Vec<Job>, EvalError> {
        let mut jobs = Vec::new();
        for model in &self.models {
            for entry in &self.datasets {
                let (root, split) = match entry {
                    Entry::Id(_) => (None, None),
                    Entry::At(EntryAt { root, split, .. }) => (root.as_ref(), split.as_ref()),
                };
                let split = split.or(self.options.split.as_ref()).cloned();
                for name in names_of(entry) {
                    for verb in self.fitting(name)? {
                        let root = root.unwrap_or(&self.root).clone();
                        let (model, dataset) = (model.clone(), name.to_owned());
                        jobs.push(Job { model, verb, dataset, root, split: split.clone() });
                    }
                }
            }
        }
        let mut known = Vec::with_capacity(jobs.len());
        jobs.retain(|job| {
            let is_new = !known.contains(job);
            known.extend(is_new.then(|| job.clone()));
            is_new
        });
        Ok(jobs)
    }

    /// The data sets asked for by name that none of the tasks fits. `all` means those that a task fits.
    ///
    /// # Errors
    /// A data set that is not in the catalogue.
    pub fn unfit(&self) -> Result<Vec<&str>, EvalError> {
        let named = self.datasets.iter().map(Entry::name).filter(|name| *name != "all");
        let mut unfit = Vec::new();
        for name in named {
            if self.fitting(name)?.is_empty() {
                unfit.push(name);
            }
        }
        Ok(unfit)
    }

    /// The tasks that can be asked of a data set. What a user's own files allow is known when they are read; their classes
    /// are never ImageNet's by number.
    fn fitting(&self, name: &str) -> Result<Vec<Verb>, EvalError> {
        let known = if name.contains(':') { None } else { Some(find(name)?) };
        let fits =
            |verb: &&Verb| known.map_or(**verb != Verb::Robustness, |known| verb.fits(known));
        Ok(self.tasks.iter().filter(fits).copied().collect())
    }
}

fn names_of(entry: &Entry) -> Vec<&str> {
    match entry.name() {
        "all" => catalogue().iter().map(|dataset| &*dataset.id).collect(),
        name => vec![name],
    }
}

/// What is wrong with a TOML file, with the line that has it.
fn in_its_line(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return reason.to_owned();
    };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    format!("line {}: `{}`: {reason}", number + 1, line.trim())
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
        options.validate()?;
        let own = jobs
            .iter()
            .enumerate()
            .filter(|(number, _)| number % self.shard.of == self.shard.index);
        let mut context: Option<EvalContext> = None;
        let mut fingerprints = Fingerprints::default();
        for (_, job) in own {
            let mut progress = begin(job);
            if context.as_ref().is_none_or(|loaded| loaded.model.name != job.model) {
                context = None; // the last model leaves memory before the next comes
                match self.context(&job.model, options) {
                    Ok(loaded) => context = Some(loaded),
                    Err(error) => {
                        end(job, Outcome::Failed(error));
                        continue;
                    }
                }
            }
            let Some(context) = &mut context else { continue };
            let outcome = match self.job(context, job, &mut fingerprints, &mut *progress) {
                Ok((record, None)) => Outcome::Kept(Box::new(record)),
                Ok((mut record, Some(predictions))) => {
                    store::write(self.out, &mut record, &predictions)?;
                    Outcome::Made(Box::new(record))
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
    /// An option is out of its range, the model cannot be loaded, or the cache cannot be used.
    pub fn context(&self, model: &str, options: &EvalOptions) -> Result<EvalContext, EvalError> {
        options.validate()?;
        let load = LoadOptions { convert_first: true, penultimate: true, ..self.load.clone() };
        let clip = Clip::load_with(model, &load)?;
        let writer = format!("{}-of-{}", self.shard.index, self.shard.of);
        EvalContext::new(clip, self.cache, &writer, options.clone())
    }

    /// [`EvalContext::geolocation`], written to the folder of results.
    ///
    /// # Errors
    /// As [`Run::context`] and [`EvalContext::geolocation`], or the result cannot be written.
    pub fn geolocation(
        &self,
        model: &str,
        options: &EvalOptions,
        references: &Path,
        queries: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Record, EvalError> {
        let mut context = self.context(model, options)?;
        let mut record = context.geolocation(references, queries, progress)?;
        record.identity =
            Identity::of_tables(&[references, queries], options, self.load, &context.model);
        store::write(self.out, &mut record, &[])?;
        Ok(record)
    }

    /// [`EvalContext::selection`], written to the folder of results.
    ///
    /// # Errors
    /// As [`Run::context`] and [`EvalContext::selection`], or the result cannot be written.
    pub fn selection(
        &self,
        model: &str,
        options: &EvalOptions,
        table: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Record, EvalError> {
        let mut context = self.context(model, options)?;
        let mut record = context.selection(table, progress)?;
        record.identity = Identity::of_tables(&[table], options, self.load, &context.model);
        store::write(self.out, &mut record, &[])?;
        Ok(record)
    }

    /// The record of a job; with predictions if it was made now.
    fn job(
        &self,
        context: &mut EvalContext,
        job: &Job,
        fingerprints: &mut Fingerprints,
        progress: &mut Progress<'_>,
    ) -> Result<(Record, Option<Vec<Prediction>>), EvalError> {
        let split = Split::open(
            &job.dataset,
            &job.root,
            job.split.as_deref(),
            &context.read_options(job.verb),
        )?;
        let identity = Identity::of(job, &split, &context.options, self.load, &context.model);
        if let Some(record) = self.made_before(context, job, &split, &identity, fingerprints)? {
            return Ok((record, None));
        }
        context.read.clear();
        let (mut record, predictions) = match job.verb {
            Verb::Zeroshot => context.zero_shot(job, split, progress)?,
            Verb::Retrieval => context.retrieval(split, progress)?,
            Verb::Probe => context.probe(job, split, progress)?,
            Verb::Fewshot => (context.few_shot(job, split, progress)?, Vec::new()),
            Verb::Robustness => (context.robustness(job, split, progress)?, Vec::new()),
        };
        record.identity = identity;
        record.provenance.read = std::mem::take(&mut context.read);
        Ok((record, Some(predictions)))
    }

    /// The result on disk, if it was made from the same things.
    fn made_before(
        &self,
        context: &EvalContext,
        job: &Job,
        split: &Split,
        identity: &Identity,
        fingerprints: &mut Fingerprints,
    ) -> Result<Option<Record>, EvalError> {
        let found = store::find(self.out, &job.model, &split.dataset.id, job.verb.task(), identity);
        let Some(record) = found else { return Ok(None) };
        let made = &record.provenance;
        let prompts = made.prompts_blake3.is_none()
            || split.dataset.task == Task::Ocr // its prompts are the words of the split
            || made.prompts_blake3 == Some(blake3_of(&context.prompts(split)?));
        let same = prompts
            && record.clip_rs == env!("CARGO_PKG_VERSION")
            && made.weights_sha256 == context.model.tensors_sha256
            && made.features_key == Some(context.features_key())
            && made.split_blake3 == fingerprint(split)
            && !made.read.is_empty()
            && made.read.iter().all(|read| fingerprints.is_unchanged(read, context, job, split));
        Ok(same.then_some(record))
    }
}

/// What the splits on disk are now; each is hashed once in a run.
#[derive(Default)]
struct Fingerprints(HashMap<(PathBuf, String, String, bool), Option<String>>);

impl Fingerprints {
    /// Whether a split that a record was made from still has the same items, targets and contents. `scored` is the split
    /// of the job.
    fn is_unchanged(
        &mut self,
        read: &SplitRead,
        context: &EvalContext,
        job: &Job,
        scored: &Split,
    ) -> bool {
        let SplitRead { dataset, split, blake3 } = read;
        let of_job = *dataset == scored.dataset.id;
        let name = if of_job { &job.dataset } else { dataset };
        let retrieval = job.verb == Verb::Retrieval;
        let key = (job.root.clone(), name.clone(), split.clone(), retrieval);
        let now = self.0.entry(key).or_insert_with(|| {
            if of_job && *split == scored.info.name {
                return Some(content_fingerprint(scored));
            }
            let split =
                Split::open(name, &job.root, Some(split), &context.read_options(job.verb)).ok()?;
            Some(content_fingerprint(&split))
        });
        now.as_ref() == Some(blake3)
    }
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

    fn read(text: &str) -> Result<Suite, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("suite.toml");
        std::fs::write(&path, text).expect("a file");
        Suite::read(&path).map_err(|error| error.to_string())
    }

    const USUAL: &str =
        "models = [\"starter\"]\ntasks = [\"zeroshot\"]\ndatasets = [\"cifar10\"]\n";

    #[test]
    fn what_a_suite_cannot_obey_is_refused_by_its_key() {
        let dataset = |entry: &str| USUAL.replace("[\"cifar10\"]", &format!("[{entry}]"));
        let option = |line: &str| format!("{USUAL}[options]\n{line}\n");
        let wrong = [
            (
                USUAL.replace("models", "model"),
                "line 1: `model = [\"starter\"]`: unknown field `model`",
            ),
            (USUAL.replace("[\"starter\"]", "[]"), "models: there is none"),
            (USUAL.replace("[\"zeroshot\"]", "[]"), "tasks: there is none"),
            (dataset(""), "datasets: there is none"),
            (dataset("{ split = \"train\" }"), "missing field `dataset`"),
            (dataset("{ dataset = \"cifar10\", spilt = \"train\" }"), "unknown field `spilt`"),
            (dataset("7"), "the name of a data set, or { dataset = "),
            (option("level = 95"), "level: 95 is no share between 0 and 1"),
            (
                option("resamples = 100000000000"),
                "resamples: 100000000000 is no whole number from 1 to",
            ),
            (option("resamples = 1e11"), "line 5: `resamples = 1e11`: "),
            (option("seed = -1"), "line 5: `seed = -1`: "),
            (option("shots = [1]"), "options: shots is not read by zeroshot"),
            (option("lavel = 0.9"), "unknown field `lavel`"),
        ];
        for (text, reason) in wrong {
            let error = read(&text).expect_err(&text);
            assert!(error.contains(reason), "{text}\n{error}");
        }
    }

    #[test]
    fn entry_without_root_or_split_takes_those_of_the_suite() {
        let text = "root = \"data\"\nmodels = [\"starter\"]\ntasks = [\"zeroshot\"]\ndatasets = [\"mnist\", \
                    { dataset = \"cifar10\", split = \"train\" }, { dataset = \"cifar10\", root = \"/b\" }, \"fairface\"]\n";
        let suite = read(text).expect("a suite");
        let jobs = suite.jobs().expect("known");
        let told: Vec<(&str, bool, Option<&str>)> = jobs
            .iter()
            .map(|job| (&*job.dataset, job.root.ends_with("data"), job.split.as_deref()))
            .collect();
        let train = ("cifar10", true, Some("train"));
        assert_eq!(told, [("mnist", true, None), train, ("cifar10", false, None)]);
        assert_eq!(suite.unfit().expect("known"), ["fairface"]);
    }
}
