//! What a run writes of its steps: `metrics.jsonl`, the same bytes however often the run was
//! stopped and resumed, and `timing.jsonl` with what differs between runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One step, as a line of `metrics.jsonl`. Nothing in it depends on the clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// From 1.
    pub step: u64,
    /// From 0: the pass over the data that the step's first sample belongs to.
    pub epoch: u64,
    /// Samples seen so far, this step's included.
    pub samples: u64,
    /// Different samples among them.
    pub unique_samples: u64,
    /// Samples left out so far because they were broken.
    pub bad_samples: u64,
    /// None where it is not finite.
    pub loss: Option<f64>,
    /// Parts of it, where there are several, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// Share of pictures whose own text is the nearest in the batch.
    pub image_accuracy: f64,
    /// Share of texts whose own picture is the nearest in the batch.
    pub text_accuracy: f64,
    /// Of this step.
    pub learning_rate: f64,
    /// `exp` of the parameter, before the step.
    pub logit_scale: f64,
    /// Over all gradients, before clipping; none where it is not finite.
    pub gradient_norm: Option<f64>,
    /// What the gradients were multiplied with: below 1 where they were clipped.
    pub gradient_factor: f64,
    /// Effective rank of the pictures' features in the batch.
    pub image_rank: Option<f64>,
    /// Of the texts'.
    pub text_rank: Option<f64>,
    /// Whether weights stayed as they were because a value was not finite.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// Steps skipped so far.
    pub skipped_steps: u64,
}

/// How long a step took, as a line of `timing.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// From 1.
    pub step: u64,
    /// Of the step, waiting for data included.
    pub seconds: f64,
    /// Of it, waiting for data.
    pub data_seconds: f64,
    /// Of this step.
    pub samples_per_second: f64,
}

/// A file of JSON objects, one a line, that can be cut to where a checkpoint left it.
#[derive(Debug)]
pub struct JsonLines {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl JsonLines {
    /// Opens or begins a file and cuts it to so many bytes.
    ///
    /// # Errors
    /// It cannot be opened, or has fewer bytes: then it is not the one that the checkpoint knew.
    pub fn open(path: &Path, bytes: u64) -> io::Result<JsonLines> {
        let file = File::options().create(true).append(true).open(path)?;
        let found = file.metadata()?.len();
        if found < bytes {
            let message =
                format!("has {found} bytes, the checkpoint knows {bytes}: lines are missing");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        file.set_len(bytes)?;
        Ok(JsonLines { file, path: path.to_owned(), bytes })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The file cannot be written; then the line is not there in part either.
    pub fn add(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            let _ = self.file.set_len(self.bytes); // on a full disk less is possible, more is not
            return Err(error);
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings all lines to the disk.
    ///
    /// # Errors
    /// It cannot be done.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_to_where_a_checkpoint_left_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics.jsonl");
        let mut lines = JsonLines::open(&path, 0).expect("begun");
        lines.add(&1).expect("written");
        let known = lines.bytes();
        lines.add(&2.5).expect("written");
        drop(lines);
        let mut lines = JsonLines::open(&path, known).expect("again");
        lines.add(&"three").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "1\n\"three\"\n");
        let error = JsonLines::open(&path, 1000).expect_err("another file").to_string();
        assert!(error.contains("has 10 bytes, the checkpoint knows 1000"), "{error}");
    }
}
