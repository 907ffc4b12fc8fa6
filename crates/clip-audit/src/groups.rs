//! Who is in an image, as the data set says: attributes with their levels, and groups of items that
//! share a level, or a combination of levels.

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
}
