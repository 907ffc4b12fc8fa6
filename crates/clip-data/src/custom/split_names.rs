//! What people call their splits, and which of them is scored.

use std::path::Path;

use crate::error::DataError;

/// What a split is for. In the order in which they are scored: the first there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Role {
    Test,
    Validation,
    Train,
}

/// Words for each.
const WORDS: [(Role, &[&str]); 3] = [
    (Role::Test, &["test", "tests", "testing", "tst"]),
    (
        Role::Validation,
        &[
            "val",
            "vals",
            "valid",
            "validation",
            "validate",
            "dev",
            "development",
            "eval",
            "evaluation",
        ],
    ),
    (Role::Train, &["train", "training", "trn", "trainval"]),
];

/// Words that stand beside these and say nothing: `test_set`, `Final_Training`, `val images`.
const FILLERS: [&str; 11] = [
    "set", "split", "data", "dataset", "images", "image", "imgs", "img", "final", "seg", "pictures",
];

/// What a folder or a value called `name` is for, if it is the name of a split and nothing else.
pub(super) fn role(name: &str) -> Option<Role> {
    let words = words(name);
    let mut roles = words.iter().filter_map(|word| role_of_word(word));
    let all_known =
        words.iter().all(|word| role_of_word(word).is_some() || FILLERS.contains(&word.as_str()));
    let role = roles.next()?;
    (all_known && roles.next().is_none()).then_some(role)
}

/// The word in a longer name that says its split: `imagenet1k-validation-03`.
pub(super) fn word_in(name: &str) -> Option<(Role, String)> {
    let mut known = words(name).into_iter().filter_map(|word| Some((role_of_word(&word)?, word)));
    let first = known.next()?;
    known.next().is_none().then_some(first)
}

/// In lower case, without numbers at their ends (`val2017`).
fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    let words = words.map(|word| word.trim_end_matches(|letter: char| letter.is_ascii_digit()));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn role_of_word(word: &str) -> Option<Role> {
    let is =
        |word: &str| WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(role, _)| *role);
    is(word).or_else(|| is(word.strip_suffix("set")?))
}

/// The split asked for, by its name, its name in other letters, or what it is for; else the one
/// that is scored: of the tests, of the validation splits, of the training splits the only one.
///
/// # Errors
/// There is no such split, or which one is meant is not plain.
pub(super) fn choose(
    path: &Path,
    splits: &[String],
    asked: Option<&str>,
) -> Result<String, DataError> {
    let of = |wanted: Role| splits.iter().filter(move |name| role(name) == Some(wanted));
    let only = |wanted: Role| of(wanted).next().filter(|_| of(wanted).count() == 1);
    let found = match (asked, splits) {
        (Some(asked), _) => {
            let alike = |name: &&String| name.to_lowercase() == asked.to_lowercase();
            let exact =
                splits.iter().find(|name| *name == asked).or_else(|| splits.iter().find(alike));
            let found = exact.or_else(|| only(role(asked)?));
            return found.cloned().ok_or_else(|| DataError::UnknownSplit {
                dataset: path.display().to_string(),
                split: asked.to_owned(),
                known: splits.join(", "),
            });
        }
        (None, [split]) => Some(split),
        (None, _) => {
            let best = splits
                .iter()
                .filter_map(|name| role(name))
                .min()
                .filter(|role| *role != Role::Train);
            best.and_then(|best| splits.iter().find(|name| *name == "test").or_else(|| only(best)))
        }
    };
    found.cloned().ok_or_else(|| {
        let known = splits.join(", ");
        DataError::malformed(
            path,
            format!("has the splits {known}; which is scored? say `--split NAME`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_known_and_classes_are_not_taken_for_splits() {
        for (name, expected) in [
            ("Test", Some(Role::Test)),
            ("test_set", Some(Role::Test)),
            ("TestSet", Some(Role::Test)),
            ("Final_Training", Some(Role::Train)),
            ("val2017", Some(Role::Validation)),
            ("seg_train", Some(Role::Train)),
            ("test tube", None),
            ("training shoe", None),
            ("valley", None),
            ("train test", None),
            ("images", None),
        ] {
            assert_eq!(role(name), expected, "{name}");
        }
        assert_eq!(
            word_in("imagenet1k-validation-03"),
            Some((Role::Validation, "validation".to_owned()))
        );
        assert_eq!(word_in("00003"), None);
    }

    #[test]
    fn scored_split_is_the_test_or_is_asked_for() {
        let choose = |splits: &[&str], asked| {
            let splits: Vec<String> = splits.iter().map(|&name| name.to_owned()).collect();
            choose(Path::new("x"), &splits, asked).map_err(|error| error.to_string())
        };
        let ok = |name: &str| Ok(name.to_owned());
        assert_eq!(choose(&["train", "testing"], None), ok("testing"));
        assert_eq!(choose(&["Train", "Val"], None), ok("Val"));
        assert_eq!(choose(&["train"], None), ok("train"));
        assert_eq!(choose(&["Training", "Testing"], Some("test")), ok("Testing"));
        assert_eq!(choose(&["test", "test_2", "train"], None), ok("test"));
        for unclear in [&["train", "other"][..], &["a", "b"], &["test_1", "test_2"]] {
            let message = choose(unclear, None).expect_err("two");
            assert!(message.contains("--split"), "{message}");
        }
        assert!(choose(&["train", "test"], Some("val")).expect_err("none").contains("train, test"));
    }
}
