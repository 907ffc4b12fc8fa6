//! Lists of labels tied to the classes of a data set: what an answer means.

use std::collections::HashMap;
use std::path::PathBuf;

use clip_data::{PromptSet, comparable};

use crate::label_list::LabelList;

/// Names that a note or an error has; the others are counted.
const NAMED: usize = 8;
/// How a line says which class its label stands for.
const ARROWS: [&str; 2] = [" -> ", " = "];
/// What the name of an answer that stands for no class ends with.
const NO_CLASS: &str = " (no class)";

/// Labels, and the answers that they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelSet {
    /// Of the file; `own names` for the data set's.
    pub(super) name: String,
    pub(super) source: String,
    /// Whether its texts stay unsaid.
    pub(super) is_hidden: bool,
    /// `[labels]`: the texts of each, most often one.
    pub(super) labels: Vec<Vec<String>>,
    /// `[labels]`: position in `answers`.
    pub(super) answer_of_label: Vec<u32>,
    /// Classes in the order of their first labels, and labels that stand for none.
    pub(super) answers: Vec<Answer>,
    /// How labels were joined with classes, in words.
    pub(super) notes: Vec<String>,
}

/// What a label stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Of the class, or the label of none.
    pub(super) name: String,
    /// Of the data set.
    pub(super) class: Option<u32>,
}

/// The classes of a data set, as labels are joined with them.
pub(super) struct Classes {
    dataset: String,
    /// What each is called, no two alike.
    pub(super) names: Vec<String>,
    /// Classes by everything that they are called, in letters and digits.
    by_word: HashMap<String, Vec<u32>>,
    own: Vec<Vec<String>>,
    source: String,
}

impl Classes {
    /// Of a split's prompts.
    pub(super) fn of(dataset: &str, prompts: &PromptSet) -> Classes {
        let labels = prompts.labels.as_deref().unwrap_or_default();
        let mut by_word: HashMap<String, Vec<u32>> = HashMap::new();
        for (class, names) in (0..).zip(&prompts.classes) {
            for word in names.iter().chain(labels.get(class as usize)).map(|word| comparable(word))
            {
                let classes = by_word.entry(word).or_default();
                if classes.last() != Some(&class) {
                    classes.push(class);
                }
            }
        }
        let first = |names: &Vec<String>| names.first().cloned().unwrap_or_default();
        let mut names: Vec<String> = prompts.classes.iter().map(first).collect();
        let mut times: HashMap<&str, usize> = HashMap::new();
        names.iter().for_each(|name| *times.entry(name).or_default() += 1);
        let shared: Vec<bool> = names.iter().map(|name| times[&**name] > 1).collect();
        for (class, name) in names.iter_mut().enumerate().filter(|(class, _)| shared[*class]) {
            *name += &format!(
                " ({})",
                labels.get(class).map_or_else(|| class.to_string(), Clone::clone)
            );
        }
        let (own, source) = (prompts.classes.clone(), prompts.source.clone());
        Classes { dataset: dataset.to_owned(), names, by_word, own, source }
    }

    /// The data set's own names, a label each.
    ///
    /// # Errors
    /// It has fewer than two; in words.
    pub(super) fn own_names(&self) -> Result<LabelSet, String> {
        let answer =
            |(class, name): (u32, &String)| Answer { name: name.clone(), class: Some(class) };
        let set = LabelSet {
            name: "own names".to_owned(),
            source: self.source.clone(),
            is_hidden: false,
            labels: self.own.clone(),
            answer_of_label: (0..self.own.len() as u32).collect(),
            answers: (0..).zip(&self.names).map(answer).collect(),
            notes: Vec::new(),
        };
        self.check(&set)?;
        Ok(set)
    }

