//! The loop: batch, step, metrics, measurements, checkpoints; from any checkpoint on as if nothing
//! had happened.
//!
//! ```text
//! Plan ─▶ Trainer, Loader ─▶ next_batch ─▶ step ─▶ metrics.jsonl ─▶ measure ─▶ checkpoint ─▶ …
//!                                                                     ▲ a signal: checkpoint, end
//! ```

mod collapse;
mod folder;
mod line;
mod listener;
mod measure;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clip_kernels::{Cpu, Reference, Train};
use clip_model::{Checkpoint, ClipModel, StateDict, TrainableClip};
use clip_rs::InstructionSet;

use crate::checkpoint::{Checkpoints, Loaded, RunProgress, Snapshot};
use crate::data::LoaderState;
use crate::distributed::Collective;
use crate::feed::Feed;
use crate::metrics::StepTiming;
use crate::preflight::Plan;
use crate::record::Record;
use crate::run_error::RunError;
use crate::state::Progress;
use crate::{Batch, NotFinite, TrainError, Trainer, TrainerState};

use self::collapse::Collapse;
pub use self::folder::{FolderError, RunFolder};
pub use self::listener::Listener;

/// What a saved run is.
pub type SavedRun = Loaded<Progress, LoaderState>;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Ending {
    /// Steps done.
    pub step: u64,
    /// Whether they are all.
    pub is_finished: bool,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
}

/// What a run needs beside its plan.
pub struct Surroundings<'a> {
    /// The folder of the run.
    pub out: &'a Path,
    /// Set by a signal: the step is finished, saved, and the run ends.
    pub stop: &'a AtomicBool,
    /// All ranks.
    pub collective: Arc<dyn Collective>,
    /// Threads that make batches.
    pub threads: usize,
}

/// A run at work.
struct Session<'a, D: Train> {
    plan: &'a Plan,
    around: Surroundings<'a>,
    listener: &'a mut dyn Listener,
    trainer: Trainer<D>,
    feed: Feed<'a>,
    /// On the main rank.
    record: Option<Record>,
    progress: RunProgress,
    checkpoints: Checkpoints,
    last_saved: Instant,
    collapse: Collapse,
}

/// Trains on a device, from the beginning or from a checkpoint on, whose model is the plan's.
///
/// # Errors
/// What ended the run; the checkpoints written before are whole.
pub fn run<D: Train + Clone>(
    device: D,
    plan: &Plan,
    saved: Option<SavedRun>,
    around: Surroundings<'_>,
    listener: &mut dyn Listener,
) -> Result<Ending, RunError> {
    let collective = Arc::clone(&around.collective);
    let result = Session::begin(device, plan, saved, around, listener)
        .and_then(|mut session| session.train());
    if let Err(error) = &result {
        collective.fail(&error.to_string());
    }
    result
}

/// [`run`] on what an instruction set computes with.
///
/// # Errors
/// As [`run`].
pub fn run_on(
    set: InstructionSet,
    plan: &Plan,
    saved: Option<SavedRun>,
    around: Surroundings<'_>,
    listener: &mut dyn Listener,
) -> Result<Ending, RunError> {
    match set {
        InstructionSet::Cpu(isa) => run(Cpu::with_isa(isa), plan, saved, around, listener),
        InstructionSet::Reference => run(Reference, plan, saved, around, listener),
    }
}

