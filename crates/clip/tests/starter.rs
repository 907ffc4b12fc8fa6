//! The starter model against the outputs that PyTorch gave for it: twelve photos, twenty texts.

use std::path::{Path, PathBuf};

use clip_rs::Clip;
use clip_rs::model::safetensors;

/// Largest error over the reference's largest magnitude.
const TOLERANCE: f32 = 1e-5;

fn crate_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn outputs(name: &str) -> Vec<f32> {
    let file = safetensors::open(&crate_path("assets/starter/photos_outputs.safetensors"))
        .expect("the outputs");
    file.tensors.get(name).expect("the tensor").to_f32()
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let magnitude = expected.iter().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    let apart =
        found.iter().zip(expected).fold(0.0_f32, |greatest, (a, b)| greatest.max((a - b).abs()));
    assert!(apart <= TOLERANCE * magnitude, "{apart} apart, largest magnitude {magnitude}");
}

#[test]
fn features_of_photos_and_texts_are_the_references_from_the_files_themselves() {
    let results =
        std::fs::read_to_string(crate_path("assets/starter/results.json")).expect("the results");
    let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
    let strings = |list: &serde_json::Value, pick: fn(&serde_json::Value) -> &serde_json::Value| {
        let items = list.as_array().expect("a list").iter();
        items.map(|item| pick(item).as_str().expect("a string").to_owned()).collect::<Vec<String>>()
    };
    let texts = strings(&results["texts"], |text| text);
    let files = strings(&results["photos"], |photo| &photo["file"]);
    let photos: Vec<PathBuf> = files
        .iter()
        .map(|file| crate_path("../../photos").join(Path::new(file).file_name().expect("a name")))
        .collect();

    let clip = Clip::starter().expect("built in");
    assert_close(
        clip.encode_images(&photos).expect("photos").as_slice(),
        &outputs("image_features"),
    );
    assert_close(clip.encode_texts(&texts).expect("texts").as_slice(), &outputs("text_features"));
    let logits: Vec<f32> = clip
        .similarity(&photos, &texts)
        .expect("both")
        .cosines
        .iter()
        .map(|cosine| clip.scale() * cosine)
        .collect();
    assert_close(&logits, &outputs("logits_per_image"));
}

#[test]
fn an_image_has_the_same_bits_alone_and_among_others() {
    let clip = Clip::starter().expect("built in");
    let photos =
        ["cat.jpg", "dog.jpg", "pizza.jpg"].map(|name| crate_path("../../photos").join(name));
    let together = clip.encode_images(&photos).expect("photos");
    for (photo, row) in photos.iter().zip(together.rows()) {
        assert_eq!(clip.encode_images(&[photo]).expect("a photo").as_slice(), row);
    }
}

#[test]
fn long_texts_are_refused_or_cut_and_named() {
    let clip = Clip::starter().expect("built in");
    let texts = ["a cat".to_owned(), "zebra ".repeat(90)];
    let refused = clip.encode_texts(&texts).expect_err("too long").to_string();
    assert!(refused.starts_with("text 1: ") && refused.contains("77"), "{refused}");
    let (features, cut) = clip.encode_texts_with(&texts, clip_rs::Overflow::Truncate).expect("cut");
    assert_eq!((features.len(), cut.len(), cut[0].index, cut[0].lost), (2, 1, 1, 15));
}
