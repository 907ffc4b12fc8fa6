//! Class names and templates: parameters of the protocol, read from `assets/prompts/ID.json`.

mod class_names;

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use self::class_names::Known;
use crate::assets::PROMPTS;
use crate::error::DataError;
use crate::names::comparable;
use crate::text::text;

/// Names and templates of one data set. PROTOCOL_EVAL 10.1.
#[derive(Debug, Clone)]
pub struct PromptSet {
    /// Name of the file.
    pub id: String,
    /// Where names and templates come from.
    pub source: String,
    /// One or more names for each class, in the authors' order.
    pub classes: Vec<Vec<String>>,
    /// Sentences with `{}` for the name.
    pub templates: Vec<String>,
    /// The data set's own label of each class, where it can be stated.
    pub labels: Option<Vec<String>>,
    /// The whole file: some data sets keep more in it (class indices, word lists).
    pub rest: Value,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    source: String,
    #[serde(default)]
    classnames: Vec<Names>,
    #[serde(default)]
    templates: Vec<String>,
    labels: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl PromptSet {
    /// The prompts that belong to the program.
    ///
    /// # Errors
    /// There are none called `id`.
    pub fn of(id: &str) -> Result<PromptSet, DataError> {
        let found = PROMPTS.iter().find(|(name, _)| *name == id);
        let (_, text) = found.ok_or_else(|| invalid(id, "there is no such file"))?;
        PromptSet::parse(id, text)
    }

    /// Class names and templates from a JSON file in the layout of ours.
    ///
    /// # Errors
    /// The text is no such JSON.
    pub fn parse(id: &str, text: &str) -> Result<PromptSet, DataError> {
        let rest: Value =
            serde_json::from_str(text).map_err(|error| invalid(id, error.to_string()))?;
        let file = File::deserialize(&rest).map_err(|error| invalid(id, error.to_string()))?;
        if let Some(template) = file.templates.iter().find(|template| !template.contains("{}")) {
            return Err(invalid(id, format!("template `{template}` has no {{}} for the name")));
        }
        let names = |names| match names {
            Names::One(name) => vec![name],
            Names::Many(names) => names,
        };
        let word = |label: &Value| label.as_str().map_or_else(|| label.to_string(), str::to_owned);
        Ok(PromptSet {
            id: id.to_owned(),
            source: file.source,
            classes: file.classnames.into_iter().map(names).collect(),
            templates: file.templates,
            labels: file.labels.map(|labels| labels.iter().map(word).collect()),
            rest,
        })
    }

    /// Takes names or templates from a person's files. Names: `{label: name}`, or a list that is
    /// joined by what it says; of templates a list with `{c}` or `{}` for the name. Either may
    /// stand under the id, as in CLIP_benchmark's files.
    ///
    /// # Errors
    /// The file cannot be read, or holds nothing for this data set.
    pub fn override_from(
        &mut self,
        classnames: Option<&Path>,
        templates: Option<&Path>,
    ) -> Result<(), DataError> {
        let mut given = "given by the user".to_owned();
        if let Some(path) = classnames {
            let joined = class_names::join(&self.known(), json(path)?);
            let joined = joined.map_err(|reason| DataError::malformed(path, reason))?;
            self.classes = joined.names.into_iter().map(|name| vec![name]).collect();
            given = format!("{given}, joined {}", joined.by);
        }
        if let Some(path) = templates {
            let templates = self.list_in(path)?.into_iter().map(|text| text.replace("{c}", "{}"));
            self.templates = templates.collect();
            if let Some(template) = self.templates.iter().find(|template| !template.contains("{}"))
            {
                let reason =
                    format!("template `{template}` has neither {{}} nor {{c}} for the name");
                return Err(DataError::malformed(path, reason));
            }
        }
        if classnames.is_some() || templates.is_some() {
            self.source = given;
        }
        Ok(())
    }

    /// What class names may be joined with.
    fn known(&self) -> Known<'_> {
        let labels = self.labels.as_deref().unwrap_or_default();
        Known { id: &self.id, labels, classes: &self.classes }
    }

    /// How a person's class names were joined, in words.
    pub fn note(&self) -> Option<String> {
        self.source.contains("joined by").then(|| format!("class names {}", self.source))
    }

