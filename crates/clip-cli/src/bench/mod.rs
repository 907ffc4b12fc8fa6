//! `clip-rs bench`

mod machine;
mod rounds;
mod server;
mod speed;
mod train_server;
mod train_speed;
mod training;

use std::io;
use std::num::NonZero;
use std::time::Instant;

use clip_rs::Precision;
use clip_rs::model::registry;

use crate::console::{Console, Unit, Usage};
use crate::exit::Exit;
use crate::settings::Settings;
use server::{Server, serve};
use speed::Speed;
use train_server::TrainServer;
use train_speed::TrainSpeed;
use training::Setup;

/// Name of the model that is none, for `--serve`.
const NO_MODEL: &str = "none";

/// Architecture that is trained unless another is named.
const TRAINED: &str = "ViT-B/32";

/// What is not known.
const NONE: &str = "–";

/// Measure how fast a model runs on this machine
///
/// Images and texts a second, operations a second and their share of what the processor can do in
/// the same precision (measured in the same rounds), preprocessing, tokenizer, loading, memory.
/// Medians of interleaved rounds after a warm-up. Operations are those of the reference, two for
/// each multiply-add, whatever shortcuts leave out.
///
/// With `--train`, forward and backward of the image tower and whole steps of training (towers,
/// loss, backward, AdamW), counted as three times the forward operations, and greatest memory.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs bench --model ViT-B/32 --batch 1,8,32 --threads 2 --precision bf16
  clip-rs bench --train --model ViT-B/32 --batch 64 --checkpointing --json")]
pub(crate) struct Bench {
    /// Model: a name, `hf:owner/name`, or a path [default: starter]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Images in a call of the image tower, pairs of a step; several separated by commas [default:
    /// 1,8,32; with --train 16]
    #[arg(long, value_name = "B", value_delimiter = ',',
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: Vec<u16>,
    /// Measure training instead, of a released architecture with made-up weights [default:
    /// ViT-B/32]
    #[arg(long)]
    train: bool,
    /// Keep only what goes into each block, and compute the rest again on the way back
    #[arg(long, requires = "train")]
    checkpointing: bool,
    /// Rounds that count
    #[arg(long, value_name = "N", default_value = "7")]
    rounds: NonZero<u16>,
    /// One JSON object for each batch size and line
    #[arg(long)]
    json: bool,
    /// Answer requests on standard input instead (`bench/server.rs` lists them); model `none` loads
    /// none
    #[arg(long, hide = true)]
    serve: bool,
}

impl Bench {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        match (self.train, self.serve) {
            (false, false) => self.speed(settings, console),
            (false, true) => self.serve(settings, console),
            (true, _) => self.train(settings, console),
        }
    }

    /// As given, or the default of what is measured.
    fn batches(&self, default: &[usize]) -> Vec<usize> {
        match self.batch.as_slice() {
            [] => default.to_vec(),
            given => given.iter().copied().map(usize::from).collect(),
        }
    }

    fn speed(&self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let started = Instant::now();
        let clip = settings.load(self.model.as_deref(), console)?;
        let load_seconds = started.elapsed().as_secs_f64();
        let batches = self.batches(&[1, 8, 32]);
        let bar = console.progress(0, Unit::Items("rounds"));
        let speeds =
            speed::measure(&clip, load_seconds, &batches, self.rounds.get().into(), |done, of| {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            })?;
        bar.finish_and_clear();
        if self.json {
            speeds.iter().try_for_each(|speed| console.json(speed))?;
        } else {
            console.print(&table(&speeds))?;
        }
        Ok(Exit::Ok)
    }

    fn serve(&self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let name = self.model.as_deref();
        let clip = if name == Some(NO_MODEL) { None } else { Some(settings.load(name, console)?) };
        let server = Server::new(clip, settings.load_options());
        serve(io::stdin().lock(), io::stdout(), |request| server.answer(request))?;
        Ok(Exit::Ok)
    }

    fn train(&self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let name = self.model.as_deref().unwrap_or(TRAINED);
        let precision = settings.precision.value;
        if precision == Precision::Int8 {
            return Err(Usage::error("int8 does not train", "--precision f32 or bf16"));
        }
        let architecture = registry::find(name)?.architecture.clone();
        let setup = Setup { architecture, precision, checkpointing: self.checkpointing };
        let (instruction_set, _) = settings.instruction_set()?;
        if self.serve {
            let mut server = TrainServer::new(instruction_set, setup);
            serve(io::stdin().lock(), io::stdout(), |request| server.answer(request))?;
            return Ok(Exit::Ok);
        }
        let bar = console.progress(0, Unit::Items("rounds"));
        let measure = |batch| {
            let progress = |done: usize, of: usize| {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            };
            let rounds = self.rounds.get().into();
            train_speed::measure(name, instruction_set, &setup, batch, rounds, progress)
        };
        let speeds = self.batches(&[16]).into_iter().map(measure).collect::<Result<Vec<_>, _>>()?;
        bar.finish_and_clear();
        if self.json {
            speeds.iter().try_for_each(|speed| console.json(speed))?;
        } else {
            console.print(&train_table(&speeds))?;
        }
        Ok(Exit::Ok)
    }
}

