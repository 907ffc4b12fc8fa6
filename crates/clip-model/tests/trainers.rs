//! Checkpoints as trainers leave them (`tests/data/trainers/make.py` writes them): the tensors are
//! read wherever they stand, what stands beside them is never built.

use clip_model::checkpoint::inventory;
use clip_model::{Activation, Checkpoint, CheckpointError, LoadOptions};
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/trainers")
}

/// Unpacks a file of the test data into `folder`.
fn unpack(name: &str, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{name}.pt"));
    clip_testing::unpack(&data().join(format!("{name}.pt.gz")), &path);
    path
}

/// The sizes are too small for heads of 64 features.
fn options() -> LoadOptions {
    let config = r#"{"embed_dim": 4, "quick_gelu": true, "vision_cfg": {"image_size": 4, "layers": 1, "width": 8, "patch_size": 2,
        "head_width": 4, "mlp_ratio": 2.0}, "text_cfg": {"context_length": 5, "vocab_size": 20, "width": 8,
        "heads": 2, "layers": 1, "mlp_ratio": 2.0}}"#;
    LoadOptions {
        activation: Some(Activation::QuickGelu),
        config: Some(config.to_owned()),
        ..LoadOptions::default()
    }
}

fn open(name: &str) -> Result<Checkpoint, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    Checkpoint::open(&unpack(name, folder.path()), &options())
}

#[test]
fn the_same_tensors_are_read_from_every_file() {
    let plain = open("plain").unwrap();
    assert_eq!(plain.warnings, [] as [&str; 0]);
    for name in [
        "numpy_scalar",
        "everything",
        "model_state_dict",
        "lightning",
        "deepspeed",
        "nested",
        "tagged",
        "whole_model_wrapped",
        "protocol_4",
        "protocol_5",
        "legacy_2",
        "legacy_4",
        "legacy_whole_model",
    ] {
        let checkpoint = open(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(checkpoint.digest(), plain.digest(), "{name}");
    }
}

#[test]
fn what_was_taken_and_what_was_left_is_said() {
    let warnings = |name| open(name).unwrap().warnings.join("\n");
    let said = warnings("numpy_scalar");
    assert!(
        said.contains("the weights under `state_dict` of a training checkpoint after epoch 5"),
        "{said}"
    );
    assert!(
        said.contains("objects of `numpy._core.multiarray.scalar`, `numpy.dtype` were not built"),
        "{said}"
    );
    assert!(said.contains("`module.` was taken out of the names"), "{said}");
    let said = warnings("lightning");
    assert!(said.contains("the prefix `clipmodel.` was taken off"), "{said}");
    assert!(
        said.contains("1 tensors outside it were left out, the first is `head.weight`"),
        "{said}"
    );
    let said = warnings("whole_model_wrapped");
    assert!(
        said.contains("`torch.nn.modules.module.Module`") && said.contains("nothing was executed"),
        "{said}"
    );
}

#[test]
fn several_models_and_weights_that_are_no_plain_tensors_are_refused_by_name() {
    for (name, problem) in [
        ("two_models", "holds the weights of several models: `model`, `ema`"),
        (
            "sparse_weight",
            "`visual.proj` is made by `torch._utils._rebuild_sparse_tensor`, expected a plain tensor",
        ),
    ] {
        let error = open(name).unwrap_err().to_string();
        assert!(error.contains(problem), "{name}: {error}");
    }
}

#[test]
fn inventory_lists_what_is_no_clip() {
    let folder = tempfile::tempdir().unwrap();
    let listed = inventory(&unpack("two_models", folder.path())).unwrap();
    assert_eq!(
        listed.keys,
        [("model", "a dictionary"), ("ema", "a dictionary")].map(|(a, b)| (a.into(), b.into()))
    );
    let proj = listed.tensors.iter().find(|tensor| tensor.name == "ema.visual.proj").unwrap();
    assert_eq!((proj.dtype.as_str(), proj.shape.as_slice()), ("f16", [8, 4].as_slice()));
    let listed = inventory(&unpack("everything", folder.path())).unwrap();
    assert!(
        listed.not_built.iter().any(|name| name == "argparse.Namespace"),
        "{:?}",
        listed.not_built
    );
    assert!(
        listed.keys.contains(&("slots".to_owned(), "made by `trainer.options.Slots`".to_owned()))
    );
}

#[test]
fn shards_of_torch_save_are_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let shard = unpack("model_state_dict", folder.path());
    std::fs::rename(shard, folder.path().join("pytorch_model-1.bin")).unwrap();
    let plain = open("plain").unwrap();
    let map: Vec<_> = plain
        .state_dict
        .names()
        .map(|name| format!("\"{name}\": \"pytorch_model-1.bin\""))
        .collect();
    let index = format!("{{\"weight_map\": {{{}}}}}", map.join(", "));
    std::fs::write(folder.path().join("pytorch_model.bin.index.json"), index).unwrap();
    let sharded = Checkpoint::open(folder.path(), &options()).unwrap();
    assert_eq!(sharded.digest(), plain.digest());
    assert!(
        sharded.warnings[0].starts_with("the weights under `model_state_dict`"),
        "{:?}",
        sharded.warnings
    );
}

#[test]
fn a_folder_without_usual_names_tells_what_to_give_instead() {
    let folder = tempfile::tempdir().unwrap();
    let message = || Checkpoint::open(folder.path(), &options()).unwrap_err().to_string();
    assert!(message().contains("such as `open_clip_model.safetensors`"), "{}", message());
    let inner = folder.path().join("0_CLIPModel");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("model.safetensors"), "").unwrap();
    assert!(message().contains("there is one in `"), "{}", message());
    std::fs::write(folder.path().join("modules.json"), "[]").unwrap();
    assert!(message().contains(&format!("the model is in `{}`", inner.display())), "{}", message());
    std::fs::remove_file(folder.path().join("modules.json")).unwrap();
    unpack("plain", folder.path());
    assert!(message().contains("plain.pt`: give a file by its path"), "{}", message());
}
