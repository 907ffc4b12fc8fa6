//! Invented results of every task, for looking at the report and for its tests: no figure here
//! means anything.
#![allow(dead_code, reason = "each user takes a part")]

pub(crate) mod audits;

use std::collections::BTreeMap;

use clip_data::PromptSet;
use clip_eval::head::blake3_of;
use clip_eval::results::{
    ClassFigure, Confusion, Counts, Details, Figure, Identity, Provenance, Record, ReliabilityBin,
    RobustnessPoint, SCHEMA, SearchPoint, ShotPoint, Skipped, WrongImage,
};
use clip_report::Measured;
use clip_report::published::Origin;
use clip_rs::Pixels;

/// Id, title, classes, items of the published split, items scored.
pub(crate) type Set = (&'static str, &'static str, usize, usize, usize);

pub(crate) const SETS: [Set; 4] = [
    ("food101", "Food101", 101, 25_250, 25_250),
    ("oxford_pets", "Oxford-IIIT Pet", 37, 3_669, 3_650),
    ("eurosat", "EuroSAT", 10, 5_000, 500),
    ("country211", "Country211", 211, 21_100, 21_100),
];

/// Name, score on the first set.
pub(crate) const MODELS: [(&str, f64); 2] = [("ViT-B/32", 0.839), ("ViT-L/14@336px", 0.937)];

/// Two models, four data sets, all tasks.
pub(crate) fn suite() -> Vec<Record> {
    let mut cells = Vec::new();
    for (model, level) in MODELS {
        for (index, set) in SETS.iter().enumerate() {
            let score = level - [0.0, 0.06, 0.39, 0.66][index];
            cells.push(zero_shot(model, set, score));
            cells.push(probe(model, set, (score + 0.08 + 0.1 * index as f64).min(0.98)));
            cells.push(few_shot(model, set, score));
        }
        cells.push(retrieval(model, level - 0.26));
        cells.push(robustness(
            model,
            "imagenet-a",
            "ImageNet-A",
            7_500,
            7_500,
            (level - 0.08, level - 0.55),
        ));
        cells.push(robustness(
            model,
            "imagenet-r",
            "ImageNet-R",
            30_000,
            1_200,
            (level - 0.04, level - 0.15),
        ));
    }
    cells
}

/// What somebody might have published of them: near, but not equal.
pub(crate) fn invented_values(cell: &Record, figure: &Figure) -> Vec<Measured> {
    if matches!(cell.task.as_str(), "few_shot" | "robustness") {
        return Vec::new();
    }
    let near = |origin, apart: f64, unit: f64| {
        let value = ((figure.value.unwrap_or_default() + apart) / unit).round() * unit;
        Measured { origin, value, rounding: unit / 2.0, caution: None }
    };
    let apart = 0.004 * (cell.dataset.len() as f64 - 8.5);
    let paper = (cell.task != "zeroshot_retrieval").then(|| near(Origin::Paper, apart, 0.001));
    let open_clip = (cell.task != "linear_probe").then(|| near(Origin::OpenClip, 0.001, 0.0001));
    [paper, open_clip].into_iter().flatten().collect()
}

/// As many cells as a complete suite has.
pub(crate) fn large_suite(models: usize, sets: usize) -> Vec<Record> {
    let mut cells = Vec::new();
    for model in 0..models {
        for set in 0..sets {
            let mut cell = zero_shot(
                MODELS[model % 2].0,
                &SETS[set % 4],
                0.4 + 0.01 * ((model * 7 + set * 3) % 50) as f64,
            );
            cell.model = format!("model-{model}");
            cell.dataset = format!("set_{set:02}");
            cell.dataset_title = format!("Data set {set:02}");
            cells.push(cell);
        }
    }
    cells
}

pub(crate) fn zero_shot(model: &str, set: &Set, score: f64) -> Record {
    let mut cell = blank(model, set, "zeroshot_classification", score);
    let (classes, scored) = (set.2, set.4);
    cell.metrics = BTreeMap::from([
        ("acc1".into(), Some(score)),
        ("acc5".into(), Some((score + 0.1).min(0.995))),
        ("mean_per_class_recall".into(), Some(score - 0.004)),
        ("ece".into(), Some(0.061)),
        ("nll".into(), Some(1.2 - score)),
        ("map_11_point".into(), None),
    ]);
    cell.figures = vec![figure("mean_per_class_recall", score - 0.004, 0.006, "bootstrap")];
    cell.details = Details {
        per_class: per_class(set.0, classes, scored, score),
        confusions: confusions(set.0, classes, scored),
        reliability: reliability(scored, score),
        wrong: (0..14).map(|index| wrong(set.0, index)).collect(),
        ..Details::default()
    };
    cell.provenance.prompts_blake3 = PromptSet::of(set.0).ok().map(|prompts| blake3_of(&prompts));
    cell.provenance.prompts_source = Some(format!("prompts/{}.json", set.0));
    if set.4 < set.3 {
        cell.notes = vec!["a subset: what lies on disk, not the published split".into()];
    }
    if set.0 == "oxford_pets" {
        cell.counts = Counts { expected: Some(3_669), found: 3_669, scored: 3_650, skipped: 19 };
        cell.skipped = vec![Skipped {
            input: "images/Egyptian_Mau_145.jpg".into(),
            stage: "decode".into(),
            reason: "images/Egyptian_Mau_145.jpg: a file of another kind under this name".into(),
        }];
    }
    cell
}

