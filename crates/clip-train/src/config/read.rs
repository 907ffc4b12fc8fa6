//! From a file and flags to a configuration; a misspelt key names the nearest known one.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Config, KEYS, Key};

/// Bytes of a configuration that are read.
const LARGEST: u64 = 1 << 20;

/// Why a configuration is none.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, with its line.
        reason: String,
        /// The way out, where it is known.
        help: Option<String>,
    },
    /// The value of a flag.
    #[error("--{flag}: {reason}")]
    Flag {
        /// Without the hyphens before it.
        flag: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A choice of the data.
    #[error(transparent)]
    Data(Box<crate::data::DataError>),
    /// A value that no run could obey.
    #[error("{key}: {reason}")]
    OutOfRange {
        /// Which.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfigError {
    /// The way out, where it is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::File { help, .. } => help.clone(),
            _ => None,
        }
    }
}

/// A configuration on its way: what was set, by whom does not matter any more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    table: toml::Table,
}

impl Draft {
    /// What a file sets.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or has a key that there is not.
    pub fn read(path: &Path) -> Result<Draft, ConfigError> {
        let text = clip_files::read_text(path, LARGEST)
            .map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        Draft::of_text(path, &text)
    }

    /// What the text of a file sets; `path` is for messages.
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn of_text(path: &Path, text: &str) -> Result<Draft, ConfigError> {
        let refuse = |reason: String, help: Option<String>| {
            Err(ConfigError::File { path: path.to_owned(), reason, help })
        };
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return refuse(in_its_line(text, &error), None),
        };
        for (section, content) in &table {
            if let Some((key, help)) = unknown(section, content) {
                let place = line_of(text, key).map_or_else(String::new, |n| format!("line {n}: "));
                return refuse(format!("{place}there is no key `{key}`"), Some(help));
            }
        }
        // Types with their lines, which the merged table no longer has.
        if let Err(error) = toml::from_str::<Config>(text) {
            return refuse(in_its_line(text, &error), None);
        }
        Ok(Draft { table })
    }

    /// What the JSON of a configuration sets: an object for each section; `name` is for messages.
    ///
    /// # Errors
    /// As [`Draft::read`]; a null is nothing that a file could say.
    pub fn of_json(name: &Path, json: &str) -> Result<Draft, ConfigError> {
        let table: toml::Table = serde_json::from_str(json).map_err(|error| {
            let reason = error.to_string();
            ConfigError::File { path: name.to_owned(), reason, help: None }
        })?;
        Draft::of_text(name, &table.to_string())
    }

    /// Sets a key by the text of its flag.
    ///
    /// # Errors
    /// The key cannot have this value.
    pub fn set(&mut self, key: &Key, text: &str) -> Result<(), ConfigError> {
        let value =
            (key.read)(text).map_err(|reason| ConfigError::Flag { flag: key.flag(), reason })?;
        self.put(key, value);
        Ok(())
    }

    /// Adds a task: `dataset=NAME,task=zeroshot,every=100`, by the keys of `[[eval]]`.
    ///
    /// # Errors
    /// It is not of this form.
    pub fn add_evaluation(&mut self, text: &str) -> Result<(), ConfigError> {
        let refuse = |reason: String| ConfigError::Flag { flag: "eval".to_owned(), reason };
        let mut entry = toml::Table::new();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| refuse(format!("`{part}` is not NAME=VALUE")))?;
            let number = value.parse().map(toml::Value::Integer);
            let value = match number {
                Ok(number) if name == "every" => number,
                _ => toml::Value::String(value.to_owned()),
            };
            entry.insert(name.to_owned(), value);
        }
        super::Evaluation::deserialize(toml::Value::Table(entry.clone()))
            .map_err(|error| refuse(error.message().to_owned()))?;
        let list = self.table.entry("eval").or_insert_with(|| toml::Value::Array(Vec::new()));
        if let toml::Value::Array(list) = list {
            list.push(entry.into());
        }
        Ok(())
    }

    /// Whether a key is set.
    pub fn has(&self, section: &str, name: &str) -> bool {
        self.table.get(section).is_some_and(|section| section.get(name).is_some())
    }

    /// Sets what `other` sets, over what was.
    #[must_use]
    pub fn with(mut self, other: Draft) -> Draft {
        for (section, content) in other.table {
            match (self.table.get_mut(&section), content) {
                (Some(toml::Value::Table(ours)), toml::Value::Table(theirs)) => ours.extend(theirs),
                (_, content) => drop(self.table.insert(section, content)),
            }
        }
        self
    }

    /// What a configuration sets: all of it.
    pub fn of(config: &Config) -> Draft {
        Draft { table: config.to_table() }
    }

    /// The whole, with defaults where nothing was set.
    ///
    /// # Errors
    /// A value of another type, out of its range, or that fits no other.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let config = Config::deserialize(toml::Value::Table(self.table)).map_err(|error| {
            let reason = error.message().to_owned();
            ConfigError::File { path: "configuration".into(), reason, help: None }
        })?;
        config.check()?;
        Ok(config)
    }

    fn put(&mut self, key: &Key, value: toml::Value) {
        let section = self.table.entry(key.section).or_insert_with(|| toml::Table::new().into());
        if let toml::Value::Table(section) = section {
            section.insert(key.name.to_owned(), value);
        }
    }
}

