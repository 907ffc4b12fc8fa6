//! Published values to compare with. PROTOCOL_EVAL 10.
//!
//! ```text
//! assets/published/*.csv ──┐
//!                          ├─▶ PublishedValue {origin, model, dataset, protocol, metric, value, caution}
//! assets/published/names.toml (their names in ours) ──┘
//! ```
//!
//! Fractions 0..1, whatever the table prints. Metrics are called as figures of results are:
//! `accuracy`, `mean_per_class`, `map_11_point`, `roc_auc`, `mean_top1_top5`, `acc5`,
//! `image_retrieval_recall@1`, `text_retrieval_recall@1`, `pm0`, …

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// How a model was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// By class names, or captions.
    ZeroShot,
    /// By a logistic regression on its features.
    LinearProbe,
}

/// Who measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The CLIP paper.
    Paper,
    /// open_clip's own run of OpenAI's weights.
    OpenClip,
    /// CLIP_benchmark's.
    ClipBenchmark,
}

/// A published value.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedValue {
    /// Who measured it.
    pub origin: Origin,
    /// One of the nine, as OpenAI calls them.
    pub model: String,
    /// Our id of the data set.
    pub dataset: String,
    /// How the model was asked.
    pub protocol: Protocol,
    /// What was counted.
    pub metric: String,
    /// A fraction.
    pub value: f64,
    /// Why it cannot be expected to agree.
    pub caution: Option<String>,
}

/// Every value: the paper's first, its two large tables before the others.
pub fn published() -> &'static [PublishedValue] {
    static VALUES: LazyLock<Vec<PublishedValue>> = LazyLock::new(|| {
        read().unwrap_or_else(|error| panic!("a table inside the program: {error}"))
    });
    &VALUES
}

/// One figure of a result, as somebody measured it.
pub fn measured_by(
    origin: Origin,
    model: &str,
    dataset: &str,
    protocol: Protocol,
    metric: &str,
) -> Option<&'static PublishedValue> {
    published().iter().find(|value| {
        (value.origin, value.protocol) == (origin, protocol)
            && (&*value.model, &*value.dataset, &*value.metric) == (model, dataset, metric)
    })
}

const TABLES: [(&str, Protocol); 2] = [
    (include_str!("../assets/published/paper_table11_zero_shot.csv"), Protocol::ZeroShot),
    (
        include_str!("../assets/published/paper_table10_linear_probe_clip.csv"),
        Protocol::LinearProbe,
    ),
];
const MISCELLANEOUS: &str = include_str!("../assets/published/paper_tables_misc.csv");
const OPEN_CLIP: &str = include_str!("../assets/published/independent_open_clip.csv");
const CLIP_BENCHMARK: &str = include_str!("../assets/published/independent_clip_benchmark.csv");
const NAMES: &str = include_str!("../assets/published/names.toml");

#[derive(Deserialize)]
struct Table {
    model: String,
    dataset: String,
    metric: String,
    value: f64,
}

#[derive(Deserialize)]
struct Miscellaneous {
    table: String,
    row: String,
    column: String,
    value: String,
}

#[derive(Deserialize)]
struct OpenClip {
    model: String,
    column: String,
    value: f64,
}

#[derive(Deserialize)]
struct Benchmark {
    model: String,
    dataset: String,
    metric: String,
    value: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    open_clip: BTreeMap<String, Meaning>,
    clip_benchmark: BTreeMap<String, Meaning>,
    metrics: BTreeMap<String, String>,
    paper: Vec<PaperRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meaning {
    dataset: String,
    metric: Option<String>,
    caution: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaperRow {
    table: String,
    row: String,
    model: String,
    protocol: Protocol,
    caution: Option<String>,
    columns: BTreeMap<String, (String, String)>,
}

fn rows<R: for<'a> Deserialize<'a>>(text: &str) -> Result<Vec<R>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect()
}

fn read() -> Result<Vec<PublishedValue>, Box<dyn std::error::Error>> {
    let names: Names = toml::from_str(NAMES)?;
    let mut values = names.papers_tables()?;
    values.extend(names.papers_other_values()?);
    values.extend(names.open_clips()?);
    values.extend(names.clip_benchmarks()?);
    Ok(values)
}

type Values = Result<Vec<PublishedValue>, Box<dyn std::error::Error>>;

impl Names {
    fn metric(&self, theirs: &str) -> String {
        self.metrics.get(theirs).map_or(theirs, String::as_str).to_owned()
    }

    fn papers_tables(&self) -> Values {
        let mut values = Vec::new();
        for (text, protocol) in TABLES {
            values.extend(rows::<Table>(text)?.into_iter().map(|row| PublishedValue {
                origin: Origin::Paper,
                metric: self.metric(&row.metric),
                model: row.model,
                dataset: row.dataset,
                protocol,
                value: row.value / 100.0,
                caution: None,
            }));
        }
        Ok(values)
    }

    fn papers_other_values(&self) -> Values {
        let mut values = Vec::new();
        for row in rows::<Miscellaneous>(MISCELLANEOUS)? {
            let of_row = |named: &&PaperRow| named.table == row.table && named.row == row.row;
            let Some(named) = self.paper.iter().find(of_row) else { continue };
            let Some((dataset, metric)) = named.columns.get(&row.column) else { continue };
            values.push(PublishedValue {
                origin: Origin::Paper,
                model: named.model.clone(),
                dataset: dataset.clone(),
                protocol: named.protocol,
                metric: metric.clone(),
                value: row.value.parse::<f64>()? / 100.0,
                caution: named.caution.clone(),
            });
        }
        Ok(values)
    }

