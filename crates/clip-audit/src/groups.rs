//! Who is in an image, as the data set says: attributes with their levels, and groups of items that
//! share a level, or a combination of levels.

use clip_data::{PromptSet, Target};
use clip_eval::EvalError;
use serde::Deserialize;

/// Attributes of a face of FairFace, and the lists of the prompt file that have their levels.
const OF_PERSONS: [(&str, &str); 3] =
    [("race", "race_csv"), ("gender", "gender_csv"), ("age", "age_csv")];

/// One attribute of every item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `race`, `gender`, `age`, or the name of a column.
    pub name: String,
    /// Its levels in the data set's order.
    pub levels: Vec<String>,
    /// `[items]`: position in `levels`; none where the data set does not say.
    pub of_item: Vec<Option<u32>>,
}

/// What is known of who is in the images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// All of one length.
    pub attributes: Vec<Attribute>,
}

/// A partition of the items that have all attributes it is made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// Attributes it is made by: `["race", "gender"]`.
    pub by: Vec<String>,
    /// Groups that occur, in the order of the levels, the first attribute slowest.
    pub names: Vec<Vec<String>>,
    /// `[items]`: position in `names`; none for items that are in no group.
    pub of_item: Vec<Option<u32>>,
}

impl Groups {
    /// Race, gender and age of FairFace's faces, in the words and the order of its labels; none of
    /// an item that is no [`Target::Person`]. PROTOCOL_EVAL 8.1.
    ///
    /// # Errors
    /// The prompt file has no such list, or a face's level is not in it.
    pub fn of_persons<'t>(
        prompts: &PromptSet,
        targets: impl IntoIterator<Item = &'t Target>,
    ) -> Result<Groups, EvalError> {
        let refused = |reason: String| EvalError::task("audit", &prompts.id, reason);
        let mut attributes = Vec::with_capacity(OF_PERSONS.len());
        for (name, list) in OF_PERSONS {
            let levels = prompts.rest.get(list).and_then(|list| Vec::deserialize(list).ok());
            let levels: Vec<String> = levels
                .filter(|levels: &Vec<String>| !levels.is_empty())
                .ok_or_else(|| refused(format!("its prompt file has no list of words `{list}`")))?;
            attributes.push(Attribute { name: name.to_owned(), levels, of_item: Vec::new() });
        }
        for target in targets {
            let of_item = match *target {
                Target::Person { race, gender, age } => [race, gender, age].map(Some),
                _ => [None; 3],
            };
            for (attribute, level) in attributes.iter_mut().zip(of_item) {
                if level.is_some_and(|level| level as usize >= attribute.levels.len()) {
                    let Attribute { name, levels, .. } = attribute;
                    let reason = format!("a face's {name} is none of its {} words", levels.len());
                    return Err(refused(reason));
                }
                attribute.of_item.push(level);
            }
        }
        Ok(Groups { attributes })
    }

    /// An attribute by its name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Groups by one attribute or by the combinations of several; none for an unknown name.
    pub fn by(&self, names: &[&str]) -> Option<Grouping> {
        let attributes: Vec<&Attribute> =
            names.iter().map(|name| self.attribute(name)).collect::<Option<_>>()?;
        let items = attributes.first().map_or(0, |attribute| attribute.of_item.len());
        let levels = |item: usize| -> Option<Vec<u32>> {
            attributes.iter().map(|attribute| attribute.of_item[item]).collect()
        };
        let mut occurring: Vec<Vec<u32>> = (0..items).filter_map(levels).collect();
        occurring.sort_unstable();
        occurring.dedup();
        let position = |levels: Vec<u32>| occurring.binary_search(&levels).ok().map(|at| at as u32);
        let of_item = (0..items).map(|item| levels(item).and_then(position)).collect();
        let name = |levels: &Vec<u32>| {
            let words = attributes.iter().zip(levels);
            words.map(|(attribute, &level)| attribute.levels[level as usize].clone()).collect()
        };
        let by = names.iter().map(|name| (*name).to_owned()).collect();
        Some(Grouping { by, names: occurring.iter().map(name).collect(), of_item })
    }
}

impl Grouping {
    /// How many items each group has.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        self.of_item.iter().flatten().for_each(|&group| sizes[group as usize] += 1);
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_that_occur_are_groups_in_the_order_of_levels() {
        let attribute = |name: &str, levels: [&str; 2], of_item: [Option<u32>; 4]| Attribute {
            name: name.to_owned(),
            levels: levels.map(str::to_owned).to_vec(),
            of_item: of_item.to_vec(),
        };
        let groups = Groups {
            attributes: vec![
                attribute("age", ["young", "old"], [Some(1), Some(0), Some(1), Some(1)]),
                attribute("gender", ["f", "m"], [Some(0), Some(1), None, Some(0)]),
            ],
        };
        let both = groups.by(&["age", "gender"]).expect("both are there");
        assert_eq!(both.names, [["young", "m"], ["old", "f"]]);
        assert_eq!(both.of_item, [Some(1), Some(0), None, Some(1)]);
        assert_eq!(both.sizes(), [1, 2]);
        assert_eq!(groups.by(&["race"]), None);
    }
    #[test]
    fn faces_have_the_words_of_their_labels_and_others_none() {
        let prompts = PromptSet::of("fairface").expect("in the program");
        let face = |race, gender, age| Target::Person { race, gender, age };
        let targets = [face(6, 1, 8), Target::Unknown, face(0, 0, 0)];
        let groups = Groups::of_persons(&prompts, &targets).expect("faces");
        let all = groups.by(&["race", "gender", "age"]).expect("all three");
        assert_eq!(
            all.names,
            [["White", "Male", "0-2"], ["Latino_Hispanic", "Female", "more than 70"]]
        );
        assert_eq!(all.of_item, [Some(1), None, Some(0)]);
        let error = Groups::of_persons(&prompts, &[face(7, 0, 0)]).expect_err("seven races");
        assert!(error.to_string().contains("race is none of its 7 words"), "{error}");
        let others = PromptSet::of("cifar10").expect("in the program");
        let error = Groups::of_persons(&others, &targets).expect_err("no words");
        assert!(error.to_string().contains("`race_csv`"), "{error}");
    }
}
