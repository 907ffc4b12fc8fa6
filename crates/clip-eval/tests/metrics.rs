//! Metrics against scikit-learn's, numpy's and hand-made references.

mod golden;

use clip_data::Presence;
use clip_eval::metrics::{
    self, Annotation, MeanAveragePrecision11, MetricError, Place, Ranking, RareActions, Segment,
};
use golden::{assert_equal, assert_rounded, json, numbers};
use serde_json::Value;

fn arrays() -> clip_testing::Arrays {
    golden::arrays("metrics.safetensors")
}

fn scores_of(list: &Value) -> Vec<f32> {
    numbers(list).into_iter().map(|value| value as f32).collect()
}

fn flags_of(list: &Value) -> Vec<bool> {
    numbers(list).into_iter().map(|value| value == 1.0).collect()
}

fn indices_of(list: &Value) -> Vec<u32> {
    numbers(list).into_iter().map(|value| value as u32).collect()
}

fn average_precision(scores: &[f32], positive: &[bool], weights: Option<&[f64]>) -> f64 {
    Ranking::new(scores, positive).unwrap().average_precision(weights).unwrap()
}

fn roc_auc(scores: &[f32], positive: &[bool]) -> f64 {
    Ranking::new(scores, positive).unwrap().roc_auc(None).unwrap()
}

#[test]
fn accuracies_equal_the_reference_with_and_without_ties() {
    let (arrays, golden) = (arrays(), json("metrics.json"));
    let golden = &golden["classification"];
    let (logits, labels) =
        (arrays.floats("classification.logits"), arrays.classes("classification.labels"));
    let ranks = metrics::ranks(&logits, 12, &labels).unwrap();
    let (top1, top5) = (metrics::hits(&ranks, 1), metrics::top_k(&logits, 12, &labels, 5).unwrap());
    assert_equal(metrics::accuracy(&top1).unwrap(), &golden["top1"], "top-1");
    assert_equal(metrics::accuracy(&top5).unwrap(), &golden["top5"], "top-5");
    assert_equal(
        metrics::mean_top1_top5(&ranks).unwrap(),
        &golden["mean_of_top1_and_top5"],
        "mean",
    );
    let (tied, labels) = (arrays.floats("ties.logits"), arrays.classes("ties.labels"));
    for (k, name) in [(1, "top1"), (5, "top5")] {
        let hits = metrics::top_k(&tied, 12, &labels, k).unwrap();
        assert_equal(metrics::accuracy(&hits).unwrap(), &golden["with_ties"][name], name);
    }
}

#[test]
fn classes_and_confusions_equal_the_reference() {
    let (arrays, golden) = (arrays(), json("metrics.json"));
    let golden = &golden["classification"];
    let (logits, labels) =
        (arrays.floats("classification.logits"), arrays.classes("classification.labels"));
    let hits = metrics::top_k(&logits, 12, &labels, 1).unwrap();
    assert_equal(
        metrics::mean_per_class(&hits, &labels).unwrap(),
        &golden["mean_per_class"],
        "mean",
    );
    for (class, count) in metrics::per_class(&hits, &labels, 12).iter().enumerate() {
        let expected = &golden["per_class"][class];
        assert_eq!(count.recall().is_none(), expected.is_null(), "class {class}");
        if let Some(recall) = count.recall() {
            assert_equal(recall, expected, &format!("class {class}"));
        }
    }
    let predictions = metrics::predictions(&logits, 12).unwrap();
    let expected: Vec<u32> =
        golden["confusion_rows_true"].as_array().unwrap().iter().flat_map(indices_of).collect();
    let wrong = |(truth, row): (usize, &[u32])| row.iter().sum::<u32>() - row[truth];
    let all_wrong: u32 = expected.chunks_exact(12).enumerate().map(wrong).sum();
    let pairs = metrics::worst_confusions(&predictions, &labels, usize::MAX);
    assert_eq!(pairs.iter().map(|pair| pair.count).sum::<usize>(), all_wrong as usize);
    for pair in &pairs {
        assert_eq!(pair.count as u32, expected[(pair.truth * 12 + pair.prediction) as usize]);
    }
}