pub(crate) fn probe(model: &str, set: &Set, score: f64) -> Record {
    let mut cell = blank(model, set, "linear_probe", score);
    cell.provenance.options =
        serde_json::json!({ "c": 0.316, "features": "before the projection" });
    let point = |index: usize| SearchPoint {
        index,
        c: 10f64.powf(6.0 - index as f64 / 8.0),
        score: Some(score - 0.01 - 0.0001 * (index as f64 - 51.0).powi(2).min(1900.0)),
        converged: index > 20,
    };
    cell.details.search =
        [0, 16, 32, 40, 44, 46, 47, 48, 49, 50, 51, 52, 64, 80, 96].map(point).to_vec();
    cell.details.per_class = per_class(set.0, set.2, set.4, score);
    cell
}

pub(crate) fn few_shot(model: &str, set: &Set, zero_shot: f64) -> Record {
    let mut cell = blank(model, set, "few_shot", zero_shot + 0.05);
    let point = |shots: Option<usize>| {
        let doubling = shots.map_or(6.0, |shots| (shots as f64).log2());
        let mean = (zero_shot - 0.14 + 0.055 * doubling).min(0.985);
        let spread = 0.035 / (1.0 + doubling);
        let values: Vec<f64> = [-1.0, 0.0, 1.0].iter().map(|step| mean + step * spread).collect();
        let interval = shots.map(|_| (mean - 2.5 * spread, mean + 2.5 * spread));
        let values = if shots.is_some() { values } else { vec![mean] };
        ShotPoint { shots, mean, sd: if shots.is_some() { spread } else { 0.0 }, interval, values }
    };
    let shots = [Some(1), Some(2), Some(4), Some(8), Some(16), None];
    cell.details.shots = shots.map(point).to_vec();
    cell.score.method = Some("t".into());
    cell
}

pub(crate) fn retrieval(model: &str, score: f64) -> Record {
    let set = ("flickr30k", "Flickr30k", 0, 1_000, 1_000);
    let mut cell = blank(model, &set, "zeroshot_retrieval", score);
    cell.score.name = "image_retrieval_recall@1".into();
    let recalls = [
        ("image", 5, 0.22),
        ("image", 10, 0.29),
        ("text", 1, 0.17),
        ("text", 5, 0.27),
        ("text", 10, 0.31),
    ];
    let recall = |(side, k, more): (&str, usize, f64)| {
        figure(
            &format!("{side}_retrieval_recall@{k}"),
            (score + more).min(0.994),
            0.004,
            "Clopper-Pearson",
        )
    };
    cell.figures = recalls.map(recall).to_vec();
    cell.metrics = BTreeMap::from([("image_retrieval_median_rank".into(), Some(1.0))]);
    cell
}

pub(crate) fn robustness(
    model: &str,
    id: &'static str,
    title: &'static str,
    all: usize,
    scored: usize,
    at: (f64, f64),
) -> Record {
    let mut cell = blank(model, &(id, title, 200, all, scored), "robustness", at.1);
    let predicted = at.1 * 0.4;
    let point = RobustnessPoint {
        setting: id.into(),
        x: at.0,
        y: at.1,
        predicted,
        effective: at.1 - predicted,
    };
    cell.details.robustness = Some(point);
    cell
}

