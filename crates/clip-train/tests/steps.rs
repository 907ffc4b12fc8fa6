//! What a step promises, on a tiny model: micro-batches, going on, skipping, locks, adapters.

use clip_kernels::{Cpu, Precision, Reference};
use clip_model::{
    Activation, Architecture, ImageArchitecture, StateDict, TextArchitecture, TextPooling,
    TrainableClip, initialization, synthetic,
};
use clip_train::distributed::{Solo, ThreadRank};
use clip_train::{
    Batch, KeptOptions, Lock, LoraOptions, NotFinite, Objective, StepReport, TrainError, Trainer,
    TrainerOptions,
};
use std::sync::Arc;

fn vit() -> Architecture {
    let image = ImageArchitecture::VisionTransformer {
        resolution: 24,
        patch_size: 8,
        width: 32,
        layers: 2,
        heads: 2,
        mlp_width: 64,
    };
    of(image)
}

fn resnet() -> Architecture {
    let (resolution, width, blocks, heads) = (32, 4, [1; 4], 2);
    of(ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads })
}

fn of(image: ImageArchitecture) -> Architecture {
    let text = TextArchitecture {
        context_length: 8,
        vocab_size: 32,
        width: 32,
        layers: 2,
        heads: 2,
        mlp_width: 64,
        pooling: TextPooling::Argmax,
    };
    let (embed_dim, activation) = (16, Activation::QuickGelu);
    Architecture { embed_dim, image, text, activation, logit_bias: false }
}

fn batch(architecture: &Architecture, number: u64) -> Batch {
    let (pairs, resolution) = (8, architecture.image.resolution());
    let mut batch = Batch::default();
    for i in 0..pairs {
        let sample = number * pairs + i;
        let words = synthetic::words(7, &format!("text {sample}"), 1 + sample as u32 % 5);
        batch.samples.push(sample);
        batch.keys.push(format!("shard-0/{sample}"));
        batch
            .texts
            .push([30].into_iter().chain(words.iter().map(|w| w % 30)).chain([31]).collect());
        let values = 3 * resolution * resolution;
        let pixels = synthetic::uniform(7, &format!("image {sample}"), values, 1.5, 0.0);
        batch.pixels.extend(pixels);
    }
    batch
}

fn options(architecture: &Architecture) -> TrainerOptions {
    let mut options = TrainerOptions::of_family(&architecture.image);
    options.seed = 11;
    options
}

fn trainer(architecture: &Architecture, options: TrainerOptions) -> Trainer<Cpu> {
    with_weights(architecture, options, &initialization::state_dict(architecture, 3))
}

fn with_weights(
    architecture: &Architecture,
    options: TrainerOptions,
    weights: &StateDict,
) -> Trainer<Cpu> {
    let model = TrainableClip::new(Cpu::new(), Precision::F32, architecture, weights).unwrap();
    Trainer::new(model, options, Arc::new(Solo)).unwrap()
}

fn in_precision(
    precision: Precision,
    architecture: &Architecture,
    options: TrainerOptions,
) -> Trainer<Cpu> {
    let weights = initialization::state_dict(architecture, 3);
    let model = TrainableClip::new(Cpu::new(), precision, architecture, &weights).unwrap();
    Trainer::new(model, options, Arc::new(Solo)).unwrap()
}

const RATE: f64 = 1e-3;

fn weights(trainer: &Trainer<Cpu>) -> StateDict {
    trainer.model().state_dict().unwrap()
}

/// Names of the tensors whose bits differ.
fn changed(before: &StateDict, after: &StateDict) -> Vec<String> {
    assert!(before.names().eq(after.names()));
    let pairs = before.iter().zip(after.iter());
    let differ = pairs.filter(|((_, a), (_, b))| a.to_contiguous() != b.to_contiguous());
    differ.map(|((name, _), _)| name.to_owned()).collect()
}

