//! What a run does: the jobs of a suite file, in one order, and those of each shard.

use std::path::{Path, PathBuf};

use clip_data::{catalogue, find};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{EvalError, Result};
use crate::options::{EvalOptions, OutOfRange, by_name};
use crate::tasks::{Request, Task};

/// What each task can be asked of.
pub const FITTING: &str = "retrieval needs captions, probe and fewshot a split for training, robustness a published \
    shift of ImageNet; `clip-rs datasets info NAME` says what a set has";
/// Bytes of a suite file that are read.
const LARGEST_SUITE: u64 = 16 << 20;

/// What a suite file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Models by name or path.
    #[serde(default)]
    pub models: Vec<String>,
    /// What is asked of each.
    pub tasks: Vec<&'static dyn Task>,
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
    pub task: &'static dyn Task,
    /// Of what: an id of the catalogue, or a user's own files (`folder:PATH`, `csv:PATH`,
    /// `webdataset:PATH`).
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

impl Job {
    /// What its task is asked.
    pub(super) fn request(&self, options: &EvalOptions) -> Request {
        Request {
            dataset: self.dataset.clone(),
            root: self.root.clone(),
            asked: self.split.clone(),
            read: self.task.read_options(options),
            options: options.clone(),
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
    pub fn read(path: &Path) -> Result<Suite> {
        Suite::read_of(path, None)
    }

    /// [`Suite::read`] with other models than the file names; it need not name any then.
    ///
    /// # Errors
    /// As [`Suite::read`].
    pub fn read_of(path: &Path, models: Option<Vec<String>>) -> Result<Suite> {
        let text = clip_files::read_text(path, LARGEST_SUITE).map_err(EvalError::io(path))?;
        let mut suite: Suite = toml::from_str(&text)
            .map_err(|error| EvalError::result(path, in_its_line(&text, &error)))?;
        suite.models = models.unwrap_or(suite.models);
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

    /// Refuses what would do nothing: an empty list, an option out of its range or that none of the
    /// tasks reads.
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
        if let Some(option) = unread(&self.options, &self.tasks).next() {
            let tasks: Vec<&str> = self.tasks.iter().map(|task| task.name()).collect();
            return Err(OutOfRange {
                option: "options",
                reason: format!("{option} is not read by {}", tasks.join(", ")),
            });
        }
        Ok(())
    }

    /// All jobs: model by model, so that each is loaded once; then in order of the data sets and
    /// tasks.
    ///
    /// # Errors
    /// A data set that is not in the catalogue.
    pub fn jobs(&self) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for model in &self.models {
            for entry in &self.datasets {
                let (root, split) = match entry {
                    Entry::Id(_) => (None, None),
                    Entry::At(EntryAt { root, split, .. }) => (root.as_ref(), split.as_ref()),
                };
                let split = split.or(self.options.scored.split.as_ref()).cloned();
                for name in names_of(entry) {
                    for task in self.fitting(name)? {
                        let root = root.unwrap_or(&self.root).clone();
                        let (model, dataset) = (model.clone(), name.to_owned());
                        jobs.push(Job { model, task, dataset, root, split: split.clone() });
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

    /// The data sets asked for by name that none of the tasks fits. `all` means those that a task
    /// fits.
    ///
    /// # Errors
    /// A data set that is not in the catalogue.
    pub fn unfit(&self) -> Result<Vec<&str>> {
        let named = self.datasets.iter().map(Entry::name).filter(|name| *name != "all");
        let mut unfit = Vec::new();
        for name in named {
            if self.fitting(name)?.is_empty() {
                unfit.push(name);
            }
        }
        Ok(unfit)
    }

    /// The tasks that can be asked of a data set. What a user's own files allow is known when they
    /// are read.
    fn fitting(&self, name: &str) -> Result<Vec<&'static dyn Task>> {
        let known = if name.contains(':') { None } else { Some(find(name)?) };
        let fits = |task: &&&'static dyn Task| {
            known.map_or_else(|| task.fits_own_files(), |known| task.fits(known))
        };
        Ok(self.tasks.iter().filter(fits).copied().collect())
    }
}

/// Options that are not the defaults and that none of the tasks reads.
fn unread(options: &EvalOptions, tasks: &[&dyn Task]) -> impl Iterator<Item = String> {
    let usual = by_name(&EvalOptions::default());
    let read: Vec<String> =
        tasks.iter().flat_map(|task| task.options(options)).map(|(name, _)| name).collect();
    by_name(options)
        .into_iter()
        .filter(move |(name, value)| usual.get(name) != Some(value) && !read.contains(name))
        .map(|(name, _)| name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{FewShot, LinearProbe, ZeroShot};

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

    #[test]
    fn options_that_no_task_reads_are_named() {
        let mut options = EvalOptions::default();
        options.shots.draws = 9;
        options.intervals.seed = 1;
        assert_eq!(unread(&options, &[&ZeroShot, &LinearProbe]).collect::<Vec<_>>(), ["draws"]);
        assert_eq!(unread(&options, &[&FewShot]).next(), None);
    }
}