/// A cell with everything that every task has.
pub(crate) fn blank(model: &str, set: &Set, task: &str, score: f64) -> Record {
    let half =
        1.96 * (score.clamp(0.02, 0.98) * (1.0 - score.clamp(0.02, 0.98)) / set.4 as f64).sqrt();
    Record {
        schema: SCHEMA,
        clip_rs: "0.1.0".into(),
        dataset: set.0.into(),
        dataset_title: set.1.into(),
        split: "test".into(),
        task: task.into(),
        model: model.into(),
        pretrained: "openai".into(),
        identity: Identity { origin: "catalogue".into(), ..Identity::default() },
        language: "en".into(),
        metrics: BTreeMap::from([("acc1".into(), Some(score))]),
        score: figure("accuracy", score, half, "Clopper-Pearson"),
        figures: Vec::new(),
        provenance: Provenance {
            weights_sha256: if model.contains("336") { "3035c92b" } else { "40d36571" }.repeat(8),
            recipe: serde_json::json!({ "resolution": 224, "resize": "bicubic", "convert_first": true }),
            precision: "f32".into(),
            isa: "avx512".into(),
            prompts_blake3: None,
            prompts_source: None,
            split_blake3: "5e3a71c0".repeat(8),
            read: Vec::new(),
            features_key: Some("c41d".repeat(16)),
            predictions_blake3: None,
            options: serde_json::json!({ "seed": 0 }),
        },
        counts: Counts { expected: Some(set.3), found: set.4, scored: set.4, skipped: 0 },
        skipped: Vec::new(),
        notes: Vec::new(),
        details: Details::default(),
        wall_seconds: 12.5,
    }
}

pub(crate) fn figure(name: &str, value: f64, half: f64, method: &str) -> Figure {
    Figure {
        low: Some((value - half).max(0.0)),
        high: Some((value + half).min(1.0)),
        level: Some(0.95),
        method: Some(method.into()),
        ..Figure::share(name, value)
    }
}

const WORDS: [&str; 12] = [
    "golden retriever",
    "permanent crop land",
    "huevos rancheros",
    "lobster roll sandwich",
    "Kyrgyzstan",
    "herbaceous vegetation land",
    "Wheaten Terrier",
    "panna cotta",
    "forest",
    "Saint Kitts and Nevis",
    "staffordshire bull terrier",
    "mi",
];

fn class_name(set: &str, class: usize) -> String {
    let word = WORDS[(class * 5 + set.len()) % WORDS.len()];
    if class < WORDS.len() { word.into() } else { format!("{word} {class}") }
}

fn per_class(set: &str, classes: usize, scored: usize, score: f64) -> Vec<ClassFigure> {
    let items = (scored / classes).max(1);
    let class = |class: usize| {
        let share = (score + 0.33 * (class as f64 * 2.4).sin()).clamp(0.0, 1.0);
        ClassFigure {
            class: class_name(set, class),
            items,
            correct: (share * items as f64) as usize,
        }
    };
    (0..classes).map(class).collect()
}

fn confusions(set: &str, classes: usize, scored: usize) -> Vec<Confusion> {
    let pair = |index: usize| {
        let truth = index * 3 % classes.min(14);
        let prediction = (truth + 1 + index % 4) % classes.min(14);
        let count = (scored / classes / (2 + index)).max(1);
        Confusion { truth: class_name(set, truth), prediction: class_name(set, prediction), count }
    };
    let mut pairs: Vec<Confusion> =
        (0..40).map(pair).filter(|pair| pair.truth != pair.prediction).collect();
    pairs.dedup_by(|a, b| (&a.truth, &a.prediction) == (&b.truth, &b.prediction));
    pairs
}

fn reliability(scored: usize, score: f64) -> Vec<ReliabilityBin> {
    let bin = |index: usize| {
        let (low, high) = (index as f64 / 15.0, (index + 1) as f64 / 15.0);
        let middle = (low + high) / 2.0;
        let items = if index < 2 { 0 } else { scored * (index * index) / 1015 };
        let accuracy =
            (middle - 0.09 + 0.12 * (score - 0.5) + 0.03 * (index as f64).sin()).clamp(0.0, 1.0);
        ReliabilityBin { low, high, items, confidence: middle, accuracy }
    };
    (0..15).map(bin).collect()
}

fn wrong(set: &str, index: usize) -> WrongImage {
    WrongImage {
        item: format!(
            "images/{}/{:07}.jpg",
            class_name(set, index).replace(' ', "_"),
            index * 7919 + 1
        ),
        truth: class_name(set, index),
        prediction: class_name(set, index + 3),
        probability: 0.999 - 0.013 * index as f64,
        thumbnail_png: (index != 5).then(|| thumbnail(index)),
    }
}

/// A picture of nothing, as base64 of a PNG.
pub(crate) fn thumbnail(seed: usize) -> String {
    const SIDE: usize = 48;
    let mut bytes = Vec::new();
    for y in 0..SIDE {
        for x in 0..SIDE {
            let wave =
                ((x * (seed + 3)) as f64 / 19.0).sin() + ((y * (seed + 2)) as f64 / 23.0).cos();
            let value = (wave * 55.0 + 128.0) as u8;
            bytes.extend([value, (value / 2).wrapping_add(seed as u8 * 13), 255 - value]);
        }
    }
    let pixels = Pixels { width: SIDE as u32, height: SIDE as u32, data: bytes, clipped: 0 };
    let png = pixels.to_png().expect("a small picture");
    base64(&png)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
