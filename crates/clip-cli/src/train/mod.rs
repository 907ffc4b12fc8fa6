//! `clip-rs train`

mod flags;
mod progress;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use clip_rs::{Precision, open_checkpoint};
use clip_train::config::{Config, ConfigError, Draft, TrainPrecision};
use clip_train::distributed::{Collective, join};
use clip_train::preflight::{OBJECTIONS, Plan};
use clip_train::run::{Ending, FolderError, RunFolder, SavedRun, Surroundings, run_on};

use self::flags::ConfigFlags;
use self::progress::Progress;
use crate::console::{Console, Usage};
use crate::exit::Exit;
use crate::settings::{Setting, Settings};

/// Train a CLIP: from scratch, from a checkpoint, with a tower locked, from a teacher
///
/// Reads a TOML file; every key of it is a flag, too, and flags win. The plan is printed and checked
/// before anything is computed: what can only be a mistake is refused, unless --allow names it.
/// OUT/metrics.jsonl has a line for each step, OUT/checkpoints what clip-rs and open_clip load. A run
/// that was interrupted, even by kill -9, goes on with --resume as if nothing had happened, bit for
/// bit, on any number of threads.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs train --config train.toml --out run
  clip-rs train --source 'shards/{000000..000005}.tar' --architecture ViT-B/32 --epochs 10 --out run
  clip-rs train --from starter --source captions.csv --steps 1000 --guard oxford_pets \\
    --guard-root data --out tuned
  clip-rs train --resume --out run

Exit code 130: a signal came; the step was finished and saved.")]
pub(crate) struct Train {
    /// Configuration: sections [model], [data], [batch], [objective], [optimizer], [schedule],
    /// [towers], [run], [guard], [[eval]] with the flags below as keys
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the run; it must not be there yet, or be empty, unless the run goes on
    #[arg(long, short, required = true, value_name = "DIR")]
    out: PathBuf,
    /// Go on from the newest checkpoint in --out
    #[arg(long)]
    resume: bool,
    /// Print and check the plan, compute nothing
    #[arg(long)]
    dry_run: bool,
    /// Objections that do not hold
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = OBJECTIONS)]
    allow: Vec<String>,
    /// The plan, and how the run ended, as one JSON object each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ConfigFlags,
}

