//! Against torchvision: `tests/reference/augmentation.py` wrote `tests/data/augmentation.json`.

use std::path::Path;

use clip_image::View;
use clip_model::random::Stream;
use serde_json::Value;

use super::color::Change;
use super::crop;

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/augmentation.json");
    clip_testing::read_json(path)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|value| value.as_f64().expect("f64")).collect()
}

/// A picture of all hues and greys that both sides make alike.
fn picture() -> Vec<u8> {
    (0..64 * 64_u32)
        .flat_map(|i| [(i * 7 % 256) as u8, (i / 16 % 256) as u8, (i * i % 253) as u8])
        .collect()
}

#[test]
fn colours_change_as_torchvision_changes_them() {
    let golden = golden();
    for case in golden["colors"].as_array().expect("cases") {
        let factor = case["factor"].as_f64().expect("a factor");
        let change = match case["change"].as_str().expect("a name") {
            "brightness" => Change::Brightness(factor),
            "contrast" => Change::Contrast(factor),
            "saturation" => Change::Saturation(factor),
            "hue" => Change::Hue(factor),
            _ => Change::Grey,
        };
        let mut pixels = picture();
        change.apply(&mut pixels);
        let digest = case["sha256"].as_str().expect("a digest");
        assert_eq!(clip_testing::sha256(&pixels), digest, "{change:?}");
    }
}

/// Means, deviations and correlations of left, top, width and height over many draws; and how often
/// the middle was taken.
#[test]
fn parts_have_the_distribution_of_random_resized_crop() {
    let golden = golden();
    for case in golden["crops"].as_array().expect("cases") {
        let pair = |key: &str| [0, 1].map(|i| case[key][i].as_f64().expect("a number"));
        let [width, height] = pair("image");
        let draws = 40_000_u64;
        let mut sums = [0.0; 4];
        let mut products = [[0.0; 4]; 4];
        let mut values = [const { Vec::new() }; 4];
        for index in 0..draws {
            let mut stream = Stream::new(11, "crop", index, 0);
            let image = (width as u32, height as u32);
            let view = crop::resized_crop(&mut stream, image, pair("scale"), pair("ratio"));
            let View::Part { left, top, width, height } = view else { panic!("a part") };
            let part = [left, top, width, height].map(f64::from);
            for (i, a) in part.into_iter().enumerate() {
                sums[i] += a;
                values[i].push(a);
                for (j, b) in part.into_iter().enumerate() {
                    products[i][j] += a * b;
                }
            }
        }
        let count = draws as f64;
        let theirs = case["draws"].as_f64().expect("a count");
        let (means, deviations) = (numbers(&case["means"]), numbers(&case["deviations"]));
        let covariance =
            |i: usize, j: usize| products[i][j] / count - sums[i] / count * (sums[j] / count);
        for i in 0..4 {
            // Five standard errors of the difference of both means.
            let error = 5.0 * deviations[i] * (1.0 / count + 1.0 / theirs).sqrt() + 1e-9;
            assert!((sums[i] / count - means[i]).abs() < error, "{case} mean {i}");
            let deviation = covariance(i, i).max(0.0).sqrt();
            assert!((deviation - deviations[i]).abs() <= 0.03 * deviations[i] + 1e-6, "{case} {i}");
            values[i].sort_by(f64::total_cmp);
            // Kolmogorov and Smirnov's distance at the quantiles, as far as chance explains it.
            for (share, quantile) in
                numbers(&case["shares"]).iter().zip(numbers(&case["quantiles"][i]))
            {
                let below = values[i].partition_point(|value| *value < quantile) as f64 / count;
                let up_to = values[i].partition_point(|value| *value <= quantile) as f64 / count;
                let chance = 0.015;
                assert!(below - chance <= *share && *share <= up_to + chance, "{case} {i} {share}");
            }
        }
        let correlation = covariance(2, 3) / (covariance(2, 2) * covariance(3, 3)).sqrt().max(1e-9);
        let expected = case["correlation"].as_f64().expect("a number");
        assert!((correlation - expected).abs() < 0.02, "{case}: {correlation}");
    }
}
