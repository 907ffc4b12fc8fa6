//! The nearest of the words of race, gender and age, each by itself.

use clip_data::PromptSet;
use clip_eval::head::note_of_same_classes;
use clip_eval::{EncodedSplit, EvalContext, EvalError, metrics};
use serde::Deserialize;

use super::faces::{ASKED, ATTRIBUTES, DATASET};
use super::system::{System, SystemKind};
use crate::record::Prompts;

/// Lists of the prompt file that have the words of [`ATTRIBUTES`], in the order of the levels.
const WORDS: [&str; 3] = ["race", "gender", "age_csv"];

/// What zero-shot found, and with which words.
pub(super) struct Answers {
    pub(super) system: System,
    pub(super) prompts: Vec<Prompts>,
    pub(super) notes: Vec<String>,
}

/// Answers for every face that could be used.
///
/// # Errors
/// The prompt file lacks words, or features are no numbers.
pub(super) fn answers(
    context: &mut EvalContext,
    prompts: &PromptSet,
    encoded: &EncodedSplit,
) -> Result<Answers, EvalError> {
    let (mut found, mut notes) = (Answers::none(), Vec::new());
    for (place, (name, list)) in ATTRIBUTES.into_iter().zip(WORDS).enumerate() {
        let asked = of_words(prompts, list)?;
        let head = context.head(&asked)?;
        if head.truncated > 0 {
            notes
                .push(format!("{name}: {} prompts were cut to the context length", head.truncated));
        }
        notes.extend(note_of_same_classes(context.clip.tokenizer(), &asked));
        let logits = context.logits(&head, &encoded.rows);
        found.system.answers[place] = metrics::predictions(&logits, asked.classes.len())
            .map_err(|error| EvalError::task(ASKED, DATASET, error.to_string()))?;
        found.prompts.push(Prompts {
            name: name.to_owned(),
            source: asked.source.clone(),
            count: asked.classes.len(),
            classes: asked.classes.into_iter().flatten().collect(),
            templates: asked.templates,
        });
    }
    Ok(Answers { notes, ..found })
}

impl Answers {
    fn none() -> Answers {
        let system = System {
            kind: SystemKind::ZeroShot,
            answers: Default::default(),
            notes: Vec::new(),
            not_comparable: None,
        };
        Answers { system, prompts: Vec::new(), notes: Vec::new() }
    }
}

/// A list of the prompt file as classes.
fn of_words(prompts: &PromptSet, list: &str) -> Result<PromptSet, EvalError> {
    let words = prompts.rest.get(list).and_then(|list| Vec::<String>::deserialize(list).ok());
    let words = words.ok_or_else(|| {
        EvalError::task(ASKED, DATASET, format!("its prompt file has no list of words `{list}`"))
    })?;
    let classes = words.into_iter().map(|word| vec![word]).collect();
    Ok(PromptSet { classes, labels: None, ..prompts.clone() })
}