impl<'a, D: Train + Clone> Session<'a, D> {
    fn begin(
        device: D,
        plan: &'a Plan,
        saved: Option<SavedRun>,
        around: Surroundings<'a>,
        listener: &'a mut dyn Listener,
    ) -> Result<Self, RunError> {
        let checkpoints = Checkpoints::of(around.out);
        let mut trainer = trainer(device, plan, &around.collective)?;
        let (state, progress) = match saved {
            None => (None, RunProgress::default()),
            Some(Loaded { state, tensors, .. }) => {
                let tensors = StateDict::from_tensors("the checkpoint", tensors);
                trainer.restore(&TrainerState { tensors, progress: state.trainer })?;
                (Some(state.position), state.progress)
            }
        };
        let place = (around.out, around.threads);
        let at = (state.as_ref(), progress.images_are_kept);
        let feed = Feed::begin(plan, place, &*around.collective, &mut trainer, at)?;
        let record = match around.collective.is_main() {
            true => Some(Record::open(around.out, &plan.config, &progress)?),
            false => None,
        };
        let (last_saved, collapse) = (Instant::now(), Collapse::default());
        Ok(Session {
            plan,
            around,
            listener,
            trainer,
            feed,
            record,
            progress,
            checkpoints,
            last_saved,
            collapse,
        })
    }

    fn train(&mut self) -> Result<Ending, RunError> {
        let total = self.plan.schedule.total;
        if self.progress.step == 0 {
            self.measure_start()?;
        }
        if self.progress.evaluation_is_due {
            self.measure()?;
        }
        while self.progress.step < total {
            self.step()?;
            self.progress.evaluation_is_due =
                self.plan.evaluations.is_due(self.progress.step, total);
            if self.is_stopped()? {
                let checkpoint = self.save()?;
                let step = self.progress.step;
                let is_finished = step == total && !self.progress.evaluation_is_due;
                return Ok(Ending { step, is_finished, checkpoint });
            }
            if self.progress.evaluation_is_due {
                self.measure()?;
            }
            if self.progress.step < total && self.is_save_due()? {
                self.save()?;
            }
        }
        let checkpoint = self.save()?;
        Ok(Ending { step: total, is_finished: true, checkpoint })
    }

    /// One step and all that is told of it.
    fn step(&mut self) -> Result<(), RunError> {
        let (began, waited) = (Instant::now(), self.feed.waited());
        let position = self.feed.position();
        let batch = self.feed.next()?;
        let rate = self.plan.schedule.learning_rate(self.progress.step);
        let report = self.trainer.step(&batch, rate)?;
        self.progress.step += 1;
        self.progress.samples += report.pairs as u64;
        match report.not_finite {
            Some(_) => {
                self.progress.skipped_steps += 1;
                self.progress.skipped_in_a_row += 1;
            }
            None => self.progress.skipped_in_a_row = 0,
        }
        let counters = self.feed.counters();
        let metrics = line::of_step(&report, &self.progress, counters, position.epoch);
        let seconds = began.elapsed().as_secs_f64();
        let timing = StepTiming {
            step: self.progress.step,
            seconds,
            data_seconds: (self.feed.waited() - waited).as_secs_f64(),
            samples_per_second: report.pairs as f64 / seconds,
        };
        if let Some(record) = &mut self.record {
            record.step(&metrics, &timing)?;
            self.listener.step(&metrics, &timing);
            let step = self.progress.step;
            for sign in self.collapse.look(&report) {
                self.listener.warn(&format!("step {step}: {sign}"));
            }
            if let Some(reason) = &report.not_finite {
                self.listener.warn(&format!("step {step} is skipped: {reason} is not finite"));
            }
        }
        match report.not_finite {
            Some(reason) if self.progress.skipped_in_a_row > self.plan.config.run.max_bad_steps => {
                Err(self.give_up(reason, &batch)?)
            }
            _ => Ok(()),
        }
    }

    /// Saves, and writes down what the last step saw.
    fn give_up(&mut self, reason: NotFinite, batch: &Batch) -> Result<RunError, RunError> {
        let saved = self.save()?;
        let dump = self.around.out.join("not-finite.json");
        let (step, steps) = (self.progress.step, self.progress.skipped_in_a_row);
        let content = serde_json::json!({
            "step": step, "skipped_in_a_row": steps, "first_not_finite": reason.to_string(),
            "keys": batch.keys, "samples": batch.samples,
        });
        let text = format!("{content:#}\n");
        clip_files::write_whole(&dump, |file| std::io::Write::write_all(file, text.as_bytes()))
            .map_err(|source| RunError::File { path: dump.clone(), source })?;
        Ok(RunError::NotFinite { steps, reason, dump, saved })
    }

