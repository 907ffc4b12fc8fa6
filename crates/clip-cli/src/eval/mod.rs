//! `clip-rs eval`

mod compare;
mod distributed;
mod geolocation;
mod overlap;
mod run_tables;
mod selection;
mod table;

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use clip_eval::options::{
    FewShotOptions, ProbeOptions, RetrievalOptions, RobustnessOptions, TaskOptions, ZeroShotOptions,
};
use clip_eval::suite::{self, Entry, Job, JobResult, Run, Shard, Suite};
use clip_eval::tasks::{FewShot, LinearProbe, Retrieval, Robustness, Task, ZeroShot};
use clip_eval::{EvalOptions, Progress, Step};
use indicatif::{ProgressBar, ProgressFinish};

use self::distributed::World;
use self::table::{Table, say_what_to_know};
use crate::console::{Console, Unit, Usage};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::table::columns;

/// Measure models on benchmark data sets, with intervals and everything needed to repeat a figure
///
/// Data sets are read in their authors' layout (`clip-rs datasets info NAME` says what to fetch and
/// where to put it). Every cell becomes OUT/MODEL/DATASET.TASK.json, with one line per image beside
/// it; OUT/results.csv joins them. What is not the default is part of the name:
/// cifar10.zeroshot_classification.split-train.json. Features are computed once and kept by
/// content. A cell that is there already is not made again; a data set that is missing or an image
/// that is broken is listed, and stops nothing. An interval that is `none` has its reason in the
/// result; `n` is what was scored, of how many there should be.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs eval zeroshot --dataset cifar10,oxford_pets --root data --model starter
  clip-rs eval zeroshot --dataset folder:my-pictures
  clip-rs eval probe --dataset all --root data --model ViT-B/32 --level 0.995
  clip-rs eval suite suite.toml --shard 0/2
  clip-rs report results -o report.html")]