    /// Joins the labels of a list: a line `label -> class` or `label = class` says which class a
    /// label stands for, any other goes by its name.
    ///
    /// - `show`: whether texts of a list with a content warning are shown
    ///
    /// # Errors
    /// A line names no class or two, a label stands twice, one answer alone, nothing joins; in
    /// words.
    pub(super) fn join(
        &self,
        list: &LabelList,
        name: &str,
        show: bool,
    ) -> Result<LabelSet, String> {
        let is_hidden = list.is_hidden(show);
        let mut set = LabelSet {
            name: name.to_owned(),
            source: list.source.clone(),
            is_hidden,
            labels: Vec::new(),
            answer_of_label: Vec::new(),
            answers: Vec::new(),
            notes: Vec::new(),
        };
        let mut seen = HashMap::new();
        for (number, line) in (1..).zip(&list.labels) {
            let unsaid = |reason| match is_hidden {
                true => format!("label {number} names no class, or two; --show-labels says which"),
                false => reason,
            };
            let (label, class) = self.label(&line.text).map_err(unsaid)?;
            let shown = if is_hidden { format!("label {number}") } else { label.to_owned() };
            if let Some(earlier) = seen.insert(label, number) {
                return Err(format!(
                    "{shown:?} stands twice (labels {earlier} and {number}): each would take half of the \
                     probability; remove one"
                ));
            }
            set.labels.push(vec![label.to_owned()]);
            let known = class.and_then(|_| set.answers.iter().position(|of| of.class == class));
            let answer = known.unwrap_or_else(|| {
                let name = class.map_or(format!("{shown}{NO_CLASS}"), |class| self.name(class));
                set.answers.push(Answer { name, class });
                set.answers.len() - 1
            });
            set.answer_of_label.push(answer as u32);
        }
        self.check(&set)?;
        set.notes = self.notes(&set);
        Ok(set)
    }

    /// One more label: its text, and the class that it stands for.
    ///
    /// # Errors
    /// It names no class or two; in words.
    pub(super) fn label<'a>(&self, line: &'a str) -> Result<(&'a str, Option<u32>), String> {
        let said = ARROWS.iter().find_map(|arrow| line.rsplit_once(arrow));
        if said.map_or(line, |(label, _)| label).contains("->") {
            // Else a part of the text that the model gets.
            return Err(format!(
                "line `{line}`: write `label -> class`, with blanks around the arrow"
            ));
        }
        let Some((label, class)) = said else {
            return Ok((line.trim(), self.by_name(line)?));
        };
        let (label, class) = (label.trim(), class.trim());
        if label.is_empty() || class.is_empty() {
            return Err(format!("line `{line}`: a label or a class is missing"));
        }
        match self.by_name(class)? {
            Some(class) => Ok((label, Some(class))),
            None => Err(format!(
                "line `{line}`: {} has no class `{class}`; it has {}",
                self.dataset,
                named(&self.names)
            )),
        }
    }

    /// The class of that name, with or without an article; none if there is none.
    fn by_name(&self, text: &str) -> Result<Option<u32>, String> {
        let text = text.trim();
        let article = |article: &&str| {
            text.len() > article.len()
                && text.is_char_boundary(article.len())
                && text[..article.len()].eq_ignore_ascii_case(article)
        };
        let bare =
            ["a ", "an ", "the "].iter().find(|word| article(word)).map(|word| &text[word.len()..]);
        let found = |text: &str| {
            self.by_word.get(&comparable(text)).filter(|_| !comparable(text).is_empty())
        };
        match found(text).or_else(|| found(bare?)).map(Vec::as_slice) {
            None => Ok(None),
            Some([class]) => Ok(Some(*class)),
            Some(several) => {
                let several: Vec<String> = several.iter().map(|&class| self.name(class)).collect();
                Err(format!(
                    "`{text}` is the name of {} classes of {}: {}; write `{text} -> CLASS` with a name that \
                     one of them has alone",
                    several.len(),
                    self.dataset,
                    named(&several)
                ))
            }
        }
    }

    fn name(&self, class: u32) -> String {
        self.names[class as usize].clone()
    }

    fn check(&self, set: &LabelSet) -> Result<(), String> {
        let syntax = "a line is a label that is called as a class is, or `label -> class`";
        if set.labels.is_empty() {
            return Err(format!("holds no label; {syntax}"));
        }
        if set.answers.iter().all(|answer| answer.class.is_none()) {
            return Err(format!(
                "none of its {} labels stands for a class of {}, which has {}; {syntax}",
                set.labels.len(),
                self.dataset,
                named(&self.names)
            ));
        }
        if set.answers.len() == 1 {
            return Err(format!(
                "`{}` is the only answer, whatever an image shows; give at least two",
                set.answers[0].name
            ));
        }
        Ok(())
    }

    /// What was joined with what, and what is left on both sides.
    fn notes(&self, set: &LabelSet) -> Vec<String> {
        let labels = set.shown().into_iter().zip(&set.answer_of_label);
        let joined: Vec<String> = labels
            .filter_map(|(label, &answer)| {
                let class = set.answers[answer as usize].class?;
                Some(format!("{label:?} = {}", self.name(class)))
            })
            .collect();
        let without: Vec<String> = (set.answers.iter())
            .filter(|answer| answer.class.is_none())
            .map(|answer| answer.name.trim_end_matches(NO_CLASS).to_owned())
            .collect();
        let absent: Vec<String> =
            set.absent(self.names.len()).map(|class| self.name(class)).collect();
        let classes = self.names.len() - absent.len();
        let mut notes = vec![format!(
            "{}: {} labels stand for {classes} of {} classes: {}",
            set.name,
            joined.len(),
            self.names.len(),
            named(&joined)
        )];
        if !without.is_empty() {
            notes.push(format!(
                "{}: labels that stand for no class, and are never right: {}",
                set.name,
                named(&without)
            ));
        }
        if !absent.is_empty() {
            notes.push(format!(
                "{}: classes without a label, whose images are always wrong: {}",
                set.name,
                named(&absent)
            ));
        }
        notes
    }
}

