//! `clip-rs eval selection` as typed.

mod common;

use std::fs;

use common::{json_lines, run};

#[test]
fn rows_without_a_choice_are_wrong_and_rows_without_their_image_are_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, shade) in [("a.ppm", 30_u8), ("b.ppm", 200)] {
        let picture: Vec<u8> = b"P6\n32 32\n255\n"
            .iter()
            .copied()
            .chain((0..3072).map(|at| shade ^ (at % 7) as u8))
            .collect();
        fs::write(folder.path().join(name), picture).expect("a photo");
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let select = |text: &str| {
        fs::write(path("pairs.csv"), text).expect("a table");
        let (out, features) = (path("out"), path("features"));
        run(&[
            "eval",
            "selection",
            "--table",
            &path("pairs.csv"),
            "--out",
            &out,
            "--features",
            &features,
            "--json",
        ])
    };
    // Equal captions and equal images are no choice, whatever the model.
    let found = select(
        "image_0,image_1,caption_0,caption_1\na.ppm,b.ppm,a cat,a cat\na.ppm,a.ppm,a dark photo,a light photo\n\
         a.ppm,gone.ppm,a dog,a cat\n",
    );
    assert_eq!(found.code, 3, "{}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!(
        (&cell["task"], &cell["dataset"]),
        (&"image_caption_selection".into(), &"pairs".into())
    );
    assert_eq!((&cell["counts"]["scored"], &cell["counts"]["skipped"]), (&2.into(), &1.into()));
    assert_eq!(
        (&cell["score"]["name"], &cell["score"]["value"]),
        (&"accuracy".into(), &0.0.into())
    );
    assert_eq!(
        cell["metrics"]["text_acc"], 0.0,
        "equal captions, and one caption for two equal images"
    );
    let one = select("file,caption,negative_caption\na.ppm,a dark photo,a light photo\n");
    assert_eq!(one.code, 0, "{}", one.stderr);
    let cell = &json_lines(&one.stdout)[0];
    assert!(cell["metrics"]["image_acc"].is_null(), "{}", cell["metrics"]);
    assert_eq!(cell["score"]["value"], cell["metrics"]["text_acc"]);
    let refused = select("file,caption\na.ppm,a cat\n");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("negative_caption"), "{}", refused.stderr);
}
