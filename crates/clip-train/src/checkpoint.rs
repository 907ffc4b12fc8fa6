//! Checkpoints of a run: folders that appear whole or not at all, and that clip-rs and open_clip
//! load as the model they hold.
//!
//! ```text
//! checkpoints/step-00001000/
//!   open_clip_model.safetensors   weights, f32     ┐ what `--model` and open_clip take
//!   open_clip_config.json         architecture …   ┘
//!   average/                      the same of the moving average, where there is one
//!   adapters.safetensors          LoRA's factors alone, where there are any
//!   training.safetensors          moments, and what else the trainer keeps
//!   training.json                 step, place in the data, counters, configuration and its digest
//!   README.md                     what it is, and what it is not for
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clip_files::NewFolder;
use clip_model::safetensors::{self, WriteTensor};
use clip_model::{
    Checkpoint, CheckpointError, Layout, StateDict, Tensor, WeightFormat, sha256_of_bytes,
};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// Raised when a field changes its meaning.
const SCHEMA: u32 = 1;
const STATE: &str = "training.json";
const TENSORS: &str = "training.safetensors";
const ADAPTERS: &str = "adapters.safetensors";
/// Ending of a checkpoint that is replaced by one of the same step.
const BEFORE: &str = "before";
/// Bytes of a state that are read.
const LARGEST_STATE: u64 = 256 << 20;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It could not be written; nothing of it is there.
    #[error("{path}: the checkpoint cannot be saved: {reason}; {last}")]
    Write {
        /// Where it would be.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// Which is the last that is whole.
        last: String,
    },
    /// It cannot be read.
    #[error("{path}: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The weights of it.
    #[error(transparent)]
    Model(#[from] CheckpointError),
}

/// Where a run is. All of it is needed to go on as if it had never stopped.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunProgress {
    /// Steps done, the skipped ones too.
    pub step: u64,
    /// Samples seen.
    pub samples: u64,
    /// Steps skipped because a value was not finite.
    pub skipped_steps: u64,
    /// Of them, those in a row up to now.
    pub skipped_in_a_row: u64,
    /// Whether what was to be measured after `step` is still to be.
    pub evaluation_is_due: bool,
    /// Whether the loader no longer decodes pictures, because all their features are kept.
    pub images_are_kept: bool,
    /// Guarded scores of the model that the run began with.
    pub scores_before: BTreeMap<String, f64>,
    /// Length of `metrics.jsonl`.
    pub metrics_bytes: u64,
    /// Length of `timing.jsonl`.
    pub timing_bytes: u64,
}

/// What is saved, apart from weights and tensors.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedState<Trainer, Position> {
    schema: u32,
    clip_rs: String,
    /// SHA-256 of the configuration as a file has it.
    config_sha256: String,
    /// All choices, defaults too.
    pub config: Config,
    /// Where the run is.
    pub progress: RunProgress,
    /// Where it is in the data.
    pub position: Position,
    /// The trainer's own.
    pub trainer: Trainer,
}

/// What a checkpoint is made of.
pub struct Snapshot<'a, Trainer, Position> {
    /// The weights with all that belongs to them.
    pub model: &'a Checkpoint,
    /// The moving average of them.
    pub average: Option<&'a Checkpoint>,
    /// The adapters alone, where there are any.
    pub adapters: Option<&'a StateDict>,
    /// The trainer's tensors by name.
    pub tensors: Vec<(String, Tensor)>,
    /// The trainer's own.
    pub trainer: &'a Trainer,
    /// Where the run is.
    pub progress: &'a RunProgress,
    /// Where it is in the data.
    pub position: &'a Position,
    /// All choices.
    pub config: &'a Config,
}