#[test]
fn mean_per_class_equals_the_small_vector() {
    let vectors = json("metric_vectors.json");
    let case = &vectors["mean_per_class"];
    let (truth, predictions) = (indices_of(&case["target"]), indices_of(&case["pred"]));
    let hits: Vec<bool> = truth.iter().zip(&predictions).map(|(a, b)| a == b).collect();
    assert_rounded(metrics::accuracy(&hits).unwrap(), &case["accuracy"], "accuracy");
    assert_rounded(
        metrics::mean_per_class(&hits, &truth).unwrap(),
        &case["mean_per_class"],
        "mean per class",
    );
}

#[test]
fn a_subset_of_classes_is_scored_on_its_own_columns_and_items() {
    let (arrays, golden) = (arrays(), json("metrics.json"));
    let expected = &golden["classification"]["subset_of_classes"];
    let (logits, labels) =
        (arrays.floats("classification.logits"), arrays.classes("classification.labels"));
    let classes = indices_of(&expected["classes"]);
    let kept = |label: &u32| classes.iter().position(|class| class == label).map(|at| at as u32);
    let rows = logits.chunks_exact(12).zip(&labels).filter(|(_, label)| kept(label).is_some());
    let of_classes = |row: &[f32]| classes.iter().map(|&class| row[class as usize]).collect();
    let scores: Vec<f32> = rows.flat_map(|(row, _)| -> Vec<f32> { of_classes(row) }).collect();
    let truth: Vec<u32> = labels.iter().filter_map(kept).collect();
    assert_eq!(truth.len() as u64, expected["samples"]);
    let hits = metrics::top_k(&scores, classes.len(), &truth, 1).unwrap();
    assert_equal(metrics::accuracy(&hits).unwrap(), &expected["top1"], "top-1");
}

#[test]
fn eleven_point_average_precision_equals_the_reference_recall_compared_exactly() {
    let (arrays, golden) = (arrays(), json("metrics.json"));
    let (scores, labels) = (arrays.floats("voc.scores"), arrays.integers("voc.labels"));
    let presence = |label: &i64| match label {
        1 => Presence::Present,
        0 => Presence::Difficult,
        _ => Presence::Absent,
    };
    let labels: Vec<Vec<Presence>> =
        labels.chunks_exact(6).map(|row| row.iter().map(presence).collect()).collect();
    let rows: Vec<&[Presence]> = labels.iter().map(Vec::as_slice).collect();
    let all = MeanAveragePrecision11::new(&scores, 6, &rows).unwrap();
    assert_equal(all.mean(None).unwrap(), &golden["voc07"]["map11"], "mean");
    let mut areas = 0.0;
    for (class, found) in all.per_class(None).into_iter().enumerate() {
        let expected = &golden["voc07"]["per_class"][class];
        assert_equal(found.unwrap(), &expected["ap11"], &format!("class {class}"));
        let column: Vec<f32> = scores.iter().skip(class).step_by(6).copied().collect();
        let presence: Vec<Presence> = rows.iter().map(|row| row[class]).collect();
        let area = Ranking::without_difficult(&column, &presence)
            .unwrap()
            .average_precision(None)
            .unwrap();
        assert_equal(area, &expected["average_precision_area"], &format!("area of class {class}"));
        areas += area / 6.0;
    }
    assert_equal(areas, &golden["voc07"]["map_area"], "mean of areas");
}

#[test]
fn small_vectors_of_average_precision_and_auc() {
    let vectors = json("metric_vectors.json");
    let case = &vectors["ap_11point"];
    let present = |positive: bool| if positive { Presence::Present } else { Presence::Absent };
    let presence: Vec<Presence> = flags_of(&case["labels"]).into_iter().map(present).collect();
    let scores = scores_of(&case["scores"]);
    assert_rounded(
        Ranking::without_difficult(&scores, &presence).unwrap().average_precision_11(None).unwrap(),
        &case["expected"],
        "11 points",
    );
    let area = average_precision(&scores, &flags_of(&case["labels"]), None);
    assert_rounded(area, &case["ap_all_points_sklearn"], "all points");
    let case = &vectors["average_precision"];
    let (scores, positive) = (scores_of(&case["scores"]), flags_of(&case["labels"]));
    let plain = average_precision(&scores, &positive, None);
    assert_rounded(plain, &case["expected"], "plain");
    let weights = numbers(&case["weights"]);
    let weighted = average_precision(&scores, &positive, Some(&weights));
    assert_rounded(weighted, &case["expected_weighted"], "weighted");
    let case = &vectors["roc_auc"];
    let auc = roc_auc(&scores_of(&case["scores"]), &flags_of(&case["labels"]));
    assert_rounded(auc, &case["expected"], "ROC AUC");
}

