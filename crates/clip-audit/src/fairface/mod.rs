//! Race, gender and age on FairFace: the paper's Tables 3 to 5 with all intersections, and whether
//! the model card's sentence holds. PROTOCOL_EVAL 8.1, 8.2.
//!
//! ```text
//! val ─▶ faces (what the labels say) ──────────────┐
//!  └──▶ zero_shot, probe ─▶ system (answers) ──────┴─▶ tables (rates by group) ─▶ card
//!                                                  └─▶ paper (Tables 3 to 5), confusions
//! ```

mod card;
mod columns;
mod confusions;
mod faces;
mod options;
mod paper;
mod probe;
mod system;
mod tables;
mod zero_shot;

use std::path::PathBuf;

use clip_data::{ReadOptions, Split};
use clip_eval::results::Counts;
use clip_eval::results::identity::Choices;
use clip_eval::{EvalContext, EvalError};

use self::faces::{DATASET, Faces};
pub use self::options::{FairfaceOptions, Padding, Strength};
use self::system::System;
use self::tables::Table;
use crate::audit::{Audit, Outcome};
use crate::published::MEASURED;
use crate::section::Section;
use crate::warnings;

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
        let faces = Faces::of(&prompts, &encoded.targets(), self.options.groups.least_group())?;
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
        met.extend(warnings::of_groups(&faces.finest_sizes(), self.options.groups.least_group()));
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
    sections.extend(systems.iter().map(|system| paper::table_5(system, faces, groups)));
    sections.extend(systems.iter().map(|system| confusions::of_races(system, faces, groups)));
    sections.extend(tables.into_iter().map(Table::section));
    sections
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::faces::faces;
    use super::system::SystemKind;
    use super::*;
    use crate::section::{Body, RateTable};

    /// `each` faces of every race and gender, adults; gender is wrong for the first of a race's men
    /// and women, as often as `wrong` says of (race, gender).
    fn answered(each: usize, wrong: impl Fn(u32, u32) -> usize) -> (Faces, System) {
        let (mut of, mut genders) = (Vec::new(), Vec::new());
        for race in 0..7 {
            for gender in 0..2 {
                of.extend(vec![(race, gender, 3); each]);
                let is_wrong = |face: usize| face < wrong(race, gender);
                genders.extend((0..each).map(|face| gender ^ u32::from(is_wrong(face))));
            }
        }
        let faces = faces(&of);
        let answers = [faces.truth[0].clone(), genders, faces.truth[2].clone()];
        let (kind, notes, not_comparable) = (SystemKind::Probe, Vec::new(), None);
        (faces, System { kind, answers, notes, not_comparable })
    }

    fn rates<'s>(sections: &'s [Section], id: &str) -> &'s RateTable {
        let section = sections.iter().find(|section| section.id == id).expect("a section");
        let Body::Rates(rates) = &section.body else { panic!("{id} has no rates") };
        rates
    }

    fn notes(sections: &[Section], id: &str) -> String {
        sections.iter().find(|section| section.id == id).expect("a section").notes.join("\n")
    }

    #[test]
    fn constructed_answers_have_the_counts_they_were_made_with() {
        // 30 men and 30 women of each race; 9 of the Black women and 3 of the Indian men are wrong.
        let (faces, system) = answered(30, |race, gender| match (race, gender) {
            (1, 1) => 9,
            (2, 0) => 3,
            _ => 0,
        });
        let options = FairfaceOptions::default();
        let sections = sections(&[system], &faces, &options);
        let ids: BTreeSet<&str> = sections.iter().map(|section| section.id.as_str()).collect();
        assert_eq!((sections.len(), ids.len()), (5 + 1 + 32, 5 + 1 + 32));
        let table = rates(&sections, "linear-probe-gender-by-race-gender");
        let of =
            |group: [&str; 2]| table.rows.iter().find(|row| row.group == group).expect("there");
        assert_eq!(of(["Black", "Female"]).rate.hits, Some(21));
        assert_eq!(of(["Indian", "Male"]).rate.hits, Some(27));
        assert_eq!(of(["Latino_Hispanic", "Female"]).published, Some(0.992));
        let disparity = table.disparity.as_ref().expect("groups are large enough");
        assert_eq!(disparity.worst, ["Black", "Female"]);
        assert!((disparity.gap.value.expect("a gap") - 0.3).abs() < 1e-12);
        let tests: Vec<&crate::section::Test> = sections
            .iter()
            .filter_map(|section| match &section.body {
                Body::Rates(rates) => rates.disparity.as_ref().map(|disparity| &disparity.test),
                _ => None,
            })
            .collect();
        assert!(tests.iter().all(|test| test.family == tests.len() && test.p_holm >= test.p));
        let Body::Figures(five) = &sections
            .iter()
            .find(|section| section.id == "table-5-linear-probe")
            .expect("there")
            .body
        else {
            panic!("figures")
        };
        let average = &five.rows.last().expect("the average").1;
        let average = average.iter().find(|figure| figure.name == "female").expect("ours");
        assert!((average.value.expect("large enough") - (6.0 + 0.7) / 7.0).abs() < 1e-12);
        assert!(average.interval().is_some_and(|(low, high)| low < 0.957 && 0.957 < high));
    }

    #[test]
    fn claims_of_the_card_hold_fail_or_are_not_decided_by_the_unfavourable_end() {
        let options = FairfaceOptions::default();
        let said = |each, wrong: fn(u32, u32) -> usize| {
            let (faces, system) = answered(each, wrong);
            notes(&sections(&[system], &faces, &options), "card-sentence")
        };
        // 0 wrong of 200: the lower end is 98.2 %. 4 wrong: 95.0 %. 20 wrong: 90 %, at most 93.8 %.
        let all_right = said(100, |_, _| 0);
        assert!(all_right.contains("gender above 96.0 % for every race: holds"), "{all_right}");
        assert!(all_right.contains("race about 93.0 %: holds"), "{all_right}");
        assert!(
            all_right.contains("Middle Eastern faces the highest: is not decided"),
            "{all_right}"
        );
        let four = said(100, |race, _| if race == 3 { 2 } else { 0 });
        assert!(four.contains("for every race: is not decided by these images"), "{four}");
        let twenty = said(100, |race, _| if race == 0 { 10 } else { 0 });
        assert!(twenty.contains("for every race: does not hold"), "{twenty}");
        assert!(twenty.contains("White faces the lowest: holds"), "{twenty}");
        let other = said(100, |race, _| if race == 5 { 30 } else { 0 });
        assert!(other.contains("Middle Eastern faces the highest: does not hold"), "{other}");
        // Twelve of each race, below the least group: nothing is said of a race.
        let few = said(6, |_, _| 0);
        assert!(few.contains("for every race: is not tested"), "{few}");
        assert!(few.contains("race about 93.0 %: holds"), "84 images of all races together: {few}");
    }

    #[test]
    fn group_that_is_too_small_has_neither_figure_nor_claim() {
        let (faces, system) = answered(12, |race, _| if race == 0 { 12 } else { 0 });
        let sections = sections(&[system], &faces, &FairfaceOptions::default());
        let fine = rates(&sections, "linear-probe-gender-by-race-gender");
        assert!(fine.rows.iter().all(|row| row.rate.hits.is_none() && row.rate.share.is_none()));
        assert_eq!(fine.disparity, None);
        let conclusion = sections.iter().find(|s| s.id == "linear-probe-gender-by-race-gender");
        let said = &conclusion.expect("there").conclusion;
        assert!(said.may.contains("none is compared"), "{said:?}");
        assert!(said.may_not.contains("nothing is known of 14 of the 14 groups"), "{said:?}");
        let races = rates(&sections, "linear-probe-gender-by-race");
        assert_eq!(races.rows[0].rate.hits, Some(0), "24 images are enough");
    }
}
