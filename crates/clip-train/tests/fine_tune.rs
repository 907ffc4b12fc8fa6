//! A checkpoint that open_clip made, trained here and there: `tests/reference/fine_tune.py golden`.

use std::path::Path;
use std::sync::Arc;

use clip_kernels::{Cpu, Precision, Train};
use clip_model::{Checkpoint, LoadOptions, TrainableClip, synthetic};
use clip_train::distributed::Solo;
use clip_train::{Batch, Trainer, TrainerOptions};

const PAIRS: usize = 8;
const SIDE: usize = 32;
const TOLERANCE: f64 = 1e-5;

/// What open_clip found, in f64.
#[derive(serde::Deserialize)]
struct Expected {
    learning_rate: f64,
    losses: Vec<f64>,
    first_gradient_norms: std::collections::BTreeMap<String, f64>,
    logit_scale: f64,
    images: Vec<Vec<f64>>,
    texts: Vec<Vec<f64>>,
}

/// The script's `batch`.
fn batch(step: usize) -> Batch {
    let mut batch = Batch::default();
    for pair in 0..PAIRS {
        let values = |what: &str, count: usize, scale: f32, offset: f32| {
            synthetic::uniform(6, &format!("{step}.{pair}.{what}"), count, scale, offset)
        };
        batch.samples.push(pair as u64);
        batch.keys.push(format!("{step}.{pair}"));
        batch.pixels.extend(values("pixels", 3 * SIDE * SIDE, 1.0, 0.0));
        let words = values("words", 2 + pair % 7, 125.0, 126.0);
        let words = words.into_iter().map(|value| value as u32);
        batch.texts.push([254].into_iter().chain(words).chain([255]).collect());
    }
    batch
}

/// The greatest difference of a value of unit rows.
fn farthest_apart(
    device: &Cpu,
    features: &<Cpu as clip_kernels::Device>::Rows,
    rows: &[Vec<f64>],
) -> f64 {
    let unit = device.read(&device.normalize(features).expect("memory")).expect("memory");
    let expected: Vec<f64> = rows.iter().flatten().copied().collect();
    assert_eq!(unit.len(), expected.len());
    let apart = unit.iter().zip(&expected).map(|(ours, theirs)| (f64::from(*ours) - theirs).abs());
    apart.fold(0.0, f64::max)
}

#[test]
fn open_clips_checkpoint_takes_the_steps_that_open_clip_takes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fine_tune");
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("the golden output");
    let expected: Expected = serde_json::from_str(&text).expect("JSON");
    let checkpoint = Checkpoint::open(&folder, &LoadOptions::default()).expect("a checkpoint");
    let architecture = &checkpoint.architecture;
    let device = Cpu::new();
    let model = TrainableClip::new(device, Precision::F32, architecture, &checkpoint.state_dict);
    let options = TrainerOptions::of_family(&architecture.image);
    let mut trainer =
        Trainer::new(model.expect("fits"), options, Arc::new(Solo)).expect("options that fit");
    let mut worst: f64 = 0.0;
    for (step, loss) in expected.losses.iter().enumerate() {
        let report = trainer.step(&batch(step), expected.learning_rate).expect("a step");
        worst = worst.max((report.loss - loss).abs());
        if step == 0 {
            let squares = expected.first_gradient_norms.values().map(|norm| norm * norm);
            let norm = squares.sum::<f64>().sqrt();
            let apart = (report.gradient_norm - norm).abs() / norm;
            assert!(apart < TOLERANCE, "norm of the gradients: {apart:.1e} apart");
        }
    }
    let scale = f64::from(trainer.model().logit_scale().expect("memory"));
    assert!((scale - expected.logit_scale).abs() < TOLERANCE);

    // What was saved has the names that it was loaded with, and no other.
    let state = trainer.model().state_dict().expect("memory");
    let names = |state: &clip_model::StateDict| {
        state
            .iter()
            .map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&state), names(&checkpoint.state_dict));

    let last = batch(expected.losses.len());
    let texts: Vec<&[u32]> = last.texts.iter().map(Vec::as_slice).collect();
    let mut model = TrainableClip::new(device, Precision::F32, architecture, &state).expect("fits");
    let images = model.encode_images_without_activations(&last.pixels, &Default::default());
    let texts = model.encode_texts_without_activations(&texts);
    let images = farthest_apart(&device, &images.expect("finite"), &expected.images);
    let texts = farthest_apart(&device, &texts.expect("finite"), &expected.texts);
    println!("losses {worst:.1e}, images {images:.1e}, texts {texts:.1e} apart from open_clip's");
    assert!(worst < TOLERANCE && images < TOLERANCE && texts < TOLERANCE);
}
