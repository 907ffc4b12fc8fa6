//! What the files of a WebDataset sample say: a class, several, captions, or nothing.

use serde_json::Value;

use crate::catalogue::Task;
use crate::custom::webdataset::npy::presences;
use crate::item::Presence;

/// Keys of a class in a sample's JSON, the plainest first.
const LABEL_KEYS: [&str; 8] =
    ["label", "class", "cls", "target", "class_id", "label_id", "class_name", "category"];
/// Keys of a caption.
const CAPTION_KEYS: [&str; 4] = ["caption", "captions", "text", "title"];

/// What the samples of a set are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Classes,
    Labels,
    Captions,
}

/// What one sample says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// A number, or a name.
    Class(String),
    Labels(Box<[Presence]>),
    /// At least one.
    Captions(Vec<Box<str>>),
    /// Nothing, and why.
    Nothing(String),
}

impl Kind {
    /// Files that may say it, by their endings, the first first.
    pub(super) fn endings(self) -> &'static [&'static str] {
        match self {
            Kind::Classes => &["cls", "json"],
            Kind::Labels => &["npy"],
            Kind::Captions => &["txt", "json"],
        }
    }

    /// What `dataset_type.txt` calls it.
    ///
    /// # Errors
    /// It calls it something else.
    pub(super) fn called(word: &str) -> Result<Kind, String> {
        match word.trim().to_lowercase().as_str() {
            "classification" => Ok(Kind::Classes),
            "multilabel" => Ok(Kind::Labels),
            "retrieval" => Ok(Kind::Captions),
            other => Err(format!("`{other}` is none of classification, multilabel, retrieval")),
        }
    }

    /// What is wanted of samples with files of these endings, or the plainest that they can be
    /// asked for; `json` is the text of one of them.
    pub(super) fn of(
        has: impl Fn(&str) -> bool,
        json: Option<&[u8]>,
        wanted: Option<Task>,
    ) -> Option<Kind> {
        let json: Option<Value> = json.and_then(|bytes| serde_json::from_slice(bytes).ok());
        let has_key = |keys: &[&str]| {
            json.as_ref().is_some_and(|json| keys.iter().any(|key| json.get(key).is_some()))
        };
        let captions = (has("txt") || has_key(&CAPTION_KEYS)).then_some(Kind::Captions);
        if wanted == Some(Task::Retrieval) && captions.is_some() {
            captions
        } else if has("cls") {
            Some(Kind::Classes)
        } else if has("npy") {
            Some(Kind::Labels)
        } else if has_key(&LABEL_KEYS) {
            Some(Kind::Classes)
        } else {
            captions
        }
    }

    /// What a file of this ending says.
    ///
    /// # Errors
    /// It cannot be read as what it has to be.
    pub(super) fn said(self, ending: &str, bytes: &[u8]) -> Result<Said, String> {
        if ending == "npy" {
            return Ok(Said::Labels(presences(bytes)?.into()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| format!("its {ending} is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match (self, ending) {
            (Kind::Classes, "json") => json_class(text),
            (Kind::Classes, _) => class(text.trim()),
            (_, "json") => json_captions(text),
            _ => Ok(captions(text.lines())),
        }
    }
}

/// The captions of a sample's JSON, none where it has no key of captions.
///
/// # Errors
/// It is no JSON, or what should be a caption is no text.
pub fn captions_of_json(bytes: &[u8]) -> Result<Vec<Box<str>>, String> {
    match Kind::Captions.said("json", bytes)? {
        Said::Captions(captions) => Ok(captions),
        _ => Ok(Vec::new()),
    }
}

fn class(text: &str) -> Result<Said, String> {
    match text {
        "" => Ok(Said::Nothing("its label is empty".to_owned())),
        "-1" => Ok(Said::Nothing("its label is -1, which is no class".to_owned())),
        text if text.contains('\n') => Err("its label has several lines".to_owned()),
        text => Ok(Said::Class(text.to_owned())),
    }
}

fn captions<'a>(lines: impl Iterator<Item = &'a str>) -> Said {
    let captions: Vec<Box<str>> =
        lines.map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect();
    match captions.is_empty() {
        true => Said::Nothing("its caption is empty".to_owned()),
        false => Said::Captions(captions),
    }
}

fn json_class(text: &str) -> Result<Said, String> {
    let json = parsed(text)?;
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let found = LABEL_KEYS.iter().find_map(|key| json.get(key));
    match found {
        None | Some(Value::Null) => Ok(Said::Nothing("its json has no label".to_owned())),
        Some(value) => {
            class(&word(value).ok_or("the label in its json is neither a number nor a text")?)
        }
    }
}

fn json_captions(text: &str) -> Result<Said, String> {
    let json = parsed(text)?;
    let found = CAPTION_KEYS.iter().find_map(|key| json.get(key));
    match found {
        None | Some(Value::Null) => Ok(Said::Nothing("its json has no caption".to_owned())),
        Some(Value::String(text)) => Ok(captions(text.lines())),
        Some(Value::Array(texts)) => Ok(captions(texts.iter().filter_map(Value::as_str))),
        Some(_) => Err("the caption in its json is no text".to_owned()),
    }
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("its json is none: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_classes_and_captions() {
        let class = |text: &str| Ok(Said::Class(text.to_owned()));
        assert_eq!(Kind::Classes.said("cls", b"7\n"), class("7"));
        assert_eq!(Kind::Classes.said("json", br#"{"label": 0, "name": "x"}"#), class("0"));
        assert_eq!(Kind::Classes.said("json", br#"{"class": "red fox"}"#), class("red fox"));
        assert!(matches!(Kind::Classes.said("cls", b"-1"), Ok(Said::Nothing(_))));
        assert!(matches!(Kind::Classes.said("json", b"{}"), Ok(Said::Nothing(_))));
        assert!(Kind::Classes.said("json", b"{").is_err());
        let captions = Said::Captions(vec!["a".into(), "b".into()]);
        assert_eq!(Kind::Captions.said("txt", b"a\n\nb\r\n").as_ref(), Ok(&captions));
        assert_eq!(Kind::Captions.said("json", br#"{"caption": ["a", "b"]}"#), Ok(captions));
        assert!(matches!(Kind::Captions.said("txt", b" \n"), Ok(Said::Nothing(_))));
    }

    #[test]
    fn plainest_kind_is_asked_for() {
        let of = |endings: &[&str], json: Option<&str>| {
            Kind::of(|ending| endings.contains(&ending), json.map(str::as_bytes), None)
        };
        assert_eq!(of(&["cls", "txt"], None), Some(Kind::Classes));
        assert_eq!(
            of(&["txt", "json"], Some(r#"{"caption": "x", "key": "0"}"#)),
            Some(Kind::Captions)
        );
        assert_eq!(of(&["json"], Some(r#"{"label": 1}"#)), Some(Kind::Classes));
        assert_eq!(of(&["json"], Some("{}")), None);
        assert!(Kind::called("Retrieval\n") == Ok(Kind::Captions) && Kind::called("x").is_err());
    }
}
