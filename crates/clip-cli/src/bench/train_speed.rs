//! How fast a model is trained on this machine, and the share of what the processor can do.

use std::cell::RefCell;

use clip_rs::InstructionSet;
use clip_rs::model::MultiplyAdds;

use super::machine;
use super::rounds::{Measurement, medians};
use super::speed::{captions, peak_gops};
use super::train_server::LEARNING_RATE;
use super::training::{Setup, batch, pixels, training};

/// Forward, and on the way back the gradients of inputs and weights: three times the operations.
const OPERATIONS_OF_FORWARD: f64 = 3.0;

/// What was measured of one model at one batch size. Rates are medians; operations are three times
/// those of the reference's forward pass ([`MultiplyAdds`]), texts at their full context.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(super) struct TrainSpeed {
    /// The architecture as it was named; weights are made up.
    pub(super) model: String,
    /// `f32` or `bf16`.
    pub(super) precision: &'static str,
    /// `reference`, `portable`, `avx2` or `avx512`.
    pub(super) isa: &'static str,
    /// The processor's name for itself, where the system tells it.
    pub(super) processor: Option<String>,
    /// Threads of the pool.
    pub(super) threads: usize,
    /// Pairs of a step, and pictures of a pass through the image tower.
    pub(super) batch: usize,
    /// Whether blocks are computed again on the way back.
    pub(super) checkpointing: bool,
    /// Forward and backward of the image tower.
    pub(super) tower_images_per_second: f64,
    /// 10⁹ operations a second of it.
    pub(super) tower_gops: f64,
    /// That over the peak of the same rounds.
    pub(super) tower_share_of_peak: Option<f64>,
    /// Whole steps: both towers, loss, backward, AdamW.
    pub(super) step_pairs_per_second: f64,
    /// 10⁹ operations a second of it.
    pub(super) step_gops: f64,
    /// That over the peak of the same rounds. Beyond 1 where padding that the reference computes is
    /// left out.
    pub(super) step_share_of_peak: Option<f64>,
    /// The most that this processor did in the rounds of the steps: products without memory, in the
    /// same precision, 10⁹ a second. Unknown for the reference device.
    pub(super) peak_gops: Option<f64>,
    /// Greatest memory of the process so far, where the system tells it.
    pub(super) peak_memory_bytes: Option<u64>,
    /// Rounds that counted.
    pub(super) rounds: usize,
}

/// Measures an architecture at one batch size. `progress` is told after each round how many of all
/// are done.
///
/// # Errors
/// Memory, or a loss that is not finite.
pub(super) fn measure(
    name: &str,
    instruction_set: InstructionSet,
    setup: &Setup,
    count: usize,
    rounds: usize,
    mut progress: impl FnMut(usize, usize),
) -> anyhow::Result<TrainSpeed> {
    let model = RefCell::new(training(instruction_set, setup.clone()));
    let peak = || peak_gops(instruction_set, setup.precision).unwrap_or(f64::NAN);
    let mut in_rounds = |first, call: &dyn Fn() -> anyhow::Result<()>| {
        let mut measurements =
            [Measurement::seconds(call), Measurement::value(|| anyhow::Ok(peak()))];
        medians(&mut measurements, rounds, |done, of| progress(first + done, 2 * of))
    };
    let images = pixels(&setup.architecture, count);
    let tower = in_rounds(0, &|| model.borrow_mut().tower(&images))?;
    drop(images);
    let batch = batch(&setup.architecture, &captions(), count);
    let step = in_rounds(rounds + 1, &|| {
        let loss = model.borrow_mut().step(&batch, LEARNING_RATE)?;
        anyhow::ensure!(loss.is_finite(), "the loss is not finite");
        Ok(())
    })?;
    let (&[tower, tower_peak], &[step, step_peak]) = (tower.as_slice(), step.as_slice()) else {
        anyhow::bail!("no measurements")
    };
    let items = |seconds: f64| count as f64 / seconds;
    let forward = MultiplyAdds::of(&setup.architecture);
    let gops = |seconds: f64, multiply_adds: u64| {
        items(seconds) * OPERATIONS_OF_FORWARD * 2.0 * multiply_adds as f64 / 1e9
    };
    let share = |gops: f64, peak: f64| peak.is_finite().then_some(gops / peak);
    let (tower_gops, step_gops) =
        (gops(tower, forward.image), gops(step, forward.image + forward.text));
    Ok(TrainSpeed {
        model: name.to_owned(),
        precision: setup.precision.name(),
        isa: instruction_set.name(),
        processor: machine::processor_name(),
        threads: rayon::current_num_threads(),
        batch: count,
        checkpointing: setup.checkpointing,
        tower_images_per_second: items(tower),
        tower_gops,
        tower_share_of_peak: share(tower_gops, tower_peak),
        step_pairs_per_second: items(step),
        step_gops,
        step_share_of_peak: share(step_gops, step_peak),
        peak_gops: step_peak.is_finite().then_some(step_peak),
        peak_memory_bytes: machine::peak_memory_bytes(),
        rounds,
    })
}
