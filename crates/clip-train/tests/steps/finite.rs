//! Steps that are not finite.

use crate::*;
use clip_kernels::Reference;
use clip_train::NotFinite;

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