impl Train {
    /// Threads that the configuration asks for, unless a person says it now.
    pub(crate) fn enter_threads(&self, settings: &mut Settings) -> anyhow::Result<()> {
        let threads = self.config(settings)?.run.threads.and_then(NonZero::new);
        if threads.is_some() {
            let source = "run.threads".to_owned();
            settings.threads = Setting { value: threads, source };
        }
        Ok(())
    }

    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let collective = join()?;
        let result = self.run_on_rank(&collective, settings, console);
        if let Err(error) = &result {
            collective.fail(&format!("{error:#}"));
        }
        result
    }

    fn run_on_rank(
        &self,
        collective: &Arc<dyn Collective>,
        settings: &Settings,
        console: &Console,
    ) -> anyhow::Result<Exit> {
        let is_main = collective.is_main();
        if is_main {
            self.folder().check(self.resume).map_err(in_folder)?;
        }
        let is_writer = is_main && !self.dry_run;
        // What is in the folder is read under the lock; a new one is made when the plan is good.
        let mut lock = match is_writer && self.resume {
            true => Some(self.folder().lock().map_err(in_folder)?),
            false => None,
        };
        let saved = match self.resume {
            true => self.folder().saved(|warning| console.warn(&warning)).map_err(in_folder)?,
            false => None,
        };
        let plan = self.plan(settings, saved.as_ref(), &**collective)?;
        if is_main {
            self.show(&plan, console)?;
        }
        self.refuse(&plan)?;
        if self.dry_run {
            return Ok(Exit::Ok);
        }
        // All have read what is in the folder before the first writes there.
        collective.barrier()?;
        if lock.is_none() && is_writer {
            lock = Some(self.folder().lock().map_err(in_folder)?);
        }
        let step = saved.as_ref().map_or(0, |saved| saved.state.progress.step);
        if is_main && self.resume {
            console.note(&match &saved {
                Some(saved) => format!("goes on from {}", saved.folder.display()),
                None => "there is no checkpoint yet: it begins at step 0".to_owned(),
            });
        }
        let (stop, threads) = (stop_on_signals()?, threads(settings));
        let collective = Arc::clone(collective);
        let around = Surroundings { out: &self.out, stop: &stop, collective, threads };
        let mut progress = Progress::new(console, step, plan.schedule.total);
        let set = settings.load_options().instruction_set()?;
        let ending = run_on(set, &plan, saved, around, &mut progress);
        let last = progress.finish();
        drop(lock);
        let ending = ending?;
        if is_main {
            self.tell(&ending, last.as_ref().map(progress::line), console)?;
        }
        Ok(if ending.is_finished { Exit::Ok } else { Exit::Interrupted })
    }

    fn folder(&self) -> RunFolder<'_> {
        RunFolder(&self.out)
    }

    /// File and flags; of a run that goes on what it began with, and them over it.
    fn config(&self, settings: &Settings) -> anyhow::Result<Config> {
        let began_with = match self.resume {
            false => None,
            true => self.folder().began_with().map_err(in_folder)?,
        };
        let mut draft = began_with.as_ref().map(Draft::of).unwrap_or_default();
        if let Some(path) = &self.config {
            draft = draft.with(Draft::read(path).map_err(with_help)?);
        }
        let mut config = draft.with(self.flags.draft()?).finish().map_err(with_help)?;
        if settings.precision.is_said() {
            config.run.precision = Some(precision(settings.precision.value)?);
        }
        if settings.threads.is_said() {
            config.run.threads = settings.threads.value.map(NonZero::get);
        }
        if settings.activation.is_said() {
            let name = settings.activation.value.map(|activation| activation.name().to_owned());
            config.model.activation = name;
        }
        if let Some(began) = began_with {
            began.goes_on_as(&config).map_err(in_folder)?;
        }
        Ok(config)
    }

    fn plan(
        &self,
        settings: &Settings,
        saved: Option<&SavedRun>,
        collective: &dyn Collective,
    ) -> anyhow::Result<Plan> {
        let load = settings.load_options();
        let config = self.config(settings)?;
        let model = saved.map(|saved| {
            let folder = saved.folder.to_str().context("the folder's name is no UTF-8")?;
            anyhow::Ok(open_checkpoint(folder, &load)?)
        });
        let load = clip_rs::LoadOptions { precision: Precision::F32, ..load };
        let precision = precision(settings.precision.value)?;
        Ok(Plan::new(config, &load, collective.size(), precision, model.transpose()?)?)
    }

    fn show(&self, plan: &Plan, console: &Console) -> anyhow::Result<()> {
        if self.json {
            console.json(&plan.report)?;
        } else {
            console.print(&plan.report.text())?;
        }
        plan.report.notes.iter().for_each(|note| console.note(note));
        for objection in &plan.report.objections {
            console.warn(&format!("{}: {}", objection.name, objection.reason));
        }
        Ok(())
    }

    fn refuse(&self, plan: &Plan) -> anyhow::Result<()> {
        let refusals = plan.refusals(&self.allow);
        if refusals.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = refusals.iter().map(|refusal| refusal.name).collect();
        let names = names.join(",");
        let help = format!("mend the plan, or say that it is meant: --allow {names}");
        Err(Usage::error(format!("the plan is refused: {names}"), help))
    }

    fn tell(&self, ending: &Ending, last: Option<String>, console: &Console) -> anyhow::Result<()> {
        if self.json {
            console.json(ending)?;
        } else {
            let (path, step) = (ending.checkpoint.display(), ending.step);
            let last = last.map_or_else(String::new, |last| format!(", {last}"));
            console.print(&format!("{path}: {step} steps{last}\n"))?;
        }
        if !ending.is_finished {
            let out = self.out.display();
            console.note(&format!(
                "interrupted: `clip-rs train --resume --out {out}` goes on from here"
            ));
        }
        console.note(clip_rs::LIMITS);
        Ok(())
    }
}

/// Threads that make batches.
fn threads(settings: &Settings) -> usize {
    let all = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    settings.threads.value.unwrap_or_else(all).get()
}

fn precision(precision: Precision) -> anyhow::Result<TrainPrecision> {
    match precision {
        Precision::F32 => Ok(TrainPrecision::F32),
        Precision::Bf16 => Ok(TrainPrecision::Bf16),
        Precision::Int8 => {
            Err(Usage::error("precision: int8 cannot be trained", "there are f32 and bf16"))
        }
    }
}

fn in_folder(error: FolderError) -> anyhow::Error {
    let help = match error {
        FolderError::NotEmpty(_) => "--resume goes on with the run in it; else name another folder",
        FolderError::NoRun(_) => "leave --resume out to begin a run",
        FolderError::Changed { .. } => {
            "a run goes on as it began; other choices make another run, in a folder of its own"
        }
        FolderError::Config(error) => return with_help(error),
        error => return error.into(),
    };
    Usage::error(error.to_string(), help)
}

fn with_help(error: ConfigError) -> anyhow::Error {
    match error.help() {
        Some(help) => Usage::error(error.to_string(), help),
        None => error.into(),
    }
}

/// A flag that SIGTERM and SIGINT set; a second one ends the program at once.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds the flag unset and sets it.
        register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
