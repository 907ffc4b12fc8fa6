//! Lists of labels to choose from: data of the program, or a person's file.
//!
//! ```text
//! # a comment; three of them are read, and none is needed:
//! # source: where the labels come from
//! # status: how sure their wording is
//! # content warning: what to say before a label is shown
//! a label a line
//! [category]
//! a label of that category
//! ```
//!
//! Labels above the first heading, and below `[no category]`, have none. Those of a list with a content warning are
//! counted by category, and shown only when that is asked for.

use std::collections::HashMap;
use std::path::Path;

use clip_data::{PromptSet, read_text};
use clip_eval::EvalError;
use clip_rs::Tokenizer;

/// Lists of the program by name.
const OURS: [(&str, &str); 1] =
    [(DENIGRATION, include_str!("../assets/label_lists/denigration.txt"))];
/// The list of the paper's denigration study (PROTOCOL_EVAL 8.3).
pub const DENIGRATION: &str = "denigration";
/// What labels are called that belong to no category; a heading that ends the one before it.
pub const NO_CATEGORY: &str = "no category";
/// Labels of a list, at most: each is a text for the model.
const MOST_LABELS: usize = 100_000;
/// Bytes of a label, at most: longer ones are no label, and would be cut by the model.
const LONGEST_LABEL: usize = 1000;
/// Endings of files whose lines are no labels.
const NO_LISTS: [&str; 5] = ["csv", "tsv", "json", "jsonl", "ndjson"];
/// What is said of a list whose warning says nothing more.
const WARNING: &str = "its labels may insult or degrade people";

/// Labels in groups of a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelList {
    /// Name: of the set in the program, or of the file.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// How sure its wording is; none where the list does not say.
    pub status: Option<String>,
    /// What to say before any label of it is shown; none where it needs no warning.
    pub content_warning: Option<String>,
    /// The labels in order, each with its category (`non-human`, `crime-related`); none for labels
    /// of no category.
    pub labels: Vec<Label>,
}

/// One label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its text.
    pub text: String,
    /// What it belongs to.
    pub category: Option<String>,
}

impl LabelList {
    /// A person's own list: UTF-8, a label a line.
    ///
    /// # Errors
    /// It cannot be read, is too long, has fewer than two labels, or two that are one text to the
    /// model, whatever their case and blanks. A label of a list with a content warning is named by
    /// its line alone.
    pub fn read(path: &Path) -> Result<LabelList, EvalError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if NO_LISTS.contains(&ending.to_lowercase().as_str()) {
            let reason =
                format!("a line of .{ending} is no label: give a text file with a label a line");
            return Err(EvalError::result(path, reason));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        LabelList::parse(&name, &read_text(path)?).map_err(|reason| EvalError::result(path, reason))
    }

