//! Training a part: locked towers, kept features, adapters; and what is refused.

use crate::*;
use clip_train::{KeptOptions, Lock, LoraOptions, Objective, TrainError};

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
