//! Mean score against the operations a model spends on an image. Figure 9 of the paper.

use std::collections::BTreeSet;

use crate::markup::Markup;
use crate::numbers::{display_name, number, percent};
use crate::plot::{Axis, HEIGHT, Key, Kind, Mark, Plot, Scale, overview};
use crate::published::Origin;
use crate::standing::Standing;
use crate::suite::Suite;
use clip_eval::results::Record;

/// Tasks whose means make sense as one number.
const TASKS: [&str; 2] = ["zeroshot_classification", "linear_probe"];

/// Whether there is anything to draw.
pub(super) fn is_possible(suite: &Suite<'_>) -> bool {
    TASKS.iter().any(|task| Means::of(suite, task).is_some())
}

/// One plot for each task that two models or more did on the same data sets.
pub(super) fn figures(page: &mut Markup, suite: &Suite<'_>) {
    for task in TASKS {
        if let Some(means) = Means::of(suite, task) {
            draw(page, suite, task, &means);
        }
    }
}

/// Means over the data sets that all these models have.
struct Means<'a> {
    /// Model, operations for an image, our mean, the paper's where it has all the sets.
    models: Vec<(&'a str, f64, f64, Option<f64>)>,
    datasets: usize,
    subsets: usize,
}

impl<'a> Means<'a> {
    fn of(suite: &Suite<'a>, task: &str) -> Option<Means<'a>> {
        let records_of = |model: &str| -> Vec<&'a Record> {
            suite
                .of_task(task)
                .filter(|record| record.model == model && record.score.value.is_some())
                .collect()
        };
        let of_model =
            |model: &'a str| Some((model, *suite.operations.get(model)?, records_of(model)));
        let models: Vec<(&str, f64, Vec<&Record>)> = suite
            .models
            .iter()
            .filter_map(|model| of_model(model))
            .filter(|model| !model.2.is_empty())
            .collect();
        let sets = |records: &[&'a Record]| -> BTreeSet<Asked<'a>> {
            records.iter().map(|record| asked(record)).collect()
        };
        let common = models.iter().map(|model| sets(&model.2)).reduce(|a, b| &a & &b)?;
        if models.len() < 2 || common.is_empty() {
            return None;
        }
        let is_common = |record: &&&Record| common.contains(&asked(record));
        let mean = |(model, operations, records): &(&'a str, f64, Vec<&Record>)| {
            let records: Vec<&Record> = records.iter().filter(is_common).copied().collect();
            let ours = records.iter().filter_map(|record| record.score.value).sum::<f64>()
                / records.len() as f64;
            let theirs = |record: &&Record| {
                suite.difference(record, &record.score, Origin::Paper)?;
                suite.published(record, &record.score, Origin::Paper).map(|value| value.value)
            };
            let theirs: Option<Vec<f64>> = records.iter().map(theirs).collect();
            let theirs = theirs.map(|values| values.iter().sum::<f64>() / values.len() as f64);
            (*model, *operations, ours, theirs)
        };
        let subsets = models
            .iter()
            .flat_map(|model| model.2.iter().filter(is_common))
            .filter(|record| !Standing::of(record).is_comparable())
            .map(|record| record.dataset.as_str())
            .collect::<BTreeSet<_>>();
        Some(Means {
            models: models.iter().map(mean).collect(),
            datasets: common.len(),
            subsets: subsets.len(),
        })
    }
}

/// What a model was asked: the items with their truth, and the prompts.
type Asked<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

fn asked(record: &Record) -> Asked<'_> {
    let from = &record.provenance;
    (&record.dataset, &record.split, &from.split_blake3, from.prompts_blake3.as_deref())
}

fn draw(page: &mut Markup, suite: &Suite<'_>, task: &str, means: &Means<'_>) {
    let values =
        means.models.iter().flat_map(|&(_, _, ours, theirs)| [Some(ours), theirs]).flatten();
    let y = Axis::percent("mean score, %", Scale::linear(values, (0.0, 1.0)));
    let operations = means.models.iter().map(|model| model.1 / 1e9);
    let x = Axis::plain("GFLOP for one image", Scale::log(10.0, operations));
    let has_paper = means.models.iter().any(|model| model.3.is_some());
    let mut keys = vec![Key::new(0, Kind::Mark, "clip-rs (one mark for each model)")];
    keys.extend(has_paper.then(|| Key::new(8, Kind::Hollow, "paper, the same sets")));
    let title = format!("Scaling: {}", display_name(task));
    let mut plot = Plot::new(&title, HEIGHT, &x, &y, &keys);
    let mut said = Vec::new();
    for &(model, operations, ours, theirs) in &means.models {
        let mut mark = |series, kind, y, tip| {
            plot.marks(series, kind, &[Mark { x: operations / 1e9, y, interval: None, tip }]);
        };
        if let Some(theirs) = theirs {
            let tip = format!("{model} in the paper: {} %", percent(theirs));
            mark(8, Kind::Hollow, theirs, tip);
        }
        let tip = format!("{model}: {} % at {} GFLOP", percent(ours), number(operations / 1e9));
        said.push(tip.clone());
        mark(suite.series(model), Kind::Mark, ours, tip);
    }
    let points: Vec<(f64, f64)> =
        means.models.iter().map(|model| (model.1 / 1e9, model.2)).collect();
    let names: Vec<&str> = means.models.iter().map(|model| model.0).collect();
    plot.names(&points, &names);
    let mut caption = format!(
        "Unweighted mean of the scores on the {} data sets that all {} models have; two operations for each \
         multiply-add of the image tower. No interval: data sets are not draws from anything.",
        means.datasets,
        means.models.len()
    );
    if means.subsets > 0 {
        caption += &format!(
            " {} of the data sets are not those of published values: their level says nothing.",
            means.subsets
        );
    }
    overview(page, &title, |page| plot.svg(page, &said.join("; ")), &caption);
}