/// The checkpoints of a run: `OUT/checkpoints`.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Those below `out`.
    pub fn of(out: &Path) -> Checkpoints {
        Checkpoints { folder: out.join("checkpoints") }
    }

    /// Where that of a step is.
    pub fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step-{step:08}"))
    }

    /// Steps of all that are there, ascending.
    pub fn steps(&self) -> Vec<u64> {
        self.recover();
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let step = |name: &str| name.strip_prefix("step-")?.parse().ok();
        let found = entries.filter(|entry| entry.path().join(STATE).is_file());
        let steps: BTreeSet<u64> =
            found.filter_map(|entry| step(entry.file_name().to_str()?)).collect();
        steps.into_iter().collect()
    }

    /// Gives one its name back whose successor was killed on its way to it.
    fn recover(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let before = entry.path();
            let path = before.with_extension("");
            if before.extension().is_some_and(|ending| ending == BEFORE) && !path.exists() {
                let _ = std::fs::rename(&before, &path); // else it stays where it is
            }
        }
    }

    /// Writes one whole or not at all, then removes all but the newest `keep`.
    ///
    /// # Errors
    /// It cannot be written; then those that were there are still there.
    pub fn save<T: Serialize, P: Serialize>(
        &self,
        snapshot: Snapshot<'_, T, P>,
        keep: usize,
    ) -> Result<PathBuf, SaveError> {
        let path = self.path(snapshot.progress.step);
        self.write(&path, snapshot).map_err(|reason| {
            let last = match self.steps().last() {
                Some(step) => format!("the last good one is {}", self.path(*step).display()),
                None => "there is none before it".to_owned(),
            };
            SaveError::Write { path: path.clone(), reason, last }
        })?;
        let steps = self.steps();
        for step in &steps[..steps.len().saturating_sub(keep.max(1))] {
            // One that cannot be removed is only in the way of the disk's space.
            let _ = std::fs::remove_dir_all(self.path(*step));
        }
        Ok(path)
    }

    fn write<T: Serialize, P: Serialize>(
        &self,
        path: &Path,
        snapshot: Snapshot<'_, T, P>,
    ) -> Result<(), String> {
        let said = |error: &dyn std::error::Error| error.to_string();
        std::fs::create_dir_all(&self.folder).map_err(|error| said(&error))?;
        let folder = NewFolder::of(path).map_err(|error| said(&error))?;
        fill(folder.path(), snapshot).map_err(|error| said(&*error))?;
        sync(folder.path()).map_err(|error| said(&error))?;
        // The same step again, after a run was resumed at it: one of both is always there.
        let before = path.with_extension(BEFORE);
        let is_again = path.exists();
        if is_again {
            std::fs::rename(path, &before).map_err(|error| said(&error))?;
        }
        folder.keep().map_err(|error| said(&error))?;
        sync(&self.folder).map_err(|error| said(&error))?;
        if is_again {
            let _ = std::fs::remove_dir_all(&before); // it is only in the way of the disk's space
        }
        Ok(())
    }

    /// Reads the state of the checkpoint of a step.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or of another schema.
    pub fn load<T, P>(&self, step: u64) -> Result<Loaded<T, P>, SaveError>
    where
        T: for<'de> Deserialize<'de>,
        P: for<'de> Deserialize<'de>,
    {
        let folder = self.path(step);
        let path = folder.join(STATE);
        let broken = |reason: String| SaveError::Read { path: path.clone(), reason };
        let text =
            clip_files::read_text(&path, LARGEST_STATE).map_err(|e| broken(e.to_string()))?;
        let schema: Schema = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
        if schema.schema != SCHEMA {
            let found = schema.schema;
            return Err(broken(format!("schema {found}, this program reads {SCHEMA}")));
        }
        let state: SavedState<T, P> =
            serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        if state.config_sha256 != digest(&state.config) {
            return Err(broken("the configuration in it was changed by hand".to_owned()));
        }
        let tensors = safetensors::open(&folder.join(TENSORS))?.tensors;
        Ok(Loaded { folder, state, tensors })
    }
}

/// A checkpoint that was read. Its weights are those of the model in `folder`.
#[derive(Debug)]
pub struct Loaded<Trainer, Position> {
    /// Where it lies.
    pub folder: PathBuf,
    /// What was saved beside weights and tensors.
    pub state: SavedState<Trainer, Position>,
    /// The trainer's tensors.
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

/// SHA-256 of a configuration.
pub fn digest(config: &Config) -> String {
    sha256_of_bytes(config.to_toml().as_bytes())
}

type Failure = Box<dyn std::error::Error>;

fn fill<T: Serialize, P: Serialize>(
    folder: &Path,
    snapshot: Snapshot<'_, T, P>,
) -> Result<(), Failure> {
    write_model(folder, snapshot.model)?;
    if let Some(average) = snapshot.average {
        let folder = folder.join("average");
        std::fs::create_dir(&folder)?;
        write_model(&folder, average)?;
    }
    if let Some(adapters) = snapshot.adapters {
        let tensors = adapters.iter();
        let tensors = tensors.map(|(name, tensor)| WriteTensor::as_is(name, tensor.clone()));
        safetensors::write(&folder.join(ADAPTERS), tensors.collect(), &BTreeMap::new())?;
    }
    let tensors = snapshot.tensors.into_iter();
    let tensors = tensors.map(|(name, tensor)| WriteTensor::as_is(name, tensor)).collect();
    safetensors::write(&folder.join(TENSORS), tensors, &BTreeMap::new())?;
    let state = SavedState {
        schema: SCHEMA,
        clip_rs: env!("CARGO_PKG_VERSION").to_owned(),
        config_sha256: digest(snapshot.config),
        config: snapshot.config.clone(),
        progress: snapshot.progress.clone(),
        position: snapshot.position,
        trainer: snapshot.trainer,
    };
    std::fs::write(folder.join(STATE), serde_json::to_string_pretty(&state)? + "\n")?;
    std::fs::write(folder.join("README.md"), readme(snapshot.config, snapshot.progress))?;
    Ok(())
}

/// Writes a model into a folder that has other things in it, too.
pub(crate) fn write_model(folder: &Path, model: &Checkpoint) -> Result<(), Failure> {
    let inner = folder.join("model");
    let written = clip_rs::convert(model, Layout::OpenClip, &inner, WeightFormat::F32)?;
    for file in written.files {
        let name = file.file_name().unwrap_or_default();
        std::fs::rename(&file, folder.join(name))?;
    }
    Ok(std::fs::remove_dir(&inner)?)
}

/// Brings a folder and all in it to the disk.
fn sync(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    match File::open(folder) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()), // elsewhere folders cannot be opened
    }
}