/// A key of a section, or the section, that there is not; and what may have been meant.
fn unknown<'a>(section: &'a str, content: &'a toml::Value) -> Option<(&'a str, String)> {
    if section == "eval" {
        return None; // its own types tell
    }
    let mut sections: Vec<&str> = KEYS.iter().map(|key| key.section).collect();
    sections.dedup();
    let toml::Value::Table(content) = content else {
        return Some((
            section,
            match KEYS.iter().find(|key| key.name == section) {
                Some(key) => format!("it belongs in [{}]", key.section),
                None => nearest(section, KEYS.iter().map(|key| (key.name, key.section)))
                    .map_or_else(|| sections_are(&sections), |(name, of)| meant(name, of)),
            },
        ));
    };
    if !sections.contains(&section) {
        let help = nearest(section, sections.iter().map(|name| (*name, "")))
            .map_or_else(|| sections_are(&sections), |(name, _)| format!("did you mean [{name}]?"));
        return Some((section, help));
    }
    let is_known = |name: &str| KEYS.iter().any(|key| key.section == section && key.name == name);
    let wrong = content.keys().find(|name| !is_known(name))?;
    if let Some(key) = KEYS.iter().find(|key| key.name == wrong.as_str()) {
        return Some((wrong, format!("it belongs in [{}]", key.section)));
    }
    let all = KEYS.iter().map(|key| (key.name, key.section));
    let help = nearest(wrong, all).map_or_else(
        || {
            let there = KEYS.iter().filter(|key| key.section == section).map(|key| key.name);
            format!("[{section}] has {}", there.collect::<Vec<_>>().join(", "))
        },
        |(name, of)| meant(name, of),
    );
    Some((wrong, help))
}

fn meant(name: &str, section: &str) -> String {
    format!("did you mean `{name}` of [{section}]?")
}

fn sections_are(sections: &[&str]) -> String {
    format!("there are [{}] and [[eval]]", sections.join("], ["))
}

/// The known name that takes the fewest changes, unless it takes too many.
fn nearest<'a>(
    wrong: &str,
    known: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<(&'a str, &'a str)> {
    let most = (wrong.chars().count() / 2).clamp(1, 4);
    let distance = |name: &str| clip_model::registry::edit_distance(wrong, name);
    let ranked = known.map(|(name, section)| (distance(name), name, section));
    let (distance, name, section) = ranked.min_by_key(|(distance, ..)| *distance)?;
    (distance <= most && wrong.len() < 80).then_some((name, section))
}

/// Where a key stands first, from 1.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let begins = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| {
            !rest.starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c))
        })
    };
    text.lines().position(begins).map(|line| line + 1)
}

