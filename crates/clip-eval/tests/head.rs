//! The zero-shot head against numpy's.

mod golden;

use clip_eval::head::Head;
use clip_eval::metrics;
use clip_rs::Features;
use golden::{json, numbers};

const WIDTH: usize = 10;
const TEMPLATES: usize = 6;

#[test]
fn several_names_of_a_class_are_averaged_with_all_their_prompts() {
    let (arrays, golden) = (golden::arrays("metrics.safetensors"), json("metrics.json"));
    let golden = &golden["zero_shot_head"];
    let names: Vec<usize> =
        numbers(&golden["names_per_class"]).into_iter().map(|names| names as usize).collect();
    let prompts = Features::new(WIDTH, arrays.floats("head.prompt_features")).normalize();
    let mut head = Head::zeros(names.len(), WIDTH);
    let mut rows = prompts.as_slice();
    for (class, names) in names.iter().enumerate() {
        let (own, others) = rows.split_at(names * TEMPLATES * WIDTH);
        head.set(class, own);
        rows = others;
    }
    for (ours, theirs) in head.weights().iter().zip(arrays.floats("head.weights")) {
        assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
    }
    let images = Features::new(WIDTH, arrays.floats("head.image_features")).normalize();
    let logits = head.logits(images.as_slice(), 100.0);
    for (ours, theirs) in logits.iter().zip(arrays.floats("head.logits")) {
        assert!((ours - theirs).abs() < 1e-4, "{ours} {theirs}");
    }
    let predictions: Vec<u32> =
        numbers(&golden["predictions"]).into_iter().map(|class| class as u32).collect();
    assert_eq!(metrics::predictions(&logits, names.len()).expect("scores"), predictions);
}
