//! A checkpoint written in any layout is the same model when it is read again.

mod golden;

use clip_model::{Checkpoint, Dtype, Layout, LoadOptions, WeightFormat, convert};
use golden::{checkpoint_path, model_folder, unpack};
use serde_json::{Map, Value, json};
use std::path::Path;

fn assert_same_model(a: &Checkpoint, b: &Checkpoint, what: &str) {
    assert_eq!(a.architecture, b.architecture, "{what}");
    for parameter in
        a.architecture.parameters().iter().filter(|parameter| !parameter.kind.is_optional())
    {
        let [a, b] = [a, b].map(|checkpoint| {
            checkpoint.state_dict.floats(&parameter.name, &parameter.shape).unwrap().to_f32()
        });
        assert!(a == b, "{what}: {} differs", parameter.name);
    }
}

fn preprocessing() -> Map<String, Value> {
    json!({ "do_resize": true }).as_object().unwrap().clone()
}

fn same_types(a: &Checkpoint, b: &Checkpoint) -> bool {
    a.state_dict
        .iter()
        .all(|(name, tensor)| b.state_dict.get(name).is_some_and(|b| b.dtype() == tensor.dtype()))
}

/// The golden weights are exact in every type, so nothing may change whatever they are written as.
fn every_layout_and_type_keeps_the_model(model: &str, format: &str, layouts: &[Layout]) {
    let Some(source) =
        model_folder(model).map(|folder| folder.join(format)).filter(|path| path.is_dir())
    else {
        return clip_testing::skipped(&format!("golden data model/{model}/{format} is not there"));
    };
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join("source");
    unpack(&source, &unpacked);
    let options = LoadOptions::default();
    let original = Checkpoint::open(&checkpoint_path(&unpacked), &options).unwrap();
    use WeightFormat::{AsStored, Bf16, F16, F32, Released};
    for &layout in layouts {
        for weights in [AsStored, F32, F16, Bf16, Released] {
            let what = format!("{layout:?}, {weights:?}");
            let out = folder.path().join(format!("{layout:?}-{weights:?}.safetensors"));
            let files = convert(&original, layout, &out, weights, &preprocessing()).unwrap();
            assert!(files.iter().all(|file| file.is_file()), "{what}: {files:?}");
            let written =
                Checkpoint::open(&out, &options).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_same_model(&original, &written, &what);
            let projection = written.state_dict.get("text_projection").unwrap().dtype();
            let stored = original.state_dict.get("text_projection").unwrap().dtype();
            let expected = match weights {
                AsStored => stored,
                F32 => Dtype::F32,
                F16 | Released => Dtype::F16,
                Bf16 => Dtype::Bf16,
            };
            assert_eq!(projection, expected, "{what}");
            assert_eq!(
                written.digest() == original.digest(),
                weights == AsStored || same_types(&original, &written)
            );
        }
    }
}

#[test]
fn openai_archive_survives_every_layout() {
    let layouts = [Layout::OpenAi, Layout::OpenClip, Layout::HuggingFace];
    every_layout_and_type_keeps_the_model("vit_quickgelu", "openai_jit", &layouts);
}

#[test]
fn heads_activation_and_pooling_survive_every_layout() {
    let layouts = [Layout::OpenAi, Layout::OpenClip, Layout::HuggingFace];
    every_layout_and_type_keeps_the_model("vit_gelu", "hf_sharded", &layouts);
}

#[test]
fn resnet_survives_the_layouts_that_can_hold_it() {
    every_layout_and_type_keeps_the_model(
        "resnet",
        "openai_jit",
        &[Layout::OpenAi, Layout::OpenClip],
    );
}

#[test]
fn what_is_there_already_is_not_overwritten_by_a_folder() {
    let Some(source) = model_folder("vit_gelu") else { return };
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join("source");
    unpack(&source.join("open_clip_dir"), &unpacked);
    let checkpoint = Checkpoint::open(&unpacked, &LoadOptions::default()).unwrap();
    let before = names(folder.path());
    let error =
        convert(&checkpoint, Layout::HuggingFace, &unpacked, WeightFormat::F32, &preprocessing())
            .unwrap_err();
    assert!(error.to_string().ends_with("cannot write"), "{error}");
    assert_eq!(names(folder.path()), before, "nothing is left over");
    assert!(unpacked.join("open_clip_model.safetensors").is_file());
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
