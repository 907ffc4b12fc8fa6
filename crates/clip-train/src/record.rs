//! The files that a run writes beside its checkpoints.
//!
//! | file | what |
//! |---|---|
//! | `config.toml` | all choices |
//! | `metrics.jsonl` | steps and measurements, the same bytes however the run was interrupted |
//! | `timing.jsonl` | what differs between runs |
//! | `tensorboard/` | both, for TensorBoard |
//! | `bad.jsonl` | samples that could not be used |

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::checkpoint::RunProgress;
use crate::config::Config;
use crate::data::Loader;
use crate::evaluation::EvaluationMetrics;
use crate::metrics::{JsonLines, StepMetrics, StepTiming};
use crate::run_error::RunError;
use crate::tensorboard::EventWriter;

/// Open files of a run.
pub(crate) struct Record {
    metrics: JsonLines,
    timing: JsonLines,
    events: Option<EventWriter>,
    bad: PathBuf,
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::File { path, source }
}

impl Record {
    /// Opens them where the run is; lines behind it are taken back.
    pub(crate) fn open(
        out: &Path,
        config: &Config,
        progress: &RunProgress,
    ) -> Result<Record, RunError> {
        std::fs::create_dir_all(out).map_err(file(out))?;
        let path = out.join("config.toml");
        let text = config.to_toml();
        clip_files::write_whole(&path, |to| to.write_all(text.as_bytes())).map_err(file(&path))?;
        let lines = |name: &str, bytes| {
            let path = out.join(name);
            JsonLines::open(&path, bytes).map_err(file(&path))
        };
        let folder = out.join("tensorboard");
        let events = match config.run.tensorboard {
            true => Some(EventWriter::new(&folder, progress.step + 1).map_err(file(&folder))?),
            false => None,
        };
        Ok(Record {
            metrics: lines("metrics.jsonl", progress.metrics_bytes)?,
            timing: lines("timing.jsonl", progress.timing_bytes)?,
            events,
            bad: out.join("bad.jsonl"),
        })
    }

    pub(crate) fn step(
        &mut self,
        metrics: &StepMetrics,
        timing: &StepTiming,
    ) -> Result<(), RunError> {
        self.metrics.add(metrics).map_err(file(self.metrics.path()))?;
        self.timing.add(timing).map_err(file(self.timing.path()))?;
        let Some(events) = &mut self.events else { return Ok(()) };
        let mut scalars = vec![
            ("train/image_accuracy", metrics.image_accuracy),
            ("train/text_accuracy", metrics.text_accuracy),
            ("train/learning_rate", metrics.learning_rate),
            ("train/logit_scale", metrics.logit_scale),
            ("train/epoch", metrics.epoch as f64),
            ("speed/samples_per_second", timing.samples_per_second),
        ];
        scalars.extend(metrics.loss.map(|loss| ("train/loss", loss)));
        scalars.extend(metrics.gradient_norm.map(|norm| ("train/gradient_norm", norm)));
        scalars.extend(metrics.image_rank.map(|rank| ("train/image_rank", rank)));
        scalars.extend(metrics.text_rank.map(|rank| ("train/text_rank", rank)));
        events.scalars(metrics.step, &scalars).map_err(file(events.path()))
    }

    pub(crate) fn evaluation(&mut self, line: &EvaluationMetrics) -> Result<(), RunError> {
        self.metrics.add(line).map_err(file(self.metrics.path()))?;
        let of = &line.evaluation;
        let (Some(events), Some(value)) = (&mut self.events, of.score.value) else { return Ok(()) };
        let tag = format!("eval/{}/{}", of.dataset, of.score.name);
        events.scalars(line.step, &[(tag.as_str(), value)]).map_err(file(events.path()))
    }

    /// Brings all lines to the disk and notes in `progress` how long the files are.
    pub(crate) fn sync(
        &mut self,
        progress: &mut RunProgress,
        loader: &Loader,
    ) -> Result<(), RunError> {
        self.metrics.sync().map_err(file(self.metrics.path()))?;
        self.timing.sync().map_err(file(self.timing.path()))?;
        progress.metrics_bytes = self.metrics.bytes();
        progress.timing_bytes = self.timing.bytes();
        match loader.ledger().is_empty() {
            true => Ok(()),
            false => loader.ledger().write(&self.bad).map_err(file(&self.bad)),
        }
    }
}
