//! `classnames.txt`, joined with the labels by what they say; where nothing joins them, by their
//! order, which is said.

use std::collections::HashMap;
use std::path::Path;

use crate::custom::labels::{Labels, Spelling, composed, key};
use crate::error::DataError;
use crate::names::named;
use crate::prompts::{PromptSet, imagenet_wnids};
use crate::text::text;

/// Name of the file.
pub(super) const FILE: &str = "classnames.txt";

/// The lines of a file of class names, or none if there is no file.
pub(super) struct ClassNames {
    /// A name each; an empty one keeps its place, but none stands at the end.
    lines: Vec<String>,
}

/// Classes and their names; what was guessed is in the notes of the labels.
pub(super) struct Named {
    pub(super) labels: Labels,
    pub(super) names: Vec<String>,
}

impl ClassNames {
    /// Reads them, if they are in `folder`.
    ///
    /// # Errors
    /// The file cannot be read, or holds no name.
    pub(super) fn read(folder: &Path) -> Result<Option<ClassNames>, DataError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let names = ClassNames::parse(&text(&path)?);
        if names.lines.is_empty() {
            return Err(DataError::malformed(path, "holds no name"));
        }
        Ok(Some(names))
    }

    fn parse(text: &str) -> ClassNames {
        let mut lines: Vec<String> = text.lines().map(composed).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        ClassNames { lines }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Classes and names for the labels that occur. `numbered`: the labels are numbers of lines,
    /// from 0.
    ///
    /// # Errors
    /// Why they cannot be joined.
    pub(super) fn join<'a>(
        &self,
        labels: impl Iterator<Item = &'a str> + Clone,
        numbered: bool,
    ) -> Result<Named, String> {
        let exact = Labels::new(labels.clone(), Spelling::Exact);
        let loose = || Labels::new(labels.clone(), Spelling::Loose);
        if let Some(pairs) = self.pairs() {
            return by_label(if exact.len() == pairs.len() { exact } else { loose() }, &pairs);
        }
        if let Some(values) = exact.values() {
            return self.by_number(exact, &values, numbered);
        }
        let labels = if exact.len() == self.len() { exact } else { loose() };
        self.by_name(labels)
    }

    /// `label<tab>name` lines, or `n01440764 tench, Tinca tinca`.
    fn pairs(&self) -> Option<HashMap<String, String>> {
        let pair = |line: &String| {
            let (label, name) = line
                .split_once('\t')
                .or_else(|| line.split_once(' ').filter(|(label, _)| is_wordnet_id(label)))?;
            let name = if is_wordnet_id(label) { name.split(',').next()? } else { name };
            Some((key(label, Spelling::Loose), name.trim().to_owned()))
        };
        self.lines.iter().filter(|line| !line.is_empty()).map(pair).collect()
    }

    /// Whole numbers: lines counted from 0, if there is a line for each; else as many lines as
    /// labels, in order.
    fn by_number(
        &self,
        mut labels: Labels,
        values: &[i128],
        numbered: bool,
    ) -> Result<Named, String> {
        let count = self.len();
        let (least, most) =
            (values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0));
        if least >= 0 && usize::try_from(most).is_ok_and(|most| most < count) {
            let mut classes = Labels::numbered(u32::try_from(count).unwrap_or(u32::MAX));
            classes.notes = labels.notes;
            return Ok(self.named(classes));
        }
        if numbered {
            return Err(format!("class {most} is used, {count} are named"));
        }
        if labels.len() != count {
            return Err(format!("{count} names for {} classes ({least} to {most})", labels.len()));
        }
        let note =
            format!("{FILE} names the labels {least} to {most} in the order of their values");
        labels.notes.push(note);
        Ok(self.named(labels))
    }

    /// Labels that are names: every line is a class. Labels that are none of the names: as many
    /// lines as labels, in the order of the labels.
    fn by_name(&self, mut labels: Labels) -> Result<Named, String> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for line in &self.lines {
            let count = counts.entry(key(line, Spelling::Loose)).or_default();
            *count = count.saturating_add(1);
        }
        let count = |label: &String| counts.get(&key(label, Spelling::Loose)).copied().unwrap_or(0);
        let found: Vec<usize> = labels.classes().iter().map(count).collect();
        if found.iter().all(|&count| count == 1) {
            let spelling =
                if labels.len() == self.len() { Spelling::Exact } else { Spelling::Loose };
            let lines = self.lines.iter().filter(|line| !line.is_empty());
            let mut classes = Labels::new(lines.clone().map(String::as_str), spelling);
            if labels.classes().iter().any(|label| classes.position(label).is_none()) {
                classes = Labels::new(lines.map(String::as_str), Spelling::Loose);
            }
            let names = classes.classes().iter().map(|label| spoken(label)).collect();
            classes.notes.splice(0..0, labels.notes);
            return Ok(Named { labels: classes, names });
        }
        if labels.len() != self.len() {
            let unnamed = labels.classes().iter().zip(&found).filter(|(_, count)| **count != 1);
            let unnamed: Vec<String> = unnamed.map(|(label, _)| label.clone()).collect();
            let (names, classes) = (self.len(), labels.len());
            return Err(format!(
                "{names} names for {classes} classes; not named once: {}; lines `label<tab>name` name any",
                named(&unnamed)
            ));
        }
        for (label, line) in labels.classes().iter().zip(&self.lines) {
            if key(label, Spelling::Loose) != key(line, Spelling::Loose)
                && labels.position(line).is_some()
            {
                return Err(format!(
                    "`{line}` stands at the place of `{label}`: lines `label<tab>name` say which is which"
                ));
            }
        }
        let pairs = labels.classes().iter().zip(&self.lines);
        let pairs: Vec<String> = pairs.map(|(label, name)| format!("{label} = {name}")).collect();
        let pairs = named(&pairs);
        labels
            .notes
            .push(format!("{FILE} names the classes in the order of their labels: {pairs}"));
        Ok(self.named(labels))
    }

    /// The lines as names; an empty one goes by its label.
    fn named(&self, mut labels: Labels) -> Named {
        let name = |(label, line): (&String, &String)| {
            if line.is_empty() { label.clone() } else { line.clone() }
        };
        let names = labels.classes().iter().zip(&self.lines).map(name).collect();
        let empty = (1..).zip(&self.lines).filter(|(_, line)| line.is_empty());
        let empty: Vec<String> = empty.map(|(number, _): (usize, _)| number.to_string()).collect();
        if !empty.is_empty() {
            labels.notes.push(format!(
                "{FILE}: empty lines keep their place, and go by their labels: {}",
                named(&empty)
            ));
        }
        Named { labels, names }
    }
}