    /// The weights with all that belongs to the model.
    fn model(&self) -> Result<Checkpoint, RunError> {
        self.model_with(self.trainer.model().state_dict().map_err(TrainError::from)?)
    }

    fn model_with(&self, weights: StateDict) -> Result<Checkpoint, RunError> {
        let architecture = self.plan.start.architecture.clone();
        let model = self.plan.start.with_weights(weights, architecture);
        Ok(model.map_err(TrainError::from)?)
    }

    /// Whether a signal came, on any rank.
    fn is_stopped(&self) -> Result<bool, RunError> {
        let stop = self.around.stop.load(Ordering::Relaxed);
        Ok(self.around.collective.any(stop).map_err(TrainError::from)?)
    }

    fn is_save_due(&self) -> Result<bool, RunError> {
        let run = &self.plan.config.run;
        let by_steps =
            run.checkpoint_every > 0 && self.progress.step.is_multiple_of(run.checkpoint_every);
        let limit = run.checkpoint_minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes));
        let by_time = limit.is_some_and(|limit| self.last_saved.elapsed() >= limit);
        match limit {
            None => Ok(by_steps),
            // Clocks differ: one rank decides for all.
            Some(_) => {
                Ok(self.around.collective.any(by_steps || by_time).map_err(TrainError::from)?)
            }
        }
    }

    fn save(&mut self) -> Result<PathBuf, RunError> {
        let path = self.checkpoints.path(self.progress.step);
        let state = self.trainer.state()?;
        let model = self.model()?;
        let has_average = self.plan.trainer.moving_average.is_some();
        let average = match has_average {
            false => None,
            true => {
                let weights = self.trainer.with_average(TrainableClip::state_dict);
                Some(self.model_with(weights.map_err(TrainError::from)?)?)
            }
        };
        let adapters = self.trainer.adapters()?;
        self.progress.images_are_kept = self.feed.images_are_kept();
        if let Some(record) = &mut self.record {
            record.sync(&mut self.progress, self.feed.loader())?;
            let tensors = state.tensors.iter();
            let snapshot = Snapshot {
                model: &model,
                average: average.as_ref(),
                adapters: adapters.as_ref(),
                tensors: tensors.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect(),
                trainer: &state.progress,
                progress: &self.progress,
                position: &self.feed.loader().state(),
                config: &self.plan.config,
            };
            self.checkpoints.save(snapshot, self.plan.config.run.keep)?;
            self.listener.saved(&path);
        }
        self.around.collective.barrier().map_err(TrainError::from)?;
        self.last_saved = Instant::now();
        Ok(path)
    }
}

/// A trainer of the plan's model.
fn trainer<D: Train + Clone>(
    device: D,
    plan: &Plan,
    collective: &Arc<dyn Collective>,
) -> Result<Trainer<D>, RunError> {
    let architecture = &plan.start.architecture;
    let precision = plan.precision();
    let teacher = match &plan.teacher {
        None => None,
        Some(teacher) => {
            let (architecture, weights) = (&teacher.architecture, &teacher.state_dict);
            let teacher = ClipModel::new(device.clone(), precision, architecture, weights);
            Some(teacher.map_err(TrainError::from)?)
        }
    };
    let weights = &plan.start.state_dict;
    let model =
        TrainableClip::new(device, precision, architecture, weights).map_err(TrainError::from)?;
    let trainer = Trainer::new(model, plan.trainer.clone(), Arc::clone(collective))?;
    Ok(match teacher {
        None => trainer,
        Some(teacher) => trainer.with_teacher(teacher)?,
    })
}
