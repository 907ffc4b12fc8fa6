//! What is to be done, read and checked before a model looks at anything.

use clip_data::{ReadOptions, Split, Target, Task};
use clip_eval::results::Identity;
use clip_eval::results::identity::Choices;
use clip_eval::{EvalError, head};
use clip_rs::Tokenizer;

use super::images::Images;
use super::lists::{Classes, LabelSet, named, names_of};
use super::options::Taxonomy;
use super::prompt_sets::{self, Sentences};
use crate::group_table::GroupColumns;
use crate::groups::{Attribute, Grouping, Groups};
use crate::label_list::LabelList;

/// What errors say was asked.
const TASK: &str = "audit taxonomy";
/// Combinations of columns that are groups of their own have at most so many columns.
const MOST_CROSSED: usize = 3;

/// Everything that the audit asks, tied to the data set.
pub(super) struct Plan {
    pub(super) classes: Vec<String>,
    pub(super) lists: Vec<LabelSet>,
    pub(super) sentences: Vec<Sentences>,
    /// Labels that are added: the text, and the class that it stands for.
    pub(super) added: Vec<(String, Option<u32>)>,
    /// Of all items of the split.
    groups: Groups,
    pub(super) notes: Vec<String>,
}

/// Reads the items.
///
/// # Errors
/// There is no such data set or split.
pub(super) fn open(asked: &Taxonomy) -> Result<Split, EvalError> {
    if asked.root.is_none() && !asked.dataset.contains(':') {
        let reason = "where is it? `--root` names the folder that holds it";
        return Err(EvalError::task(TASK, &asked.dataset, reason));
    }
    let read = ReadOptions {
        strip_banner: false,
        captions: None,
        split_file: None,
        task: Some(Task::Classification),
    };
    let root = asked.root.clone().unwrap_or_default();
    Ok(Split::open(&asked.dataset, &root, asked.split.as_deref(), &read)?)
}

/// The class of every item.
fn truth<'a>(
    dataset: &str,
    targets: impl Iterator<Item = &'a Target>,
) -> Result<Vec<u32>, EvalError> {
    let one = |target: &Target| match target {
        Target::Class(class) => Ok(*class),
        Target::Person { .. } => {
            Err("its images are of people, without a class: `audit fairface` measures them")
        }
        _ => Err("its items have not one class each; give a data set of single classes"),
    };
    let failed = |reason: &str| EvalError::task(TASK, dataset, reason);
    targets.map(|target| one(target).map_err(failed)).collect()
}

impl Plan {
    /// Ties everything asked to a split.
    ///
    /// # Errors
    /// Labels, sentences, groups or requirements cannot be used.
    pub(super) fn of(asked: &Taxonomy, split: &Split) -> Result<Plan, EvalError> {
        let id = &split.dataset.id;
        let failed = |reason: String| EvalError::task(TASK, id, reason);
        truth(id, split.items.iter().map(|item| &item.target))?;
        let of_groups = asked.require.iter().find(|required| required.measure.is_of_groups());
        if let Some(required) = of_groups.filter(|_| asked.groups.is_none()) {
            let name = required.measure.name();
            return Err(failed(format!(
                "`{name}` needs groups: `--groups FILE --group-column NAME`"
            )));
        }
        let classes = Classes::of(id, &split.prompts);
        let mut lists = Vec::new();
        let list = twice(&asked.labels).map(|path| path.display().to_string());
        if let Some(twice) = list.or_else(|| twice(&asked.group_column).cloned()) {
            return Err(failed(format!("`{twice}` is given twice")));
        }
        for (path, name) in asked.labels.iter().zip(names_of(&asked.labels)) {
            let list = LabelList::read(path)?;
            let joined = classes.join(&list, &name, asked.show_labels);
            lists.push(joined.map_err(|reason| EvalError::result(path, reason))?);
        }
        if lists.is_empty() {
            lists.push(classes.own_names().map_err(failed)?);
        }
        let added = added(asked, &classes, &lists).map_err(failed)?;
        let sentences = prompt_sets::read(&asked.templates, &asked.template, &split.prompts)?;
        let mut notes: Vec<String> = lists.iter().flat_map(|list| list.notes.clone()).collect();
        let groups = groups(asked, split, &mut notes)?;
        Ok(Plan { classes: classes.names, lists, sentences, added, groups, notes })
    }

