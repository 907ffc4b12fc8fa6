//! What has the same bits, and what is equal to rounding: micro-batches, ranks, threads.

use crate::*;
use clip_train::distributed::ThreadRank;
use clip_train::{LoraOptions, StepReport};

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
fn bits_do_not_depend_on_threads() {
    for (architecture, precision) in
        [(vit(), Precision::F32), (vit(), Precision::Bf16), (resnet(), Precision::F32)]
    {
        let trained = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut options = TrainerOptions { micro_batches: 3, ..options(&architecture) };
                options.optimizer.clip_norm = Some(1.0);
                let mut trainer = in_precision(precision, &architecture, options);
                let steps = (0..3).map(|step| trainer.step(&batch(&architecture, step), RATE));
                let reports: Vec<_> = steps.map(Result::unwrap).collect();
                (reports, weights(&trainer))
            })
        };
        let (reports, expected) = trained(1);
        for threads in [2, 3, 4] {
            let (found, weights) = trained(threads);
            assert_eq!(found, reports, "{threads} threads");
            assert_eq!(changed(&expected, &weights), [""; 0], "{threads} threads");
        }
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
