//! Several ranks with their shares of a batch do what one rank does with all of it.

use std::sync::Arc;

use clip_kernels::{Cpu, Precision};
use clip_model::{
    Activation, Architecture, ImageArchitecture, StateDict, Tensor, TextArchitecture, TextPooling,
    TrainableClip, synthetic,
};
use clip_train::distributed::{Collective, Solo, ThreadRank, Traffic};
use clip_train::{Batch, Loss, StepReport, Trainer, TrainerOptions, TrainerState};

const PAIRS: usize = 16;
const STEPS: u64 = 20;
const LEARNING_RATE: f64 = 1e-3;

fn text() -> TextArchitecture {
    TextArchitecture {
        context_length: 16,
        vocab_size: 256,
        width: 32,
        heads: 2,
        layers: 2,
        mlp_width: 128,
        pooling: TextPooling::Argmax,
    }
}

fn vit() -> Architecture {
    let image = ImageArchitecture::VisionTransformer {
        resolution: 32,
        patch_size: 8,
        width: 32,
        layers: 2,
        heads: 2,
        mlp_width: 128,
    };
    Architecture {
        embed_dim: 24,
        image,
        text: text(),
        activation: Activation::QuickGelu,
        logit_bias: false,
    }
}

fn resnet() -> Architecture {
    let blocks = [1, 1, 1, 1];
    let image = ImageArchitecture::ModifiedResNet { resolution: 64, width: 4, blocks, heads: 2 };
    Architecture {
        embed_dim: 24,
        image,
        text: text(),
        activation: Activation::QuickGelu,
        logit_bias: false,
    }
}

/// Weights by formula, at a temperature that training begins with.
fn weights(architecture: &Architecture) -> StateDict {
    let synthetic = synthetic::state_dict(architecture, 4);
    let mut tensors: std::collections::BTreeMap<String, Tensor> =
        synthetic.iter().map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
    tensors.insert("logit_scale".to_owned(), Tensor::from_f32(&[], vec![10f32.ln()]));
    StateDict::from_tensors("weights by formula", tensors)
}

/// A rank's part of the batch of a step; every step has its own.
fn batch(architecture: &Architecture, step: u64, rank: usize, ranks: usize) -> Batch {
    let side = architecture.image.resolution();
    let mut batch = Batch::default();
    for pair in rank * PAIRS / ranks..(rank + 1) * PAIRS / ranks {
        let name = format!("step.{step}.pair.{pair}");
        batch.samples.push(step * PAIRS as u64 + pair as u64);
        batch.keys.push(name.clone());
        batch.pixels.extend(synthetic::uniform(4, &name, 3 * side * side, 1.0, 0.0));
        // One caption stands in the batch twice.
        let words =
            synthetic::uniform(4, &format!("words {}", pair.min(14)), 2 + pair % 7, 1.0, 0.0);
        let words = words.into_iter().map(|value| (126.0 + 125.0 * value) as u32);
        batch.texts.push([254].into_iter().chain(words).chain([255]).collect());
    }
    batch
}

/// What a rank is after some steps.
struct After {
    reports: Vec<StepReport>,
    weights: StateDict,
    state: TrainerState,
    traffic: Traffic,
}

/// Trains from `saved` on, or from the beginning, up to a step.
fn train(
    collective: Arc<dyn Collective>,
    architecture: &Architecture,
    options: &TrainerOptions,
    saved: Option<&After>,
    until: u64,
) -> After {
    let begin = weights(architecture);
    let begin = saved.map_or(&begin, |saved| &saved.weights);
    let model = TrainableClip::new(Cpu::new(), Precision::F32, architecture, begin);
    let mut trainer =
        Trainer::new(model.expect("fits"), options.clone(), Arc::clone(&collective)).expect("fits");
    if let Some(saved) = saved {
        trainer.restore(&saved.state).expect("fits");
    }
    let (rank, ranks) = (collective.rank(), collective.size());
    let steps = trainer.steps()..until;
    let reports = steps.map(|step| {
        let batch = batch(architecture, step, rank, ranks);
        trainer.step(&batch, LEARNING_RATE).expect("a step")
    });
    let reports = reports.collect();
    let weights = trainer.model().state_dict().expect("memory");
    let state = trainer.state().expect("memory");
    After { reports, weights, state, traffic: collective.traffic() }
}