impl LabelSet {
    /// For each class the answer that is right; none for those without a label.
    pub(super) fn answer_of_class(&self, classes: usize) -> Vec<Option<u32>> {
        let mut of_class = vec![None; classes];
        for (answer, class) in (0..).zip(self.answers.iter().map(|answer| answer.class)) {
            if let Some(class) = class {
                of_class[class as usize] = Some(answer);
            }
        }
        of_class
    }

    /// Classes without a label.
    fn absent(&self, classes: usize) -> impl Iterator<Item = u32> {
        let of_class = self.answer_of_class(classes);
        (0..).zip(of_class).filter(|(_, answer)| answer.is_none()).map(|(class, _)| class)
    }

    /// Its labels in sentences.
    pub(super) fn prompts(&self, id: &str, templates: &[String]) -> PromptSet {
        PromptSet {
            id: id.to_owned(),
            source: self.source.clone(),
            classes: self.labels.clone(),
            templates: templates.to_vec(),
            labels: None,
            rest: serde_json::Value::Null,
        }
    }

    /// All texts.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.labels.iter().flatten().map(String::as_str).collect()
    }

    /// `[labels]`: what each is called where people read it.
    pub(super) fn shown(&self) -> Vec<String> {
        let shown = |(number, texts): (usize, &Vec<String>)| match self.is_hidden {
            true => format!("label {number}"),
            false => texts.join(" / "),
        };
        (1..).zip(&self.labels).map(shown).collect()
    }

    /// What images are answered with.
    pub(super) fn name(&self, answer: u32) -> &str {
        &self.answers[answer as usize].name
    }
}