#[test]
fn micro_batches_see_the_features_of_the_big_batch_bit_for_bit() {
    let architecture = vit();
    let batch = batch(&architecture, 0);
    let (f32, bf16) = (Precision::F32, Precision::Bf16);
    for (precision, patch_dropout, checkpointing) in
        [(f32, 0.0, false), (f32, 0.5, true), (bf16, 0.0, true)]
    {
        let options = TrainerOptions { patch_dropout, checkpointing, ..options(&architecture) };
        let trainer = |options| in_precision(precision, &architecture, options);
        let mut whole = trainer(options.clone());
        let expected = whole.step(&batch, RATE).unwrap();
        for micro_batches in [2, 3, 8, 100] {
            let options = TrainerOptions { micro_batches, ..options.clone() };
            let mut parts = trainer(options);
            let report = parts.step(&batch, RATE).unwrap();
            // The loss and the gradient of the scale depend on features alone: the same bits.
            assert_eq!(report.loss.to_bits(), expected.loss.to_bits());
            assert_eq!(report.logit_scale.to_bits(), expected.logit_scale.to_bits());
            assert_eq!(report.image_to_text_accuracy, expected.image_to_text_accuracy);
            // Gradients of parameters are sums over pairs in another order: to rounding.
            let norm = report.gradient_norm / expected.gradient_norm - 1.0;
            assert!(norm.abs() < 1e-6, "{micro_batches}: {norm:e}");
        }
    }
}

#[test]
fn dropped_patches_are_a_function_of_seed_step_and_sample() {
    let architecture = vit();
    let batch = batch(&architecture, 0);
    let loss = |seed, steps| {
        let options = TrainerOptions { patch_dropout: 0.5, seed, ..options(&architecture) };
        let mut trainer = trainer(&architecture, options);
        // No learning: other patches alone make another loss.
        let losses = (0..=steps).map(|_| trainer.step(&batch, 0.0).unwrap().loss);
        losses.last().unwrap()
    };
    assert_eq!(loss(11, 0), loss(11, 0));
    assert_ne!(loss(11, 0), loss(12, 0));
    assert_ne!(loss(11, 0), loss(11, 1));
}

#[test]
fn a_restored_trainer_goes_on_bit_for_bit() {
    for architecture in [vit(), resnet()] {
        let lora = Some(LoraOptions::of_attention(2, 4.0));
        let averaged = TrainerOptions { moving_average: Some(0.9), ..options(&architecture) };
        for options in [averaged.clone(), TrainerOptions { lora, ..averaged }] {
            let mut whole = trainer(&architecture, options.clone());
            for step in 0..3 {
                whole.step(&batch(&architecture, step), RATE).unwrap();
            }
            let state = whole.state().unwrap();
            let mut restored = with_weights(&architecture, options, &weights(&whole));
            restored.restore(&state).unwrap();
            assert_eq!(restored.steps(), 3);
            for step in 3..5 {
                let batch = batch(&architecture, step);
                let (one, two) = (whole.step(&batch, RATE), restored.step(&batch, RATE));
                assert_eq!(one.unwrap(), two.unwrap());
            }
            assert_eq!(changed(&weights(&whole), &weights(&restored)), [""; 0]);
            let (one, two) = (whole.state().unwrap(), restored.state().unwrap());
            assert_eq!(changed(&one.tensors, &two.tensors), [""; 0]);
        }
    }
}

#[test]
fn a_state_of_other_options_is_refused_and_named() {
    let architecture = vit();
    let mut plain = trainer(&architecture, options(&architecture));
    let averaged = TrainerOptions { moving_average: Some(0.9), ..options(&architecture) };
    let mut averaged = trainer(&architecture, averaged);
    let refused = plain.restore(&averaged.state().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("average.") && refused.contains("has no place here"), "{refused}");
    let refused = averaged.restore(&plain.state().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("average.") && refused.contains("is missing"), "{refused}");
}

#[test]
fn a_step_that_is_not_finite_changes_nothing_and_says_where() {
    for architecture in [vit(), resnet()] {
        let options = TrainerOptions { moving_average: Some(0.9), ..options(&architecture) };
        let mut trainer = trainer(&architecture, options);
        trainer.step(&batch(&architecture, 0), RATE).unwrap();
        let (before, state) = (weights(&trainer), trainer.state().unwrap());
        let mut broken = batch(&architecture, 1);
        let picture = broken.pixels.len() / broken.len();
        broken.pixels[2 * picture + 5] = f32::NAN;
        let report = trainer.step(&broken, RATE).unwrap();
        assert_eq!(report.not_finite, Some(NotFinite::Pixels("shard-0/10".to_owned())));
        assert_eq!((trainer.steps(), trainer.skipped()), (1, 1));
        assert_eq!(changed(&before, &weights(&trainer)), [""; 0]);
        assert_eq!(changed(&state.tensors, &trainer.state().unwrap().tensors), [""; 0]);
        let report = trainer.step(&batch(&architecture, 1), RATE).unwrap();
        assert_eq!((report.not_finite, trainer.steps()), (None, 2));
    }
}