/// What is wrong with a file, with the line that has it.
fn in_its_line(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return reason.to_owned();
    };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    format!("line {}: `{}`: {reason}", number + 1, line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, (String, Option<String>)> {
        let told = |error: ConfigError| (error.to_string(), error.help());
        Draft::of_text(Path::new("c.toml"), text).and_then(Draft::finish).map_err(told)
    }

    const USUAL: &str = "[data]\nsource = \"a.tar\"\n";

    #[test]
    fn misspelt_key_names_its_line_and_the_nearest() {
        let cases = [
            (
                "[optimizer]\nlerning_rate = 1",
                "line 4: there is no key `lerning_rate`",
                "did you mean `learning_rate` of [optimizer]?",
            ),
            (
                "[optimiser]\nbeta1 = 0.9",
                "line 3: there is no key `optimiser`",
                "did you mean [optimizer]?",
            ),
            (
                "[schedule]\nbatch_size = 4",
                "line 4: there is no key `batch_size`",
                "it belongs in [batch]",
            ),
            (
                "[guard]\nxyzzy = 4",
                "line 4: there is no key `xyzzy`",
                "[guard] has guard, guard_root, guard_every, guard_loss",
            ),
        ];
        for (text, error, help) in cases {
            let (said, way) = read(&format!("{USUAL}{text}\n")).expect_err(text);
            assert_eq!((&*said, way.as_deref()), (&*format!("c.toml: {error}"), Some(help)));
        }
        let (said, help) = read(&format!("epoch = 3\n{USUAL}")).expect_err("no section");
        assert_eq!(said, "c.toml: line 1: there is no key `epoch`");
        assert_eq!(help.as_deref(), Some("did you mean `epochs` of [schedule]?"));
    }

    #[test]
    fn wrong_types_words_and_ranges_are_refused() {
        for (text, reason) in [
            ("[batch]\nbatch_size = \"four\"", "line 4: `batch_size = \"four\"`: invalid type"),
            ("[objective]\nloss = \"triplet\"", "line 4: `loss = \"triplet\"`: unknown variant"),
            ("[batch]\nbatch_size = 1", "batch_size: 1 is not from 2 to"),
            ("[[eval]]\ndata = \"x\"", "unknown field `data`"),
        ] {
            let (said, _) = read(&format!("{USUAL}{text}\n")).expect_err(text);
            assert!(said.contains(reason), "{said}");
        }
    }

    #[test]
    fn flags_are_read_as_a_file_is_and_win() {
        let key = |name: &str| KEYS.iter().find(|key| key.name == name).expect("a key");
        let mut draft = Draft::default();
        for (name, text) in [
            ("source", "b.tar::c.csv"),
            ("batch_size", "8"),
            ("loss", "sigmoid"),
            ("learning_rate", "1e-3"),
            ("lock_image", "true"),
            ("scale", "0.5,1"),
            ("architecture", "50"),
            ("image_blocks", "1,1,1,1"),
        ] {
            draft.set(key(name), text).expect(name);
        }
        draft.add_evaluation("dataset=folder:x,every=10").expect("an evaluation");
        let file = Draft::of_text(Path::new("c.toml"), "[data]\nsource = \"a\"\nprefetch = 9\n");
        let config = file.expect("read").with(draft).finish().expect("whole");
        assert_eq!(config.data.source, "b.tar::c.csv");
        assert_eq!((config.data.prefetch, config.batch.batch_size), (9, 8));
        assert_eq!(config.data.scale, Some([0.5, 1.0]));
        assert_eq!(config.model.architecture.as_deref(), Some("50"));
        assert_eq!(config.model.image_blocks, Some([1; 4]));
        assert_eq!((config.eval[0].every, &*config.eval[0].task), (10, "zeroshot"));

        let mut draft = Draft::default();
        let error = draft.set(key("loss"), "triplet").expect_err("no such loss").to_string();
        assert!(error.starts_with("--loss: unknown variant `triplet`"), "{error}");
        let error = draft.set(key("batch_size"), "x").expect_err("no number").to_string();
        assert!(error.starts_with("--batch-size: invalid type: string \"x\""), "{error}");
        let error = draft.add_evaluation("every=10").expect_err("no data set").to_string();
        assert!(error.contains("missing field `dataset`"), "{error}");
    }
}
