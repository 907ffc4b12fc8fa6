//! What must not change a bit of a gradient, and features that are those of inference.

use crate::step::{Pairs, all, assert_same_bits, model, processors, step};
use crate::tiny::{PAIRS, pairs, resnet, vision_transformer, weights};
use clip_kernels::{Cpu, Precision, Reference, Train};
use clip_model::parameters::{Parameter, ParameterKind, Tower};
use clip_model::{Architecture, ClipModel, Gradients, TrainableClip};

fn both() -> [Architecture; 2] {
    [vision_transformer(), resnet()]
}

fn tiny<D: Train>(device: D, architecture: &Architecture) -> TrainableClip<D> {
    model(device, Precision::F32, architecture, &weights(architecture))
}

fn assert_features_of_inference<D: Train + Copy>(device: D, architecture: &Architecture) {
    let weights = weights(architecture);
    let pairs = pairs(architecture).frozen_batch_norm();
    let inference = ClipModel::new(device, Precision::F32, architecture, &weights).unwrap();
    let mut training = model(device, Precision::F32, architecture, &weights);
    let (images, _) = training.encode_images(&pairs.pixels, &pairs.pass).unwrap();
    let (texts, _) = training.encode_texts(&pairs.text_slices(), false).unwrap();
    let device = training.device();
    for (found, expected) in [
        (device.read(&images), inference.encode_images(&pairs.pixels)),
        (device.read(&texts), inference.encode_texts(&pairs.text_slices())),
    ] {
        let (found, expected) = (found.unwrap(), expected.unwrap());
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 5e-6 * largest, "{found} {expected}");
        }
    }
}

#[test]
fn features_are_those_of_inference() {
    for architecture in both() {
        assert_features_of_inference(Reference, &architecture);
        processors().for_each(|device| assert_features_of_inference(device, &architecture));
    }
}

#[test]
fn gradients_have_the_same_bits_for_any_number_of_threads() {
    for architecture in both() {
        for device in processors() {
            for precision in [Precision::F32, Precision::Bf16] {
                let on_threads = |threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                    let weights = weights(&architecture);
                    let mut model = model(device, precision, &architecture, &weights);
                    let pairs = pairs(&architecture);
                    let step = pool.build().unwrap().install(|| step(&mut model, &pairs, all));
                    (step, model)
                };
                let (alone, model) = on_threads(1);
                for threads in [2, 3] {
                    let case = format!("{threads} threads, {precision}");
                    on_threads(threads).0.assert_same_bits(&alone, model.parameters(), &case);
                }
            }
        }
    }
}

#[test]
fn what_is_computed_again_has_the_same_bits() {
    for architecture in both() {
        for pairs in [pairs(&architecture), pairs(&architecture).frozen_batch_norm()] {
            let mut first = tiny(Cpu::new(), &architecture);
            let kept = step(&mut first, &pairs, all);
            let again = step(&mut tiny(Cpu::new(), &architecture), &pairs.checkpointing(), all);
            again.assert_same_bits(&kept, first.parameters(), "checkpointing");
        }
    }
}

#[test]
fn running_statistics_move_only_in_batch_mode() {
    let architecture = resnet();
    let pairs = pairs(&architecture);
    let mut model = tiny(Cpu::new(), &architecture);
    let before = step(&mut model, &pairs.clone().frozen_batch_norm(), all).values;
    let after = step(&mut model, &pairs, all).values;
    for (index, parameter) in model.parameters().iter().enumerate() {
        let moves =
            matches!(parameter.kind, ParameterKind::RunningMean | ParameterKind::RunningVariance);
        assert_eq!(before[index] != after[index], moves, "{}", parameter.name);
    }
}

#[test]
fn a_pass_without_a_way_back_gives_the_same_bits() {
    for architecture in both() {
        let pairs = pairs(&architecture);
        let (mut a, mut b) = (tiny(Cpu::new(), &architecture), tiny(Cpu::new(), &architecture));
        let (images, _) = a.encode_images(&pairs.pixels, &pairs.pass).unwrap();
        let alone = b.encode_images_without_activations(&pairs.pixels, &pairs.pass).unwrap();
        assert_same_bits(&Cpu::new().read(&images).unwrap(), &Cpu::new().read(&alone).unwrap(), "");
        let (texts, _) = a.encode_texts(&pairs.text_slices(), false).unwrap();
        let alone = b.encode_texts_without_activations(&pairs.text_slices()).unwrap();
        assert_same_bits(&Cpu::new().read(&texts).unwrap(), &Cpu::new().read(&alone).unwrap(), "");
        for (index, parameter) in a.parameters().iter().enumerate() {
            let read =
                |model: &TrainableClip<Cpu>| model.device().read(model.value(index)).unwrap();
            assert_same_bits(&read(&a), &read(&b), &parameter.name);
        }
    }
}

