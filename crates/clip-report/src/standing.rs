//! Whether a result is of what the published values are of: a data set of the catalogue, its
//! published split with all its items, and its own prompts. Anything else estimates something else.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use clip_data::{Dataset, PromptSet};
use serde_json::Value;

use crate::published::Origin;
use clip_eval::head::blake3_of;
use clip_eval::results::Record;
use clip_eval::tasks::{LinearProbe, Retrieval, Robustness, Task, ZeroShot, usual_split};

/// How a record stands to what is published of its data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Why it cannot be compared, the first reason first.
    pub(crate) obstacles: Vec<&'static str>,
    /// Within one per cent of the published count, and not all of it: links die, files are damaged.
    pub(crate) nearly_complete: bool,
}

impl Standing {
    pub(crate) fn of(record: &Record) -> Standing {
        let counts = &record.counts;
        let close =
            |expected: usize| counts.scored.abs_diff(expected) as f64 <= expected as f64 * 0.01;
        let mut obstacles = Vec::new();
        match of_catalogue(record) {
            None => obstacles.push("own files"),
            Some(dataset) => {
                obstacles.extend(
                    (record.split != published_split(dataset, &record.task))
                        .then_some("another split"),
                );
                obstacles.extend(prompts_differ(record, dataset).then_some("other prompts"));
            }
        }
        obstacles.extend(other_choices(&record.provenance.options, &record.task));
        match counts.expected {
            None => obstacles.push("count unknown"),
            Some(expected) if close(expected) => {}
            Some(expected) if counts.scored > expected => {
                obstacles.push("more items than published");
            }
            Some(_) => obstacles.push("subset"),
        }
        let nearly_complete = counts.expected.is_some_and(|expected| expected != counts.scored);
        Standing { nearly_complete: nearly_complete && obstacles.is_empty(), obstacles }
    }

    /// Whether a published value says anything about these items.
    pub(crate) fn is_comparable(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// What is said beside the count, as marks; none where all is well.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let first = self.obstacles.first().map(|reason| format!("{reason}: not comparable"));
        let others = self.obstacles.iter().skip(1).map(|reason| (*reason).to_owned());
        let nearly = self.nearly_complete.then(|| "nearly complete".to_owned());
        first.into_iter().chain(others).chain(nearly).collect()
    }
}

/// Whether somebody's captions are these: the paper puts "a photo of" in front, the others nothing.
pub(crate) fn has_captions_of(record: &Record, origin: Origin) -> bool {
    if record.task != Retrieval.result_name() {
        return true;
    }
    match record.provenance.options.get("caption_template").and_then(Value::as_str) {
        Some("{}") => origin != Origin::Paper,
        Some("a photo of {}") | None => true, // what the others have is said beside their values
        Some(_) => false,
    }
}

/// The data set of a record, if it is the catalogue's and not a user's folder of the same name.
/// Earlier programs did not say which; a user's files have no published count.
fn of_catalogue(record: &Record) -> Option<&'static Dataset> {
    let origin = record.identity.origin.as_str();
    if !matches!(origin, "catalogue" | "") {
        return None;
    }
    let dataset = clip_data::find(&record.dataset).ok()?;
    let published = |name: &str| dataset.split(name).ok()?.expected;
    let expected: Option<usize> = record.split.split('+').map(published).sum();
    // Joined splits that are not named one by one have no sum here.
    (expected.is_none() || expected == record.counts.expected).then_some(dataset)
}

/// The split that values are published of.
fn published_split(dataset: &Dataset, task: &str) -> String {
    let tasks: [&dyn Task; 2] = [&ZeroShot, &LinearProbe];
    match tasks.into_iter().find(|of| of.result_name() == task) {
        Some(task) => usual_split(dataset, task),
        None => dataset.test.clone(),
    }
}

/// Whether class names or templates are not those of the data set, which for a shift are
/// ImageNet's.
fn prompts_differ(record: &Record, dataset: &Dataset) -> bool {
    static OWN: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let ids = clip_data::catalogue().iter().map(Dataset::prompts_id);
        ids.filter_map(|id| Some((id.to_owned(), blake3_of(&PromptSet::of(id).ok()?)))).collect()
    });
    let id =
        if record.task == Robustness.result_name() { "imagenet" } else { dataset.prompts_id() };
    match (&record.provenance.prompts_blake3, OWN.get(id)) {
        (Some(of_cell), Some(own)) => of_cell != own,
        _ => false,
    }
}