    fn open_clips(&self) -> Values {
        let value = |row: OpenClip| {
            let meaning = self.open_clip.get(&row.column)?;
            let metric = meaning.metric.clone()?;
            Some(meaning.value(Origin::OpenClip, row.model, metric, row.value))
        };
        Ok(rows(OPEN_CLIP)?.into_iter().filter_map(value).collect())
    }

    fn clip_benchmarks(&self) -> Values {
        let value = |row: Benchmark| {
            let meaning = self.clip_benchmark.get(&row.dataset)?;
            let metric = self.metric(&row.metric);
            Some(meaning.value(Origin::ClipBenchmark, row.model, metric, row.value))
        };
        Ok(rows(CLIP_BENCHMARK)?.into_iter().filter_map(value).collect())
    }
}

impl Meaning {
    fn value(&self, origin: Origin, model: String, metric: String, value: f64) -> PublishedValue {
        let (dataset, caution) = (self.dataset.clone(), self.caution.clone());
        let protocol = Protocol::ZeroShot;
        PublishedValue { origin, model, dataset, protocol, metric, value, caution }
    }
}

#[cfg(test)]
mod tests {
    use clip_data::Metric;

    use super::*;

    const NINE: [&str; 9] = [
        "RN50",
        "RN101",
        "RN50x4",
        "RN50x16",
        "RN50x64",
        "ViT-B/32",
        "ViT-B/16",
        "ViT-L/14",
        "ViT-L/14@336px",
    ];

    fn count(origin: Origin) -> usize {
        published().iter().filter(|value| value.origin == origin).count()
    }

    #[test]
    fn every_name_of_the_map_occurs_in_its_table_and_every_value_is_a_fraction() {
        // Two tables of 27 sets and nine models; 12 + 2 + 4 + 9 + 9 values of later tables.
        assert_eq!(count(Origin::Paper), 2 * 27 * 9 + 36);
        let names: Names = toml::from_str(NAMES).unwrap();
        assert_eq!(count(Origin::OpenClip), names.open_clip.len() * 9);
        let benchmark = rows::<Benchmark>(CLIP_BENCHMARK).unwrap();
        for name in names.clip_benchmark.keys() {
            assert!(benchmark.iter().any(|row| row.dataset == *name), "{name}");
        }
        for value in published() {
            assert!((0.0..=1.0).contains(&value.value), "{value:?}");
            assert!(NINE.contains(&value.model.as_str()), "{value:?}");
        }
    }

    #[test]
    fn means_of_27_sets_are_those_of_the_protocol() {
        let means = |protocol: Protocol| {
            NINE.map(|model| {
                let of_model =
                    |value: &&PublishedValue| value.model == model && value.protocol == protocol;
                let values: Vec<f64> =
                    published()[..2 * 27 * 9].iter().filter(of_model).map(|v| v.value).collect();
                assert_eq!(values.len(), 27, "{model}");
                (values.iter().sum::<f64>() / 27.0 * 10_000.0).round() / 100.0
            })
        };
        let zero_shot = [54.66, 56.20, 57.95, 61.50, 66.13, 57.89, 60.96, 66.83, 67.58];
        assert_eq!(means(Protocol::ZeroShot), zero_shot);
        let probe = [75.79, 77.39, 78.63, 81.08, 82.97, 78.06, 80.92, 84.21, 85.06];
        assert_eq!(means(Protocol::LinearProbe), probe);
    }

    #[test]
    fn a_result_finds_the_paper_and_both_independent_measurements() {
        let zero_shot = |origin, model: &str, dataset: &str| {
            measured_by(origin, model, dataset, Protocol::ZeroShot, "accuracy")
                .map(|found| found.value)
        };
        let by = |origin| zero_shot(origin, "ViT-B/32", "imagenet");
        assert_eq!(by(Origin::Paper), Some(0.632));
        assert!((by(Origin::OpenClip).unwrap() - 0.6332).abs() < 5e-5);
        assert!((by(Origin::ClipBenchmark).unwrap() - 0.633).abs() < 1e-3);
        let later = |model, dataset| zero_shot(Origin::Paper, model, dataset);
        assert_eq!(later("ViT-L/14@336px", "iiit5k"), Some(0.9));
        assert!(later("RN50", "iiit5k").is_none());
        let ucf101 = published().iter().find(|value| {
            (value.origin, value.protocol) == (Origin::Paper, Protocol::ZeroShot)
                && (&*value.model, &*value.dataset) == ("ViT-L/14@336px", "ucf101")
        });
        assert_eq!(ucf101.unwrap().value, 0.769);
    }

    #[test]
    fn data_sets_are_those_of_the_catalogue_and_the_papers_tables_use_their_metrics() {
        for value in published() {
            let dataset = clip_data::find(&value.dataset).unwrap_or_else(|error| panic!("{error}"));
            let metric = match dataset.metric {
                Metric::Accuracy => "accuracy",
                Metric::MeanPerClass => "mean_per_class",
                Metric::MeanAveragePrecision11 => "map_11_point",
                Metric::RocAuc => "roc_auc",
                Metric::MeanTop1Top5 => "mean_top1_top5",
                _ => continue,
            };
            assert!(value.origin != Origin::Paper || value.metric == metric, "{value:?}");
        }
    }
}