#[test]
fn the_first_block_that_is_not_finite_is_named() {
    for (architecture, weight, block) in [
        (
            vit(),
            "visual.transformer.resblocks.1.mlp.c_proj.weight",
            "visual.transformer.resblocks.1",
        ),
        (vit(), "visual.conv1.weight", "visual.conv1"),
        (vit(), "transformer.resblocks.0.mlp.c_proj.weight", "transformer.resblocks.0"),
        (resnet(), "visual.layer2.0.bn3.bias", "visual.layer2.0"),
    ] {
        let mut huge = initialization::state_dict(&architecture, 3);
        let shape = huge.get(weight).unwrap().shape().to_vec();
        let values = vec![3e38; shape.iter().product()];
        huge.insert(weight, clip_model::Tensor::from_f32(&shape, values));
        if weight.ends_with("bn3.bias") {
            // Twice the largest: the shortcut adds as much.
            huge.insert(
                "visual.layer2.0.downsample.1.bias",
                clip_model::Tensor::from_f32(&shape, vec![3e38; shape[0]]),
            );
        }
        let mut trainer = with_weights(&architecture, options(&architecture), &huge);
        let report = trainer.step(&batch(&architecture, 0), RATE).unwrap();
        assert_eq!(report.not_finite, Some(NotFinite::Output(block.to_owned())), "{weight}");
    }
}

#[test]
fn gradients_that_are_not_finite_or_cannot_be_squared_are_named() {
    let architecture = vit();
    let step = |shrink: f32, clip_norm| {
        let mut weights = initialization::state_dict(&architecture, 3);
        let projection = weights.get("visual.proj").unwrap();
        let values = projection.to_f32().iter().map(|value| value * shrink).collect();
        let small = clip_model::Tensor::from_f32(projection.shape(), values);
        weights.insert("visual.proj", small);
        let mut options = options(&architecture);
        options.optimizer.clip_norm = clip_norm;
        // It takes norms in f64: features as small as these have one.
        let model = TrainableClip::new(Reference, Precision::F32, &architecture, &weights).unwrap();
        let mut trainer = Trainer::new(model, options, Arc::new(Solo)).unwrap();
        trainer.step(&batch(&architecture, 0), RATE).unwrap().not_finite
    };
    // The gradient of a feature is as large as the feature is small.
    let gradient = NotFinite::Gradient("visual.proj".to_owned());
    assert_eq!(step(1e-39, None), Some(gradient));
    assert_eq!(step(1e-30, None), Some(NotFinite::GradientNorm));
    assert_eq!(step(1e-30, Some(1.0)), None);
}

#[test]
fn locks_keep_what_they_lock() {
    let architecture = vit();
    let after = |image_lock, text_lock, freeze_logit_scale| {
        let options = options(&architecture);
        let options = TrainerOptions { image_lock, text_lock, freeze_logit_scale, ..options };
        let mut trainer = trainer(&architecture, options);
        let before = weights(&trainer);
        trainer.step(&batch(&architecture, 0), RATE).unwrap();
        changed(&before, &weights(&trainer))
    };
    let changed = after(Lock::Locked, Lock::Free, false);
    assert!(changed.contains(&"text_projection".to_owned()));
    assert!(changed.iter().all(|name| !name.starts_with("visual.")), "{changed:?}");
    assert_eq!(after(Lock::LastGroups(1), Lock::Locked, true), ["visual.proj"]);
    let changed = after(Lock::LastGroups(2), Lock::LastGroups(1), true);
    let expected = |name: &str| {
        ["visual.proj", "text_projection"].contains(&name)
            || name.starts_with("visual.ln_post.")
            || name.starts_with("visual.transformer.resblocks.1.")
    };
    assert!(changed.iter().all(|name| expected(name)), "{changed:?}");
    assert_eq!(changed.len(), 2 + 2 + 12);
}

