//! Class names of a person's own, joined with the classes by label or by name: positions in lists differ.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::places::comparable;
use crate::prompts::PromptSet;

/// A name for each class, in the order of the classes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) names: Vec<String>,
    /// In words.
    pub(crate) by: &'static str,
}

/// Names of the classes of `prompts` from `{label: name}`, from a list, or from either of them under the data set's id.
///
/// A list whose entries are the known labels or names, however spelt and ordered, is joined by them. One of other names
/// is joined by position, unless an entry shows that its order is another.
///
/// # Errors
/// In words: labels that are missing or unknown, another length, another order, an empty name.
pub(crate) fn join(prompts: &PromptSet, json: Value) -> Result<Joined, String> {
    let none = || format!("no list of texts and no `{{label: name}}` for {}", prompts.id);
    let joined = match json {
        Value::Object(mut sets) => match sets.remove(&prompts.id) {
            Some(Value::Object(names)) => by_label(prompts, &names),
            Some(list) => by_entries(prompts, Vec::deserialize(list).map_err(|_| none())?),
            None if sets.values().all(Value::is_string) && !sets.is_empty() => {
                by_label(prompts, &sets)
            }
            None => Err(none()),
        },
        list => by_entries(prompts, Vec::deserialize(list).map_err(|_| none())?),
    }?;
    match joined.names.iter().position(|name| name.trim().is_empty()) {
        Some(empty) => Err(format!("name {} is empty", empty.saturating_add(1))),
        None => Ok(joined),
    }
}

fn by_label(prompts: &PromptSet, names: &Map<String, Value>) -> Result<Joined, String> {
    let labels = prompts.labels.as_deref().unwrap_or_default();
    if labels.is_empty() {
        return Err(format!("{} states no labels to join by: give a list", prompts.id));
    }
    if let Some(label) = names.keys().find(|label| !labels.contains(label)) {
        let first = labels.first().map(String::as_str).unwrap_or_default();
        return Err(format!("`{label}` is no label of {}, which has `{first}`, …", prompts.id));
    }
    let name = |label: &String| {
        let name = names.get(label).and_then(Value::as_str);
        name.map(str::to_owned).ok_or_else(|| format!("no name for the label `{label}`"))
    };
    Ok(Joined { names: labels.iter().map(name).collect::<Result<_, _>>()?, by: "by label" })
}

fn by_entries(prompts: &PromptSet, entries: Vec<String>) -> Result<Joined, String> {
    let count = prompts.classes.len();
    if entries.len() != count && count > 0 {
        return Err(format!("{} names for {count} classes", entries.len()));
    }
    let known: Vec<Vec<String>> = (0..count).map(|class| words_of(prompts, class)).collect();
    let mut free: HashMap<&str, Vec<usize>> = HashMap::new();
    for (class, words) in known.iter().enumerate().rev() {
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
            prompts.id
        )),
        None => Ok(Joined { names: entries, by: "by position, as the list states no labels" }),
    }
}

/// What a class may be called: its label, and any of its names.
fn words_of(prompts: &PromptSet, class: usize) -> Vec<String> {
    let label = prompts.labels.as_ref().and_then(|labels| labels.get(class));
    let names = prompts.classes.get(class).into_iter().flatten();
    let mut words: Vec<String> =
        label.into_iter().chain(names).map(|word| comparable(word)).collect();
    words.sort();
    words.dedup();
    words
}

/// The class of that word: that of its own position if it is called so, else the first that is not taken.
fn take(free: &mut HashMap<&str, Vec<usize>>, place: usize, word: &str) -> Option<usize> {
    let classes = free.get_mut(word)?;
    let at = classes.iter().position(|class| *class == place).unwrap_or(0);
    (at < classes.len()).then(|| classes.remove(at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prompts() -> PromptSet {
        let text = r#"{"classnames": ["forest", "lake or sea", "annual crop land"], "templates": ["a {}"],
            "labels": ["Forest", "SeaLake", "AnnualCrop"]}"#;
        PromptSet::parse("eurosat", text).expect("prompts")
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
            assert_eq!(join(&prompts(), given.clone()), expected(names, by), "{given}");
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
            let found = join(&prompts(), given.clone()).expect_err("refused");
            assert!(found.contains(reason), "{given}: {found}");
        }
    }

    #[test]
    fn equal_names_stand_for_each_other() {
        let text = r#"{"classnames": ["missile", "crane", "missile"], "templates": ["a {}"]}"#;
        let prompts = PromptSet::parse("imagenet", text).expect("prompts");
        let joined =
            join(&prompts, json!(["missile", "missile", "crane"])).expect("the same names");
        assert_eq!(joined.names, ["missile", "crane", "missile"]);
    }
}
