//! `clip-rs eval zeroshot --dataset imagenet_c` as typed.

mod common;

use std::fs;

use common::{json_lines, run};

#[test]
fn imagenet_c_is_the_mean_over_corruptions_and_severities_and_draws_photos() {
    let folder = tempfile::tempdir().expect("a folder");
    let folds = clip_data::find("imagenet_c").expect("of the catalogue").folds.clone();
    for (number, fold) in folds.iter().enumerate() {
        for (photo, wnid) in ["n01440764", "n01537544"].iter().enumerate() {
            let place = folder.path().join(&fold.test).join(wnid);
            fs::create_dir_all(&place).expect("a folder");
            let shade = |at: usize| (number * 3 + photo * 90 + at % 97) as u8;
            let picture: Vec<u8> =
                b"P6\n32 32\n255\n".iter().copied().chain((0..3072).map(shade)).collect();
            fs::write(place.join("photo.JPEG"), picture).expect("a photo");
        }
    }
    let place = |name: &str| folder.path().join(name).display().to_string();
    let verb = ["eval", "zeroshot", "--dataset", "imagenet_c", "--json", "--root"];
    let templates = place("templates.json");
    fs::write(&templates, r#"["a photo of a {}."]"#).expect("one template");
    let places =
        [&place("."), "--out", &place("out"), "--features", &place("f"), "--templates", &templates];
    let found = run(&[&verb[..], &places].concat());
    assert!(!found.stdout.is_empty(), "{}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!(cell["split"], "gaussian_noise/1..jpeg_compression/5 (75)");
    assert_eq!(
        (&cell["counts"]["scored"], &cell["counts"]["expected"]),
        (&150.into(), &3_750_000.into())
    );
    let figure = |name: &str| {
        let figures = cell["figures"].as_array().expect("figures");
        let figure = figures.iter().find(|figure| figure["name"] == name);
        figure.unwrap_or_else(|| panic!("no {name}"))["value"].as_f64().expect("a number")
    };
    let of_splits: Vec<f64> =
        folds.iter().map(|fold| figure(&format!("accuracy of {}", fold.test))).collect();
    let mean = of_splits.iter().sum::<f64>() / 75.0;
    assert!((cell["score"]["value"].as_f64().expect("a number") - mean).abs() < 1e-12);
    let snow =
        (1..=5).map(|severity| figure(&format!("accuracy of snow/{severity}"))).sum::<f64>() / 5.0;
    assert!((figure("accuracy: snow") - snow).abs() < 1e-12);
    assert!((figure("corruption_error: snow") - (1.0 - snow) / 0.866816).abs() < 1e-9);
    assert!(figure("mean_corruption_error") > 0.0);
}
