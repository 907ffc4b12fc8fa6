//! How often images of people are answered with labels that degrade, by race, gender and age, and
//! what the choice of labels does. PROTOCOL_EVAL 8.3; Tables 6 and 7 of the paper.
//!
//! ```text
//! FairFace ─▶ a seeded sample ─▶ features ──┐
//! label list, added classes, templates ─────┴─▶ answers ─▶ sections: rates by group, before and after, flows
//! ```

mod answers;
mod conclusions;
mod options;
mod sections;

use std::path::{Path, PathBuf};

use clip_data::random::Seeded;
use clip_data::{PromptSet, ReadOptions, Split};
use clip_eval::results::identity::Choices;
use clip_eval::{EncodedSplit, EvalContext, EvalError};
use serde::Deserialize;

use self::answers::{Answers, ClassSet, Classes};
use self::options::CHILD;
pub use self::options::DenigrationOptions;
use self::sections::Found;
use crate::audit::{Audit, Outcome};
use crate::groups::Groups;
use crate::label_list::{DENIGRATION, LabelList};
use crate::logits;
use crate::published::MEASURED;
use crate::record::Prompts;
use crate::warnings::{self, Warning};

/// What errors are said to come from.
const ASKED: &str = "audit denigration";
/// Id of the data set.
const DATASET: &str = "fairface";
/// Its prompt file has the sentences under this name.
const TEMPLATES: &str = "templates_of_denigration";
/// Sentences that a figure is to be looked at with (PROTOCOL_EVAL 8.3).
const LEAST_TEMPLATES: usize = 3;

/// The audit.
#[derive(Debug, Clone)]
pub struct Denigration {
    /// Folder of FairFace, or the one that holds it.
    root: PathBuf,
    options: DenigrationOptions,
    list: LabelList,
    added: Vec<String>,
    templates: Vec<String>,
    notes: Vec<String>,
}

impl Denigration {
    /// Reads the labels.
    ///
    /// # Errors
    /// A list of labels, an added class or a sentence cannot be used.
    pub fn new(root: PathBuf, options: DenigrationOptions) -> Result<Denigration, EvalError> {
        let list = match &options.labels {
            Some(path) => LabelList::read(path)?,
            None => LabelList::of(DENIGRATION)?,
        };
        if let (Some(path), []) = (&options.labels, &list.categories()[..]) {
            let reason = "no label stands under a heading: write `[crime-related]`, or another word, above the labels \
                          whose share is to be measured";
            return Err(EvalError::result(path, reason));
        }
        let mut notes = Vec::new();
        let added = added(&list, &options, &mut notes)?;
        let templates = templates(&options)?;
        if templates.len() < LEAST_TEMPLATES {
            notes.push(format!(
                "{} of at least {LEAST_TEMPLATES} sentences: how much hangs on the sentence is hardly known",
                templates.len()
            ));
        }
        Ok(Denigration { root, options, list, added, templates, notes })
    }

    /// A split, or the first images of a seeded permutation of it.
    fn split(&self) -> Result<(Split, Option<String>), EvalError> {
        let name = Some(&*self.options.split);
        let mut split = Split::open(DATASET, &self.root, name, &ReadOptions::default())?;
        let (size, sample) = (split.items.len(), self.options.sample);
        if size <= sample {
            return Ok((split, None));
        }
        let seed = self.options.groups.seed;
        let mut drawn = Seeded::named(seed, ASKED).sample(size, sample);
        drawn.sort_unstable();
        split.items.list = drawn.iter().map(|&item| split.items.list[item].clone()).collect();
        split.info.expected = Some(sample);
        let note = format!("{sample} of {size} images, the first of a permutation by seed {seed}");
        Ok((split, Some(note)))
    }

    /// The answer to every image, `[sets]`, with one sentence around each label.
    fn answers(
        &self,
        context: &mut EvalContext,
        encoded: &EncodedSplit,
        sets: &[ClassSet],
        template: &str,
    ) -> Result<(Vec<Answers>, usize), EvalError> {
        let head = context.head(&self.list.prompts(&self.added, &[template.to_owned()]))?;
        let mut answers = vec![Answers::default(); sets.len()];
        logits::in_parts(context, &head, &encoded.rows, |logits| {
            for (answers, set) in answers.iter_mut().zip(sets) {
                answers
                    .add(logits, head.classes(), set)
                    .map_err(|error| EvalError::task(ASKED, DATASET, error.to_string()))?;
            }
            Ok(())
        })?;
        Ok((answers, head.truncated))
    }

    /// Labels, added classes and sentences, as the result names them.
    fn prompts(&self) -> Vec<Prompts> {
        let mut prompts = vec![Prompts::of(&self.list, &self.templates, self.options.show_labels)];
        if !self.added.is_empty() {
            let source = if self.options.added.is_empty() {
                "CLIP paper, Table 7"
            } else {
                "given by the user"
            };
            prompts.push(Prompts {
                name: "added classes".to_owned(),
                source: source.to_owned(),
                classes: self.added.clone(),
                count: self.added.len(),
                templates: self.templates.clone(),
            });
        }
        prompts
    }

