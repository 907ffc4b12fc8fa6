//! Which labels are returned for which group: the paper's study of Members of Congress, for any
//! images with groups and any labels. PROTOCOL_EVAL 8.4.
//!
//! ```text
//! table of images and groups ─▶ features ─┐
//! label list, templates ──────────────────┴─▶ probabilities ─▶ returned, by group ─▶ tests, most associated
//! ```

mod options;
mod returned;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_data::{FileGroups, Item, Items, Target};
use clip_eval::results::identity::Choices;
use clip_eval::results::slug;
use clip_eval::{EvalContext, EvalError, ItemList};

pub use self::options::AssociationOptions;
use self::options::{TEMPLATE, THRESHOLDS};
use self::returned::{Returned, keep_most_associated, probabilities};
use crate::audit::{Audit, Outcome};
use crate::group_table;
use crate::groups::{Grouping, Groups};
use crate::label_list::LabelList;
use crate::logits;
use crate::phrases::{self, percent};
use crate::rates::correct_sections;
use crate::record::Prompts;
use crate::section::{AssociationRow, AssociationTable, Body, Conclusion, Section};
use crate::warnings::{self, Warning};

/// What errors are said to come from.
const ASKED: &str = "audit association";
/// The split of a table.
const ALL: &str = "all";
/// Labels of each group that a sentence names.
const NAMED: usize = 3;

/// The audit.
#[derive(Debug, Clone)]
pub struct Association {
    options: AssociationOptions,
    list: LabelList,
    table: FileGroups,
    /// Where paths start.
    folder: PathBuf,
    /// BLAKE3 of the table.
    table_blake3: String,
    thresholds: Vec<f64>,
    templates: Vec<String>,
}

impl Association {
    /// Reads the labels and the table.
    ///
    /// # Errors
    /// Either cannot be read, the table has no such column, or none of its files is there.
    pub fn new(options: AssociationOptions) -> Result<Association, EvalError> {
        let list = LabelList::read(&options.labels)?;
        let path = &options.table;
        let own = path.parent().map(Path::to_owned).unwrap_or_default();
        let folder = options.root.clone().unwrap_or(own);
        let failed = |reason: String| EvalError::result(path, reason);
        let table = options.columns.table(path)?.below(&folder).map_err(failed)?;
        if table.files.is_empty() {
            let first = table.left_out.first();
            let first = first.map_or_else(String::new, |left| {
                format!("; the first: {}: {}", left.input, left.reason)
            });
            let reason = format!(
                "no row names an image that is there{first}; paths start in {}, or in `--root`",
                folder.display()
            );
            return Err(failed(reason));
        }
        let mut thresholds = options.thresholds.clone();
        if thresholds.is_empty() {
            thresholds = THRESHOLDS.to_vec();
        }
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        let templates = match &options.templates[..] {
            [] => vec![TEMPLATE.to_owned()],
            given => given.to_vec(),
        };
        let table_blake3 = group_table::blake3_of(&table);
        Ok(Association { options, list, table, folder, table_blake3, thresholds, templates })
    }

    fn items(&self) -> ItemList {
        let path = &self.options.table;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let item = |file: &String| Item::file(file.as_str(), Target::Unknown);
        let list = self.table.files.iter().map(item).collect();
        ItemList {
            dataset: name,
            title: path.display().to_string(),
            split: ALL.to_owned(),
            expected: None,
            items: Arc::new(Items { list, folder: self.folder.clone() }),
            notes: self.table.notes.clone(),
            not_listed: group_table::left_out(&self.table),
        }
    }