/// The same on threads of this process, by rank.
fn train_on_ranks(
    ranks: usize,
    architecture: &Architecture,
    options: &TrainerOptions,
    until: u64,
) -> Vec<After> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = ThreadRank::all(ranks)
            .into_iter()
            .map(|rank| {
                scope.spawn(move || train(Arc::new(rank), architecture, options, None, until))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn assert_equal_runs(expected: &[StepReport], found: &[StepReport], what: &str) {
    assert_eq!(expected.len(), found.len(), "{what}");
    let mut worst: f64 = 0.0;
    for (expected, found) in expected.iter().zip(found) {
        worst = worst.max((expected.loss - found.loss).abs());
        let norms = (expected.gradient_norm - found.gradient_norm).abs() / expected.gradient_norm;
        assert!(norms < 1e-4, "{what}, step {}: gradient norms {norms:.1e} apart", found.step);
        assert_eq!(expected.pairs, found.pairs, "{what}");
        let accuracies = [
            expected.image_to_text_accuracy - found.image_to_text_accuracy,
            expected.text_to_image_accuracy - found.text_to_image_accuracy,
        ];
        assert!(accuracies.iter().all(|apart| apart.abs() < 1e-12), "{what}: {accuracies:?}");
    }
    println!("{what}: losses of {} steps at most {worst:.1e} apart", expected.len());
    assert!(worst < 1e-5, "{what}: losses {worst:.1e} apart");
}

/// Every tensor's bits.
fn bits(state: &StateDict) -> Vec<(String, Vec<u32>)> {
    let of = |tensor: &Tensor| tensor.to_f32().iter().map(|value| value.to_bits()).collect();
    state.iter().map(|(name, tensor)| (name.to_owned(), of(tensor))).collect()
}

fn options(architecture: &Architecture) -> TrainerOptions {
    TrainerOptions::of_family(&architecture.image)
}

#[test]
fn ranks_with_parts_of_a_batch_make_the_step_of_all_of_it() {
    let vit = vit();
    let plain = options(&vit);
    let mut sigmoid = plain.clone();
    sigmoid.objective.loss = Some(Loss::Sigmoid);
    let mut positives = plain.clone();
    positives.objective.multi_positive = true;
    let parts = TrainerOptions { micro_batches: 2, checkpointing: true, ..plain.clone() };
    let with_bias = Architecture { logit_bias: true, ..vit.clone() };
    for (what, architecture, options) in [
        ("contrastive", &vit, &plain),
        ("sigmoid", &with_bias, &sigmoid),
        ("multi-positive", &vit, &positives),
        ("two micro-batches, checkpointing", &vit, &parts),
    ] {
        let alone = train(Arc::new(Solo), architecture, options, None, STEPS);
        assert!(alone.reports.iter().all(|report| report.not_finite.is_none()));
        assert!(alone.reports[19].loss < alone.reports[0].loss, "{what}: nothing is learned");
        for ranks in [2, 4] {
            let found = train_on_ranks(ranks, architecture, options, STEPS);
            assert_equal_runs(&alone.reports, &found[0].reports, &format!("{what}, {ranks} ranks"));
            for other in &found[1..] {
                assert_eq!(bits(&found[0].weights), bits(&other.weights), "{what}: ranks differ");
            }
        }
    }
}

#[test]
fn state_of_two_ranks_goes_on_with_one() {
    let vit = vit();
    let options = TrainerOptions { moving_average: Some(0.9), ..options(&vit) };
    let whole = train(Arc::new(Solo), &vit, &options, None, STEPS);
    let half = train_on_ranks(2, &vit, &options, STEPS / 2);
    let resumed = train(Arc::new(Solo), &vit, &options, half.last(), STEPS);
    assert_equal_runs(&whole.reports[10..], &resumed.reports, "2 ranks, then 1");
}

#[test]
fn running_statistics_are_those_of_all_ranks() {
    let resnet = resnet();
    let found = train_on_ranks(2, &resnet, &options(&resnet), 3);
    assert_eq!(bits(&found[0].weights), bits(&found[1].weights), "ranks differ");
    // After one step, the mean of what each rank sees alone.
    let both = train_on_ranks(2, &resnet, &options(&resnet), 1);
    let alone = [0, 1].map(|rank| {
        let own = batch(&resnet, 0, rank, 2);
        let begin = weights(&resnet);
        let model = TrainableClip::new(Cpu::new(), Precision::F32, &resnet, &begin);
        let collective = Arc::new(Solo);
        let mut trainer =
            Trainer::new(model.expect("fits"), options(&resnet), collective).expect("fits");
        trainer.step(&own, 0.0).expect("a step");
        trainer.model().state_dict().expect("memory")
    });
    let mut seen = 0;
    for (name, tensor) in both[0].weights.iter().filter(|(name, _)| name.contains("running_")) {
        let parts = alone.each_ref().map(|state| state.get(name).expect("there").to_f32());
        for (place, value) in tensor.to_f32().into_iter().enumerate() {
            let mean = f32::midpoint(parts[0][place], parts[1][place]);
            assert!((value - mean).abs() <= 1e-6 * mean.abs().max(1.0), "{name}[{place}]");
            seen += 1;
        }
    }
    assert!(seen > 100);
}

#[test]
fn traffic_of_a_step_is_what_the_sizes_say() {
    let vit = vit();
    for ranks in [2, 4, 8] {
        let after = train_on_ranks(ranks, &vit, &options(&vit), 1).swap_remove(0);
        let expected = Traffic::of_step(vit.parameter_count(), vit.embed_dim, PAIRS / ranks, ranks);
        let rest = after.traffic - expected;
        // A few losses and counts beside.
        assert!(rest.all_reduce + rest.all_gather < 1000, "{rest:?}");
        assert_eq!((rest.reduce_scatter, rest.broadcast), (0, 0));
    }
}

/// What `docs/distributed-training.md` says was measured.
#[test]
#[ignore = "6 GB of memory"]
fn traffic_of_a_released_model_is_what_the_sizes_say() {
    let vit = clip_model::registry::find("ViT-B/32").expect("released").architecture.clone();
    let (ranks, pairs, side) = (2, 4, vit.image.resolution());
    let after: Vec<Traffic> = std::thread::scope(|scope| {
        let threads = ThreadRank::all(ranks).into_iter().map(|rank| {
            let vit = &vit;
            scope.spawn(move || {
                let rank: Arc<dyn Collective> = Arc::new(rank);
                let begin = weights(vit);
                let model = TrainableClip::new(Cpu::new(), Precision::F32, vit, &begin);
                let mut trainer =
                    Trainer::new(model.expect("fits"), options(vit), Arc::clone(&rank));
                let samples = (0..pairs as u64).map(|pair| pair + (rank.rank() * pairs) as u64);
                let batch = Batch {
                    keys: samples.clone().map(|sample| sample.to_string()).collect(),
                    texts: samples.clone().map(|word| vec![49406, word as u32, 49407]).collect(),
                    samples: samples.collect(),
                    pixels: synthetic::pixels(1, pairs, side),
                };
                trainer.as_mut().expect("fits").step(&batch, 1e-4).expect("a step");
                rank.traffic()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let expected = Traffic::of_step(vit.parameter_count(), vit.embed_dim, pairs, ranks);
    println!("measured {:?}\ncomputed {expected:?}", after[0]);
    let sent = after[0].sent(ranks) - expected.sent(ranks);
    assert!(sent.abs() < 1000.0, "{sent} bytes more than computed");
}