    /// What a cell is called.
    pub(super) fn name(&self, list: &LabelSet, sentences: &Sentences) -> String {
        match self.sentences.len() {
            1 => list.name.clone(),
            _ => format!("{}, {}", list.name, sentences.name),
        }
    }

    /// The cells that requirements are compared with.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn is_judged(
        &self,
        asked: &Taxonomy,
    ) -> Result<impl Fn(&str, usize) -> bool, EvalError> {
        let judged = asked.judge.clone();
        let cells =
            self.lists.iter().flat_map(|list| self.sentences.iter().map(|of| self.name(list, of)));
        let mut known: Vec<String> =
            self.lists.iter().map(|list| list.name.clone()).chain(cells).collect();
        known.dedup(); // a list in one set of sentences is a cell of its name
        if let Some(name) = judged.as_ref().filter(|name| !known.contains(name)) {
            let reason = format!("`--judge {name}` is none of {}", named(&known));
            return Err(EvalError::task(TASK, &asked.dataset, reason));
        }
        let lists: Vec<String> = self.lists.iter().map(|list| list.name.clone()).collect();
        Ok(move |cell: &str, list: usize| {
            judged.as_ref().is_none_or(|name| name == cell || *name == lists[list])
        })
    }

    /// The images that could be used.
    ///
    /// - `usable`: positions of the items
    ///
    /// # Errors
    /// They are too few.
    pub(super) fn images<'a>(
        &self,
        asked: &Taxonomy,
        dataset: &str,
        usable: &[usize],
        targets: impl Iterator<Item = &'a Target>,
    ) -> Result<Images, EvalError> {
        let (count, least) = (usable.len(), asked.options.least_group());
        if count < least {
            let reason = format!(
                "it has {count} images, and figures are given of {least} or more; `--min-group` may be as low as {}",
                crate::options::LEAST_GROUP
            );
            return Err(EvalError::task(TASK, dataset, reason));
        }
        let truth = truth(dataset, targets)?;
        let of_usable = |attribute: &Attribute| Attribute {
            of_item: usable.iter().map(|&item| attribute.of_item[item]).collect(),
            ..attribute.clone()
        };
        let groups = Groups { attributes: self.groups.attributes.iter().map(of_usable).collect() };
        let names: Vec<&str> = groups.attributes.iter().map(|of| &*of.name).collect();
        let mut groupings: Vec<Grouping> =
            names.iter().filter_map(|name| groups.by(&[name])).collect();
        if (2..=MOST_CROSSED).contains(&names.len()) {
            groupings.extend(groups.by(&names));
        }
        Ok(Images::new(truth, self.classes.clone(), groupings, asked.options.clone()))
    }
}

/// The first that is there before.
fn twice<T: PartialEq>(given: &[T]) -> Option<&T> {
    (1..given.len()).find(|&at| given[..at].contains(&given[at])).map(|at| &given[at])
}

/// The labels to add, with the classes that they stand for; none that a list has already.
fn added(
    asked: &Taxonomy,
    classes: &Classes,
    lists: &[LabelSet],
) -> Result<Vec<(String, Option<u32>)>, String> {
    let tokenizer = Tokenizer::new();
    let mut known: Vec<(Vec<u32>, &str)> = Vec::new();
    for list in lists {
        known.extend(list.texts().iter().map(|text| (tokenizer.encode(text), &*list.name)));
    }
    let mut added = Vec::new();
    for line in &asked.add_class {
        let (label, class) = classes.label(line)?;
        let tokens = tokenizer.encode(label);
        if tokens.is_empty() {
            return Err(format!("`--add-class {line}` has no letter that the model reads"));
        }
        if let Some((_, place)) = known.iter().find(|(text, _)| *text == tokens) {
            return Err(format!("`--add-class {label}` is in {place} already, to the model"));
        }
        known.push((tokens, "the labels to add"));
        added.push((label.to_owned(), class));
    }
    Ok(added)
}

