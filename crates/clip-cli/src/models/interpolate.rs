//! `clip-rs models interpolate`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clip_eval::results::Record;
use clip_eval::silent;
use clip_eval::suite::{JobResult, Run, Shard, Suite};
use clip_files::NewFolder;
use clip_report::{Curve, CurvePoint, Curves};
use clip_rs::model::{Checkpoint, Layout, WeightFormat};
use clip_rs::{convert, open_checkpoint};
use clip_train::interpolate::mix;

use crate::console::{Console, Unit, Usage};
use crate::exit::Exit;
use crate::settings::Settings;

/// Mix the weights of models, and measure what lies between them
///
/// Of two models, say one and its fine-tune, those at each --alpha between: 0 is the first, 1 the
/// second (WiSE-FT). Of more than two their mean (a soup). With --eval each is measured on the data
/// sets and tasks of a suite; a table and a plot show what is won and what is lost. Models must be
/// of one architecture.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs models interpolate starter tuned/checkpoints/step-00001000 --eval suite.toml --out wise
  clip-rs models interpolate run-1 run-2 run-3 --out soup

The suite's own list of models is not read.")]
pub(crate) struct Interpolate {
    /// Two models, or more: names, `hf:owner/name`, or paths
    #[arg(required = true, num_args = 2.., value_name = "MODEL")]
    models: Vec<String>,
    /// Shares of the second of two models
    #[arg(long, value_delimiter = ',', value_name = "SHARE", allow_negative_numbers = true,
          default_values_t = [0.0, 0.25, 0.5, 0.75, 1.0])]
    alpha: Vec<f64>,
    /// Suite to measure each with: `tasks`, `datasets`, `root`, `[options]`
    #[arg(long, value_name = "SUITE")]
    eval: Option<PathBuf>,
    /// Folder for the models, the results and the plot; it must not be there yet
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// A mixture, where it lies and what it scored.
#[derive(serde::Serialize)]
struct Point {
    /// Of the second model; none of a soup.
    alpha: Option<f64>,
    /// As tables call it.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<PathBuf>,
    scores: Vec<Score>,
}

#[derive(serde::Serialize)]
struct Score {
    dataset: String,
    task: String,
    #[serde(flatten)]
    figure: clip_eval::results::Figure,
}

impl Interpolate {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        if self.out.is_none() && self.eval.is_none() {
            let help = "--out DIR keeps the models, --eval SUITE.toml measures them";
            return Err(Usage::error("nothing would come of it", help));
        }
        let options = settings.load_options();
        let mut checkpoints = Vec::new();
        for name in &self.models {
            let checkpoint = open_checkpoint(name, &options)?;
            checkpoint.warnings.iter().for_each(|warning| console.warn(warning));
            checkpoints.push(checkpoint);
        }
        let suite = self.eval.as_deref().map(|path| {
            Suite::read_of(path, Some(vec!["mixture".to_owned()])) // each mixture takes its place
        });
        let suite = suite.transpose()?;
        let place = self.out.clone().unwrap_or_else(|| std::env::temp_dir().join("clip-rs-mix"));
        if self.out.is_some() && place.exists() {
            let message = format!("{}: is there already", place.display());
            return Err(Usage::error(message, "name a folder that is not there yet"));
        }
        let folder = NewFolder::of(&place).with_context(|| place.display().to_string())?;
        let points = self.points(&checkpoints, suite.as_ref(), folder.path(), settings, console)?;
        let curves = curves(&points);
        let plot = folder.path().join("interpolation.svg");
        if !curves.curves.is_empty() {
            std::fs::write(&plot, curves.svg()).with_context(|| plot.display().to_string())?;
        }
        if self.out.is_some() {
            folder.keep().with_context(|| place.display().to_string())?;
        }
        if self.json {
            let plot = (self.out.is_some() && !curves.curves.is_empty())
                .then(|| place.join("interpolation.svg"));
            let models = &self.models;
            console
                .json(&serde_json::json!({ "models": models, "points": points, "plot": plot }))?;
        } else {
            console.print(&table(&points))?;
        }
        console.note(clip_rs::LIMITS);
        Ok(Exit::Ok)
    }

    /// Mixes, writes and measures one after the other.
    fn points(
        &self,
        checkpoints: &[Checkpoint],
        suite: Option<&Suite>,
        folder: &Path,
        settings: &Settings,
        console: &Console,
    ) -> anyhow::Result<Vec<Point>> {
        let shares = self.shares(checkpoints.len());
        let bar = console.progress(shares.len() as u64, Unit::Items("models"));
        let mut points = Vec::new();
        for (alpha, shares) in shares {
            let name = alpha.map_or("soup".to_owned(), |alpha| format!("alpha-{alpha}"));
            let parts: Vec<(f64, &Checkpoint)> = shares.into_iter().zip(checkpoints).collect();
            let model = folder.join(&name);
            let written = convert(&mix(&parts)?, Layout::OpenClip, &model, WeightFormat::F32)?;
            written.warnings.iter().for_each(|warning| console.warn(warning));
            let scores = match suite {
                Some(suite) => measure(suite, &model, &name, folder, settings, console)?,
                None => Vec::new(),
            };
            let model = self.out.as_ref().map(|out| out.join(&name));
            points.push(Point { alpha, name, model, scores });
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(points)
    }

    /// What to mix: the share of each model, and the alpha that it is called by.
    fn shares(&self, models: usize) -> Vec<(Option<f64>, Vec<f64>)> {
        match models {
            2 => self.alpha.iter().map(|&alpha| (Some(alpha), vec![1.0 - alpha, alpha])).collect(),
            models => vec![(None, vec![1.0 / models as f64; models])],
        }
    }
}

