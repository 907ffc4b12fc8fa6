//! Few-shot curves on scikit-learn's digits, and the labels needed to match a score.

use clip_eval::few_shot::{LabelsToMatch, Study, labels_to_match};
use clip_eval::probe::{Features, Options};
use clip_kernels::DeviceError;
use clip_rs::LoadOptions;

/// Digits: [1797, 64] features and labels.
fn digits() -> (Vec<f32>, Vec<u32>) {
    let path = format!("{}/tests/golden/probe_digits.safetensors", env!("CARGO_MANIFEST_DIR"));
    let arrays = clip_testing::Arrays::open(path);
    let pixels = arrays.bytes("pixels", "U8").iter().map(|&pixel| f32::from(pixel) / 16.0);
    let labels = arrays.bytes("labels", "U8").iter().map(|&label| u32::from(label));
    (pixels.collect(), labels.collect())
}

fn accuracy(scores: &[f32], labels: &[u32]) -> f64 {
    let right = scores.chunks_exact(10).zip(labels).filter(|(scores, label)| {
        let own = scores[**label as usize];
        scores.iter().all(|score| *score <= own)
    });
    right.count() as f64 / labels.len() as f64
}

#[test]
fn curve_of_digits_rises_and_is_the_same_for_the_same_seed() {
    let (data, labels) = digits();
    let (train, test) =
        (Features::new(&data[..1297 * 64], 64), Features::new(&data[1297 * 64..], 64));
    let of = |seed| {
        let settings = Study {
            device: LoadOptions::default().instruction_set().expect("one that this processor has"),
            features: train,
            labels: &labels[..1297],
            classes: 10,
            test_features: test,
            test_labels: &labels[1297..],
            metric: &accuracy,
            options: Options::default(),
            shots: &[1, 4, 16, 1000],
            draws: 3,
            seed,
            level: 0.95,
        };
        let mut calls = Vec::new();
        let curve = settings
            .curve(&mut |done, all| {
                calls.push((done, all));
                Ok::<_, DeviceError>(())
            })
            .expect("room");
        assert_eq!(calls, (1..=10).map(|done| (done, 10)).collect::<Vec<_>>());
        curve
    };
    let curve = of(1);
    assert_eq!(
        curve.iter().map(|point| point.shots).collect::<Vec<_>>(),
        [Some(1), Some(4), Some(16), None]
    );
    assert_eq!(curve[2].labels_per_class, 16.0);
    assert_eq!(curve[3].labels_per_class, 129.7);
    assert!(curve.windows(2).all(|pair| pair[0].mean < pair[1].mean), "{curve:?}");
    assert!(curve[0].mean > 0.3 && curve[3].mean > 0.9, "{curve:?}");
    for point in &curve[..3] {
        let interval = point.interval.unwrap();
        let (low, high) = (interval.low, interval.high);
        // t of 0.975 with two degrees of freedom is 4.302653.
        let reach = 4.302_653 * point.deviation.unwrap() / 3.0_f64.sqrt();
        assert!(
            (high - low - 2.0 * reach).abs() < 1e-6
                && (high + low - 2.0 * point.mean).abs() < 1e-12
        );
    }
    assert_eq!((curve[3].deviation, curve[3].interval), (None, None));
    assert_eq!(curve, of(1));
    assert_ne!(curve[0], of(2)[0]);
}

#[test]
fn labels_to_match_are_interpolated_in_their_logarithm() {
    let curve = [(1.0, 0.2), (2.0, 0.3), (4.0, 0.5), (8.0, 0.4), (16.0, 0.7)];
    let at = |score| match labels_to_match(&curve, score) {
        Some(LabelsToMatch::At(labels)) => labels,
        other => panic!("{score}: {other:?}"),
    };
    assert!(
        (at(0.4) - 2.0_f64.powf(1.5)).abs() < 1e-12,
        "half of the way from 2 to 4, the first of two crossings"
    );
    assert!((at(0.2) - 1.0).abs() < 1e-12);
    assert!((at(0.55) - 2.0_f64.powf(3.5)).abs() < 1e-12);
    assert!((at(0.7) - 16.0).abs() < 1e-12);
    assert_eq!(labels_to_match(&curve, 0.1), Some(LabelsToMatch::Below(1.0)));
    assert_eq!(labels_to_match(&curve, 0.71), Some(LabelsToMatch::Above(16.0)));
    assert_eq!(labels_to_match(&[], 0.5), None);
    let texts = [0.1, 0.4, 0.9].map(|score| labels_to_match(&curve, score).unwrap().to_string());
    assert_eq!(texts, ["< 1", "2.8", "> 16"]);
}
