//! Gradients of whole models against differences of the loss.

use crate::step::{Pairs, all, contrastive, model, step};
use crate::tiny::{pairs, resnet, vision_transformer, weights};
use clip_kernels::{Cpu, Precision};
use clip_model::{Architecture, Tensor, TrainableClip};

fn loss(model: &mut TrainableClip<Cpu>, pairs: &Pairs) -> f64 {
    let (images, _) = model.encode_images(&pairs.pixels, &pairs.pass).unwrap();
    let (texts, _) = model.encode_texts(&pairs.text_slices(), false).unwrap();
    let scale = model.logit_scale().unwrap().exp();
    contrastive(model.device(), &images, &texts, scale, pairs.texts.len()).loss
}

/// How far the loss is followed, in lengths of a parameter, and by how much a slope may differ.
struct Reach {
    lengths: f64,
    tolerance: f64,
}

/// So far the loss bends little, and rounding does not reach.
const SMOOTH: Reach = Reach { lengths: 2e-3, tolerance: 0.01 };
/// A ReLU bends at 0, in one cell or another wherever one goes. That each is right to 5e-5 the
/// comparison with the reference tells; here a term that is missing would be seen.
const BENT: Reach = Reach { lengths: 2e-4, tolerance: 0.05 };

/// Along its own gradient the loss of each parameter must rise by the gradient's length: a wrong
/// direction falls short, a wrong length is seen at once.
fn assert_is_slope(architecture: &Architecture, pairs: &Pairs, reach: &Reach) {
    let Reach { lengths, tolerance } = reach;
    let mut model = model(Cpu::new(), Precision::F32, architecture, &weights(architecture));
    let gradients = step(&mut model, pairs, all).gradients;
    let (mut compared, mut told) = (0, 0);
    for (index, gradient) in gradients.iter().enumerate() {
        let Some(gradient) = gradient else { continue };
        let parameter = model.parameters()[index].clone();
        let norm =
            |values: &[f32]| values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let length = norm(gradient);
        // A bias of keys shifts all scores alike: no slope.
        if parameter.name.contains("k_proj.bias") {
            assert!(length < 1e-6, "{}: {length}", parameter.name);
            continue;
        }
        let values = model.tensor_of(index, model.value(index)).unwrap().to_f32();
        let reach = lengths * norm(&values).max(1.0);
        let mut at = |distance: f64| {
            let step = distance / length;
            let moved = values.iter().zip(gradient);
            let moved: Vec<f32> = moved
                .map(|(&value, &slope)| (f64::from(value) + step * f64::from(slope)) as f32)
                .collect();
            let tensor = Tensor::from_f32(&parameter.shape, moved);
            *model.value_mut(index) = model.rows_of(index, &tensor).unwrap();
            loss(&mut model, pairs)
        };
        // Of the fourth order: what the loss bends is left out.
        let [near, far] = [reach, 2.0 * reach].map(|reach| at(reach) - at(-reach));
        let slope = (8.0 * near - far) / (12.0 * reach);
        at(0.0);
        let error = (slope - length).abs() / length;
        // Of a loss near 2 rounding leaves 1e-6.
        let rounding = 1e-6 / (reach * length);
        assert!(
            rounding >= 0.2 || error < tolerance + rounding,
            "{}: {slope} {length}",
            parameter.name
        );
        compared += 1;
        told += usize::from(rounding < 0.2);
    }
    assert!(compared - told <= compared / 10, "rounding hides too much: {told} of {compared}");
}

#[test]
fn gradients_of_a_vit_are_slopes_of_its_loss() {
    let architecture = vision_transformer();
    assert_is_slope(&architecture, &pairs(&architecture), &SMOOTH);
}

#[test]
fn gradients_with_patches_left_out_are_slopes() {
    let architecture = vision_transformer();
    let patches = vec![vec![0, 3, 9], vec![3], vec![2, 6, 7], vec![1, 2, 3, 9, 15], vec![0, 15]];
    assert_is_slope(&architecture, &pairs(&architecture).keeping(patches), &SMOOTH);
}

#[test]
fn gradients_of_a_resnet_are_slopes_of_its_loss() {
    let architecture = resnet();
    assert_is_slope(&architecture, &pairs(&architecture), &BENT);
}

#[test]
fn gradients_with_frozen_batch_norm_are_slopes() {
    let architecture = resnet();
    assert_is_slope(&architecture, &pairs(&architecture).frozen_batch_norm(), &BENT);
}
