//! How fast batches are made, and what making them costs the step that runs beside it.
//!
//! ```text
//! cargo bench -p clip-train --bench loading -- SOURCE [--size 224] [--batch 64] [--batches 20]
//!     [--threads 2] [--step ViT-B/32]
//! ```
//!
//! Prints one line of JSON: pairs per second of the clock, and per second of one processor (all
//! threads of the process together), which neighbours on a shared machine change little. With
//! `--step`, whole steps of the model in f32 in turns: on batches of the loader, and on one batch
//! while no loader is there; their median seconds.

use std::sync::Arc;
use std::time::Instant;

use clip_image::Preprocess;
use clip_kernels::{Cpu, Precision};
use clip_model::{TrainableClip, registry, synthetic};
use clip_tokenizer::Tokenizer;
use clip_train::data::{DataOptions, Images, Loader, LoaderOptions, Pairs, Recipe, Share};
use clip_train::distributed::Solo;
use clip_train::{Trainer, TrainerOptions};

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    source: String,
    size: u32,
    batch: u64,
    batches: usize,
    threads: usize,
    step: Option<String>,
}

fn main() -> Result<(), Failure> {
    let mut given = std::env::args().skip(1).filter(|word| word != "--bench");
    let source = given.next().ok_or("usage: loading SOURCE [--size N] [--batch N] …")?;
    let mut chosen =
        Arguments { source, size: 224, batch: 64, batches: 20, threads: 2, step: None };
    while let (Some(name), Some(value)) = (given.next(), given.next()) {
        match name.as_str() {
            "--size" => chosen.size = value.parse()?,
            "--batch" => chosen.batch = value.parse()?,
            "--batches" => chosen.batches = value.parse()?,
            "--threads" => chosen.threads = value.parse()?,
            "--step" => chosen.step = Some(value),
            name => return Err(format!("no option {name}").into()),
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(chosen.threads).build_global()?;
    let options = DataOptions { source: chosen.source.clone(), ..DataOptions::default() };
    let pairs = Pairs::open(&options)?;
    match chosen.step.clone() {
        None => rate(&chosen, &pairs),
        Some(model) => beside_a_step(&chosen, &pairs, &model),
    }
}

fn loader(chosen: &Arguments, pairs: &Pairs) -> Result<Loader, Failure> {
    let recipe = Recipe {
        preprocess: Preprocess::clip(chosen.size),
        tokenizer: Tokenizer::new(),
        context_length: 77,
    };
    let options = LoaderOptions {
        batch: chosen.batch,
        share: Share::ALL,
        seed: 0,
        threads: chosen.threads,
        images: Images::Decoded,
    };
    Ok(Loader::new(pairs, recipe, &options, None)?)
}

fn rate(chosen: &Arguments, pairs: &Pairs) -> Result<(), Failure> {
    let (processor, clock) = (processor_seconds()?, Instant::now());
    let mut loader = loader(chosen, pairs)?;
    let mut count = 0;
    for _ in 0..chosen.batches {
        count += loader.next_batch()?.len();
    }
    let seconds = clock.elapsed().as_secs_f64();
    drop(loader); // what it made ahead is finished, and counts
    let processor = processor_seconds()? - processor;
    let ahead = DataOptions::default().prefetch as u64 * chosen.batch;
    let made = count as f64 + ahead as f64;
    let line = serde_json::json!({
        "pairs": count, "threads": chosen.threads, "size": chosen.size,
        "pairs_per_second": count as f64 / seconds,
        // At least: of the batches ahead not all places may have been filled.
        "pairs_per_processor_second": [count as f64 / processor, made / processor],
    });
    println!("{line}");
    Ok(())
}

fn beside_a_step(chosen: &Arguments, pairs: &Pairs, name: &str) -> Result<(), Failure> {
    let architecture = registry::find(name)?.architecture.clone();
    let weights = synthetic::state_dict(&architecture, 1);
    let model = TrainableClip::new(Cpu::new(), Precision::F32, &architecture, &weights)?;
    let options = TrainerOptions::of_family(&architecture.image);
    let mut trainer = Trainer::new(model, options, Arc::new(Solo))?;
    let kept = loader(chosen, pairs)?.next_batch()?;
    trainer.step(&kept, 1e-6)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..chosen.batches {
        let clock = Instant::now();
        trainer.step(&kept, 1e-6)?;
        without.push(clock.elapsed().as_secs_f64());
        // The first step waits for its batch and is passed over.
        let mut loader = loader(chosen, pairs)?;
        let batch = loader.next_batch()?;
        trainer.step(&batch, 1e-6)?;
        let clock = Instant::now();
        let batch = loader.next_batch()?;
        trainer.step(&batch, 1e-6)?;
        with.push(clock.elapsed().as_secs_f64());
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (with, without) = (median(&mut with), median(&mut without));
    let line = serde_json::json!({
        "model": name, "batch": chosen.batch, "threads": chosen.threads,
        "step_with_loader": with, "step_alone": without, "ratio": with / without,
    });
    println!("{line}");
    Ok(())
}

/// Seconds that all threads of this process have computed (Linux).
fn processor_seconds() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("no /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let sum: u64 = ticks.map(|word| word.parse::<u64>().unwrap_or(0)).sum();
    Ok(sum as f64 / 100.0)
}