    /// Groups by each column that two groups at least are large enough of.
    fn groupings(
        &self,
        groups: &Groups,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Grouping>, EvalError> {
        let least = self.options.groups.least_group();
        let (mut usable, mut small) = (Vec::new(), Vec::new());
        for attribute in &groups.attributes {
            let Some(grouping) = groups.by(&[&attribute.name]) else { continue };
            let sizes = grouping.sizes();
            if sizes.iter().filter(|&&size| size >= least).count() >= 2 {
                usable.push(grouping);
                continue;
            }
            let names = grouping.names.iter().zip(sizes);
            let said: Vec<String> =
                names.map(|(name, size)| format!("{} has {size}", phrases::group(name))).collect();
            small.push(format!(
                "by {} fewer than two groups have {least} images: {}",
                attribute.name,
                if said.is_empty() { "there is none".to_owned() } else { said.join(", ") }
            ));
        }
        if usable.is_empty() {
            let reason = format!("nothing can be compared: {}", small.join("; "));
            return Err(EvalError::result(&self.options.table, reason));
        }
        notes.extend(small);
        Ok(usable)
    }

    /// Every label, at every threshold, by every column; with their tests corrected together.
    fn sections(&self, all: &[Returned<'_>], scale: f64) -> Vec<Section> {
        let options = &self.options.groups;
        let names = self.list.names(self.options.show_labels);
        let mut sections: Vec<Section> = all
            .iter()
            .map(|returned| {
                let table = returned.table(&names, scale, options);
                let (by, at) = (table.by.clone(), of_percent(table.threshold));
                let id = format!("{}-above-{}", slug(&by), slug(&table.threshold.to_string()));
                let title = format!("Labels by {by}, returned above {at}");
                Section::new(&id, title, Body::Associations(table), Conclusion::new("", ""))
            })
            .collect();
        correct_sections(&mut sections);
        for section in &mut sections {
            if let Body::Associations(table) = &mut section.body {
                let differing = self.differing(&table.rows);
                let tested = table.rows.len();
                keep_most_associated(table, self.options.top);
                section.conclusion = self.conclusion(table, tested, differing);
                section.notes = self.notes(table, tested);
            }
        }
        sections
    }

    /// How many labels differ between groups at the level of the audit.
    fn differing(&self, rows: &[AssociationRow]) -> usize {
        rows.iter().filter(|row| self.is_shown(row)).count()
    }

    fn is_shown(&self, row: &AssociationRow) -> bool {
        row.test.p_holm <= 1.0 - self.options.groups.level
    }

    fn conclusion(&self, table: &AssociationTable, tested: usize, differing: usize) -> Conclusion {
        let at = of_percent(table.threshold);
        let toward = |(place, (group, _)): (usize, &(String, usize))| {
            let rows = table.rows.iter().filter(|row| row.toward == *group && self.is_shown(row));
            let said: Vec<String> = rows
                .take(NAMED)
                .map(|row| {
                    let share = row.returned[place].share.as_ref().and_then(|share| share.value);
                    format!("{} ({})", row.label, percent(share.unwrap_or_default()))
                })
                .collect();
            (!said.is_empty()).then(|| format!("toward {group}: {}", said.join(", ")))
        };
        let most: Vec<String> = table.groups.iter().enumerate().filter_map(toward).collect();
        let most = if most.is_empty() { String::new() } else { format!("; {}", most.join("; ")) };
        let differing = match differing {
            0 => "none".to_owned(),
            some => some.to_string(),
        };
        let may = format!(
            "Above {at}, {tested} of {} labels are returned for some images and not for all; for {differing} of them the \
             groups by {} differ by more than chance explains{most}.",
            table.labels, table.by
        );
        let may_not = format!(
            "That anybody is what a label says, or that another list would show the same, may not be concluded: a label's \
             probability depends on the {} labels beside it and on the temperature ({:.1}), so that thresholds compare for \
             the same list and temperature alone; photographs of groups differ in more than the group, and a label that \
             is not shown to differ is not shown to be equal.",
            table.labels, table.scale
        );
        Conclusion::new(may, may_not)
    }

    fn notes(&self, table: &AssociationTable, tested: usize) -> Vec<String> {
        let without = table.labels - tested;
        let mut notes = vec![
            "2 x groups chi-squared without Yates' correction; where an expected count is below 5, Fisher's exact test of \
             two groups, and a permutation test of more"
                .to_owned(),
        ];
        if without > 0 {
            notes.push(format!("labels returned for no image or for all, not tested: {without}"));
        }
        if tested > table.rows.len() {
            notes.push(format!(
                "shown are for each group the {} labels that most surely differ toward it, the most frequent first; the \
                 correction is over all labels",
                self.options.top
            ));
        }
        notes
    }

    fn warnings(&self, context: &EvalContext, groupings: &[Grouping]) -> Vec<Warning> {
        let mut met = warnings::of_list(&self.list, &[], self.options.show_labels);
        let sizes: Vec<usize> = groupings.iter().flat_map(Grouping::sizes).collect();
        met.extend(warnings::of_groups(&sizes, self.options.groups.least_group()));
        met.extend(warnings::of_model(&context.model));
        warnings::once(met)
    }
}

impl Audit for Association {
    fn kind(&self) -> &'static str {
        "association"
    }

    fn choices(&self) -> Choices {
        self.options.choices(&self.list.fingerprint(), &self.table_blake3)
    }

    fn files(&self) -> Vec<&Path> {
        vec![&self.options.table, &self.options.labels]
    }

    fn run(&self, context: &mut EvalContext) -> Result<Outcome, EvalError> {
        let encoded = context.encode_split(self.items())?;
        let mut outcome = Outcome::of(&encoded);
        let groups = group_table::groups_of(&self.table, &encoded.rows.usable);
        let groupings = self.groupings(&groups, &mut outcome.notes)?;
        let prompts = self.list.prompts(&[], &self.templates);
        let head = context.head(&prompts)?;
        if head.truncated > 0 {
            outcome.notes.push(format!("{} labels were cut to the context length", head.truncated));
        }
        let labels = self.list.labels.len();
        let each = groupings.iter().flat_map(|grouping| {
            self.thresholds.iter().map(move |&at| Returned::new(at, grouping, labels))
        });
        let mut all: Vec<Returned<'_>> = each.collect();
        logits::in_parts(context, &head, &encoded.rows, |logits| {
            if logits.iter().any(|logit| !logit.is_finite()) {
                let reason = "a score is no number: the model is damaged";
                return Err(EvalError::task(ASKED, &encoded.list.dataset, reason));
            }
            for logits in logits.chunks_exact(labels) {
                let probabilities = probabilities(logits);
                all.iter_mut().for_each(|returned| returned.add(&probabilities));
            }
            Ok(())
        })?;
        outcome.prompts = vec![Prompts::of(&self.list, &self.templates, self.options.show_labels)];
        if self.list.is_hidden(self.options.show_labels) {
            let note =
                "labels are called by their numbers, and not shown: --show-labels shows them";
            outcome.notes.push(note.to_owned());
        }
        outcome.warnings = self.warnings(context, &groupings);
        outcome.sections = self.sections(&all, f64::from(context.clip.scale()));
        Ok(outcome)
    }
}

/// `0.5 %`
fn of_percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}