#[test]
fn roc_auc_equals_the_reference_whatever_the_ties() {
    let (arrays, golden) = (arrays(), json("metrics.json"));
    for case in golden["roc_auc"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let scores = arrays.floats(&format!("auc.{name}.scores"));
        let labels = arrays.integers(&format!("auc.{name}.labels"));
        let positive: Vec<bool> = labels.iter().map(|&label| label == 1).collect();
        assert_equal(roc_auc(&scores, &positive), &case["roc_auc"], name);
    }
}

#[test]
fn calibration_equals_the_reference() {
    let (arrays, golden) = (arrays(), json("metrics.json"));
    let golden = &golden["calibration"];
    let (logits, labels) =
        (arrays.floats("calibration.logits"), arrays.classes("calibration.labels"));
    let found = metrics::calibration(&logits, 8, &labels).unwrap();
    assert_equal(found.expected_calibration_error, &golden["ece15"], "ECE");
    assert_equal(found.max_calibration_error, &golden["max_calibration_error"], "greatest gap");
    assert_equal(found.brier, &golden["brier"], "Brier");
    assert_equal(found.negative_log_likelihood, &golden["negative_log_likelihood"], "NLL");
    for (index, bin) in found.bins.iter().enumerate() {
        let expected = &golden["bins_count_confidence_accuracy"][index];
        assert_eq!(bin.items as u64, expected[0], "bin {index}");
        if let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) {
            assert_equal(confidence, &expected[1], &format!("confidence of bin {index}"));
            assert_equal(accuracy, &expected[2], &format!("accuracy of bin {index}"));
        }
    }
    let (logits, labels) =
        (arrays.floats("classification.logits"), arrays.classes("classification.labels"));
    let found = metrics::calibration(&logits, 12, &labels).unwrap();
    let expected = &json("metrics.json")["classification"]["cross_entropy"];
    assert_equal(found.negative_log_likelihood, expected, "cross entropy");
}

#[test]
fn the_small_reliability_diagram_equals_its_vector() {
    let vectors = json("metric_vectors.json");
    let case = &vectors["ece15"];
    let bins = metrics::reliability(&numbers(&case["confidence"]), &flags_of(&case["correct"]), 15)
        .unwrap();
    assert_rounded(metrics::expected_calibration_error(&bins), &case["expected"], "ECE");
}

#[test]
fn distances_equal_the_vectors() {
    let vectors = json("metric_vectors.json");
    for case in vectors["haversine_km"].as_array().unwrap() {
        let place = |name: &str| {
            let degrees = numbers(&case[name]);
            Place { latitude: degrees[0], longitude: degrees[1] }
        };
        assert_rounded(
            metrics::distance_km(place("a"), place("b")),
            &case["expected"],
            &case.to_string(),
        );
    }
}

#[test]
fn a_frame_beside_an_anchor_can_only_harm_it() {
    let vectors = json("metric_vectors.json");
    let case = &vectors["pmk"];
    let (mut right, mut anchors) = (Vec::new(), Vec::new());
    for (anchor, frames) in case["sets"].as_object().unwrap() {
        let position = right.len();
        let labels = indices_of(&case["labels"][anchor]);
        let names = std::iter::once(anchor.as_str())
            .chain(frames.as_array().unwrap().iter().filter_map(Value::as_str));
        for frame in names {
            let prediction = [case["pred"][frame].as_u64().unwrap() as u32];
            right.extend(metrics::hits_of_any(&prediction, &[&labels]));
            anchors.push(position);
        }
    }
    let scores = metrics::perturbation_scores(&right, &anchors).unwrap();
    assert_rounded(scores.pm0, &case["expected_pm0"], "pm-0");
    assert_rounded(scores.pm_k, &case["expected_pmk"], "pm-k");
}

