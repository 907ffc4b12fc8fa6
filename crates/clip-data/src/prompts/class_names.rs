//! Class names of a person's own, joined with the classes by label or by name: positions in lists
//! differ.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::names::comparable;

/// What names are joined with: the classes of a data set.
pub(super) struct Known<'a> {
    /// Of the data set.
    pub(super) id: &'a str,
    /// The data set's own label of each class; none where they are not stated.
    pub(super) labels: &'a [String],
    /// One or more names for each class.
    pub(super) classes: &'a [Vec<String>],
}

/// A name for each class, in the order of the classes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) names: Vec<String>,
    /// In words.
    pub(super) by: &'static str,
}

/// Names of the classes of a data set from `{label: name}`, from a list, or from either of them
/// under the data set's id.
///
/// A list whose entries are the known labels or names, however spelt and ordered, is joined by
/// them. One of other names is joined by position, unless an entry shows that its order is another.
///
/// # Errors
/// In words: labels that are missing or unknown, another length, another order, an empty name.
pub(super) fn join(known: &Known<'_>, json: Value) -> Result<Joined, String> {
    let none = || format!("no list of texts and no `{{label: name}}` for {}", known.id);
    let joined = match json {
        Value::Object(mut sets) => match sets.remove(known.id) {
            Some(Value::Object(names)) => by_label(known, &names),
            Some(list) => by_entries(known, Vec::deserialize(list).map_err(|_| none())?),
            None if sets.values().all(Value::is_string) && !sets.is_empty() => {
                by_label(known, &sets)
            }
            None => Err(none()),
        },
        list => by_entries(known, Vec::deserialize(list).map_err(|_| none())?),
    }?;
    match joined.names.iter().position(|name| name.trim().is_empty()) {
        Some(empty) => Err(format!("name {} is empty", empty.saturating_add(1))),
        None => Ok(joined),
    }
}

fn by_label(known: &Known<'_>, names: &Map<String, Value>) -> Result<Joined, String> {
    let labels = known.labels;
    if labels.is_empty() {
        return Err(format!("{} states no labels to join by: give a list", known.id));
    }
    if let Some(label) = names.keys().find(|label| !labels.contains(label)) {
        let first = labels.first().map(String::as_str).unwrap_or_default();
        return Err(format!("`{label}` is no label of {}, which has `{first}`, …", known.id));
    }
    let name = |label: &String| {
        let name = names.get(label).and_then(Value::as_str);
        name.map(str::to_owned).ok_or_else(|| format!("no name for the label `{label}`"))
    };
    Ok(Joined { names: labels.iter().map(name).collect::<Result<_, _>>()?, by: "by label" })
}

fn by_entries(known: &Known<'_>, entries: Vec<String>) -> Result<Joined, String> {
    let count = known.classes.len();
    if entries.len() != count && count > 0 {
        return Err(format!("{} names for {count} classes", entries.len()));
    }
    let words: Vec<Vec<String>> = (0..count).map(|class| words_of(known, class)).collect();
    let mut free: HashMap<&str, Vec<usize>> = HashMap::new();
    for (class, words) in words.iter().enumerate().rev() {
        words.iter().for_each(|word| free.entry(word).or_default().push(class));
    }
    let classes: Vec<Option<usize>> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| take(&mut free, place, &comparable(entry)))
        .collect();
    let mut names: Vec<Option<String>> = vec![None; count];
    for (entry, class) in entries.iter().zip(&classes) {
        if let Some(name) = class.and_then(|class| names.get_mut(class)) {
            *name = Some(entry.clone());
        }
    }
    if let Some(names) = names.into_iter().collect::<Option<Vec<String>>>().filter(|_| count > 0) {
        return Ok(Joined { names, by: "by name" });
    }
    let elsewhere = |(place, (entry, class)): (usize, (_, &Option<usize>))| {
        class.filter(|class| *class != place).map(|class| (place, entry, class))
    };
    match entries.iter().zip(&classes).enumerate().find_map(elsewhere) {
        Some((place, entry, class)) => Err(format!(
            "`{entry}` is name {} of the list, and class {} of {}: the list is in another order; give \
             `{{label: name}}`",
            place.saturating_add(1),
            class.saturating_add(1),
            known.id
        )),
        None => Ok(Joined { names: entries, by: "by position, as the list states no labels" }),
    }
}

