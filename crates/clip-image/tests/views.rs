//! Parts of images as torchvision makes them of Pillow's: `tests/reference/augmentation.py` wrote
//! `tests/data/views.json`.

use std::path::Path;

use clip_image::{Limits, Preprocess, View};

#[test]
fn parts_are_those_of_torchvision_to_the_bit() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let golden = clip_testing::read_json(data.join("views.json"));
    let size = golden["size"].as_u64().expect("a size") as u32;
    let recipe = Preprocess::clip(size);
    let cases = golden["views"].as_array().expect("cases");
    assert!(cases.len() > 50, "{}", cases.len());
    for case in cases {
        let number = |key: &str, i: usize| case[key][i].as_u64().map(|value| value as u32);
        let view = match number("part", 0) {
            Some(left) => View::Part {
                left,
                top: number("part", 1).expect("a number"),
                width: number("part", 2).expect("a number"),
                height: number("part", 3).expect("a number"),
            },
            None => View::Square {
                shorter: number("square", 0).expect("a number"),
                left: number("square", 1).expect("a number"),
                top: number("square", 2).expect("a number"),
            },
        };
        let bytes = std::fs::read(data.join(case["file"].as_str().expect("a name")));
        let pixels = recipe.view(&bytes.expect("a file"), &Limits::default(), |_| view);
        let pixels = pixels.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(clip_testing::sha256(&pixels.data), case["sha256"], "{case}");
    }
}