/// Scores of a model; its records go to `results` in the folder, under its name.
fn measure(
    suite: &Suite,
    model: &Path,
    name: &str,
    folder: &Path,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Vec<Score>> {
    let path = model.to_str().context("the folder's name is no UTF-8")?.to_owned();
    let suite = Suite { models: vec![path], ..suite.clone() };
    let load = settings.load_options();
    let scratch = NewFolder::of(&folder.join("scratch"))?;
    let (out, cache) = (scratch.path().join("records"), scratch.path().join("features"));
    let run = Run { out: &out, cache: &cache, shard: Shard::default(), load: &load };
    let mut records: Vec<Record> = Vec::new();
    let mut failed = Vec::new();
    run.jobs(
        &suite.jobs()?,
        &suite.options,
        |_| silent(),
        |job, result| match result {
            JobResult::Made(record) | JobResult::Kept(record) => records.push(*record),
            JobResult::Failed(error) => failed.push(format!("{}: {error}", job.dataset)),
        },
    )?;
    failed.iter().for_each(|failure| console.warn(failure));
    anyhow::ensure!(!records.is_empty(), "{name}: nothing could be measured");
    let results = folder.join("results");
    let scores = records.into_iter().map(|mut record| {
        record.model = name.to_owned();
        record.identity.place = String::new(); // that of a folder which is renamed
        record.write(&results)?;
        let Record { dataset, task, score: figure, .. } = record;
        Ok(Score { dataset, task, figure })
    });
    scores.collect()
}

/// A curve for each data set and task.
fn curves(points: &[Point]) -> Curves {
    let mut curves: Vec<Curve> = Vec::new();
    for point in points {
        let Some(x) = point.alpha else { continue };
        for score in &point.scores {
            let name = format!("{} {}", score.dataset, score.figure.name);
            let Some(y) = score.figure.value else { continue };
            let point = CurvePoint { x, y, interval: score.figure.interval() };
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { name, points: vec![point] }),
            }
        }
    }
    curves.iter_mut().for_each(|curve| curve.points.sort_by(|a, b| a.x.total_cmp(&b.x)));
    Curves {
        title: "Between two models".to_owned(),
        across: "alpha: share of the second model".to_owned(),
        up: "score, %".to_owned(),
        is_share: true,
        curves,
    }
}

/// A line for each mixture, a column for each data set.
fn table(points: &[Point]) -> String {
    let share = |share: f64| format!("{:.2}", share * 100.0);
    let mut text = format!("{:<14}", "model");
    for score in points.first().iter().flat_map(|point| &point.scores) {
        text += &format!("{:>32}", format!("{} {}, %", score.dataset, score.figure.name));
    }
    text.push('\n');
    for point in points {
        text += &format!("{:<14}", point.name);
        for Score { figure, .. } in &point.scores {
            let value = figure.value.map_or("–".to_owned(), share);
            let ends = figure.interval().map_or_else(String::new, |(low, high)| {
                format!(" [{}, {}]", share(low), share(high))
            });
            text += &format!("{:>32}", value + &ends);
        }
        text.push('\n');
    }
    text
}
