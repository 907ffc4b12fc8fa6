//! Sentences that labels are put in: a person's, the data set's, and paraphrases.

use std::path::{Path, PathBuf};

use clip_data::{PromptSet, read_text};
use clip_eval::EvalError;

use super::lists::names_of;

/// Sentences that say the same of an image, for those who give none: of CLIP's own for ImageNet.
const PARAPHRASES: &str = include_str!("../../assets/paraphrases.txt");
/// Sentences of which each alone is tried, at most.
const MOST_PARAPHRASES: usize = 20;
/// Fewer than this say nothing about others.
const FEWEST_PARAPHRASES: usize = 3;

/// Sentences whose vectors are averaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentences {
    pub(super) name: String,
    /// With `{}` for the label.
    pub(super) templates: Vec<String>,
}

/// Those of files and of the command line, or else the data set's.
///
/// # Errors
/// A file cannot be read, holds none, or one has no place for the label.
pub(super) fn read(
    files: &[PathBuf],
    given: &[String],
    own: &PromptSet,
) -> Result<Vec<Sentences>, EvalError> {
    let mut sets = Vec::new();
    for (path, name) in files.iter().zip(names_of(files)) {
        sets.push(Sentences { name, templates: of_file(path, own)? });
    }
    if !given.is_empty() {
        let templates = checked(given.iter().map(String::as_str))
            .map_err(|reason| EvalError::result(Path::new("--template"), reason))?;
        sets.push(Sentences { name: "--template".to_owned(), templates });
    }
    if sets.is_empty() {
        let name = "own prompts".to_owned();
        sets.push(Sentences { name, templates: own.templates.clone() });
    }
    Ok(sets)
}

/// A JSON list, CLIP_benchmark's file, or a sentence a line.
fn of_file(path: &Path, own: &PromptSet) -> Result<Vec<String>, EvalError> {
    let text = read_text(path)?;
    if text.trim_start().starts_with(['[', '{']) && !text.trim_start().starts_with("{}") {
        let mut prompts = own.clone();
        prompts.override_from(None, Some(path))?;
        return Ok(prompts.templates);
    }
    checked(text.lines()).map_err(|reason| EvalError::result(path, reason))
}

fn checked<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    let templates: Vec<String> = lines.map(|line| line.replace("{c}", "{}")).collect();
    match templates.iter().find(|template| !template.contains("{}")) {
        Some(template) => Err(format!("template `{template}` has no {{}} for the label")),
        None if templates.is_empty() => {
            Err("holds no template: a sentence with {} for the label a line".to_owned())
        }
        None => Ok(templates),
    }
}

/// The sentences of which each alone is tried, and how they were found, in words.
pub(super) fn paraphrases(sets: &[Sentences]) -> (Vec<String>, String) {
    let mut all: Vec<String> = Vec::new();
    for template in sets.iter().flat_map(|set| &set.templates) {
        if !all.contains(template) {
            all.push(template.clone());
        }
    }
    if all.len() < FEWEST_PARAPHRASES {
        let own = PARAPHRASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        all.extend(
            own.filter(|line| !all.iter().any(|known| known == line))
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
        let said =
            format!("{} sentences: those of the prompts, and the program's paraphrases", all.len());
        return (all, said);
    }
    let count = all.len();
    if count <= MOST_PARAPHRASES {
        return (all, format!("all {count} sentences of the prompts, each alone"));
    }
    let evenly =
        (0..MOST_PARAPHRASES).map(|at| all[at * count / MOST_PARAPHRASES].clone()).collect();
    (
        evenly,
        format!(
            "{MOST_PARAPHRASES} of the {count} sentences of the prompts, evenly spaced, each alone"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(templates: &[&str]) -> Sentences {
        Sentences {
            name: "own".to_owned(),
            templates: templates.iter().map(|&t| t.to_owned()).collect(),
        }
    }

    #[test]
    fn few_sentences_are_joined_by_paraphrases_and_many_are_thinned() {
        let (few, said) = paraphrases(&[set(&["a photo of a {}.", "my {}"])]);
        assert_eq!(few[..2], ["a photo of a {}.", "my {}"]);
        assert!(few.len() >= 7 && said.contains("paraphrases"), "{few:?}");
        assert_eq!(few.iter().filter(|template| *template == "a photo of a {}.").count(), 1);
        let many: Vec<String> = (0..80).map(|number| format!("{number} {{}}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (thinned, said) = paraphrases(&[set(&many)]);
        assert_eq!((thinned.len(), &*thinned[1]), (20, "4 {}"));
        assert!(said.contains("20 of the 80"));
        let (three, _) = paraphrases(&[set(&["a {}", "b {}"]), set(&["b {}", "c {}"])]);
        assert_eq!(three, ["a {}", "b {}", "c {}"]);
    }

    #[test]
    fn files_are_lists_of_json_or_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = PromptSet::parse("pets", r#"{"classnames": ["cat"], "templates": ["a {}"]}"#)
            .expect("ours");
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            read(&[path], &[], &own)
                .map(|sets| sets[0].templates.clone())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read("a.json", r#"["a {}", "the {c}"]"#).expect("read"), ["a {}", "the {}"]);
        assert_eq!(read("b.json", r#"{"pets": ["one {}"]}"#).expect("read"), ["one {}"]);
        assert_eq!(read("c.txt", "{} alone\n\n a {c}. \n").expect("read"), ["{} alone", "a {}."]);
        assert!(read("d.txt", "\n").expect_err("none").contains("holds no template"));
        assert!(read("e.txt", "a photo").expect_err("no hole").contains("has no {}"));
        assert_eq!(super::read(&[], &[], &own).expect("ours")[0].templates, ["a {}"]);
        let given =
            super::read(&[], &["no hole".to_owned()], &own).expect_err("refused").to_string();
        assert!(given.contains("--template"), "{given}");
    }
}