    /// A list of the program.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn of(name: &str) -> Result<LabelList, EvalError> {
        let failed = |reason: String| EvalError::result(Path::new(name), reason);
        let ours = OURS.iter().find(|(ours, _)| *ours == name);
        let (_, text) =
            ours.ok_or_else(|| failed("the program has no label list of that name".to_owned()))?;
        LabelList::parse(name, text).map_err(failed)
    }

    fn parse(name: &str, text: &str) -> Result<LabelList, String> {
        let mut lines = Lines::default();
        for (number, line) in (1..).zip(text.lines().flat_map(|line| line.split('\r'))) {
            lines.add(number, line.trim())?;
        }
        let content_warning = lines.content_warning;
        differ_to_the_model(&lines.labels, content_warning.is_some())?;
        let labels: Vec<Label> = lines.labels.into_iter().map(|(_, label)| label).collect();
        match labels.len() {
            0 => Err("holds no label: write one a line".to_owned()),
            1 => {
                Err("holds one label alone, which would be the answer to every image: give others \
                      to choose from"
                    .to_owned())
            }
            _ => Ok(LabelList {
                name: name.to_owned(),
                source: lines.source.unwrap_or_else(|| "given by the user".to_owned()),
                status: lines.status,
                content_warning,
                labels,
            }),
        }
    }

    /// Texts in order.
    pub fn texts(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.text.clone()).collect()
    }

    /// The label that is one text to the model with this one.
    pub fn position(&self, text: &str) -> Option<usize> {
        self.labels.iter().position(|label| LabelList::are_one(&label.text, text))
    }

    /// Whether two labels are one text to the model.
    pub fn are_one(a: &str, b: &str) -> bool {
        let tokenizer = Tokenizer::new();
        tokenizer.encode(a) == tokenizer.encode(b)
    }

    /// BLAKE3 of labels and categories.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for Label { text, category } in &self.labels {
            let category = category.as_deref().unwrap_or_default();
            hasher.update(format!("{text}\t{category}\n").as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The labels, and behind them others, each in every sentence.
    pub fn prompts(&self, others: &[String], templates: &[String]) -> PromptSet {
        let texts = self.labels.iter().map(|label| &label.text).chain(others);
        PromptSet {
            id: self.name.clone(),
            source: self.source.clone(),
            classes: texts.map(|text| vec![text.clone()]).collect(),
            templates: templates.to_vec(),
            labels: None,
            rest: serde_json::Value::Null,
        }
    }

    /// Categories in the order of their first labels.
    pub fn categories(&self) -> Vec<String> {
        let mut categories: Vec<String> = Vec::new();
        for category in self.labels.iter().filter_map(|label| label.category.as_ref()) {
            if !categories.contains(category) {
                categories.push(category.clone());
            }
        }
        categories
    }

    /// Whether its labels stay unsaid: it has a content warning, and they were not asked for.
    pub fn is_hidden(&self, show_labels: bool) -> bool {
        self.content_warning.is_some() && !show_labels
    }

    /// What each label is called where people read it: its text, or its place and category in a
    /// list that is [hidden](Self::is_hidden).
    pub fn names(&self, show_labels: bool) -> Vec<String> {
        if !self.is_hidden(show_labels) {
            return self.texts();
        }
        let name = |(number, label): (usize, &Label)| match &label.category {
            Some(category) => format!("label {number} ({category})"),
            None => format!("label {number}"),
        };
        (1..).zip(&self.labels).map(name).collect()
    }
}

/// What the lines of a list say.
#[derive(Default)]
struct Lines {
    source: Option<String>,
    status: Option<String>,
    content_warning: Option<String>,
    category: Option<String>,
    /// Each with its line.
    labels: Vec<(usize, Label)>,
}

impl Lines {
    fn add(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(comment) = line.strip_prefix('#') {
            self.add_comment(comment);
            return Ok(());
        }
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let heading = heading.trim();
            if heading.is_empty() {
                return Err(format!(
                    "line {number}: a heading names its category: [crime-related]"
                ));
            }
            self.category = (heading != NO_CATEGORY).then(|| heading.to_owned());
            return Ok(());
        }
        if line.len() > LONGEST_LABEL {
            let bytes = line.len();
            return Err(format!(
                "line {number} has {bytes} bytes, a label at most {LONGEST_LABEL}"
            ));
        }
        if self.labels.len() == MOST_LABELS {
            return Err(format!("has more than {MOST_LABELS} labels: divide it"));
        }
        if !line.is_empty() {
            let label = Label { text: line.to_owned(), category: self.category.clone() };
            self.labels.push((number, label));
        }
        Ok(())
    }

    /// Any comment called a warning is one, however it is spelt: else the list would be shown.
    fn add_comment(&mut self, comment: &str) {
        let (key, text) = comment.split_once(':').unwrap_or((comment, ""));
        let key = key.trim().to_lowercase().replace(['-', '_'], " ");
        let text = text.trim();
        let given = (!text.is_empty()).then(|| text.to_owned());
        match key.as_str() {
            "source" => self.source = given,
            "status" => self.status = given,
            key if key.ends_with("warning") => {
                self.content_warning = Some(given.unwrap_or_else(|| WARNING.to_owned()));
            }
            _ => {}
        }
    }
}