pub(crate) struct Eval {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// Class names in sentences; no labelled image is looked at
    #[command(after_help = "Examples:
  clip-rs eval zeroshot --dataset cifar10,oxford_pets --root data
  clip-rs eval zeroshot --dataset folder:photos/by-class --model ViT-B/32
  clip-rs eval zeroshot --dataset csv:labels.csv,webdataset:shards --json")]
    Zeroshot(Measure<ZeroShotOptions>),
    /// Captions and images find each other
    #[command(after_help = "Examples:
  clip-rs eval retrieval --dataset mscoco,flickr30k --root data
  clip-rs eval retrieval --dataset csv:captions.tsv --caption-template '{}'", mut_arg("dataset", |arg| arg.help(
        "Data sets by id, separated by commas, or `all` (see `clip-rs datasets list`); or your own: `csv:PATH` with \
         columns file and caption, `webdataset:PATH` with shards of images and captions")))]
    Retrieval(Measure<RetrievalOptions>),
    /// Logistic regression on the features of all labelled images
    #[command(after_help = "Examples:
  clip-rs eval probe --dataset cifar10 --root data --model ViT-B/32
  clip-rs eval probe --dataset folder:photos --c 0.316")]
    Probe(Measure<ProbeOptions>),
    /// Logistic regression on a few labelled images per class
    #[command(
        after_help = "Example:\n  clip-rs eval fewshot --dataset cifar10 --root data --shots 1,4,16 --draws 5"
    )]
    Fewshot(Measure<FewShotOptions>),
    /// Accuracy under natural shifts against accuracy on ImageNet
    #[command(after_help = "Example:\n  clip-rs eval robustness --dataset imagenet_a,imagenetv2 --root data",
        mut_arg("dataset", |arg| arg.help("Shifts of ImageNet by id, separated by commas, or `all`: ImageNet lies beside them")),
        mut_arg("root", |arg| arg.help("Folder of the data sets, each in a folder of its own")))]
    Robustness(Measure<RobustnessOptions>),
    /// A list of models, data sets and tasks from a TOML file
    ///
    /// `root`, `models`, `tasks` (zeroshot, retrieval, probe, fewshot, robustness), `datasets`, and
    /// `[options]` by the names of the flags of `eval`. Folders are from the file's own.
    #[command(after_help = "Example, suite.toml:
  root = \"data\"
  models = [\"starter\", \"ViT-B/32\"]
  tasks = [\"zeroshot\", \"probe\"]
  datasets = [\"cifar10\", \"folder:pets\", { dataset = \"imagenet\", root = \"/big/imagenet\" }]
  [options]
  level = 0.995

  clip-rs eval suite suite.toml --shard 0/2")]
    Suite(SuiteArgs),
    Geolocation(geolocation::Geolocation),
    Selection(selection::Selection),
    /// Two models on the same images: McNemar's test and the difference with its interval
    #[command(after_help = "Example:
  clip-rs eval compare results/starter/cifar10.zeroshot_classification.predictions.jsonl \\
    results/RN50/cifar10.zeroshot_classification.predictions.jsonl")]
    Compare(compare::Compare),
    Overlap(overlap::OverlapArgs),
}

#[derive(clap::Args)]
struct Measure<Options: clap::Args> {
    /// Data sets by id, separated by commas, or `all` (see `clip-rs datasets list`); or your own:
    /// `folder:PATH` with a folder for each class, `csv:PATH` with columns file and label,
    /// `webdataset:PATH` with shards
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAME")]
    dataset: Vec<String>,
    /// Folder of the data sets, each in a folder of its own, or of one data set; paths of your own
    /// files start there, or here without it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Models, separated by commas: names, `hf:owner/name`, or paths [default: starter]
    #[arg(long, short, value_delimiter = ',', value_name = "MODEL")]
    model: Vec<String>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct SuiteArgs {
    /// `models`, `tasks`, `datasets`, `root`, `[options]`
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Output {
    /// Folder for results
    #[arg(long, short, default_value = "results", value_name = "DIR")]
    out: PathBuf,
    /// Folder for features [default: `features` in the cache folder]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Do every n-th cell only, beginning with the i-th; the last process to end joins all
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// One JSON object per cell and line, as it is written to the file
    #[arg(long)]
    json: bool,
}

impl Eval {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        match self.kind {
            Kind::Compare(compare) => compare.run(console),
            Kind::Overlap(overlap) => overlap.run(console),
            Kind::Geolocation(geolocation) => geolocation.run(settings, console),
            Kind::Selection(selection) => selection.run(settings, console),
            Kind::Suite(suite) => {
                measure(&Suite::read(&suite.file)?, &suite.output, settings, console)
            }
            Kind::Zeroshot(measure) => measure.run(&ZeroShot, settings, console),
            Kind::Retrieval(measure) => measure.run(&Retrieval, settings, console),
            Kind::Probe(measure) => measure.run(&LinearProbe, settings, console),
            Kind::Fewshot(measure) => measure.run(&FewShot, settings, console),
            Kind::Robustness(measure) => measure.run(&Robustness, settings, console),
        }
    }
}

impl<Options: clap::Args + TaskOptions> Measure<Options> {
    fn run(
        self,
        task: &'static dyn Task,
        settings: &Settings,
        console: &Console,
    ) -> anyhow::Result<Exit> {
        if let Some(id) = self.dataset.iter().find(|id| self.root.is_none() && !id.contains(':')) {
            return Err(Usage::error(
                format!("where is {id}? `--root` names the folder that holds it"),
                "files of your own need none: folder:PATH, csv:PATH, webdataset:PATH",
            ));
        }
        let models =
            if self.model.is_empty() { vec![settings.model.value.clone()] } else { self.model };
        let mut options = EvalOptions::default();
        self.options.enter(&mut options);
        let suite = Suite {
            models,
            tasks: vec![task],
            datasets: self.dataset.into_iter().map(Entry::Id).collect(),
            root: self.root.unwrap_or_default(),
            options,
        };
        measure(&suite, &self.output, settings, console)
    }
}

/// Does the jobs of this process, and joins what is in the folder.
fn measure(
    suite: &Suite,
    output: &Output,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Exit> {
    suite.validate()?;
    let world = World::join(output.shard)?;
    let (jobs, unfit) = (suite.jobs()?, suite.unfit()?);
    if jobs.is_empty() {
        return Err(Usage::error(
            format!("no data set fits the task: {}", unfit.join(", ")),
            suite::FITTING,
        ));
    }
    let load = settings.load_options();
    let cache =
        output.features.clone().unwrap_or_else(|| load.cache_folders().own.join("features"));
    let run = Run { out: &output.out, cache: &cache, shard: world.shard(), load: &load };
    let mut done = Done::begin(suite, output.json, console);
    let begin = |job: &Job| {
        console.detail(&named(job));
        steps(console)
    };
    run.jobs(&jobs, &suite.options, begin, |job, result| done.add(job, &result))?;
    let Done { made, incomplete, failed, printed, .. } = done;
    if made == 0 && world.is_alone() {
        anyhow::bail!(
            "no cell could be measured; {}",
            failed.first().map_or("no data set was found", |f| f)
        );
    }
    world.wait()?;
    let (_, broken) = suite::merge(&output.out).context("joining the results")?;
    broken.iter().for_each(|error| console.warn(&error.to_string()));
    failed.iter().for_each(|failure| console.warn(failure));
    for dataset in &unfit {
        let names: Vec<&str> = suite.tasks.iter().map(|task| task.name()).collect();
        let names = names.join(" or ");
        console.warn(&format!("{dataset}: left out: it is no data set for {names}"));
    }
    printed?;
    if !world.is_main_process() {
        return Ok(Exit::Ok);
    }
    console.note(clip_rs::LIMITS);
    let complete = failed.is_empty() && broken.is_empty() && unfit.is_empty() && incomplete == 0;
    Ok(if complete { Exit::Ok } else { Exit::Skipped })
}

/// What became of the jobs so far, each printed as it ends.
struct Done<'a> {
    console: &'a Console,
    json: bool,
    table: Table,
    /// `all` was asked for: all that are there.
    everything: bool,
    made: usize,
    incomplete: usize,
    failed: Vec<String>,
    printed: anyhow::Result<()>,
}

impl Done<'_> {
    fn begin<'a>(suite: &Suite, json: bool, console: &'a Console) -> Done<'a> {
        let everything = suite.datasets.iter().any(|of| matches!(of, Entry::Id(id) if id == "all"));
        let table = Table::new(columns());
        let head = table.head(suite.options.intervals.level);
        let printed = if json { Ok(()) } else { console.print(&head) };
        let (made, incomplete, failed) = (0, 0, Vec::new());
        Done { console, json, table, everything, made, incomplete, failed, printed }
    }

    fn add(&mut self, job: &Job, result: &JobResult) {
        let line = match result {
            JobResult::Made(record) | JobResult::Kept(record) => {
                self.made += 1;
                self.incomplete += usize::from(!record.counts.is_complete());
                say_what_to_know(self.console, record);
                if self.json {
                    serde_json::to_string(record).unwrap_or_default() + "\n"
                } else {
                    self.table.result(record, job.task.name())
                }
            }
            JobResult::Failed(error) if self.everything && error.is_not_found() => String::new(),
            JobResult::Failed(error) => {
                self.failed.push(format!("{}: {error}", named(job)));
                if self.json { String::new() } else { self.table.failure(job) }
            }
        };
        if self.printed.is_ok() {
            self.printed = self.console.print(&line);
        }
    }
}

fn named(job: &Job) -> String {
    format!("{} on {} with {}", job.task.name(), job.dataset, job.model)
}

/// A bar for each step of a model's work; the last one goes when it ends.
pub(crate) fn steps(console: &Console) -> Box<Progress<'static>> {
    let console = console.clone();
    let mut current: Option<ProgressBar> = None;
    Box::new(move |step| {
        let (count, name) = match step {
            Step::Texts(count) => (count, "texts"),
            Step::Images(count) => (count, "images"),
            Step::Fits(count) => (count, "fits"),
            Step::Done(count) => {
                current.iter().for_each(|bar| bar.inc(count as u64));
                return ControlFlow::Continue(());
            }
        };
        current = None; // cleared before the next is drawn
        let bar = console.progress(count as u64, Unit::Items(name));
        current = Some(bar.with_finish(ProgressFinish::AndClear));
        ControlFlow::Continue(())
    })
}
