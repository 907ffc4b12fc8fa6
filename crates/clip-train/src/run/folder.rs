//! The folder of a run: whether one is in it, what it began with, and who works in it.

use std::path::{Path, PathBuf};

use clip_files::Lock;

use super::SavedRun;
use crate::checkpoint::{Checkpoints, SaveError};
use crate::config::{Config, ConfigError, Draft};

/// The folder of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunFolder<'a>(pub &'a Path);

/// Why a run cannot begin, or go on, in a folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A run would begin where something is already.
    #[error("{}: is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A run would go on where there is none.
    #[error("{}: there is no run to go on with", .0.display())]
    NoRun(PathBuf),
    /// Another process trains there.
    #[error("{}: another run is at work in it", .0.display())]
    InUse(PathBuf),
    /// A run would go on with other choices than it began with.
    #[error("{key} was {was} when the run began, and is {is} now")]
    Changed {
        /// Which key.
        key: String,
        /// Its value at the beginning.
        was: String,
        /// Its value now.
        is: String,
    },
    /// The folder or its lock cannot be made.
    #[error("{}: cannot be made: {source}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No checkpoint of it can be read.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// What it wrote down of its beginning is no configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl RunFolder<'_> {
    /// Whether the folder is as it should be: without a run, or with one to go on with.
    ///
    /// # Errors
    /// It is not.
    pub fn check(self, goes_on: bool) -> Result<(), FolderError> {
        let entries = std::fs::read_dir(self.0).map(|mut entries| entries.next().is_some());
        match (entries.unwrap_or(false), goes_on) {
            (true, false) => Err(FolderError::NotEmpty(self.0.to_owned())),
            (false, true) => Err(FolderError::NoRun(self.0.to_owned())),
            _ => Ok(()),
        }
    }

    /// Makes the folder, and sees that nobody else works in it.
    ///
    /// # Errors
    /// Somebody does; it cannot be made.
    pub fn lock(self) -> Result<Lock, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Make { path, source }
        };
        std::fs::create_dir_all(self.0).map_err(failed(self.0))?;
        let path = self.0.join("lock");
        let lock = Lock::try_new(&path).map_err(failed(&path))?;
        lock.ok_or_else(|| FolderError::InUse(self.0.to_owned()))
    }

    /// The newest checkpoint that can be read; `warn` hears of those that cannot.
    ///
    /// # Errors
    /// There are some, and none can be read.
    pub fn saved(self, mut warn: impl FnMut(String)) -> Result<Option<SavedRun>, FolderError> {
        let checkpoints = Checkpoints::of(self.0);
        let mut failed = None;
        for step in checkpoints.steps().into_iter().rev() {
            match checkpoints.load(step) {
                Ok(saved) => return Ok(Some(saved)),
                Err(error) => {
                    warn(error.to_string());
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(None), |error| Err(error.into()))
    }

    /// What a run began with: of its newest checkpoint, or as it wrote it down at first.
    ///
    /// # Errors
    /// What it wrote down is no configuration.
    pub fn began_with(self) -> Result<Option<Config>, FolderError> {
        if let Ok(Some(saved)) = self.saved(|_| {}) {
            return Ok(Some(saved.state.config));
        }
        let path = self.0.join("config.toml");
        match path.is_file() {
            true => Ok(Some(Draft::read(&path)?.finish()?)),
            false => Ok(None),
        }
    }
}

impl Config {
    /// Refuses to go on with other choices than these.
    ///
    /// # Errors
    /// The first key that differs and may not.
    pub fn goes_on_as(&self, now: &Config) -> Result<(), FolderError> {
        match self.first_change(now) {
            Some((key, was, is)) => Err(FolderError::Changed { key, was, is }),
            None => Ok(()),
        }
    }
}