#[test]
fn features_of_a_locked_tower_are_computed_once() {
    let architecture = vit();
    let folder = tempfile::tempdir().unwrap();
    let kept = KeptOptions {
        folder: folder.path().to_owned(),
        source: "tests".to_owned(),
        is_augmented: false,
        even_if_augmented: false,
    };
    let locked = TrainerOptions { image_lock: Lock::Locked, ..options(&architecture) };
    let mut plain = trainer(&architecture, locked.clone());
    let mut keeps = trainer(&architecture, locked.clone());
    let features = keeps.keep_image_features(&kept).unwrap();
    let batch = batch(&architecture, 0);
    let expected = plain.step(&batch, RATE).unwrap();
    assert_eq!(keeps.step(&batch, RATE).unwrap(), expected);
    assert!(features.contains_all(&batch.samples) && features.len() == 8);
    drop((keeps, features));
    // Another run needs no pixels any more.
    let mut again = trainer(&architecture, locked.clone());
    again.keep_image_features(&kept).unwrap();
    let without = Batch { pixels: Vec::new(), ..batch.clone() };
    assert_eq!(again.step(&without, RATE).unwrap(), expected);
    // Another source is another file.
    let mut other = trainer(&architecture, locked.clone());
    other.keep_image_features(&KeptOptions { source: "x".to_owned(), ..kept.clone() }).unwrap();
    assert!(matches!(other.step(&without, RATE), Err(TrainError::NotKept { .. })));
    let augmented = KeptOptions { is_augmented: true, ..kept.clone() };
    let mut augments = trainer(&architecture, locked);
    let refused = augments.keep_image_features(&augmented).unwrap_err().to_string();
    assert!(refused.contains("augmented at random"), "{refused}");
    let mut free = trainer(&architecture, options(&architecture));
    let refused = free.keep_image_features(&kept).unwrap_err().to_string();
    assert!(refused.contains("lock it"), "{refused}");
}

#[test]
fn adapters_alone_move_and_are_saved_alone() {
    let architecture = vit();
    let lora = Some(LoraOptions::of_attention(2, 4.0));
    let options = TrainerOptions { lora, freeze_logit_scale: true, ..options(&architecture) };
    let mut adapted = trainer(&architecture, options.clone());
    let before = weights(&adapted);
    for step in 0..3 {
        adapted.step(&batch(&architecture, step), RATE).unwrap();
    }
    let after = weights(&adapted);
    let changed_names = changed(&before, &after);
    let is_attention = |name: &String| name.contains("attn.") && name.ends_with("weight");
    assert!(changed_names.iter().all(is_attention), "{changed_names:?}");
    assert_eq!(changed_names.len(), 8);
    let saved = adapted.adapters().unwrap().unwrap();
    assert_eq!(saved.len(), 17);
    let mut other = trainer(&architecture, options);
    other.load_adapters(&saved).unwrap();
    assert_eq!(changed(&after, &weights(&other)), [""; 0]);
    let mut more = saved.clone();
    more.insert("x.lora_a", clip_model::Tensor::from_f32(&[1], vec![0.0]));
    assert!(other.load_adapters(&more).is_err());
}

#[test]
fn gradients_of_adapters_are_those_of_the_loss() {
    let architecture = vit();
    let lora = Some(LoraOptions::of_attention(2, 4.0));
    let options = TrainerOptions { lora, ..options(&architecture) };
    let batch = batch(&architecture, 0);
    let name = "transformer.resblocks.0.attn.in_proj_weight";
    let mut start = trainer(&architecture, options.clone()).adapters().unwrap().unwrap();
    for (index, name) in start.names().map(str::to_owned).collect::<Vec<_>>().iter().enumerate() {
        if name.ends_with(".lora_b") {
            let shape = start.get(name).unwrap().shape().to_vec();
            let values = synthetic::uniform(index as u64, name, shape.iter().product(), 0.1, 0.0);
            start.insert(name.clone(), clip_model::Tensor::from_f32(&shape, values));
        }
    }
    let begin = |adapters: &StateDict| {
        let mut trainer = trainer(&architecture, options.clone());
        trainer.load_adapters(adapters).unwrap();
        trainer
    };
    let mut stepped = begin(&start);
    stepped.step(&batch, RATE).unwrap();
    let state = stepped.state().unwrap().tensors;
    for which in ["a", "b"] {
        // The first moment of the first step is a tenth of the gradient.
        let moment = state.get(&format!("lora.{name}.{which}.first_moment")).unwrap().to_f32();
        let tensor = format!("{name}.lora_{which}");
        let values = start.get(&tensor).unwrap().to_f32();
        let largest =
            (0..moment.len()).max_by(|&i, &j| moment[i].abs().total_cmp(&moment[j].abs()));
        let at = largest.unwrap();
        let loss = |by: f32| {
            let mut moved = values.clone();
            moved[at] += by;
            let mut adapters = start.clone();
            let shape = start.get(&tensor).unwrap().shape().to_vec();
            adapters.insert(tensor.clone(), clip_model::Tensor::from_f32(&shape, moved));
            begin(&adapters).step(&batch, 0.0).unwrap().loss
        };
        let step = 1e-2;
        let difference = (loss(step) - loss(-step)) / (2.0 * f64::from(step));
        let gradient = f64::from(moment[at]) / 0.1;
        assert!((gradient / difference - 1.0).abs() < 2e-2, "{which}: {gradient} {difference}");
    }
}

