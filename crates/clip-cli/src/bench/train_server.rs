//! A model in training that waits for requests, as `server.rs` has one that encodes, so that
//! `bench/train_peers.py` can time it in turns with other programs.
//!
//! | request | what is answered |
//! |---|---|
//! | `tower BATCH` | seconds of forward and backward of the image tower: the median of at least 3 calls and 0.7 s |
//! | `step BATCH FILE` | seconds of one step on the first BATCH captions of FILE, tokenized before |
//! | `loss BATCH FILE` | the loss of that batch; the weights stay as they are |
//! | `peak` | 10⁹ operations a second of products without memory, all threads |

use std::time::Instant;

use clip_rs::InstructionSet;
use clip_train::Batch;

use super::rounds::median;
use super::speed::peak_gops;
use super::training::{Setup, Training, batch, pixels, training};
use crate::labels::read_text;

const LEAST_CALLS: usize = 3;
const LEAST_SECONDS: f64 = 0.7;

/// So small that weights hardly move while the same batch comes again and again.
pub(super) const LEARNING_RATE: f64 = 1e-6;

/// Answers requests about one model.
pub(super) struct TrainServer {
    setup: Setup,
    instruction_set: InstructionSet,
    training: Box<dyn Training>,
    /// The batch that was asked for last, and its request.
    batch: Option<(String, Batch)>,
}

impl TrainServer {
    pub(super) fn new(instruction_set: InstructionSet, setup: Setup) -> TrainServer {
        let training = training(instruction_set, setup.clone());
        TrainServer { setup, instruction_set, training, batch: None }
    }

    /// # Errors
    /// Why there is no answer.
    pub(super) fn answer(&mut self, request: &str) -> anyhow::Result<f64> {
        let words: Vec<&str> = request.split_whitespace().collect();
        match words.as_slice() {
            ["tower", batch] => self.tower(batch.parse::<u16>()?.into()),
            ["step", batch, path] => {
                self.prepare(batch, path)?;
                let started = Instant::now();
                self.step(LEARNING_RATE)?;
                Ok(started.elapsed().as_secs_f64())
            }
            ["loss", batch, path] => {
                self.prepare(batch, path)?;
                self.step(0.0)
            }
            ["peak"] => peak_gops(self.instruction_set, self.setup.precision)
                .ok_or_else(|| anyhow::anyhow!("the reference device has no peak")),
            _ => anyhow::bail!("no request `{request}`"),
        }
    }

    fn tower(&mut self, batch: usize) -> anyhow::Result<f64> {
        let pixels = pixels(&self.setup.architecture, batch);
        self.training.tower(&pixels)?;
        let (started, mut seconds) = (Instant::now(), Vec::new());
        while seconds.len() < LEAST_CALLS || started.elapsed().as_secs_f64() < LEAST_SECONDS {
            let call = Instant::now();
            self.training.tower(&pixels)?;
            seconds.push(call.elapsed().as_secs_f64());
        }
        Ok(median(seconds))
    }

    /// Reads and tokenizes, once for many steps.
    fn prepare(&mut self, count: &str, path: &str) -> anyhow::Result<()> {
        let request = format!("{count} {path}");
        if self.batch.as_ref().is_none_or(|(prepared, _)| *prepared != request) {
            let text = read_text(path.as_ref())?;
            let lines: Vec<&str> = text.lines().collect();
            anyhow::ensure!(!lines.is_empty(), "{path}: no captions");
            let count = count.parse::<u16>()?.into();
            self.batch = Some((request, batch(&self.setup.architecture, &lines, count)));
        }
        Ok(())
    }

    fn step(&mut self, learning_rate: f64) -> anyhow::Result<f64> {
        let Some((_, batch)) = &self.batch else { anyhow::bail!("no batch") };
        self.training.step(batch, learning_rate)
    }
}