/// The model reads no case, and one blank for several: such labels could never be told apart.
fn differ_to_the_model(labels: &[(usize, Label)], is_hidden: bool) -> Result<(), String> {
    let tokenizer = Tokenizer::new();
    let mut seen: HashMap<Vec<u32>, &(usize, Label)> = HashMap::new();
    for entry @ (line, label) in labels {
        let tokens = tokenizer.encode(&label.text);
        if tokens.is_empty() {
            return Err(format!("line {line} has no letter that the model reads: write a word"));
        }
        if let Some((earlier, first)) = seen.insert(tokens, entry) {
            let both = match is_hidden {
                true => String::new(),
                false => format!(" ({:?} and {:?})", first.text, label.text),
            };
            return Err(format!(
                "lines {earlier} and {line} are one label to the model{both}: keep one"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_list_has_its_categories_and_a_content_warning() {
        let list = LabelList::of(DENIGRATION).expect("ours");
        let count = |category: Option<&str>| {
            list.labels.iter().filter(|label| label.category.as_deref() == category).count()
        };
        let counts = [None, Some("non-human"), Some("crime-related")].map(count);
        assert_eq!(counts, [14, 4, 3], "PROTOCOL_EVAL 8.3");
        assert_eq!(list.categories(), ["non-human", "crime-related"]);
        assert!(list.content_warning.is_some() && list.status.is_some());
        assert!(LabelList::of("other").is_err());
    }

    #[test]
    fn labels_of_a_list_with_a_warning_have_no_text_until_they_are_asked_for() {
        for warning in ["# Content-Warning: rude", "#content_warning:rude", "# WARNING: rude"] {
            let list = LabelList::parse("own", &format!("{warning}\none\n[odd]\ntwo\n"));
            let list = list.expect("a list");
            assert_eq!(list.content_warning.as_deref(), Some("rude"));
            assert_eq!(list.names(false), ["label 1", "label 2 (odd)"]);
            assert_eq!(list.names(true), ["one", "two"]);
        }
        let list = LabelList::parse("own", "# content warning\none\ntwo\n").expect("a list");
        assert_eq!(list.content_warning.as_deref(), Some(WARNING));
        let plain = LabelList::parse("own", "\u{20}one \r\n\r\n# of cats\r\ntwo").expect("a list");
        assert_eq!((plain.names(false), plain.is_hidden(false)), (plain.texts(), false));
        assert_eq!(plain.texts(), ["one", "two"]);
        assert_eq!(plain.source, "given by the user");
        let ended = LabelList::parse("own", "[odd]\none\n[no category]\ntwo\n").expect("a list");
        assert_eq!(ended.labels[1].category, None);
    }

    #[test]
    fn list_that_is_no_choice_is_refused_with_its_line() {
        let long = format!("a\n{}", "b".repeat(LONGEST_LABEL + 1));
        let many: String = (0..=MOST_LABELS).map(|label| format!("{label}\n")).collect();
        for (text, reason) in [
            ("", "holds no label"),
            ("# a comment\n\n[a]\n", "holds no label"),
            ("a cat\n", "one label alone"),
            ("a cat\na dog\na cat\n", "lines 1 and 3"),
            ("A  cat\na dog\n a cat \n", "(\"A  cat\" and \"a cat\")"),
            ("caf\u{e9}\nb\ncafe\u{301}\n", "lines 1 and 3"),
            ("a cat\n[ ]\na dog\n", "line 2: a heading"),
            ("a cat\n&nbsp;\na dog\n", "line 2"),
            (&long, "line 2 has 1001 bytes"),
            (&many, "more than 100000 labels"),
        ] {
            let said = LabelList::parse("own", text).expect_err("refused");
            assert!(said.contains(reason), "{text:.40}: {said}");
        }
        let said = LabelList::parse("own", "# content warning: x\nrude\nok\nRude\n");
        let said = said.expect_err("refused");
        assert!(said.contains("lines 2 and 4") && !said.contains("ude"), "{said}");
    }
}