/// A line for each batch size.
fn train_table(speeds: &[TrainSpeed]) -> String {
    let Some(one) = speeds.first() else { return String::new() };
    let processor = one.processor.as_deref().unwrap_or("unknown processor");
    let checkpointing = if one.checkpointing { ", checkpointing" } else { "" };
    let mut text = format!(
        "{}, {}, {}, {}, {processor}{checkpointing}\n\n",
        one.model,
        one.precision,
        one.isa,
        threads(one.threads)
    );
    text += &format!(
        "{:>8}{:>16}{:>10}{:>15}{:>14}{:>10}{:>15}{:>12}\n",
        "batch",
        "tower images/s",
        "Gop/s",
        "share of peak",
        "step pairs/s",
        "Gop/s",
        "share of peak",
        "memory, GB"
    );
    let share = |share: Option<f64>| {
        share.map_or_else(|| NONE.to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    for speed in speeds {
        let memory = speed.peak_memory_bytes.map(|bytes| format!("{:.2}", bytes as f64 / 1e9));
        text += &format!(
            "{:>8}{:>16.1}{:>10.1}{:>15}{:>14.1}{:>10.1}{:>15}{:>12}\n",
            speed.batch,
            speed.tower_images_per_second,
            speed.tower_gops,
            share(speed.tower_share_of_peak),
            speed.step_pairs_per_second,
            speed.step_gops,
            share(speed.step_share_of_peak),
            memory.unwrap_or_else(|| NONE.to_owned()),
        );
    }
    text += &format!(
        "\npeak of the processor, Gop/s: {}\n",
        one.peak_gops.map_or_else(|| NONE.to_owned(), |peak| format!("{peak:.1}"))
    );
    text
}

fn threads(threads: usize) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

/// What depends on the batch as columns, the rest as lines.
fn table(speeds: &[Speed]) -> String {
    let Some(one) = speeds.first() else { return String::new() };
    let processor = one.processor.as_deref().unwrap_or("unknown processor");
    let mut text = format!(
        "{}, {}, {}, {}, {processor}\n\n",
        one.model,
        one.precision,
        one.isa,
        threads(one.threads)
    );
    text += &format!("{:>8}{:>14}{:>12}{:>18}\n", "batch", "images/s", "Gop/s", "share of peak");
    for speed in speeds {
        let share = speed
            .share_of_peak
            .map_or_else(|| NONE.to_owned(), |share| format!("{:.1} %", share * 100.0));
        text += &format!(
            "{:>8}{:>14.1}{:>12.1}{share:>18}\n",
            speed.batch, speed.images_per_second, speed.gops
        );
    }
    let mut line = |what: &str, value: String| text += &format!("{what:<44}{value:>8}\n");
    line(
        "\npeak of the processor, Gop/s",
        one.peak_gops.map_or_else(|| NONE.to_owned(), |peak| format!("{peak:.1}")),
    );
    line("texts/s, 200 captions in a call", format!("{:.0}", one.texts_per_second));
    line(
        "images preprocessed/s, one thread",
        format!("{:.0}", one.preprocess_images_per_second_one_thread),
    );
    line("images preprocessed/s, all threads", format!("{:.0}", one.preprocess_images_per_second));
    line("texts tokenized/s, one thread", format!("{:.0}", one.tokenize_texts_per_second));
    line("model loaded in, s", format!("{:.3}", one.load_seconds));
    let memory = one.peak_memory_bytes.map(|bytes| format!("{:.0}", bytes as f64 / 1e6));
    line("greatest memory, MB", memory.unwrap_or_else(|| NONE.to_owned()));
    text
}
