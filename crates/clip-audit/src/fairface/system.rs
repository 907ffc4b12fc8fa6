//! A way to get answers from a model.

use super::faces::{Faces, Question};

/// How answers are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SystemKind {
    /// The nearest of the words in a sentence.
    ZeroShot,
    /// Logistic regression on features of labelled faces.
    Probe,
}

impl SystemKind {
    /// For ids of sections.
    pub(super) fn id(self) -> &'static str {
        match self {
            SystemKind::ZeroShot => "zero-shot",
            SystemKind::Probe => "linear-probe",
        }
    }

    /// In sentences.
    pub(super) fn name(self) -> &'static str {
        match self {
            SystemKind::ZeroShot => "zero-shot",
            SystemKind::Probe => "linear probe",
        }
    }

    /// Row of the paper's tables.
    pub(super) fn published(self) -> &'static str {
        match self {
            SystemKind::ZeroShot => "Zero-shot CLIP",
            SystemKind::Probe => "Linear probe CLIP",
        }
    }
}

/// One with its answers.
#[derive(Debug, Clone)]
pub(super) struct System {
    pub(super) kind: SystemKind,
    /// `[attributes][faces]`: race, gender, age.
    pub(super) answers: [Vec<u32>; 3],
    /// How the answers were made.
    pub(super) notes: Vec<String>,
    /// Why its figures are no measurement of what the paper measured; none where they are one.
    pub(super) not_comparable: Option<&'static str>,
}

impl System {
    /// Which faces are answered rightly.
    pub(super) fn hits(&self, question: Question, faces: &Faces) -> Vec<bool> {
        faces.hits(question, &self.answers[question.attribute()])
    }
}