/// Classes of the labels that occur: named by `classnames.txt` in `folder`, or by themselves.
pub(super) fn classes_of<'a>(
    folder: &Path,
    labels: impl Iterator<Item = &'a str> + Clone,
    numbered: bool,
) -> Result<Named, DataError> {
    match ClassNames::read(folder)? {
        Some(names) => {
            let wrong = |reason| DataError::malformed(folder.join(FILE), reason);
            names.join(labels, numbered).map_err(wrong)
        }
        None => without_file(Labels::new(labels, Spelling::Loose)),
    }
}

/// Every label has its own line.
fn by_label(labels: Labels, pairs: &HashMap<String, String>) -> Result<Named, String> {
    let of = |label: &String| pairs.get(&key(label, Spelling::Loose)).cloned();
    let names: Option<Vec<String>> = labels.classes().iter().map(of).collect();
    let unnamed = labels.classes().iter().filter(|label| of(label).is_none());
    let unnamed: Vec<String> = unnamed.cloned().collect();
    let names = names.ok_or_else(|| format!("has no line for {}", named(&unnamed)))?;
    Ok(Named { labels, names })
}

/// Classes that go by their labels: with blanks for `_`; ids of WordNet by the names that
/// ImageNet's prompts have.
pub(super) fn without_file(mut labels: Labels) -> Result<Named, DataError> {
    let mut names: Vec<String> = labels.classes().iter().map(|label| spoken(label)).collect();
    if labels.classes().iter().all(|label| is_wordnet_id(label)) && labels.len() > 0 {
        let wnids = imagenet_wnids()?;
        let prompts = PromptSet::of("imagenet")?;
        let known: HashMap<&str, &Vec<String>> =
            wnids.iter().map(String::as_str).zip(&prompts.classes).collect();
        let mut unnamed = Vec::new();
        for (name, label) in names.iter_mut().zip(labels.classes()) {
            match known.get(label.as_str()).and_then(|names| names.first()) {
                Some(known) => name.clone_from(known),
                None => unnamed.push(label.clone()),
            }
        }
        let count = labels.len().saturating_sub(unnamed.len());
        labels.notes.push(format!(
            "labels are WordNet ids: {count} of {} go by ImageNet's class names",
            labels.len()
        ));
        if !unnamed.is_empty() {
            let unnamed = named(&unnamed);
            labels.notes.push(format!(
                "no name is known of {unnamed}: lines `label<tab>name` in {FILE} give one"
            ));
        }
    } else if labels.are_numbers() {
        labels
            .notes
            .push(format!("class names are numbers, as the labels are; {FILE} gives others"));
    }
    if labels.len() == 1 {
        labels
            .notes
            .push("there is one class alone: whatever is asked, it is the answer".to_owned());
    }
    Ok(Named { labels, names })
}