/// A part of a model, and what belongs to it.
type Part = (&'static str, fn(&Parameter) -> bool);

/// Parts of a model that somebody could want to train alone.
const PARTS: [Part; 13] = [
    ("the text tower", |p| p.tower == Tower::Text),
    ("the image tower", |p| p.tower == Tower::Image),
    ("the temperature", |p| p.tower == Tower::Joint),
    ("nothing", |_| false),
    ("the projections", |p| p.kind == ParameterKind::Projection),
    ("gains", |p| p.kind == ParameterKind::NormGain),
    ("biases of norms", |p| p.kind == ParameterKind::NormBias),
    ("MLPs of the second block", |p| p.name.contains("resblocks.1.mlp")),
    ("attention of the second block", |p| p.name.contains("resblocks.1.attn")),
    ("the last stage and the pool", |p| p.name.contains("layer4") || p.name.contains("attnpool")),
    ("positions", |p| {
        use ParameterKind::{ImagePosition, PoolPosition, TextPosition};
        matches!(p.kind, ImagePosition | PoolPosition | TextPosition)
    }),
    ("values of the pool", |p| p.name.contains("v_proj.weight")),
    ("all but biases", |p| p.kind != ParameterKind::Bias),
];

#[test]
fn frozen_parameters_have_no_gradient_and_change_no_bit_of_the_others() {
    for architecture in both() {
        let pairs = pairs(&architecture);
        let whole = step(&mut tiny(Cpu::new(), &architecture), &pairs, all);
        for (part, is_trained) in PARTS {
            let mut model = tiny(Cpu::new(), &architecture);
            let step = step(&mut model, &pairs, is_trained);
            step.assert_same_bits(&whole, model.parameters(), part);
            for (gradient, parameter) in step.gradients.iter().zip(model.parameters()) {
                let trained = is_trained(parameter) && parameter.kind.is_parameter();
                assert_eq!(gradient.is_some(), trained, "{part}: {}", parameter.name);
            }
            let mut ready = step.ready.clone();
            ready.sort_unstable();
            let of_towers = (0..model.parameters().len()).filter(|&index| {
                step.gradients[index].is_some() && model.parameters()[index].tower != Tower::Joint
            });
            assert_eq!(ready, of_towers.collect::<Vec<_>>(), "{part}: each is ready once");
        }
    }
}

#[test]
fn gradients_are_whole_from_the_top_to_the_bottom() {
    let architecture = vision_transformer();
    let mut model = tiny(Cpu::new(), &architecture);
    let ready = step(&mut model, &pairs(&architecture), all).ready;
    let place = |name: &str| {
        let index = model.index_of(name).unwrap();
        ready.iter().position(|&ready| ready == index).unwrap()
    };
    let names = [
        "visual.proj",
        "visual.transformer.resblocks.2.mlp.c_proj.weight",
        "visual.transformer.resblocks.2.attn.in_proj_weight",
        "visual.transformer.resblocks.0.ln_1.weight",
        "visual.conv1.weight",
        "text_projection",
        "transformer.resblocks.1.mlp.c_fc.bias",
        "token_embedding.weight",
    ];
    assert!(names.is_sorted_by_key(|name| place(name)));
}

#[test]
fn gradients_are_added_to_what_is_there() {
    let architecture = vision_transformer();
    let pairs = pairs(&architecture);
    let mut model = tiny(Reference, &architecture);
    let mut gradients = Gradients::zeros(&model, all).unwrap();
    let place = model.index_of("visual.proj").unwrap();
    let mut after_another = || {
        let (features, activations) = model.encode_images(&pairs.pixels, &pairs.pass).unwrap();
        model.image_backward(activations, features, &mut gradients, &mut |_, _| {}).unwrap();
        Reference.read(gradients.get(place).unwrap()).unwrap()
    };
    let (once, both) = (after_another(), after_another());
    for (once, both) in once.iter().zip(both) {
        assert!((both - 2.0 * once).abs() <= 1e-6 * both.abs(), "{once} {both}");
    }
}

#[test]
fn keeping_all_patches_is_leaving_out_none() {
    let architecture = vision_transformer();
    let whole = pairs(&architecture);
    let kept = whole.clone().keeping(vec![(0..16).collect(); PAIRS]);
    let mut model = tiny(Cpu::new(), &architecture);
    let whole = step(&mut model, &whole, all);
    let kept = step(&mut tiny(Cpu::new(), &architecture), &kept, all);
    kept.assert_same_bits(&whole, model.parameters(), "all patches");
}

#[test]
fn patches_that_are_left_out_get_no_gradient_and_change_nothing() {
    let architecture = vision_transformer();
    let patches = vec![vec![0, 3, 9], vec![3], vec![], vec![1, 2, 3, 9, 15], vec![0, 15]];
    let dropped = pairs(&architecture).keeping(patches.clone());
    let mut model = tiny(Cpu::new(), &architecture);
    let first = step(&mut model, &dropped, all);
    let place = model.index_of("visual.positional_embedding").unwrap();
    let positions = first.gradients[place].as_ref().unwrap();
    for (row, gradient) in positions.chunks(32).enumerate() {
        let is_kept = row == 0 || patches.iter().flatten().any(|patch| patch + 1 == row);
        assert_eq!(gradient.iter().any(|&value| value != 0.0), is_kept, "position {row}");
    }
    let other = other_pixels_in_dropped_patches(&dropped, &patches);
    let other = step(&mut tiny(Cpu::new(), &architecture), &other, all);
    other.assert_same_bits(&first, model.parameters(), "pixels that nobody sees");
}

/// Patches of 8 x 8 pixels in pictures of 32 x 32.
fn other_pixels_in_dropped_patches(pairs: &Pairs, kept: &[Vec<usize>]) -> Pairs {
    let mut pairs = pairs.clone();
    for (index, pixel) in pairs.pixels.iter_mut().enumerate() {
        let (x, y) = (index % 32, index / 32 % 32);
        if !kept[index / (3 * 32 * 32)].contains(&(y / 8 * 4 + x / 8)) {
            *pixel = -*pixel + 0.25;
        }
    }
    pairs
}

#[test]
fn what_stands_behind_the_end_of_a_text_changes_nothing() {
    let architecture = vision_transformer();
    let padded = pairs(&architecture);
    let mut bare = padded.clone();
    bare.texts.iter_mut().for_each(|text| text.truncate(text.len() - 2));
    let mut model = tiny(Cpu::new(), &architecture);
    let padded = step(&mut model, &padded, all);
    let bare = step(&mut tiny(Cpu::new(), &architecture), &bare, all);
    bare.assert_same_bits(&padded, model.parameters(), "padding");
}

#[test]
fn bf16_is_near_f32() {
    for architecture in both() {
        // Batch statistics of a few cells would make much of little.
        let pairs = pairs(&architecture).frozen_batch_norm();
        let gradients = |precision| {
            let mut model = model(Cpu::new(), precision, &architecture, &weights(&architecture));
            let step = step(&mut model, &pairs, all);
            step.gradients.into_iter().flatten().flatten().map(f64::from).collect::<Vec<_>>()
        };
        let (exact, rounded) = (gradients(Precision::F32), gradients(Precision::Bf16));
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let difference: Vec<f64> = exact.iter().zip(&rounded).map(|(a, b)| a - b).collect();
        let error = norm(&difference) / norm(&exact);
        assert!(error > 1e-5 && error < 0.05, "{error}");
    }
}

#[test]
fn a_model_that_cannot_be_trained_is_refused() {
    let architecture = vision_transformer();
    let weights = weights(&architecture);
    let int8 = TrainableClip::new(Reference, Precision::Int8, &architecture, &weights);
    assert!(int8.err().unwrap().to_string().contains("training in int8 is not supported"));
    let short = TrainableClip::new(Reference, Precision::F32, &resnet(), &weights);
    assert!(short.err().unwrap().to_string().contains("is missing"));
    let mut model = tiny(Reference, &architecture);
    let error = model.encode_images(&[0.0; 5], &Default::default()).err().unwrap();
    assert!(error.to_string().contains("5 values"), "{error}");
    let error = model.encode_texts(&[&[]], false).err().unwrap();
    assert!(error.to_string().contains("no tokens"), "{error}");
}