fn groups(asked: &Taxonomy, split: &Split, notes: &mut Vec<String>) -> Result<Groups, EvalError> {
    let Some(path) = &asked.groups else { return Ok(Groups::default()) };
    let columns = GroupColumns {
        file_column: asked.file_column.clone(),
        group_column: asked.group_column.clone(),
    };
    let ids: Vec<String> = split.items.iter().map(clip_data::Item::id).collect();
    let read = Groups::read(path, &columns, &ids)?;
    notes.extend(read.notes);
    let left: Vec<String> =
        read.left_out.iter().map(|left| format!("{}: {}", left.input, left.reason)).collect();
    notes.extend((!left.is_empty()).then(|| format!("in no group: {}", named(&left))));
    Ok(read.groups)
}

/// Everything chosen; of a file what it says.
pub(super) fn choices(asked: &Taxonomy) -> Choices {
    let usual = Taxonomy::of("");
    let mut choices = Choices::default();
    let mut files = |name: &str, paths: &mut dyn Iterator<Item = &std::path::PathBuf>| {
        let texts: Vec<String> =
            paths.map(|path| clip_data::read_text(path).unwrap_or_default()).collect();
        let is_default = texts.is_empty();
        choices.enter(name, said_by(texts), is_default);
    };
    files("labels", &mut asked.labels.iter());
    files("templates", &mut asked.templates.iter());
    files("groups", &mut asked.groups.iter());
    if let Some((_, path)) = asked.dataset.split_once(':') {
        // Two folders of one name are two data sets.
        let path = asked.root.clone().unwrap_or_default().join(path);
        let place = Identity::file(&path);
        let place = place.as_str().unwrap_or_default();
        choices.enter("data", format!("blake3:{place}").into(), false);
    }
    let texts = |texts: &[String]| serde_json::Value::from(texts.join(", "));
    choices.enter("template", texts(&asked.template), asked.template.is_empty());
    choices.enter("group_column", texts(&asked.group_column), asked.group_column.is_empty());
    choices.enter("add_class", texts(&asked.add_class), asked.add_class.is_empty());
    choices.enter("split", asked.split.clone().into(), asked.split.is_none());
    choices.enter("draws", asked.draws.into(), asked.draws == usual.draws);
    choices.enter(
        "answer_precision",
        asked.answer_precision.into(),
        asked.answer_precision == usual.answer_precision,
    );
    let required =
        asked.require.iter().map(|one| format!("{}={}", one.measure.name(), one.threshold));
    let required: Vec<String> = required.collect();
    choices.enter("require", texts(&required), true); // what is required changes no figure
    choices.enter("judge", asked.judge.clone().into(), true);
    let (options, usual) = (&asked.options, &usual.options);
    choices.enter("min_group", options.min_group.into(), options.min_group == usual.min_group);
    choices.enter("level", options.level.into(), options.level == usual.level);
    choices.enter("seed", options.seed.into(), options.seed == usual.seed);
    choices.enter("resamples", options.resamples.into(), options.resamples == usual.resamples);
    choices
}

/// A hash of texts.
fn said_by(texts: Vec<String>) -> serde_json::Value {
    let said = clip_data::PromptSet {
        id: String::new(),
        source: String::new(),
        classes: vec![texts],
        templates: Vec::new(),
        labels: None,
        rest: serde_json::Value::Null,
    };
    format!("blake3:{}", head::blake3_of(&said)).into()
}
