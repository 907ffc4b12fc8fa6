//! Which samples could not be used and why, and what was seen: the numbers that a person asks for
//! after a run.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Why a sample cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A shard or table that cannot be read, or only in part.
    DamagedFile,
    /// A shard or table without a sample.
    EmptyFile,
    /// There is no image, or no path to one.
    NoImage,
    /// Several images, or two files of one name: which one counts?
    Ambiguous,
    /// The image's file cannot be read.
    UnreadableFile,
    /// It is no image, or of a kind that is not read.
    NotAnImage,
    /// The image is damaged or cut off.
    DamagedImage,
    /// There is no caption.
    NoCaption,
    /// There is one, and it says nothing.
    EmptyCaption,
    /// What should be a caption is no text.
    NotAText,
    /// The caption has more tokens than the model takes.
    LongCaption,
}

impl Reason {
    /// As it is counted: `no-caption`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DamagedFile => "damaged-file",
            Self::EmptyFile => "empty-file",
            Self::NoImage => "no-image",
            Self::Ambiguous => "ambiguous",
            Self::UnreadableFile => "unreadable-file",
            Self::NotAnImage => "not-an-image",
            Self::DamagedImage => "damaged-image",
            Self::NoCaption => "no-caption",
            Self::EmptyCaption => "empty-caption",
            Self::NotAText => "not-a-text",
            Self::LongCaption => "long-caption",
        }
    }
}

/// Why a sample cannot be used, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Unusable {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Of the sample called `key`.
    pub(super) fn of(self, key: impl Into<String>) -> BadSample {
        BadSample { key: key.into(), reason: self.reason, detail: self.detail }
    }
}

/// A sample, or a file of many, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadSample {
    /// What it is called: `shard/key`, `table:line`, or a path.
    pub key: String,
    /// What it is counted as.
    pub reason: Reason,
    /// In words.
    pub detail: String,
}

impl fmt::Display for BadSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.detail)
    }
}

/// All that could not be used, each once with the first reason that was met, in order of their
/// keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    bad: BTreeMap<String, (Reason, String)>,
}

impl Ledger {
    /// Notes a sample, unless it is known.
    pub fn note(&mut self, bad: BadSample) {
        self.bad.entry(bad.key).or_insert((bad.reason, bad.detail));
    }

    /// Why a sample could not be used, if it is known.
    pub fn reason(&self, key: &str) -> Option<Reason> {
        self.bad.get(key).map(|(reason, _)| *reason)
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.bad.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bad.is_empty()
    }

    /// All, in order of their keys.
    pub fn samples(&self) -> impl Iterator<Item = BadSample> {
        self.bad.iter().map(|(key, (reason, detail))| BadSample {
            key: key.clone(),
            reason: *reason,
            detail: detail.clone(),
        })
    }

    /// How many there are for each reason.
    pub fn by_reason(&self) -> BTreeMap<Reason, u64> {
        let mut counts = BTreeMap::new();
        for (reason, _) in self.bad.values() {
            *counts.entry(*reason).or_default() += 1;
        }
        counts
    }

    /// Writes one JSON object per line, `{"key","reason","detail"}`, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        clip_files::write_whole(path, |file| {
            for sample in self.samples() {
                serde_json::to_writer(&mut *file, &sample)?;
                writeln!(file)?;
            }
            Ok(())
        })
    }
}

/// What training has seen of the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Pairs, over all ranks.
    pub seen: u64,
    /// Different samples among them.
    pub unique: u64,
    /// `seen - unique`: pairs whose sample had been seen before.
    pub repeated: u64,
    /// Captions that lost their end, on this rank.
    pub truncated: u64,
    /// Places of batches whose sample could not be used, for each reason, on this rank. One sample
    /// counts as often as it came up; the ledger has each once.
    pub skipped: BTreeMap<Reason, u64>,
}

/// Which samples have been seen: a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen(Vec<u8>);

impl Seen {
    pub(super) fn of(samples: u64) -> Self {
        Self(vec![0; samples.div_ceil(8) as usize])
    }

    /// Notes a sample; whether it was new.
    pub(super) fn note(&mut self, sample: u64) -> bool {
        let Some(byte) = self.0.get_mut((sample / 8) as usize) else { return false };
        let bit = 1 << (sample % 8);
        let new = *byte & bit == 0;
        *byte |= bit;
        new
    }

    pub(super) fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// None for what is no such text.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let pairs = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        pairs.map(byte).collect::<Option<_>>().filter(|_| text.len().is_multiple_of(2)).map(Self)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_once_and_is_written() {
        let mut ledger = Ledger::default();
        let bad = Unusable::new(Reason::NoCaption, "has no caption").of("a/1");
        ledger.note(bad.clone());
        ledger.note(bad);
        ledger.note(Unusable::new(Reason::DamagedImage, "cut").of("a/1"));
        ledger.note(Unusable::new(Reason::DamagedImage, "cut").of("a/2"));
        assert_eq!((ledger.len(), ledger.by_reason()[&Reason::NoCaption]), (2, 1));
        assert_eq!(ledger.reason("a/1"), Some(Reason::NoCaption));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bad.jsonl");
        ledger.write(&path).expect("written");
        let text = std::fs::read_to_string(path).expect("read");
        let line = r#"{"key":"a/1","reason":"no-caption","detail":"has no caption"}"#;
        assert!(text.lines().count() == 2 && text.contains(line), "{text}");
    }

    #[test]
    fn names_of_reasons_are_those_of_their_json() {
        for reason in [Reason::DamagedFile, Reason::NoImage, Reason::NotAText, Reason::LongCaption]
        {
            let json = serde_json::to_string(&reason).expect("json");
            assert_eq!(json, format!("\"{}\"", reason.name()));
        }
    }

    #[test]
    fn bits_of_seen_samples_go_through_text() {
        let mut seen = Seen::of(20);
        assert!(seen.note(0) && seen.note(19) && !seen.note(19) && !seen.note(99));
        assert_eq!(Seen::from_hex(&seen.to_hex()), Some(seen));
        assert!(Seen::from_hex("0").is_none() && Seen::from_hex("zz").is_none());
    }
}
