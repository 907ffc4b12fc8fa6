//! What the model card warns of, said once each where it is met.

use clip_rs::ModelProvenance;
use serde::{Deserialize, Serialize};

use crate::label_list::LabelList;
use crate::words;

/// Labels that a warning names.
const EXAMPLES: usize = 3;
/// Digest of the tensors of the model inside the program, which a copy of it in a file has, too.
const STARTER_SHA256: &str = "939407c9fa0373556625321aff7ee519df4987c6d9072892c7c17606a8fd5b6e";

/// What is warned of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Labels or captions that are not English.
    NotEnglish,
    /// Labels that describe people.
    People,
    /// Groups that are too small for a claim.
    SmallGroups,
    /// The model inside the program, which knows no people.
    Starter,
    /// Labels that insult or degrade.
    Content,
}

impl WarningKind {
    /// What follows from it, whatever met it.
    fn consequence(self) -> &'static str {
        match self {
            WarningKind::NotEnglish => {
                "the model card covers English alone: in other languages nothing is known of what a \
                 figure means"
            }
            WarningKind::People => {
                "what comes of such classes depends on their choice and differs by group; use them to \
                 find and report harm, never to sort people"
            }
            WarningKind::SmallGroups => {
                "they have no figure, and nothing may be concluded about them"
            }
            WarningKind::Starter => {
                "it knows no people: its figures show how the audit works, and say nothing about the \
                 released models"
            }
            WarningKind::Content => "they are used to measure harm, and shown only when asked for",
        }
    }
}

/// A warning of the model card, met in an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// In a sentence, with what met it.
    pub text: String,
}

impl Warning {
    /// - `met`: what met it, the beginning of the sentence: `3 of 14 groups are small`
    pub fn new(kind: WarningKind, met: &str) -> Warning {
        Warning { kind, text: format!("{met}; {}", kind.consequence()) }
    }

    fn met(&self) -> &str {
        let end = self.text.strip_suffix(self.kind.consequence());
        end.map_or(&*self.text, |met| met.trim_end_matches("; "))
    }
}

/// Of labels or captions, all that an audit has in one call: those that are not English, and those
/// that are about people, with up to three examples each.
pub fn of_labels<S: AsRef<str>>(labels: &[S]) -> Vec<Warning> {
    warnings(labels, true)
}

/// [`of_labels`] of a list whose texts are shown only when asked for: their number alone.
pub fn of_unshown_labels<S: AsRef<str>>(labels: &[S]) -> Vec<Warning> {
    warnings(labels, false)
}

/// Of a label list and classes beside it: its content warning, and what its labels are about, with
/// examples only where they are shown.
pub fn of_list(list: &LabelList, others: &[String], show_labels: bool) -> Vec<Warning> {
    let of_content = list.content_warning.as_ref().map(|warning| {
        Warning::new(WarningKind::Content, &format!("label list {}: {warning}", list.name))
    });
    let texts = [&list.texts()[..], others].concat();
    let shown = !list.is_hidden(show_labels);
    of_content.into_iter().chain(warnings(&texts, shown)).collect()
}

fn warnings<S: AsRef<str>>(labels: &[S], shown: bool) -> Vec<Warning> {
    let labels: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
    let found = [
        (WarningKind::NotEnglish, "not English", words::not_english(&labels)),
        (WarningKind::People, "about people", words::about_people(&labels)),
    ];
    let found = found.into_iter().filter(|(_, _, of_them)| !of_them.is_empty());
    found
        .map(|(kind, what, of_them)| {
            let examples = if shown { examples(&of_them) } else { String::new() };
            let (count, all) = (of_them.len(), labels.len());
            let are = if count == 1 { "is" } else { "are" };
            Warning::new(kind, &format!("{count} of {all} labels {are} {what}{examples}"))
        })
        .collect()
}

/// ` ("a", "b", "c", …)`
fn examples(labels: &[&str]) -> String {
    let mut named: Vec<String> =
        labels.iter().take(EXAMPLES).map(|label| format!("\"{label}\"")).collect();
    if labels.len() > EXAMPLES {
        named.push("…".to_owned());
    }
    format!(" ({})", named.join(", "))
}

