//! Lists of labels to choose from: data of the program, or a person's file.

/// Labels in groups of a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelList {
    /// Name: of the set in the program, or of the file.
    pub name: String,
    /// Where it comes from.
    pub source: String,
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
