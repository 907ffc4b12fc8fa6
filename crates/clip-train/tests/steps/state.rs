//! Going on from a saved state.

use crate::*;
use clip_train::LoraOptions;

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