/// What a class may be called: its label, and any of its names.
fn words_of(known: &Known<'_>, class: usize) -> Vec<String> {
    let label = known.labels.get(class);
    let names = known.classes.get(class).into_iter().flatten();
    let mut words: Vec<String> =
        label.into_iter().chain(names).map(|word| comparable(word)).collect();
    words.sort();
    words.dedup();
    words
}

/// The class of that word: that of its own position if it is called so, else the first that is not
/// taken.
fn take(free: &mut HashMap<&str, Vec<usize>>, place: usize, word: &str) -> Option<usize> {
    let classes = free.get_mut(word)?;
    let at = classes.iter().position(|class| *class == place).unwrap_or(0);
    (at < classes.len()).then(|| classes.remove(at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn join_eurosat(json: Value) -> Result<Joined, String> {
        let classes = ["forest", "lake or sea", "annual crop land"].map(|name| words(&[name]));
        let labels = words(&["Forest", "SeaLake", "AnnualCrop"]);
        join(&Known { id: "eurosat", labels: &labels, classes: &classes }, json)
    }

    #[test]
    fn names_are_joined_by_what_they_say_and_not_by_position() {
        let expected =
            |names: [&str; 3], by| Ok(Joined { names: names.map(str::to_owned).to_vec(), by });
        let ours = ["forest", "lake or sea", "annual crop land"];
        for (given, names, by) in [
            (json!(["annual crop land", "forest", "lake or sea"]), ours, "by name"),
            (json!({"eurosat": ["annual crop land", "forest", "lake or sea"]}), ours, "by name"),
            (
                json!(["Annual Crop Land", "Forest", "Lake or Sea"]),
                ["Forest", "Lake or Sea", "Annual Crop Land"],
                "by name",
            ),
            (
                json!(["AnnualCrop", "Forest", "SeaLake"]),
                ["Forest", "SeaLake", "AnnualCrop"],
                "by name",
            ),
            (
                json!({"SeaLake": "water", "Forest": "wood", "AnnualCrop": "field"}),
                ["wood", "water", "field"],
                "by label",
            ),
            (
                json!({"eurosat": {"SeaLake": "water", "Forest": "wood", "AnnualCrop": "field"}}),
                ["wood", "water", "field"],
                "by label",
            ),
            (
                json!(["wood", "water", "field"]),
                ["wood", "water", "field"],
                "by position, as the list states no labels",
            ),
            (
                json!(["forest", "water", "field"]),
                ["forest", "water", "field"],
                "by position, as the list states no labels",
            ),
        ] {
            assert_eq!(join_eurosat(given.clone()), expected(names, by), "{given}");
        }
    }

    #[test]
    fn names_that_fit_no_class_are_refused() {
        for (given, reason) in [
            (json!(["water", "forest", "field"]), "`forest` is name 2 of the list, and class 1"),
            (json!(["wood", "water"]), "2 names for 3 classes"),
            (json!(["wood", "water", " "]), "name 3 is empty"),
            (json!({"Forest": "wood", "SeaLake": "water"}), "no name for the label `AnnualCrop`"),
            (json!({"Wood": "wood"}), "`Wood` is no label of eurosat"),
            (json!({"other": ["wood"]}), "no list of texts"),
            (json!(3), "no list of texts"),
        ] {
            let found = join_eurosat(given.clone()).expect_err("refused");
            assert!(found.contains(reason), "{given}: {found}");
        }
    }

    #[test]
    fn equal_names_stand_for_each_other() {
        let classes = ["missile", "crane", "missile"].map(|name| words(&[name]));
        let known = Known { id: "imagenet", labels: &[], classes: &classes };
        let joined = join(&known, json!(["missile", "missile", "crane"])).expect("the same names");
        assert_eq!(joined.names, ["missile", "crane", "missile"]);
    }
}
