//! What the model card warns of, said once each where it is met.

use serde::{Deserialize, Serialize};

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

/// A warning of the model card, met in an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// In a sentence, with what met it.
    pub text: String,
}
