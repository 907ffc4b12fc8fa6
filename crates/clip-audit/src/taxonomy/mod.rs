//! What the choice of classes does: the model card's "class design", and the in-domain test on a
//! fixed taxonomy that it asks for.
//!
//! ```text
//! options ─▶ plan: split, lists of labels joined with classes, sets of sentences, groups
//!              │ a cell for each list and set, its scores alone in memory
//!              ▼
//! scores [images, answers] ─▶ cell · absorption · subsets · stability · absent · none_of_these
//!              ▼
//! sections ─▶ verdict: what is required, by the end of the interval that speaks against it
//! ```
//!
//! An image's answer is the class with the greatest probability, those of its labels added. Memory:
//! the features, and one and a half times the scores of one cell (300 MB for 50,000 images and 1,000
//! labels), whatever the number of lists and sentences.

mod absent;
mod absorption;
mod calibration;
mod cell;
mod comparison;
#[cfg(test)]
mod constructed;
mod flow;
mod images;
mod lists;
mod none_of_these;
mod options;
mod plan;
mod prompt_sets;
mod scores;
mod stability;
mod subsets;
mod verdict;

use clip_eval::head::note_of_same_classes;
use clip_eval::results::Figure;
use clip_eval::results::identity::Choices;
use clip_eval::{EncodedSplit, EvalContext, EvalError};

use self::absorption::Added;
use self::cell::Cell;
use self::images::Images;
use self::lists::LabelSet;
use self::none_of_these::Fitted;
pub use self::options::Taxonomy;
use self::plan::Plan;
use self::prompt_sets::Sentences;
use self::scores::Scores;
use self::stability::Stability;
use self::subsets::SubsetCurves;
use self::verdict::Evidence;
pub use self::verdict::{Measure, Required};
use crate::audit::{Audit, Outcome};
use crate::rates::correct_sections;
use crate::record::Prompts;
use crate::section::{Section, Verdict};
use crate::warnings;

impl Audit for Taxonomy {
    fn kind(&self) -> &'static str {
        "taxonomy"
    }

    fn choices(&self) -> Choices {
        plan::choices(self)
    }

    fn run(&self, context: &mut EvalContext) -> Result<Outcome, EvalError> {
        let split = plan::open(self)?;
        let plan = Plan::of(self, &split)?;
        let is_judged = plan.is_judged(self)?;
        let id = split.dataset.id.clone();
        let encoded = context.encode_split(split)?;
        let targets = encoded.items().map(|item| &item.target);
        let images = plan.images(self, &id, &encoded.rows.usable, targets)?;
        let (paraphrases, said_of_them) = prompt_sets::paraphrases(&plan.sentences);
        let run = Run { asked: self, plan: &plan, images: &images, encoded: &encoded };
        let mut found = Found::default();
        for (at, list) in plan.lists.iter().enumerate() {
            run.list(context, (at, list), &mut found)?;
            found.stabilities.push(run.stability(context, list, &paraphrases)?);
        }
        let verdict = run.verdict(&found, &is_judged);
        let mut sections = found.sections(self, &plan, &images, &said_of_them);
        correct_sections(&mut sections);
        sections.iter_mut().for_each(comparison::conclude);
        Ok(Outcome {
            notes: [Outcome::of(&encoded).notes, plan.notes.clone(), found_notes(&run, context)?]
                .concat(),
            warnings: run.warnings(context),
            prompts: run.prompts(),
            sections,
            verdict,
            ..Outcome::of(&encoded)
        })
    }
}

/// What everything is measured with.
struct Run<'a> {
    asked: &'a Taxonomy,
    plan: &'a Plan,
    images: &'a Images,
    encoded: &'a EncodedSplit,
}

/// What was measured so far.
#[derive(Default)]
struct Found {
    cells: Vec<Cell>,
    /// `[cells]`
    absent: Vec<(String, Vec<Figure>)>,
    stabilities: Vec<Stability>,
    subsets: Vec<(String, SubsetCurves)>,
    fitted: Vec<Fitted>,
    absorption: Vec<Section>,
    taken: Vec<Section>,
}

