//! A text is chosen among candidates: IIIT5K's words, SVHN's numbers. PROTOCOL_EVAL 7.6.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use clip_data::{PromptSet, Split, Target};
use clip_rs::joint_space::{cosines, top_k};

use crate::EvalError;
use crate::context::{EncodedSplit, EvalContext};
use crate::progress::Progress;
use crate::results::Record;
use crate::results::predictions::Prediction;
use crate::tasks::scoring::share_of_hits;
use crate::tasks::zero_shot::{self, all, metric_error};

/// The data set whose candidates are numbers, and may be all of four digits too.
const NUMBERS: &str = "svhn_full_number";
/// Numbers below this are candidates of the second figure.
const BELOW: u32 = 10_000;

/// An image's word and what it is chosen among.
type Word<'a> = (&'a str, &'a [Box<str>]);

impl EvalContext {
    /// A word is chosen among the image's candidates, or among all words of the split. With several prompts the score is
    /// that of their mean, and each alone stands beside it; numbers are chosen among 0 to 9999 as well.
    pub(crate) fn read_words(
        &mut self,
        prompts: &PromptSet,
        split: Split,
        progress: &mut Progress<'_>,
        started: Instant,
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        let encoded = self.encode_split(split, progress)?;
        let mut record = self.record(zero_shot::TASK, &encoded, Some(prompts), started);
        let targets: Vec<&Target> = encoded.targets().collect();
        let mut words = all(&targets, &record, |target| match target {
            Target::Word { truth, candidates } => Some((&**truth, &**candidates)),
            _ => None,
        })?;
        // Without candidates of its own an image's are all words of the split.
        let everything: BTreeSet<&str> = words.iter().map(|(truth, _)| *truth).collect();
        let everything: Vec<Box<str>> = everything.into_iter().map(Box::from).collect();
        for (_, candidates) in words.iter_mut().filter(|(_, candidates)| candidates.is_empty()) {
            *candidates = &everything;
        }
        let (predictions, texts) = self.choose_words(prompts, &encoded, &words, progress)?;
        self.enter_hits(&mut record, "accuracy", &hits(&predictions))?;
        record.notes.push(format!("{texts} distinct candidate texts"));
        if prompts.templates.len() > 1 {
            record.notes.push(format!(
                "the score is that of the mean of {} prompts; each alone stands beside it, the paper's is not published",
                prompts.templates.len()
            ));
            for template in &prompts.templates {
                let alone = PromptSet { templates: vec![template.clone()], ..prompts.clone() };
                let (alone, _) = self.choose_words(&alone, &encoded, &words, progress)?;
                self.push_share(&mut record, &format!("accuracy: {template}"), &alone)?;
            }
        }
        if record.dataset == NUMBERS {
            let numbers = numbers_and_longer(&words);
            let wide: Vec<Word<'_>> = words.iter().map(|(truth, _)| (*truth, &*numbers)).collect();
            let (among, _) = self.choose_words(prompts, &encoded, &wide, progress)?;
            self.push_share(&mut record, "accuracy_among_0_to_9999", &among)?;
            let longer = numbers.len() - BELOW as usize;
            record.notes.push(format!("0 to 9999: and the {longer} longer numbers that occur"));
        }
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok((record, predictions))
    }

    fn push_share(
        &self,
        record: &mut Record,
        name: &str,
        of: &[Prediction],
    ) -> Result<(), EvalError> {
        let figure =
            share_of_hits(name, &hits(of), self.options.level).map_err(metric_error(record))?;
        record.figures.push(figure);
        Ok(())
    }

    /// The best candidate of every usable image, and how many texts there are in all.
    fn choose_words(
        &mut self,
        prompts: &PromptSet,
        encoded: &EncodedSplit,
        words: &[Word<'_>],
        progress: &mut Progress<'_>,
    ) -> Result<(Vec<Prediction>, usize), EvalError> {
        let lists: BTreeMap<(*const Box<str>, usize), &[Box<str>]> =
            words.iter().map(|(_, list)| ((list.as_ptr(), list.len()), *list)).collect();
        let texts: BTreeSet<&str> =
            lists.values().flat_map(|list| list.iter().map(|word| &**word)).collect();
        let positions: BTreeMap<&str, usize> =
            texts.iter().enumerate().map(|(position, text)| (*text, position)).collect();
        let classes = texts.iter().map(|text| vec![(*text).to_owned()]).collect();
        let head = self.head(&PromptSet { classes, ..prompts.clone() }, progress)?;
        let width = self.clip.embed_dim();
        let embeddings = encoded.rows.features.clone().normalize();
        let weights_of = |list: &[Box<str>]| -> Vec<f32> {
            let row = |word: &str| &head.weights()[positions[word] * width..][..width];
            list.iter().flat_map(|word| row(word)).copied().collect()
        };
        let mut last: (&[Box<str>], Vec<f32>) = (&[], Vec::new());
        let mut predictions = Vec::with_capacity(words.len());
        for ((row, (truth, list)), &item) in embeddings.rows().zip(words).zip(&encoded.rows.usable)
        {
            // Images often share one list.
            if !std::ptr::eq(last.0, *list) {
                last = (list, weights_of(list));
            }
            let scores: Vec<f32> = cosines(row, &last.1, width)
                .iter()
                .map(|cosine| self.clip.scale() * cosine)
                .collect();
            let best = top_k(&scores, 1)[0];
            let id = encoded.split.items[item].id();
            predictions.push(Prediction::of_word(id, truth, &list[best], &scores, best));
        }
        Ok((predictions, texts.len()))
    }
}

fn hits(predictions: &[Prediction]) -> Vec<bool> {
    predictions.iter().map(Prediction::is_right).collect()
}

/// 0 to 9999, then the numbers of more digits that are candidates anyway, each once.
fn numbers_and_longer(words: &[Word<'_>]) -> Vec<Box<str>> {
    let digits = (BELOW - 1).to_string().len();
    let all =
        words.iter().flat_map(|(truth, list)| list.iter().map(|word| &**word).chain([*truth]));
    let longer: BTreeSet<&str> = all.filter(|word| word.len() > digits).collect();
    (0..BELOW)
        .map(|number| number.to_string().into())
        .chain(longer.into_iter().map(Box::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_more_than_four_digits_are_added_once() {
        let list: [Box<str>; 3] = ["7".into(), "12345".into(), "210".into()];
        let numbers = numbers_and_longer(&[("12345", &list), ("98765", &list)]);
        assert_eq!(numbers.len(), 10_002);
        assert_eq!((&*numbers[0], &*numbers[9_999], &*numbers[10_000]), ("0", "9999", "12345"));
    }
}