/// Of the sizes of groups, all that an audit compares in one call.
pub fn of_groups(sizes: &[usize], min_group: usize) -> Option<Warning> {
    let small = sizes.iter().filter(|&&size| size < min_group).count();
    let have = if small == 1 { "has" } else { "have" };
    let met = format!("{small} of {} groups {have} fewer than {min_group} images", sizes.len());
    (small > 0).then(|| Warning::new(WarningKind::SmallGroups, &met))
}

/// Of the model inside the program, and of copies of it.
pub fn of_model(model: &ModelProvenance) -> Option<Warning> {
    let is_starter = model.files.is_empty() || model.tensors_sha256 == STARTER_SHA256;
    is_starter.then(|| Warning::new(WarningKind::Starter, "the model is the built-in starter"))
}

/// Each kind once, in the order in which they came; what met them stands in one sentence.
pub fn once(warnings: Vec<Warning>) -> Vec<Warning> {
    let mut kinds: Vec<(WarningKind, Vec<String>)> = Vec::new();
    for warning in warnings {
        let met = warning.met().to_owned();
        match kinds.iter_mut().find(|(kind, _)| *kind == warning.kind) {
            None => kinds.push((warning.kind, vec![met])),
            Some((_, all)) if all.contains(&met) => {}
            Some((_, all)) => all.push(met),
        }
    }
    kinds.into_iter().map(|(kind, met)| Warning::new(kind, &met.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_named_three_at_most_and_never_where_they_are_not_shown() {
        let labels = ["a man", "a woman", "ein Hund", "a boy", "a girl", "a dog"];
        let [english, people] = of_labels(&labels).try_into().expect("two");
        assert_eq!(english.kind, WarningKind::NotEnglish);
        assert!(english.text.starts_with("1 of 6 labels is not English (\"ein Hund\"); "));
        let met = "4 of 6 labels are about people (\"a man\", \"a woman\", \"a boy\", …); ";
        assert!(people.text.starts_with(met), "{}", people.text);
        assert!(of_unshown_labels(&labels).iter().all(|warning| !warning.text.contains('"')));
        assert_eq!(of_labels(&["a dog", "a cat"]), []);
        assert_eq!(of_labels::<&str>(&[]), []);
    }

    #[test]
    fn groups_below_the_least_size_are_counted() {
        assert_eq!(of_groups(&[20, 400], 20), None);
        assert_eq!(of_groups(&[], 20), None);
        let warning = of_groups(&[19, 400, 0], 20).expect("two are small");
        assert!(warning.text.starts_with("2 of 3 groups have fewer than 20 images; "));
    }

    #[test]
    fn starter_is_known_inside_the_program_and_as_a_copy_and_no_other_model_is() {
        let clip = clip_rs::Clip::starter().expect("built in");
        let mut model = clip.provenance().expect("built in");
        assert_eq!(model.tensors_sha256, STARTER_SHA256);
        assert_eq!(of_model(&model).map(|warning| warning.kind), Some(WarningKind::Starter));
        model.files = vec!["model.pt".into()];
        assert!(of_model(&model).is_some());
        model.tensors_sha256 = "00".repeat(32);
        assert_eq!(of_model(&model), None);
    }

    #[test]
    fn each_kind_is_said_once_with_all_that_met_it() {
        let groups = |sizes: &[usize]| of_groups(sizes, 20).expect("one is small");
        let model = Warning::new(WarningKind::Starter, "the model is the built-in starter");
        let all =
            [groups(&[3, 30]), model.clone(), groups(&[3, 30]), groups(&[1, 2, 30]), model.clone()];
        let [small, starter] = once(all.to_vec()).try_into().expect("two kinds");
        let met =
            "1 of 2 groups has fewer than 20 images, 2 of 3 groups have fewer than 20 images; they";
        assert!(small.text.starts_with(met), "{}", small.text);
        assert_eq!(starter, model);
        assert_eq!(once(vec![small.clone()]), [small]);
    }
}