/// What is to be known where the model lies.
fn readme(config: &Config, progress: &RunProgress) -> String {
    let origin = match (&config.model.from, &config.model.architecture) {
        (Some(from), _) => format!("a fine-tune of `{from}`"),
        (None, Some(architecture)) => format!("`{architecture}`, trained from scratch"),
        (None, None) => "a CLIP of its own sizes, trained from scratch".to_owned(),
    };
    format!(
        "# CLIP after {} steps\n\n{origin} by clip-rs {} on {} samples of:\n\n{}\n{}\n\n\
         What it is good at nobody knows before it is measured: `clip-rs eval`. It has the biases \
         of its data.\n\n## Configuration\n\n```toml\n{}```\n",
        progress.step,
        env!("CARGO_PKG_VERSION"),
        progress.samples,
        config.data.source.split("::").map(|source| format!("- `{source}`\n")).collect::<String>(),
        clip_rs::LIMITS,
        config.to_toml(),
    )
}

#[cfg(test)]
mod tests {
    use clip_rs::{LoadOptions, open_checkpoint};

    use super::*;

    fn save(checkpoints: &Checkpoints, step: u64, keep: usize) -> Result<PathBuf, SaveError> {
        let model = open_checkpoint("starter", &LoadOptions::default()).expect("built in");
        let progress = RunProgress { step, ..RunProgress::default() };
        let factor = Tensor::from_f32(&[1, 2], vec![3.0, 4.0]);
        let adapters =
            StateDict::from_tensors("adapters", [("x.lora_a".to_owned(), factor)].into());
        let snapshot = Snapshot {
            model: &model,
            average: None,
            adapters: Some(&adapters),
            tensors: vec![("first".to_owned(), Tensor::from_f32(&[2], vec![step as f32, 2.0]))],
            trainer: &7u32,
            progress: &progress,
            position: &"here",
            config: &Config::default(),
        };
        checkpoints.save(snapshot, keep)
    }

    #[test]
    fn newest_are_kept_and_read_back_as_model_and_as_state() {
        let out = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::of(out.path());
        for step in [10, 20, 30, 30] {
            save(&checkpoints, step, 2).expect("saved");
        }
        assert_eq!(checkpoints.steps(), [20, 30]);
        let path = checkpoints.path(30);
        std::fs::rename(&path, path.with_extension(BEFORE)).expect("as if killed in between");
        assert_eq!(checkpoints.steps(), [20, 30]);
        let loaded: Loaded<u32, String> = checkpoints.load(30).expect("read");
        assert_eq!((loaded.state.trainer, &*loaded.state.position), (7, "here"));
        assert_eq!(loaded.tensors["first"].to_f32(), [30.0, 2.0]);
        let name = loaded.folder.to_str().expect("UTF-8");
        let model = open_checkpoint(name, &LoadOptions::default()).expect("a model");
        let starter = open_checkpoint("starter", &LoadOptions::default()).expect("built in");
        assert_eq!(model.architecture, starter.architecture);
        let adapters =
            safetensors::open(&loaded.folder.join(ADAPTERS)).expect("the adapters").tensors;
        assert_eq!(adapters["x.lora_a"].to_f32(), [3.0, 4.0]);
        let readme = std::fs::read_to_string(loaded.folder.join("README.md")).expect("there");
        assert!(readme.contains(clip_rs::LIMITS), "{readme}");
    }

    #[test]
    fn one_that_cannot_be_written_leaves_the_last() {
        let out = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::of(out.path());
        save(&checkpoints, 1, 1).expect("saved");
        // A folder that is not empty stands where the old one would be put.
        save(&checkpoints, 2, 2).expect("saved");
        let before = checkpoints.path(2).with_extension(BEFORE);
        std::fs::create_dir(&before).expect("made");
        std::fs::write(before.join("a"), "in the way").expect("written");
        std::fs::remove_file(checkpoints.path(2).join(STATE)).expect("no checkpoint any more");
        let error = save(&checkpoints, 2, 1).expect_err("in the way").to_string();
        assert!(
            error.contains("the last good one is") && error.contains("step-00000001"),
            "{error}"
        );
        assert_eq!(checkpoints.steps(), [1]);
    }

    #[test]
    fn configuration_changed_by_hand_is_refused() {
        let out = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::of(out.path());
        let state = save(&checkpoints, 1, 1).expect("saved").join(STATE);
        let text = std::fs::read_to_string(&state).expect("there");
        std::fs::write(&state, text.replace("\"seed\": 0", "\"seed\": 1")).expect("changed");
        let error = checkpoints.load::<u32, String>(1).expect_err("changed").to_string();
        assert!(error.contains("changed by hand"), "{error}");
    }
}
