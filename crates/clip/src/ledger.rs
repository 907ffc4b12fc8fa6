//! What bulk work left out, and why: JSON lines `{"input","stage","reason"}`.

use std::path::Path;

use crate::error::Error;

/// Where an input was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The file could not be read.
    Read,
    /// Its bytes are no usable image.
    Decode,
    /// The text could not be tokenized.
    Tokenize,
    /// The encoder refused it.
    Encode,
}

/// One input that was left out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Skip {
    /// The input as it was named.
    pub input: String,
    /// Where it was lost.
    pub stage: Stage,
    /// The error, with the limit.
    pub reason: String,
}

/// All inputs that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    skips: Vec<Skip>,
}

impl Ledger {
    /// Notes that `input` was left out because of `error`.
    pub fn skip(&mut self, input: &str, error: &Error) {
        let stage = match error {
            Error::ReadImage { .. } | Error::NoInput { .. } => Stage::Read,
            Error::Image { .. } => Stage::Decode,
            Error::Text { .. } => Stage::Tokenize,
            _ => Stage::Encode,
        };
        let reason = error.to_string();
        let reason =
            reason.strip_prefix(input).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&reason);
        self.skips.push(Skip { input: input.to_owned(), stage, reason: reason.to_owned() });
    }

    /// What was left out, in order.
    pub fn skips(&self) -> &[Skip] {
        &self.skips
    }

    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.skips.is_empty()
    }

    /// Writes one JSON object per line, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        crate::embeddings::write_json_lines(path, &self.skips)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_names_input_stage_and_reason_once() {
        let mut ledger = Ledger::default();
        let error =
            Error::ReadImage { path: "a.jpg".into(), source: std::io::ErrorKind::NotFound.into() };
        ledger.skip("a.jpg", &error);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("skipped.jsonl");
        ledger.write(&path).expect("written");
        let line = std::fs::read_to_string(path).expect("read");
        assert_eq!(
            line,
            "{\"input\":\"a.jpg\",\"stage\":\"read\",\"reason\":\"cannot read: entity not found\"}\n"
        );
    }
}