#[test]
fn two_ranks_step_as_one_and_stay_alike() {
    let lora = Some(LoraOptions::of_attention(2, 4.0));
    for (architecture, lora) in [(vit(), None), (vit(), lora), (resnet(), None)] {
        let is_resnet = architecture == resnet();
        let options = TrainerOptions { lora, ..options(&architecture) };
        let mut whole = trainer(&architecture, options.clone());
        let expected: Vec<_> =
            (0..3).map(|step| whole.step(&batch(&architecture, step), RATE).unwrap()).collect();
        let rank = |number: usize, rank: ThreadRank| {
            let weights = initialization::state_dict(&architecture, 3);
            let model =
                TrainableClip::new(Cpu::new(), Precision::F32, &architecture, &weights).unwrap();
            let mut trainer = Trainer::new(model, options.clone(), Arc::new(rank)).unwrap();
            let steps = (0..3).map(|step| {
                let whole = batch(&architecture, step);
                let (pairs, picture) = (4 * number..4 * number + 4, whole.pixels.len() / 8);
                let half = Batch {
                    samples: whole.samples[pairs.clone()].to_vec(),
                    keys: whole.keys[pairs.clone()].to_vec(),
                    pixels: whole.pixels[pairs.start * picture..pairs.end * picture].to_vec(),
                    texts: whole.texts[pairs].to_vec(),
                };
                // How many directions its own features have is a rank's own figure.
                let report = trainer.step(&half, RATE).unwrap();
                StepReport { image_rank: 0.0, text_rank: 0.0, ..report }
            });
            (steps.collect::<Vec<_>>(), self::weights(&trainer))
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let ranks = ThreadRank::all(2).into_iter().enumerate();
            let ranks: Vec<_> = ranks.map(|(i, of)| scope.spawn(move || rank(i, of))).collect();
            ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
        });
        let [(first, one), (second, two)] = results.as_slice() else { panic!("two ranks") };
        assert_eq!(first, second);
        assert_eq!(changed(one, two), [""; 0]);
        // Batch norms of a rank see its own pictures alone.
        if !is_resnet {
            for (found, expected) in first.iter().zip(&expected) {
                assert!((found.loss - expected.loss).abs() < 1e-5, "{found:?} {expected:?}");
                let norm = found.gradient_norm / expected.gradient_norm - 1.0;
                assert!(norm.abs() < 1e-4, "{norm:e}");
                assert_eq!(found.pairs, 8);
            }
        }
    }
}

#[test]
fn batches_and_options_that_cannot_be_are_refused() {
    let architecture = vit();
    let mut trainer = trainer(&architecture, options(&architecture));
    let whole = batch(&architecture, 0);
    assert!(matches!(trainer.step(&Batch::default(), RATE), Err(TrainError::EmptyBatch)));
    for rate in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(matches!(trainer.step(&whole, rate), Err(TrainError::Option { .. })));
    }
    let short = Batch { pixels: vec![0.0; 12], ..whole.clone() };
    assert!(matches!(trainer.step(&short, RATE), Err(TrainError::WrongPixels { .. })));
    let fewer = Batch { texts: whole.texts[1..].to_vec(), ..whole };
    assert!(matches!(trainer.step(&fewer, RATE), Err(TrainError::UnevenBatch { .. })));
    let refused = |change: &dyn Fn(&mut TrainerOptions)| {
        let architecture = resnet();
        let mut options = options(&architecture);
        change(&mut options);
        let weights = initialization::state_dict(&architecture, 3);
        let model =
            TrainableClip::new(Cpu::new(), Precision::F32, &architecture, &weights).unwrap();
        matches!(Trainer::new(model, options, Arc::new(Solo)), Err(TrainError::Option { .. }))
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|options| options.micro_batches = 0));
    assert!(refused(&|options| {
        (options.image_lock, options.text_lock) = (Lock::Locked, Lock::Locked);
        options.freeze_logit_scale = true;
    }));
    assert!(refused(&|options| {
        (options.image_lock, options.text_lock) = (Lock::Locked, Lock::Locked);
        options.lora = Some(LoraOptions::of_attention(2, 1.0));
    }));
    assert!(refused(&|options| options.patch_dropout = 0.5));
    assert!(refused(&|options| options.moving_average = Some(1.0)));
    assert!(refused(&|options| options.optimizer.clip_norm = Some(0.0)));
    assert!(refused(&|options| options.lora = Some(LoraOptions::of_attention(0, 1.0))));
    assert!(refused(&|options| {
        options.objective =
            Objective { loss: Some(clip_train::Loss::Sigmoid), ..Objective::default() };
    }));
}