    fn list_in(&self, path: &Path) -> Result<Vec<String>, DataError> {
        let json = json(path)?;
        let list = match &json {
            Value::Object(sets) => sets.get(&self.id),
            list => Some(list),
        };
        let list = list.and_then(|list| Vec::<String>::deserialize(list).ok());
        list.filter(|list| !list.is_empty())
            .ok_or_else(|| DataError::malformed(path, format!("no list of texts for {}", self.id)))
    }

    /// The prompts of a class: all templates of its first name, then of the second, ….
    pub fn prompts_of(&self, class: usize) -> Vec<String> {
        let mut prompts = Vec::new();
        for name in self.classes.get(class).into_iter().flatten() {
            prompts.extend(self.templates.iter().map(|template| template.replace("{}", name)));
        }
        prompts
    }

    /// How many prompts all classes have.
    pub fn count_prompts(&self) -> usize {
        self.classes.iter().map(Vec::len).sum::<usize>().saturating_mul(self.templates.len())
    }

    /// The list `wnids` of the file: ids of WordNet by position.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn wnids(&self) -> Result<Vec<String>, DataError> {
        let wnids = self.rest.get("wnids").and_then(Value::as_array).map(|wnids| {
            wnids.iter().filter_map(|wnid| wnid.as_str().map(str::to_owned)).collect()
        });
        wnids.ok_or_else(|| invalid(&self.id, "it has no list `wnids`"))
    }

    /// Positions by the data set's own labels.
    ///
    /// # Errors
    /// The file does not state them, or states one twice.
    pub fn classes(&self) -> Result<Classes<'_>, DataError> {
        let labels =
            self.labels.as_ref().ok_or_else(|| invalid(&self.id, "its labels are not stated"))?;
        Classes::new(&self.id, labels)
    }
}

/// ImageNet's 1000 wnids in ASCII order: the position is the class.
pub(crate) fn imagenet_wnids() -> Result<Vec<String>, DataError> {
    PromptSet::of("imagenet_wnids")?.wnids()
}

/// From a data set's own label to the position of the class.
#[derive(Debug, Clone)]
pub struct Classes<'a> {
    id: &'a str,
    positions: HashMap<&'a str, u32>,
    /// By letters and digits; none where two labels differ in nothing else.
    comparable: HashMap<String, Option<u32>>,
}

impl<'a> Classes<'a> {
    /// Position = order of `labels`.
    ///
    /// # Errors
    /// A label occurs twice.
    pub fn new<S: AsRef<str> + ?Sized + 'a>(
        id: &'a str,
        labels: impl IntoIterator<Item = &'a S>,
    ) -> Result<Classes<'a>, DataError> {
        let (mut positions, mut known) = (HashMap::new(), HashMap::new());
        for (position, label) in (0..).zip(labels.into_iter().map(AsRef::as_ref)) {
            if positions.insert(label, position).is_some() {
                return Err(invalid(id, format!("label `{label}` occurs twice")));
            }
            known
                .entry(comparable(label))
                .and_modify(|class| *class = None)
                .or_insert(Some(position));
        }
        Ok(Classes { id, positions, comparable: known })
    }

    /// The position of the class called `label`, met in `path`.
    ///
    /// # Errors
    /// There is no such class.
    pub fn position(&self, label: &str, path: &Path) -> Result<u32, DataError> {
        self.positions.get(label).copied().ok_or_else(|| DataError::UnknownClass {
            dataset: self.id.to_owned(),
            path: path.to_owned(),
            class: label.to_owned(),
            count: self.positions.len(),
        })
    }
}

impl Classes<'_> {
    /// [`Classes::position`], or that of the only label with the same letters and digits.
    ///
    /// # Errors
    /// There is no such class.
    pub fn nearest(&self, label: &str, path: &Path) -> Result<u32, DataError> {
        let spelt = self.positions.get(label).copied();
        let near = || self.comparable.get(&comparable(label)).copied().flatten();
        spelt.or_else(near).map_or_else(|| self.position(label, path), Ok)
    }
}

fn json(path: &Path) -> Result<Value, DataError> {
    let text = text(path)?;
    serde_json::from_str(&text)
        .map_err(|error| DataError::malformed(path, format!("no JSON: {error}")))
}

fn invalid(id: &str, reason: impl Into<String>) -> DataError {
    DataError::Prompts { dataset: id.to_owned(), reason: reason.into() }
}
