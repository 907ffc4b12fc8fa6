//! Race, gender and age on FairFace: the paper's Tables 3 to 5 with all intersections, and whether
//! the model card's sentence holds. PROTOCOL_EVAL 8.1, 8.2.
//!
//! ```text
//! val ─▶ faces (what the labels say) ──────────────┐
//!  └──▶ zero_shot, probe ─▶ system (answers) ──────┴─▶ tables (rates by group) ─▶ card
//!                                                  └─▶ paper (Tables 3 to 5), confusions
//! ```

mod card;
mod confusions;
mod faces;
mod options;
mod paper;
mod probe;
mod system;
mod tables;
mod words;
mod zero_shot;

use std::path::PathBuf;

use clip_data::{ReadOptions, Split};
use clip_eval::results::Counts;
use clip_eval::results::identity::Choices;
use clip_eval::{EvalContext, EvalError};

use self::faces::Faces;
pub use self::options::{FairfaceOptions, Padding, Strength};
use self::system::System;
use self::tables::Table;
use crate::audit::{Audit, Outcome};
use crate::published::MEASURED;
use crate::section::Section;
use crate::warnings;

/// What errors are said to come from.
const ASKED: &str = "audit fairface";
/// Id of the data set.
const DATASET: &str = "fairface";

/// The audit.
#[derive(Debug, Clone)]
pub struct Fairface {
    /// Folder of the data set, or the one that holds it.
    pub root: PathBuf,
    /// What was chosen.
    pub options: FairfaceOptions,
}

impl Audit for Fairface {
    fn kind(&self) -> &'static str {
        "fairface"
    }

    fn choices(&self) -> Choices {
        self.options.choices()
    }

    fn run(&self, context: &mut EvalContext) -> Result<Outcome, EvalError> {
        let split = Split::open(DATASET, &self.root, None, &ReadOptions::default())?;
        let prompts = self.options.prompts(&split.prompts);
        let encoded = context.encode_split(split)?;
        let mut outcome = Outcome::of(&encoded);
        let faces = Faces::of(&prompts, &encoded.targets(), self.options.groups.min_group)?;
        let answers = zero_shot::answers(context, &prompts, &encoded)?;
        outcome.prompts = answers.prompts;
        outcome.notes.extend(answers.notes);
        let mut systems = vec![answers.system];
        if !self.options.without_probe {
            let data = probe::Data { root: &self.root, encoded: &encoded, faces: &faces };
            let (system, read) = probe::answers(context, &data, &self.options)?;
            systems.push(system);
            outcome.read.extend(read);
        }
        outcome.notes.extend(self.notes(outcome.counts));
        outcome.sections = sections(&systems, &faces, &self.options);
        let asked: Vec<&str> = outcome
            .prompts
            .iter()
            .flat_map(|prompts| prompts.classes.iter().map(String::as_str))
            .collect();
        let mut met = warnings::of_labels(&asked);
        met.extend(warnings::of_groups(&faces.finest_sizes(), self.options.groups.min_group));
        met.extend(warnings::of_model(&context.model));
        outcome.warnings = warnings::once(met);
        Ok(outcome)
    }
}

impl Fairface {
    /// What is known of how it compares with the paper.
    fn notes(&self, counts: Counts) -> Vec<String> {
        let padding = match self.options.padding {
            Some(padding) => format!("padding {} by the user's word", padding.name()),
            None => "padding not said (`--padding`)".to_owned(),
        };
        let mut notes = vec![
            format!(
                "published values stand beside every model; they are those of {MEASURED} alone"
            ),
            format!(
                "release of the faces: {padding}; which one the paper used is not published, nor are its \
                 prompts"
            ),
        ];
        if let Some(expected) = counts.expected.filter(|&expected| expected != counts.scored) {
            let note =
                format!("{} of the {expected} images of the split as published", counts.scored);
            notes.push(note);
        }
        if self.options.without_probe {
            let note =
                "the linear probe was left out: the model card's sentence is about its values";
            notes.push(note.to_owned());
        }
        notes
    }
}

/// All tables, corrected together.
fn sections(systems: &[System], faces: &Faces, options: &FairfaceOptions) -> Vec<Section> {
    let groups = &options.groups;
    let mut tables: Vec<Table> =
        systems.iter().flat_map(|system| tables::tables(system, faces, groups)).collect();
    tables::correct(&mut tables);
    let mut sections = vec![paper::all_images(systems, faces, groups)];
    // The probe's where there is one: the card speaks of it.
    sections.extend(systems.last().map(|system| card::sentence(system, &tables, groups)));
    sections.extend(paper::tables_3_and_4(systems, faces, groups));
    sections.push(paper::table_5(systems, faces, groups));
    sections.extend(systems.iter().map(|system| confusions::of_races(system, faces, groups)));
    sections.extend(tables.into_iter().map(Table::section));
    sections
}