/// Choices that ask something else than what is published.
fn other_choices<'o>(
    options: &'o Value,
    task: &'o str,
) -> impl Iterator<Item = &'static str> + use<'o> {
    let differs = |name: &str, usual: Value| options.get(name).is_some_and(|value| *value != usual);
    let probe = task == LinearProbe.result_name();
    let retrieval = task == Retrieval.result_name();
    [
        (differs("split_file", Value::Null), "a split of the user's"),
        (differs("strip_banner", false.into()), "photos cut"),
        (retrieval && differs("captions", Value::Null), "some captions left out"),
        (probe && differs("probe_features", "paper".into()), "other features"),
        (probe && differs("c", Value::Null), "another C"),
        (
            task == ZeroShot.result_name() && differs("frames", "middle".into()),
            "all frames of a clip",
        ),
    ]
    .into_iter()
    .filter_map(|(is_other, reason)| is_other.then_some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_eval::results::Counts;

    /// Of a file that is read, as every record of a report is.
    fn record(dataset: &str, split: &str, expected: Option<usize>, scored: usize) -> Record {
        let text = serde_json::json!({
            "schema": 1, "clip_rs": "0.1.0", "dataset": dataset, "dataset_title": dataset, "split": split,
            "task": "zeroshot_classification", "model": "ViT-B/32", "pretrained": "openai", "language": "en",
            "metrics": {}, "wall_seconds": 0.0,
            "score": { "name": "accuracy", "value": 0.6 },
            "provenance": {
                "weights_sha256": "", "recipe": {}, "precision": "f32", "isa": "avx2",
                "prompts_blake3": null, "prompts_source": null, "split_blake3": "", "features_key": null
            },
            "counts": { "expected": expected, "found": scored, "scored": scored, "skipped": 0 }
        });
        serde_json::from_value(text).expect("a cell")
    }

    fn warnings(record: &Record) -> Vec<String> {
        Standing::of(record).warnings()
    }

    #[test]
    fn only_the_published_split_of_the_catalogue_is_comparable() {
        assert!(
            warnings(&record("imagenetv2", "matched-frequency", Some(10_000), 10_000)).is_empty()
        );
        let other = warnings(&record("imagenetv2", "threshold-0.7", Some(10_000), 10_000));
        assert_eq!(other, ["another split: not comparable"]);
        let all = warnings(&record("caltech101", "all", None, 9_144));
        assert_eq!(all, ["another split: not comparable", "count unknown"]);
        assert_eq!(
            warnings(&record("dtd", "val", Some(1_880), 1_880)),
            ["another split: not comparable"]
        );
        assert!(
            warnings(&record("ucf101", "test-1+test-2+test-3", Some(11_213), 11_213)).is_empty()
        );
        assert_eq!(
            warnings(&record("ucf101", "test-1", Some(3_783), 3_783)),
            ["another split: not comparable"]
        );
        // A user's folder of the same name and count: nobody published how many it should have.
        let own = warnings(&record("cifar10", "test", None, 10_000));
        assert_eq!(own, ["own files: not comparable", "count unknown"]);
        let mut folder = record("cifar10", "test", Some(10_000), 10_000);
        folder.identity.origin = "folder".to_owned();
        assert_eq!(warnings(&folder), ["own files: not comparable"]);
        assert_eq!(warnings(&record("my photos", "test", None, 7))[0], "own files: not comparable");
    }

    #[test]
    fn only_the_data_sets_own_prompts_are_comparable() {
        let mut record = record("cifar10", "test", Some(10_000), 10_000);
        record.provenance.prompts_blake3 =
            Some(blake3_of(&PromptSet::of("cifar10").expect("ours")));
        assert!(warnings(&record).is_empty());
        record.provenance.prompts_blake3 =
            Some(blake3_of(&PromptSet::of("cifar100").expect("ours")));
        assert_eq!(warnings(&record), ["other prompts: not comparable"]);
    }

    #[test]
    fn a_subset_is_not_comparable_and_a_few_lost_files_are_said() {
        let mut record = record("food101", "test", Some(25_250), 25_250);
        let mut with = |scored| {
            record.counts = Counts { scored, ..record.counts };
            warnings(&record)
        };
        assert!(with(25_250).is_empty());
        assert_eq!(with(25_100), ["nearly complete"]);
        assert_eq!(with(500), ["subset: not comparable"]);
        assert_eq!(with(108_754), ["more items than published: not comparable"]);
    }

    #[test]
    fn captions_and_choices_are_those_of_whoever_published() {
        let mut record = record("mscoco", "test", Some(5_000), 5_000);
        record.task = Retrieval.result_name().to_owned();
        let mut with = |template: &str| {
            record.provenance.options = serde_json::json!({ "caption_template": template });
            [Origin::Paper, Origin::OpenClip].map(|origin| has_captions_of(&record, origin))
        };
        assert_eq!(with("a photo of {}"), [true, true]);
        assert_eq!(with("{}"), [false, true]);
        assert_eq!(with("a drawing of {}"), [false, false]);
        record.provenance.options = serde_json::json!({ "captions": 1 });
        assert_eq!(warnings(&record), ["some captions left out: not comparable"]);
    }
}