#[test]
fn rare_actions_equal_the_vector() {
    let vectors = json("metric_vectors.json");
    let case = &vectors["rareact"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let classes: Vec<(String, String)> = case["classes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (text(&pair[0]), text(&pair[1])))
        .collect();
    let segment = |row: &'static Value| Segment {
        class: row["class"].as_u64().unwrap() as u32,
        annotation: Annotation::of(row["annotation"].as_u64().unwrap() as u8).unwrap(),
        video: row["video"].as_str().unwrap(),
    };
    let rows: &'static Value = Box::leak(Box::new(case["rows"].clone()));
    let segments: Vec<Segment<'_>> = rows.as_array().unwrap().iter().map(segment).collect();
    let scores: Vec<f32> = case["scores"].as_array().unwrap().iter().flat_map(scores_of).collect();
    let actions = RareActions::new(&classes, &segments);
    let found = actions.mean_weighted_average_precision(&scores).unwrap();
    assert_rounded(found.mean, &case["expected_mwap"], "mWAP");
    for (class, value) in found.per_class.iter().enumerate() {
        let expected = case["expected_wap"].get(class.to_string());
        assert_eq!(value.is_some(), expected.is_some(), "class {class}");
        if let (Some(value), Some(expected)) = (value, expected) {
            assert_rounded(*value, expected, &format!("class {class}"));
        }
    }
    // The mean over draws comes near the weighted one, of which it is another estimate.
    let sampled = actions.mean_sampled_average_precision(&scores, 100, 0).unwrap();
    assert!((sampled.mean - found.mean).abs() < 0.15, "{} against {}", sampled.mean, found.mean);
    assert_eq!(actions.mean_sampled_average_precision(&scores, 100, 0), Ok(sampled));
}

#[test]
fn recalls_equal_the_vector_of_retrieval() {
    let vectors = json("metric_vectors.json");
    let case = &vectors["retrieval"];
    let image_of = indices_of(&case["caption_image"]);
    let by_caption: Vec<Vec<f32>> =
        case["similarity_caption_by_image"].as_array().unwrap().iter().map(scores_of).collect();
    let flat = by_caption.concat();
    let from_one = |ranks: Vec<u32>| ranks.into_iter().map(|rank| rank + 1).collect::<Vec<u32>>();
    let image_ranks = from_one(metrics::ranks(&flat, 5, &image_of).unwrap());
    let best_caption = |image: u32| {
        let column: Vec<f32> = by_caption.iter().map(|row| row[image as usize]).collect();
        let own = (0..12).filter(|&caption| image_of[caption as usize] == image);
        own.map(|caption| metrics::ranks(&column, 12, &[caption]).unwrap()[0] + 1).min().unwrap()
    };
    let text_ranks: Vec<u32> = (0..5).map(best_caption).collect();
    for k in [1, 2, 5] {
        let found = metrics::recall_at(&image_ranks, k).unwrap();
        assert_rounded(
            found,
            &case["image_retrieval_recall"][k.to_string()],
            &format!("images at {k}"),
        );
        let found = metrics::recall_at(&text_ranks, k).unwrap();
        assert_rounded(
            found,
            &case["text_retrieval_recall"][k.to_string()],
            &format!("texts at {k}"),
        );
    }
}

#[test]
fn nothing_to_score_is_an_error_everywhere() {
    assert_eq!(metrics::ranks(&[], 3, &[]), Err(MetricError::NoItems));
    assert_eq!(metrics::calibration(&[], 3, &[]), Err(MetricError::NoItems));
    assert_eq!(metrics::mean_per_class(&[], &[]), Err(MetricError::NoItems));
    assert!(MeanAveragePrecision11::new(&[], 3, &[]).is_err());
    assert_eq!(metrics::recalls(&[]), Err(MetricError::NoItems));
}