/// `red_fox` as it is said.
fn spoken(label: &str) -> String {
    label.replace('_', " ")
}

fn is_wordnet_id(label: &str) -> bool {
    label.len() == 9
        && label
            .strip_prefix('n')
            .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(file: &str, labels: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let named = ClassNames::parse(file).join(labels.iter().copied(), false)?;
        let of = |label: &&str| {
            named.names[named.labels.position(label).expect("a class") as usize].clone()
        };
        Ok((labels.iter().map(of).collect(), named.labels.notes))
    }

    #[test]
    fn names_are_joined_by_label_wherever_the_labels_say_so() {
        for (file, labels, expected) in [
            ("watch\npizza\ncat\n", &["cat", "pizza", "watch"][..], &["cat", "pizza", "watch"][..]),
            ("a\nb\nc\nd\n", &["0", "2", "3"], &["a", "c", "d"]),
            ("a\nb\n\nd\n\n", &["3", "0"], &["d", "a"]),
            ("0\tzero\n1\tone\n", &["1", "0"], &["one", "zero"]),
            ("n02110341\tdalmatian\nn07873807\tpizza\n", &["n07873807"], &["pizza"]),
            ("n01440764 tench, Tinca tinca\n", &["n01440764"], &["tench"]),
            ("red fox\nCat\nunused\n", &["cat", "red_fox"], &["Cat", "red fox"]),
        ] {
            let (names, notes) = join(file, labels).expect("joined");
            assert_eq!(names, expected, "{file}");
            assert!(!notes.iter().any(|note| note.contains("order")), "{notes:?}");
        }
    }

    #[test]
    fn join_by_order_is_said() {
        for (file, labels, expected) in [
            ("two\nten\n", &["10", "2"][..], &["ten", "two"][..]),
            ("one\ntwo\n", &["1", "2"], &["one", "two"]),
            ("a tabby\na retriever\n", &["cat", "dog"], &["a tabby", "a retriever"]),
        ] {
            let (names, notes) = join(file, labels).expect("joined");
            assert_eq!(names, expected);
            assert!(notes.iter().any(|note| note.contains("order")), "{notes:?}");
        }
    }

    #[test]
    fn names_that_clash_with_labels_or_do_not_fit_are_refused() {
        let message = |file: &str, labels: &[&str]| join(file, labels).expect_err("no names");
        assert!(
            message("dog\na dog\n", &["cat", "dog"]).contains("`dog` stands at the place of `cat`")
        );
        assert!(message("a\nb\n", &["0", "3", "4"]).contains("2 names for 3 classes"));
        assert!(message("cat\n", &["cat", "dog"]).contains("not named once: dog"));
        assert!(message("cat\ta cat\n", &["cat", "dog"]).contains("no line for dog"));
    }
}
