//! What a task says, whole; a record is made of it in one place.

use std::collections::BTreeMap;

use clip_data::PromptSet;

use crate::context::EncodedSplit;
use crate::features::head::blake3_of;
use crate::features::list_fingerprint;
use crate::results::predictions::Prediction;
use crate::results::{Counts, Details, Figure, Skipped, SplitRead};

/// Figures under CLIP_benchmark's names.
pub(crate) type Metrics = BTreeMap<String, Option<f64>>;

/// The figures of a split and what is said of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scores {
    pub(crate) score: Figure,
    pub(crate) figures: Vec<Figure>,
    pub(crate) metrics: Metrics,
    pub(crate) details: Details,
    pub(crate) notes: Vec<String>,
}

/// What a task says of the splits that it scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Id of the data set.
    pub dataset: String,
    /// What people call it.
    pub dataset_title: String,
    /// The split that was scored, or all of them.
    pub split: String,
    /// The figure that stands for the others.
    pub score: Figure,
    /// The others.
    pub figures: Vec<Figure>,
    /// All by CLIP_benchmark's names.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// What plots and tables are made of.
    pub details: Details,
    /// What was left out, guessed or drawn.
    pub notes: Vec<String>,
    /// One for each item that was scored; none for tasks that keep none.
    pub predictions: Vec<Prediction>,
    /// BLAKE3 of class names and templates, and where they come from; none where no text is used.
    pub prompts: Option<(String, String)>,
    /// BLAKE3 of all item ids and targets in order.
    pub split_blake3: String,
    /// Every split that was read, the scored one first.
    pub read: Vec<SplitRead>,
    /// How many items.
    pub counts: Counts,
    /// Every item that was left out.
    pub skipped: Vec<Skipped>,
}

impl Scores {
    /// A score alone; what is said of it stands among the notes too.
    pub(crate) fn of(score: Figure) -> Scores {
        Scores {
            notes: note_of(&score).into_iter().collect(),
            score,
            figures: Vec::new(),
            metrics: Metrics::new(),
            details: Details::default(),
        }
    }
}

impl Outcome {
    /// Of one split, which is all that was read.
    ///
    /// - `notes`: said before those of the scores
    pub(crate) fn new(
        encoded: EncodedSplit,
        prompts: Option<&PromptSet>,
        notes: Vec<String>,
        scores: Scores,
        predictions: Vec<Prediction>,
    ) -> Outcome {
        let read = vec![encoded.read()];
        let EncodedSplit { list, rows, notes: of_clips } = encoded;
        let (found, scored) = (list.items.len(), rows.usable.len());
        let skipped = [list.not_listed, rows.skipped].concat();
        let of_prompts = prompts.and_then(PromptSet::note).into_iter().collect();
        Outcome {
            dataset: list.dataset,
            dataset_title: list.title,
            split: list.split,
            score: scores.score,
            figures: scores.figures,
            metrics: scores.metrics,
            details: scores.details,
            notes: [list.notes, of_prompts, of_clips, notes, scores.notes].concat(),
            predictions,
            prompts: prompts.map(|prompts| (blake3_of(prompts), prompts.source.clone())),
            split_blake3: list_fingerprint(&list.items),
            read,
            counts: Counts { expected: list.expected, found, scored, skipped: skipped.len() },
            skipped,
        }
    }

    /// Enters the score again, with what is said of it.
    pub(crate) fn set_score(&mut self, score: Figure) {
        self.notes.extend(note_of(&score));
        self.score = score;
    }

    /// Remembers further splits that were read.
    pub(crate) fn add_read(&mut self, further: Vec<SplitRead>) {
        for read in further {
            if !self.read.contains(&read) {
                self.read.push(read);
            }
        }
    }
}

fn note_of(score: &Figure) -> Option<String> {
    score.note.as_ref().map(|note| format!("{}: {note}", score.name))
}
