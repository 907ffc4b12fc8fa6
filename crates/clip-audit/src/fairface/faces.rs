//! What the labels say of the faces, and what is asked of a model about them.

use clip_data::{PromptSet, Target};
use clip_eval::EvalError;

use crate::groups::{Attribute, Groups};

/// What errors are said to come from.
pub(super) const ASKED: &str = "audit fairface";
/// Id of the data set.
pub(super) const DATASET: &str = "fairface";
/// Attribute of the two groups of Tables 3 and 4.
pub(super) const WHITE_OR_NOT: &str = "White or not";
/// The race that these tables set apart.
pub(super) const WHITE: &str = "White";
/// All others.
pub(super) const NON_WHITE: &str = "Non-White";
/// What is told of a face, in the order of its labels.
pub(super) const ATTRIBUTES: [&str; 3] = ["race", "gender", "age"];

/// What is asked about a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// One of seven.
    Race,
    /// The answer for race read as White or any other, as FairFace's own model had it.
    WhiteOrNot,
    /// One of two.
    Gender,
    /// One of nine.
    Age,
}

impl Question {
    pub(super) const ALL: [Question; 4] =
        [Question::Race, Question::WhiteOrNot, Question::Gender, Question::Age];

    /// For ids of sections.
    pub(super) fn id(self) -> &'static str {
        match self {
            Question::Race => "race",
            Question::WhiteOrNot => "white-or-not",
            Question::Gender => "gender",
            Question::Age => "age",
        }
    }

    /// Column of a table, and the beginning of a sentence in lower case.
    pub(super) fn name(self) -> &'static str {
        match self {
            Question::Race => "race",
            Question::WhiteOrNot => "race as White or not",
            Question::Gender => "gender",
            Question::Age => "age",
        }
    }

    /// Position in [`ATTRIBUTES`] of the answer that is looked at.
    pub(super) fn attribute(self) -> usize {
        match self {
            Question::Race | Question::WhiteOrNot => 0,
            Question::Gender => 1,
            Question::Age => 2,
        }
    }
}

/// All faces that could be used.
#[derive(Debug)]
pub(super) struct Faces {
    /// Race, gender, age, and White or not.
    pub(super) groups: Groups,
    /// `[attributes][faces]`: positions in the levels.
    pub(super) truth: [Vec<u32>; 3],
    /// Position of White among the races.
    white: u32,
}

impl Faces {
    /// # Errors
    /// A target is no face, there is no such race as White, or there are fewer faces than the least
    /// group.
    pub(super) fn of(
        prompts: &PromptSet,
        targets: &[&Target],
        min_group: usize,
    ) -> Result<Faces, EvalError> {
        let refused = |reason: String| EvalError::task(ASKED, DATASET, reason);
        if targets.len() < min_group {
            return Err(refused(format!(
                "{} usable images are fewer than the least group of {min_group}: an audit would be about \
                 single people; it needs more images",
                targets.len()
            )));
        }
        let mut groups = Groups::of_persons(prompts, targets.iter().copied())?;
        let all = |name: &str| -> Result<Vec<u32>, EvalError> {
            let attribute = groups.attribute(name);
            attribute
                .and_then(|attribute| attribute.of_item.iter().copied().collect())
                .ok_or_else(|| refused(format!("not every item is a face with its {name}")))
        };
        let truth = [all(ATTRIBUTES[0])?, all(ATTRIBUTES[1])?, all(ATTRIBUTES[2])?];
        let races = groups.attribute(ATTRIBUTES[0]).map_or(&[][..], |race| &race.levels);
        let white = races
            .iter()
            .position(|race| race == WHITE)
            .ok_or_else(|| refused(format!("`{WHITE}` is none of its races")))?
            as u32;
        groups.attributes.push(Attribute {
            name: WHITE_OR_NOT.to_owned(),
            levels: vec![WHITE.to_owned(), NON_WHITE.to_owned()],
            of_item: truth[0].iter().map(|&race| Some(u32::from(race != white))).collect(),
        });
        Ok(Faces { groups, truth, white })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.truth[0].len()
    }

    /// Levels of an attribute, by its position in [`ATTRIBUTES`].
    pub(super) fn levels(&self, attribute: usize) -> &[String] {
        &self.groups.attributes[attribute].levels
    }

    /// Which answers are right.
    ///
    /// - `answers`: `[faces]`, to the attribute that the question is about
    pub(super) fn hits(&self, question: Question, answers: &[u32]) -> Vec<bool> {
        let truth = &self.truth[question.attribute()];
        let is_hit = |(&answer, &truth): (&u32, &u32)| match question {
            Question::WhiteOrNot => (answer == self.white) == (truth == self.white),
            _ => answer == truth,
        };
        answers.iter().zip(truth).map(is_hit).collect()
    }

    /// Sizes of the groups of race, gender and age together.
    pub(super) fn finest_sizes(&self) -> Vec<usize> {
        self.groups.by(&ATTRIBUTES).map(|groups| groups.sizes()).unwrap_or_default()
    }
}

/// Faces by race, gender and age, with the program's own words.
#[cfg(test)]
pub(super) fn faces(of: &[(u32, u32, u32)]) -> Faces {
    let prompts = PromptSet::of("fairface").expect("in the program");
    let person = |&(race, gender, age): &(u32, u32, u32)| Target::Person { race, gender, age };
    let targets: Vec<Target> = of.iter().map(person).collect();
    Faces::of(&prompts, &targets.iter().collect::<Vec<_>>(), 1).expect("faces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_race_is_right_for_a_face_that_is_not_white() {
        let faces = faces(&[(0, 0, 0), (1, 0, 0), (3, 1, 8)]);
        assert_eq!(faces.hits(Question::Race, &[0, 2, 3]), [true, false, true]);
        assert_eq!(faces.hits(Question::WhiteOrNot, &[1, 2, 3]), [false, true, true]);
        assert_eq!(faces.hits(Question::WhiteOrNot, &[0, 0, 3]), [true, false, true]);
        let two = faces.groups.by(&[WHITE_OR_NOT]).expect("added");
        assert_eq!(
            (two.names, two.of_item),
            (
                vec![vec![WHITE.to_owned()], vec![NON_WHITE.to_owned()]],
                vec![Some(0), Some(1), Some(1)],
            )
        );
    }

    #[test]
    fn too_few_faces_and_items_that_are_none_are_refused() {
        let prompts = PromptSet::of("fairface").expect("in the program");
        let face = Target::Person { race: 0, gender: 0, age: 0 };
        let few = Faces::of(&prompts, &[&face; 19], 20).expect_err("too few");
        assert!(few.to_string().contains("19 usable images are fewer than the least group of 20"));
        let other = Faces::of(&prompts, &[&face, &Target::Class(1)], 1).expect_err("no face");
        assert!(other.to_string().contains("not every item is a face"), "{other}");
    }
}