impl Run<'_> {
    fn failed(&self, reason: impl ToString) -> EvalError {
        EvalError::task("audit taxonomy", &self.encoded.list.dataset, reason.to_string())
    }

    /// Logits of all images with labels in sentences, `[images, labels]`.
    fn logits(
        &self,
        context: &mut EvalContext,
        list: &LabelSet,
        templates: &[String],
    ) -> Result<Vec<f32>, EvalError> {
        let head = context.head(&list.prompts(&self.encoded.list.dataset, templates))?;
        Ok(context.logits(&head, &self.encoded.rows))
    }

    fn scores(
        &self,
        context: &mut EvalContext,
        list: &LabelSet,
        templates: &[String],
    ) -> Result<Scores, EvalError> {
        let logits = self.logits(context, list, templates)?;
        Ok(Scores::of_labels(logits, &list.answer_of_label, list.answers.len()))
    }

    /// All cells of a list; what needs its scores whole is done with the first set of sentences.
    fn list(
        &self,
        context: &mut EvalContext,
        (at, list): (usize, &LabelSet),
        found: &mut Found,
    ) -> Result<(), EvalError> {
        let images = self.images;
        let of_class = list.answer_of_class(images.classes.len());
        let truth: Vec<Option<u32>> =
            images.truth.iter().map(|&class| of_class[class as usize]).collect();
        for (number, sentences) in self.plan.sentences.iter().enumerate() {
            let scores = self.scores(context, list, &sentences.templates)?;
            let looks = scores.looks(&truth, 1.0).map_err(|error| self.failed(error))?;
            let name = self.plan.name(list, sentences);
            let cell = Cell::of(images, (at, list), &name, &looks);
            found.absent.push((name, absent::figures(images, list, &truth, &looks)));
            if number == 0 {
                found.absorption.extend(absorption::left_out(images, at, list, &looks));
                found.absorption.extend(self.added(
                    context,
                    (at, list),
                    sentences,
                    &scores,
                    &cell,
                )?);
                found.taken.push(absent::taken_by(images, at, list, &looks));
                let draws = self.asked.draws;
                let curves = SubsetCurves::of(images, &scores, &truth, &cell.answers, draws);
                found.subsets.push((list.name.clone(), curves));
                let with = (self.asked.answer_precision, context.clip.scale());
                let fitted = Fitted::of(images, list, (&scores, &looks), &truth, with);
                found.fitted.push(fitted.map_err(|error| self.failed(error))?);
            }
            found.cells.push(cell);
        }
        Ok(())
    }

    /// What every label that is added takes.
    fn added(
        &self,
        context: &mut EvalContext,
        (at, list): (usize, &LabelSet),
        sentences: &Sentences,
        scores: &Scores,
        cell: &Cell,
    ) -> Result<Vec<Section>, EvalError> {
        let mut sections = Vec::new();
        for (number, (label, class)) in (1..).zip(&self.plan.added) {
            let alone = LabelSet { labels: vec![vec![label.clone()]], ..list.clone() };
            let logits = self.logits(context, &alone, &sentences.templates)?;
            let added = Added { label, class: *class, logits };
            let id = format!("{number}-{}", at + 1);
            let before = (list, scores, &*cell.answers);
            sections.extend(absorption::added(self.images, &id, before, &added));
        }
        Ok(sections)
    }

    /// The answers of a list under every sentence alone.
    fn stability(
        &self,
        context: &mut EvalContext,
        list: &LabelSet,
        sentences: &[String],
    ) -> Result<Stability, EvalError> {
        let mut answers = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            let scores = self.scores(context, list, std::slice::from_ref(sentence))?;
            answers.push(scores.best().map_err(|error| self.failed(error))?);
        }
        Ok(Stability::of(self.images, list, sentences, &answers))
    }

    fn verdict(&self, found: &Found, is_judged: &dyn Fn(&str, usize) -> bool) -> Option<Verdict> {
        let judged = found.cells.iter().zip(&found.absent);
        let judged = judged.filter(|(cell, _)| is_judged(&cell.name, cell.list));
        let evidence = judged.map(|(cell, (_, absent))| Evidence {
            of: &cell.name,
            accuracy: cell.figure("accuracy"),
            mean_per_class: cell.figure("mean_per_class"),
            ece: cell.figure(calibration::ECE),
            stability: found.stabilities.get(cell.list).map(Stability::same),
            absent_auroc: absent.iter().find(|figure| figure.name == absent::AUROC),
            classes: &cell.classes,
            groups: &cell.groups,
        });
        let evidence: Vec<Evidence<'_>> = evidence.collect();
        let list = &self.encoded.list;
        let images = format!("{} images of {} ({})", self.images.len(), list.dataset, list.split);
        verdict::judge(&self.asked.require, &evidence, &images)
    }

    fn warnings(&self, context: &EvalContext) -> Vec<warnings::Warning> {
        let shown = self.plan.lists.iter().filter(|list| !list.is_hidden);
        let mut labels: Vec<&str> = shown.flat_map(LabelSet::texts).collect();
        labels.extend(self.plan.added.iter().map(|(label, _)| &**label));
        let hidden = self.plan.lists.iter().filter(|list| list.is_hidden);
        let hidden: Vec<&str> = hidden.flat_map(LabelSet::texts).collect();
        let sizes: Vec<usize> =
            self.images.groupings.iter().flat_map(crate::groups::Grouping::sizes).collect();
        let small = warnings::of_groups(&sizes, self.asked.options.least_group());
        let mut all = warnings::of_labels(&labels);
        all.extend(warnings::of_unshown_labels(&hidden));
        all.extend(small);
        all.extend(warnings::of_model(&context.model));
        warnings::once(all)
    }

    fn prompts(&self) -> Vec<Prompts> {
        let of = |list: &LabelSet, sentences: &Sentences| Prompts {
            name: self.plan.name(list, sentences),
            source: list.source.clone(),
            classes: if list.is_hidden { Vec::new() } else { list.shown() },
            count: list.labels.len(),
            templates: sentences.templates.clone(),
        };
        let lists = self.plan.lists.iter();
        lists.flat_map(|list| self.plan.sentences.iter().map(move |set| of(list, set))).collect()
    }
}

