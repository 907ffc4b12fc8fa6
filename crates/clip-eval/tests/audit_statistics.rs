//! What the audit compares groups by, against SciPy, statsmodels and scikit-learn
//! (`tests/reference/audit_statistics.py`).

mod golden;

use clip_eval::metrics::{TemperatureFit, calibration_at, fit_temperature};
use clip_eval::statistics::{
    Proportion, chi_squared, clopper_pearson, difference_interval, fisher_exact, holm,
    mcnemar_exact, paired_difference_interval, ratio_interval,
};
use golden::{json, numbers};
use serde_json::Value;

/// Cases of one kind; none missing.
fn cases(name: &str) -> Vec<Value> {
    let cases = json("audit_statistics.json")[name].as_array().expect("a list").clone();
    assert!(cases.len() >= 5, "{name}");
    cases
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no count: {value}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn table(value: &Value) -> Vec<Vec<u64>> {
    let rows = value.as_array().expect("rows");
    rows.iter().map(|row| row.as_array().expect("a row").iter().map(count).collect()).collect()
}

/// Equal to 1e-9 of the value; where it is 0, to 1e-12.
#[track_caller]
fn assert_close(found: f64, expected: &Value, what: &str) {
    let expected = number(expected);
    let allowed = if expected == 0.0 { 1e-12 } else { 1e-9 * expected.abs() };
    assert!((found - expected).abs() <= allowed, "{what}: {found:e} against {expected:e}");
}

#[test]
fn chi_squared_equals_scipys() {
    for case in cases("chi_squared") {
        let found = chi_squared(&table(&case["table"]), case["yates"] == true);
        let what = case.to_string();
        assert_close(found.statistic, &case["statistic"], &what);
        assert_eq!(found.degrees_of_freedom as u64, count(&case["degrees_of_freedom"]), "{what}");
        assert_close(found.p, &case["p"], &what);
        assert_close(found.least_expected, &case["least_expected"], &what);
    }
}

#[test]
fn fishers_test_equals_scipys() {
    for case in cases("fisher") {
        let rows = table(&case["table"]);
        let found = fisher_exact([[rows[0][0], rows[0][1]], [rows[1][0], rows[1][1]]]);
        assert_close(found, &case["p"], &case.to_string());
    }
}

#[test]
fn clopper_pearson_equals_statsmodels_also_at_levels_of_many_pairs() {
    for case in cases("clopper_pearson") {
        let found =
            clopper_pearson(count(&case["hits"]), count(&case["trials"]), number(&case["level"]));
        assert_close(found.low, &case["low"], &case.to_string());
        assert_close(found.high, &case["high"], &case.to_string());
    }
}

#[test]
fn mcnemar_equals_statsmodels() {
    for case in cases("mcnemar_exact") {
        let found = mcnemar_exact(count(&case["only_before"]), count(&case["only_after"]));
        assert_close(found, &case["p"], &case.to_string());
    }
}

#[test]
fn holm_equals_statsmodels_with_ties_and_certainties() {
    for case in cases("holm") {
        let found = holm(&numbers(&case["p"]));
        let expected = case["adjusted"].as_array().expect("a list");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_close(*found, expected, &case.to_string());
        }
    }
}

#[test]
fn temperature_and_calibration_equal_scipys_minimum_and_scikit_learns_bins() {
    for case in cases("temperature") {
        let logits: Vec<f32> =
            numbers(&case["logits"]).into_iter().map(|logit| logit as f32).collect();
        let truth: Vec<u32> =
            numbers(&case["truth"]).into_iter().map(|class| class as u32).collect();
        let classes = count(&case["classes"]) as usize;
        let what = format!("{} items of {classes} classes", truth.len());
        let TemperatureFit::Minimum { temperature, negative_log_likelihood } =
            fit_temperature(&logits, classes, &truth).expect("logits")
        else {
            panic!("{what}: no minimum")
        };
        assert_close(temperature, &case["temperature"], &what);
        let fitted = &case["at_fitted"];
        assert_close(negative_log_likelihood, &fitted["negative_log_likelihood"], &what);
        for (temperature, expected) in [(1.0, &case["at_one"]), (temperature, fitted)] {
            let found = calibration_at(&logits, classes, &truth, temperature).expect("logits");
            let what = format!("{what} at {temperature}");
            assert_close(
                found.expected_calibration_error,
                &expected["expected_calibration_error"],
                &what,
            );
            assert_close(
                found.negative_log_likelihood,
                &expected["negative_log_likelihood"],
                &what,
            );
        }
    }
}

#[test]
fn intervals_of_two_shares_equal_the_formulas_of_their_papers() {
    for case in cases("two_shares") {
        let level = number(&case["level"]);
        let share = |of: &str| Proportion::of(count(&case[of][0]), count(&case[of][1]), level);
        let (first, second) = (share("first"), share("second"));
        let (difference, ratio) =
            (difference_interval(&first, &second), ratio_interval(&first, &second));
        let what = case.to_string();
        for (found, expected) in [(difference, "difference"), (ratio, "ratio")] {
            assert_close(found.low, &case[expected][0], &what);
            assert_close(found.high, &case[expected][1], &what);
        }
    }
}

#[test]
fn intervals_of_a_change_equal_the_formula_of_its_paper() {
    for case in cases("paired_shares") {
        let [before, after, items] =
            ["only_before", "only_after", "items"].map(|name| count(&case[name]));
        let found = paired_difference_interval(before, after, items, number(&case["level"]));
        assert_close(found.low, &case["low"], &case.to_string());
        assert_close(found.high, &case["high"], &case.to_string());
    }
}