    fn warnings(&self, context: &EvalContext, groups: &Groups) -> Vec<Warning> {
        let mut met = warnings::of_list(&self.list, &self.added, self.options.show_labels);
        let groupings =
            groups.attributes.iter().filter_map(|attribute| groups.by(&[&attribute.name]));
        let sizes: Vec<usize> = groupings.flat_map(|grouping| grouping.sizes()).collect();
        met.extend(warnings::of_groups(&sizes, self.options.groups.least_group()));
        met.extend(warnings::of_model(&context.model));
        warnings::once(met)
    }

    /// What is known of how it compares with the paper.
    fn comparison(&self) -> Vec<String> {
        if self.options.labels.is_some() {
            return vec!["the labels are not the paper's: nothing that is published compares with these shares".to_owned()];
        }
        vec![
            format!(
                "published values stand beside every model; they are those of {MEASURED} on 10,000 images of FairFace that \
                 are not published, with sentences that are not"
            ),
            "the published shares are not reproducible as printed: two independent teams found far smaller non-human \
             shares with the released models, whatever the sentence (openai/CLIP issues 96 and 157, CLIP_benchmark issue 15)"
                .to_owned(),
        ]
    }
}

impl Audit for Denigration {
    fn kind(&self) -> &'static str {
        "denigration"
    }

    fn choices(&self) -> Choices {
        self.options.choices(&self.list.fingerprint())
    }

    fn files(&self) -> Vec<&Path> {
        self.options.labels.iter().map(PathBuf::as_path).collect()
    }

    fn run(&self, context: &mut EvalContext) -> Result<Outcome, EvalError> {
        let (split, drawn) = self.split()?;
        let words = split.prompts.clone();
        let encoded = context.encode_split(split)?;
        let (images, least) = (encoded.rows.usable.len(), self.options.groups.least_group());
        if images < least {
            let reason =
                format!("{images} images are fewer than the least group of {least}: take more");
            return Err(EvalError::task(ASKED, DATASET, reason));
        }
        let mut outcome = Outcome::of(&encoded);
        let groups = Groups::of_persons(&words, encoded.targets())?;
        let classes = Classes::new(&self.list, &self.added, self.options.show_labels);
        let sets = classes.sets();
        let (mut answers, mut truncated) = (Vec::new(), 0);
        for template in &self.templates {
            let (of_sets, cut) = self.answers(context, &encoded, &sets, template)?;
            answers.push(of_sets);
            truncated += cut;
        }
        if truncated > 0 {
            outcome.notes.push(format!("{truncated} labels were cut to the context length"));
        }
        outcome.notes.extend(drawn);
        outcome.notes.extend(self.notes.iter().cloned());
        outcome.notes.extend(self.comparison());
        if self.list.is_hidden(self.options.show_labels) {
            outcome.notes.push(
                "labels are counted by category, and not shown: --show-labels shows them"
                    .to_owned(),
            );
        }
        outcome.prompts = self.prompts();
        outcome.warnings = self.warnings(context, &groups);
        outcome.sections = Found {
            classes: &classes,
            sets: &sets,
            templates: &self.templates,
            answers,
            groups: &groups,
            options: &self.options.groups,
            is_of_paper: self.options.labels.is_none(),
            show_labels: self.options.show_labels,
        }
        .sections();
        Ok(outcome)
    }
}

/// The classes that are added: those asked for, else the paper's where the list has it not.
fn added(
    list: &LabelList,
    options: &DenigrationOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, EvalError> {
    let refused = |reason| EvalError::task(ASKED, DATASET, reason);
    if options.added.is_empty() {
        if list.position(CHILD).is_none() {
            return Ok(vec![CHILD.to_owned()]);
        }
        notes.push(
            "the list has the class child: none is added; --add-class names another".to_owned(),
        );
        return Ok(Vec::new());
    }
    let mut added: Vec<String> = Vec::new();
    for class in &options.added {
        let class = class.trim();
        if class.is_empty() {
            return Err(refused("an added class is empty: --add-class takes its text".to_owned()));
        }
        if let Some(label) = list.position(class) {
            let reason = format!(
                "the class {class:?} is a label of the list already, label {}: add another",
                label + 1
            );
            return Err(refused(reason));
        }
        if added.iter().any(|earlier| LabelList::are_one(earlier, class)) {
            return Err(refused(format!("the class {class:?} is added twice: once is enough")));
        }
        added.push(class.to_owned());
    }
    Ok(added)
}

/// Those asked for, else those of FairFace's prompt file.
fn templates(options: &DenigrationOptions) -> Result<Vec<String>, EvalError> {
    let refused = |reason| EvalError::task(ASKED, DATASET, reason);
    if options.templates.is_empty() {
        let prompts = PromptSet::of(DATASET)?;
        let ours = prompts.rest.get(TEMPLATES).and_then(|list| Vec::deserialize(list).ok());
        return ours.ok_or_else(|| refused(format!("its prompt file has no list {TEMPLATES}")));
    }
    for (place, template) in options.templates.iter().enumerate() {
        if options.templates[..place].contains(template) {
            return Err(refused(format!(
                "the sentence {template:?} is given twice: once is enough"
            )));
        }
        if !template.contains("{}") {
            return Err(refused(format!("the sentence {template:?} has no {{}} for the label")));
        }
    }
    Ok(options.templates.clone())
}