/// What files are called: their names, or their paths where two have one name.
pub(super) fn names_of(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| {
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let short: Vec<String> = paths.iter().map(name).collect();
    let is_shared = |name: &String| short.iter().filter(|other| *other == name).count() > 1;
    let of = |(path, name): (&PathBuf, &String)| match is_shared(name) {
        true => path.display().to_string(),
        false => name.clone(),
    };
    paths.iter().zip(&short).map(of).collect()
}

/// The first of a list, and how many more there are.
pub(super) fn named(list: &[String]) -> String {
    let first = list.get(..NAMED).unwrap_or(list).join(", ");
    match list.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_list::Label;

    fn classes() -> Classes {
        let json = r#"{"classnames": [["cat", "kitten"], "dog", "red fox", "crane", "crane"],
            "labels": ["n1", "n2", "n3", "bird", "machine"], "templates": ["a {}"]}"#;
        Classes::of("pets", &PromptSet::parse("pets", json).expect("prompts"))
    }

    fn list(lines: &[&str], content_warning: Option<&str>) -> LabelList {
        let label = |text: &&str| Label { text: (*text).to_owned(), category: None };
        LabelList {
            name: "v1.txt".to_owned(),
            source: "given by the user".to_owned(),
            status: None,
            content_warning: content_warning.map(str::to_owned),
            labels: lines.iter().map(label).collect(),
        }
    }

    fn join(lines: &[&str]) -> Result<LabelSet, String> {
        classes().join(&list(lines, None), "v1.txt", false)
    }

    #[test]
    fn labels_are_joined_by_name_or_as_they_say() {
        let set = join(&["a Cat", "puppy -> dog", "tabby = kitten", "Red_Fox", "unicorn"])
            .expect("joined");
        let answers: Vec<_> =
            set.answers.iter().map(|answer| (&*answer.name, answer.class)).collect();
        let expected = [
            ("cat", Some(0)),
            ("dog", Some(1)),
            ("red fox", Some(2)),
            ("unicorn (no class)", None),
        ];
        assert_eq!(answers, expected);
        assert_eq!(set.answer_of_label, [0, 1, 0, 2, 3]);
        assert_eq!(set.answer_of_class(5), [Some(0), Some(1), Some(2), None, None]);
        let said = set.notes.join("\n");
        for part in [
            "4 labels stand for 3 of 5 classes: \"a Cat\" = cat, \"puppy\" = dog, \"tabby\" = cat",
            "labels that stand for no class, and are never right: unicorn",
            "classes without a label, whose images are always wrong: crane (bird), crane (machine)",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn arrow_with_nothing_before_or_behind_it_or_without_blanks_is_refused() {
        for line in ["-> cat", "puppy ->", "puppy->dog", "puppy ->dog", "a -> b -> cat"] {
            let error = join(&[line, "Red_Fox", "cat"]).expect_err(line);
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn own_names_are_a_label_each_and_no_two_answers_are_called_alike() {
        let set = classes().own_names().expect("five");
        assert_eq!(set.labels[0], ["cat", "kitten"]);
        assert_eq!(set.answers[4].name, "crane (machine)");
        assert_eq!(set.answer_of_class(5), [0, 1, 2, 3, 4].map(Some));
    }

    #[test]
    fn lists_that_cannot_be_used_are_refused_with_the_way_out() {
        for (lines, reason) in [
            (&[][..], "holds no label"),
            (
                &["unicorn", "dragon"],
                "none of its 2 labels stands for a class of pets, which has cat, dog",
            ),
            (&["cat", "dog", "cat"], "\"cat\" stands twice (labels 1 and 3)"),
            (&["cat -> dog", "cat"], "\"cat\" stands twice"),
            (&["puppy -> wolf", "cat"], "pets has no class `wolf`; it has cat, dog"),
            (
                &["crane", "cat"],
                "`crane` is the name of 2 classes of pets: crane (bird), crane (machine)",
            ),
            (&["cat", "kitten"], "`cat` is the only answer"),
            (&[" -> dog", "cat"], "a label or a class is missing"),
        ] {
            let found = join(lines).expect_err("refused");
            assert!(found.contains(reason), "{lines:?}: {found}");
        }
        assert!(join(&["lifting device -> machine", "crane bird -> bird"]).is_ok());
    }

    #[test]
    fn texts_of_a_list_with_a_content_warning_are_nowhere_to_be_read() {
        let list = list(&["rude -> dog", "coarse", "cat"], Some("rude"));
        let said = format!("{:?}", {
            let set = classes().join(&list, "v1.txt", false).expect("joined");
            (set.notes.clone(), set.answers.clone(), set.shown())
        });
        assert!(!said.contains("rude") && !said.contains("coarse"), "{said}");
        assert!(said.contains("label 2 (no class)"), "{said}");
        let shown = classes().join(&list, "v1.txt", true).expect("joined");
        assert_eq!(shown.shown(), ["rude", "coarse", "cat"]);
    }

    #[test]
    fn files_of_one_name_go_by_their_paths() {
        let paths = ["a/v.txt", "b/v.txt", "b/w.txt"].map(PathBuf::from);
        assert_eq!(names_of(&paths), ["a/v.txt", "b/v.txt", "w.txt"]);
    }
}
