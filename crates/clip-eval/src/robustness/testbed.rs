//! Published accuracies of 338 models on ImageNet and its natural shifts (Taori et al.).

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A shift, and the part of ImageNet that has the same classes; columns of the testbed's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Our data set.
    pub dataset: &'static str,
    /// Column of ImageNet's matching part.
    pub x: &'static str,
    /// Column of the shift.
    pub y: &'static str,
}

/// All settings. The paper averages pm-0 and pm-10 of a video data set into one.
pub const SETTINGS: [Setting; 9] = [
    Setting { dataset: "imagenetv2", x: "val", y: "imagenetv2-matched-frequency-format-val" },
    Setting { dataset: "imagenet_sketch", x: "val", y: "imagenet-sketch" },
    Setting { dataset: "imagenet_a", x: "val-on-imagenet-a-classes", y: "imagenet-a" },
    Setting { dataset: "imagenet_r", x: "val-on-imagenet-r-classes", y: "imagenet-r" },
    Setting { dataset: "objectnet", x: "val-on-objectnet-classes", y: "objectnet-1.0-beta" },
    Setting {
        dataset: "imagenet_vid",
        x: "val-on-vid-robust-classes",
        y: "imagenet-vid-robust_pm0",
    },
    Setting {
        dataset: "imagenet_vid",
        x: "val-on-vid-robust-classes",
        y: "imagenet-vid-robust_pm10",
    },
    Setting { dataset: "ytbb", x: "val-on-ytbb-robust-classes", y: "ytbb-robust_pm0" },
    Setting { dataset: "ytbb", x: "val-on-ytbb-robust-classes", y: "ytbb-robust_pm10" },
];

/// The setting whose shift has this column name.
pub fn setting(y: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.y == y)
}

/// The settings of a data set: two for the video ones, none for what is no shift.
pub fn settings_of(dataset: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.dataset == dataset)
}

/// One model of the testbed.
#[derive(Debug, Clone, PartialEq)]
pub struct TestbedModel {
    /// As the testbed calls it.
    pub name: String,
    /// `STANDARD`, `ROBUST_INTV`, `MORE_DATA`, …
    pub kind: String,
    /// Top-1 by column name; what was not measured is missing.
    accuracies: BTreeMap<String, f64>,
}

impl TestbedModel {
    /// Top-1 in a column, a fraction.
    pub fn accuracy(&self, column: &str) -> Option<f64> {
        self.accuracies.get(column).copied()
    }

    /// Whether it tells what is ordinary: trained on ImageNet as usual, at least 55 % there, and no
    /// variant that was subsampled, trained anew elsewhere, or in small batches.
    pub fn is_ordinary(&self) -> bool {
        let variant = ["subsample", "aws", "batch64"].iter().any(|word| self.name.contains(word));
        self.kind == "STANDARD" && !variant && self.accuracy("val").is_some_and(|val| val >= 0.55)
    }
}

/// All models of the table.
pub fn testbed() -> &'static [TestbedModel] {
    static MODELS: LazyLock<Vec<TestbedModel>> = LazyLock::new(|| {
        read(include_str!("../../assets/published/imagenet_testbed_top1.csv"))
            .unwrap_or_else(|error| panic!("the testbed inside the program: {error}"))
    });
    &MODELS
}

fn read(text: &str) -> Result<Vec<TestbedModel>, csv::Error> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers()?.clone();
    let model = |row: csv::StringRecord| {
        let cells = columns.iter().zip(&row).skip(2);
        let measured = |(column, percent): (&str, &str)| {
            Some((column.to_owned(), percent.parse::<f64>().ok()? / 100.0))
        };
        let text = |column: usize| row.get(column).unwrap_or_default().to_owned();
        TestbedModel {
            name: text(0),
            kind: text(1),
            accuracies: cells.filter_map(measured).collect(),
        }
    };
    reader.records().map(|row| row.map(model)).collect()
}

/// Accuracies of several models in one setting.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points {
    /// Models.
    pub models: Vec<&'static str>,
    /// On the matching part of ImageNet.
    pub x: Vec<f64>,
    /// Under the shift.
    pub y: Vec<f64>,
}

/// What a fit is made of: the ordinary models, without accuracies of exactly 0 or 1, which have no
/// logit.
pub fn ordinary_points(setting: &Setting) -> Points {
    let mut points = Points::default();
    for model in testbed().iter().filter(|model| model.is_ordinary()) {
        let inside = |column: &str| {
            model.accuracy(column).filter(|&accuracy| accuracy > 0.0 && accuracy < 1.0)
        };
        if let (Some(x), Some(y)) = (inside(setting.x), inside(setting.y)) {
            points.models.push(&model.name);
            points.x.push(x);
            points.y.push(y);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_338_models_and_every_column_of_the_settings() {
        assert_eq!(testbed().len(), 338);
        let known = |column: &str| testbed().iter().any(|model| model.accuracy(column).is_some());
        assert!(SETTINGS.iter().all(|setting| known(setting.x) && known(setting.y)));
        let clip = testbed().iter().find(|model| model.name == "vit_b_32_clip_zeroshot").unwrap();
        assert_eq!(clip.accuracy("val"), Some(63.302 / 100.0));
        assert!(!clip.is_ordinary());
    }
}
