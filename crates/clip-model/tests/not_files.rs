//! Paths that are no files, and files that are not what their name says.

use clip_model::{Activation, Checkpoint, CheckpointError, LoadOptions};

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.pt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    let link = folder.path().join("link.pt");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    let mut paths = vec![link];
    if made.is_ok_and(|status| status.success()) {
        paths.push(pipe);
    }
    for path in paths {
        let error = Checkpoint::open(&path, &LoadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("not a regular file (a pipe or a device)"), "{error}");
    }
}

#[test]
fn a_released_name_needs_the_released_digest() {
    let data =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/checkpoints_bad/ok_tiny_strided.pt");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ViT-B-32.pt");
    std::fs::copy(data, &path).unwrap();
    let mut options =
        LoadOptions { activation: Some(Activation::QuickGelu), ..LoadOptions::default() };
    let error = Checkpoint::open(&path, &options).unwrap_err();
    assert!(matches!(error, CheckpointError::WrongDigest { .. }), "{error}");
    options.ignore_digest = true;
    Checkpoint::open(&path, &options).unwrap();
}

#[test]
fn weights_that_do_not_tell_their_activation_need_to_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut architecture = clip_model::registry::find("ViT-B/32").unwrap().architecture.clone();
    architecture.text.layers = 1;
    architecture.text.vocab_size = 10;
    if let clip_model::ImageArchitecture::VisionTransformer { layers, .. } = &mut architecture.image
    {
        *layers = 1;
    }
    let weights = clip_model::synthetic::state_dict(&architecture, 1);
    let tensors = weights
        .iter()
        .map(|(name, tensor)| clip_model::safetensors::WriteTensor::as_is(name, tensor.clone()))
        .collect();
    clip_model::safetensors::write(&path, tensors, &Default::default()).unwrap();

    let error = Checkpoint::open(&path, &LoadOptions::default()).unwrap_err();
    assert!(matches!(error, CheckpointError::UnknownActivation { .. }), "{error}");
    assert!(error.help().unwrap().contains("--activation"));
    let guess = LoadOptions { guess_activation: true, ..LoadOptions::default() };
    let checkpoint = Checkpoint::open(&path, &guess).unwrap();
    assert_eq!(checkpoint.activation_source, clip_model::ActivationSource::Guessed);
    assert_eq!(
        checkpoint.warnings,
        ["nothing says which activation the weights need: quick_gelu was guessed"]
    );
    assert_eq!(checkpoint.architecture, architecture);
}
