//! Intervals and tests against SciPy's.

mod golden;

use clip_eval::statistics::{Bootstrap, binomial_greater, clopper_pearson, mcnemar_exact};
use golden::{assert_equal, assert_rounded, json};
use serde_json::Value;

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no count: {value}"))
}

#[test]
fn clopper_pearson_equals_scipys_beta_quantiles() {
    for case in json("metrics.json")["statistics"]["clopper_pearson"].as_array().unwrap() {
        let found =
            clopper_pearson(count(&case["k"]), count(&case["n"]), case["level"].as_f64().unwrap());
        assert_equal(found.low, &case["interval"][0], &case.to_string());
        assert_equal(found.high, &case["interval"][1], &case.to_string());
    }
    for case in json("metric_vectors.json")["clopper_pearson"].as_array().unwrap() {
        let level = case["confidence"].as_f64().unwrap();
        let found = clopper_pearson(count(&case["k"]), count(&case["n"]), level);
        assert_rounded(found.low, &case["expected"][0], &case.to_string());
        assert_rounded(found.high, &case["expected"][1], &case.to_string());
    }
    let nothing = clopper_pearson(0, 0, 0.95);
    assert_eq!((nothing.low, nothing.high), (0.0, 1.0));
}

#[test]
fn mcnemar_equals_scipys_exact_test() {
    for case in json("metrics.json")["statistics"]["mcnemar_exact"].as_array().unwrap() {
        let found =
            mcnemar_exact(count(&case["only_first_right"]), count(&case["only_second_right"]));
        assert_equal(found, &case["p"], &case.to_string());
    }
    for case in json("metric_vectors.json")["mcnemar_exact"].as_array().unwrap() {
        assert_rounded(
            mcnemar_exact(count(&case["b"]), count(&case["c"])),
            &case["expected"],
            &case.to_string(),
        );
    }
}

#[test]
fn a_million_discordant_items_have_an_accurate_p_at_once() {
    // The sum of binomial coefficients in 40 digits.
    let p = mcnemar_exact(498_500, 501_500);
    assert!((p / 0.002_708_655_306_059_757 - 1.0).abs() < 1e-12, "{p}");
    assert_eq!(mcnemar_exact(0, 10_000_000), 0.0);
    assert_eq!(mcnemar_exact(5_000_000, 5_000_000), 1.0);
}

#[test]
fn binomial_tails_equal_scipys() {
    for case in json("metric_vectors.json")["binomial_greater"].as_array().unwrap() {
        let found =
            binomial_greater(count(&case["k"]), count(&case["n"]), case["p"].as_f64().unwrap());
        assert_rounded(found, &case["expected"], &case.to_string());
    }
}

#[test]
fn the_bootstrap_of_a_share_agrees_with_the_exact_interval() {
    let hits: Vec<f64> = (0..1000).map(|item| f64::from(u8::from(item % 10 < 7))).collect();
    for level in [0.95, 0.995] {
        let (bootstrap, exact) =
            (Bootstrap::new(level).mean(&hits).unwrap(), clopper_pearson(700, 1000, level));
        // 2,000 resamples leave the ends uncertain by about 0.003 at 99.5 %.
        assert!((bootstrap.low - exact.low).abs() < 0.006, "{bootstrap:?} {exact:?}");
        assert!((bootstrap.high - exact.high).abs() < 0.006, "{bootstrap:?} {exact:?}");
    }
}