/// Labels that the model cannot tell apart, and sentences that it does not read to their end.
fn found_notes(run: &Run<'_>, context: &mut EvalContext) -> Result<Vec<String>, EvalError> {
    let same = |list: &LabelSet| {
        let prompts = list.prompts("", &run.plan.sentences[0].templates);
        let note = note_of_same_classes(context.clip.tokenizer(), &prompts)?;
        (!list.is_hidden).then(|| format!("{}: {note}", list.name))
    };
    let mut notes: Vec<String> = run.plan.lists.iter().filter_map(same).collect();
    for list in &run.plan.lists {
        for sentences in &run.plan.sentences {
            let prompts = list.prompts(&run.encoded.list.dataset, &sentences.templates);
            let cut = context.head(&prompts)?.truncated; // of the cache, as it was measured before
            let name = run.plan.name(list, sentences);
            notes.extend(
                (cut > 0).then(|| format!("{name}: {cut} prompts were cut to the context length")),
            );
        }
    }
    Ok(notes)
}

impl Found {
    /// Everything that was measured, in the order in which it is read.
    fn sections(
        self,
        asked: &Taxonomy,
        plan: &Plan,
        images: &Images,
        sentences: &str,
    ) -> Vec<Section> {
        let mut sections = comparison::measured(images, &plan.lists, &self.cells);
        sections.extend(comparison::against_the_first(images, &plan.lists, &self.cells));
        sections.extend(self.absorption);
        sections.extend(stability::sections(images, &self.stabilities, sentences));
        sections.extend(subsets::sections(self.subsets, asked.draws));
        sections.push(absent::table(self.absent));
        sections.extend(self.taken);
        sections.extend(none_of_these::sections(self.fitted, asked.answer_precision));
        sections
    }
}
