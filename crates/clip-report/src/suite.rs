//! All records in the order of the page, and what is looked up among them.

use std::collections::BTreeMap;

use clip_rs::Clip;
use clip_rs::model::MultiplyAdds;
use clip_rs::model::registry;

use crate::compare::{Difference, Measured};
use crate::published::Origin;
use crate::standing::{Standing, has_captions_of};
use clip_eval::results::{Figure, Record};

/// Finds published values of a record's figure.
pub(crate) type Published<'a> = &'a dyn Fn(&Record, &Figure) -> Vec<Measured>;

/// Tasks in the order of the page; others follow by name.
const TASKS: [&str; 5] =
    ["zeroshot_classification", "zeroshot_retrieval", "linear_probe", "few_shot", "robustness"];

/// The records of a page.
pub(crate) struct Suite<'a> {
    /// By task, data set, model.
    pub(crate) records: Vec<&'a Record>,
    /// In the order of their release, then by name.
    pub(crate) models: Vec<&'a str>,
    /// Operations for one image, two for each multiply-add; of the models where they are known.
    pub(crate) operations: BTreeMap<&'a str, f64>,
    published: Published<'a>,
}

impl<'a> Suite<'a> {
    pub(crate) fn new(records: &'a [Record], published: Published<'a>) -> Suite<'a> {
        let mut models: Vec<&str> = records.iter().map(|record| record.model.as_str()).collect();
        models.sort_by_key(|model| (release(model), *model));
        models.dedup();
        let mut sorted: Vec<&Record> = records.iter().collect();
        sorted.sort_by_key(|record| {
            let task = TASKS.iter().position(|task| *task == record.task).unwrap_or(TASKS.len());
            let model = models.iter().position(|model| *model == record.model);
            (task, record.task.as_str(), title_key(record), &record.dataset, &record.split, model)
        });
        let operations = sorted
            .iter()
            .filter_map(|record| Some((record.model.as_str(), operations_of(record)?)));
        let operations = operations.collect();
        Suite { records: sorted, models, operations, published }
    }

    /// Its place among the models decides a model's colour and mark.
    pub(crate) fn series(&self, model: &str) -> usize {
        self.models.iter().position(|other| *other == model).unwrap_or(0)
    }

    /// Tasks that occur, in order.
    pub(crate) fn tasks(&self) -> Vec<&'a str> {
        let mut tasks: Vec<&str> = self.records.iter().map(|record| record.task.as_str()).collect();
        tasks.dedup();
        tasks
    }

    /// Records of a task, in order.
    pub(crate) fn of_task<'s>(
        &'s self,
        task: &'s str,
    ) -> impl Iterator<Item = &'a Record> + use<'s, 'a> {
        self.records.iter().copied().filter(move |record| record.task == task)
    }

    /// The number of a record in the page, which its anchor is made of.
    pub(crate) fn number(&self, record: &Record) -> usize {
        self.records.iter().position(|other| std::ptr::eq(*other, record)).unwrap_or(0)
    }

    /// The published value of a figure; none where there is none, or it is of something else.
    pub(crate) fn published(
        &self,
        record: &Record,
        figure: &Figure,
        origin: Origin,
    ) -> Option<Measured> {
        let value =
            (self.published)(record, figure).into_iter().find(|value| value.origin == origin)?;
        (Standing::of(record).is_comparable() && has_captions_of(record, origin)).then_some(value)
    }

    /// Whether somebody published a value of this figure, for these items or others.
    pub(crate) fn is_published(&self, record: &Record, figure: &Figure, origin: Origin) -> bool {
        (self.published)(record, figure).iter().any(|value| value.origin == origin)
    }

    /// Ours against it.
    pub(crate) fn difference(
        &self,
        record: &Record,
        figure: &Figure,
        origin: Origin,
    ) -> Option<Difference> {
        Difference::between(figure, &self.published(record, figure, origin)?)
    }

    /// Accuracy without examples: on the items of the few-shot run itself, else in the record of
    /// the zero-shot task.
    pub(crate) fn zero_shot(&self, record: &Record) -> Option<f64> {
        let own = record.figures.iter().find(|figure| figure.name == "zero_shot");
        let same = |other: &&Record| other.model == record.model && other.dataset == record.dataset;
        let other = || self.of_task("zeroshot_classification").find(same);
        own.or_else(|| other().map(|found| &found.score))?.value
    }
}

/// Figures of a record that the tables show: its score, and for retrieval every recall.
pub(crate) fn shown(record: &Record) -> Vec<&Figure> {
    let others = record
        .figures
        .iter()
        .filter(|figure| figure.name.contains("recall@") && figure.name != record.score.name);
    std::iter::once(&record.score).chain(others).collect()
}

fn title_key(record: &Record) -> String {
    record.dataset_title.to_lowercase()
}

/// Place in the registry.
fn release(model: &str) -> usize {
    let found = registry::find(model).ok();
    found
        .and_then(|found| registry::models().iter().position(|model| model.name == found.name))
        .unwrap_or(usize::MAX)
}

/// Of the released model with these weights or this name, or of the starter.
fn operations_of(record: &Record) -> Option<f64> {
    let multiply_adds = match registry::find_digest(&record.provenance.weights_sha256) {
        Some(model) => MultiplyAdds::of(&model.architecture),
        None => match registry::find(&record.model) {
            Ok(model) => MultiplyAdds::of(&model.architecture),
            Err(_) if record.model == "starter" => starter()?,
            Err(_) => return None,
        },
    };
    Some(2.0 * multiply_adds.image as f64)
}

fn starter() -> Option<MultiplyAdds> {
    static SIZES: std::sync::LazyLock<Option<MultiplyAdds>> = std::sync::LazyLock::new(|| {
        let clip = Clip::starter().ok()?;
        Some(MultiplyAdds::of(clip.architecture()))
    });
    *SIZES
}
