//! A text is chosen among candidates: IIIT5K's words, SVHN's numbers. PROTOCOL_EVAL 7.6.

use std::collections::{BTreeMap, BTreeSet};

use clip_data::{PromptSet, Split, Target};
use clip_rs::joint_space::{cosines, top_k};

use super::outcome::Outcome;
use super::scoring::{of_hits, share_of_hits};
use super::targets::Asked;
use crate::context::{EncodedSplit, EvalContext};
use crate::error::Result;
use crate::options::IntervalOptions;
use crate::results::predictions::Prediction;

/// Name in results: of zero-shot.
const TASK: &str = "zeroshot_classification";
/// The data set whose candidates are numbers, and may be all of four digits too.
const NUMBERS: &str = "svhn_full_number";
/// Numbers below this are candidates of the second figure.
const BELOW: u32 = 10_000;

/// An image's word and what it is chosen among.
type Word<'a> = (&'a str, &'a [Box<str>]);

/// A word is chosen among the image's candidates, or among all words of the split. With several
/// prompts the score is that of their mean, and each alone stands beside it; numbers are chosen
/// among 0 to 9999 as well.
pub(super) fn run(
    context: &mut EvalContext,
    options: &IntervalOptions,
    prompts: &PromptSet,
    split: Split,
) -> Result<Outcome> {
    let encoded = context.encode_split(split)?;
    let targets = encoded.targets();
    let asked = Asked { task: TASK, dataset: &encoded.list.dataset };
    let mut words = asked.all(&targets, |target| match target {
        Target::Word { truth, candidates } => Some((&**truth, &**candidates)),
        _ => None,
    })?;
    // Without candidates of its own an image's are all words of the split.
    let everything: BTreeSet<&str> = words.iter().map(|(truth, _)| *truth).collect();
    let everything: Vec<Box<str>> = everything.into_iter().map(Box::from).collect();
    for (_, candidates) in words.iter_mut().filter(|(_, candidates)| candidates.is_empty()) {
        *candidates = &everything;
    }
    let failed = |error| asked.error(error);
    let share = |name: &str, of: &[Prediction]| {
        share_of_hits(name, &hits(of), options.level).map_err(failed)
    };
    let (predictions, texts) = choose_words(context, prompts, &encoded, &words)?;
    let mut scores = of_hits(&hits(&predictions), options.level).map_err(failed)?;
    scores.notes.push(format!("{texts} distinct candidate texts"));
    if prompts.templates.len() > 1 {
        scores.notes.push(format!(
            "the score is that of the mean of {} prompts; each alone stands beside it, the paper's is not published",
            prompts.templates.len()
        ));
        for template in &prompts.templates {
            let alone = PromptSet { templates: vec![template.clone()], ..prompts.clone() };
            let (alone, _) = choose_words(context, &alone, &encoded, &words)?;
            scores.figures.push(share(&format!("accuracy: {template}"), &alone)?);
        }
    }
    if encoded.list.dataset == NUMBERS {
        let numbers = numbers_and_longer(&words);
        let wide: Vec<Word<'_>> = words.iter().map(|(truth, _)| (*truth, &*numbers)).collect();
        let (among, _) = choose_words(context, prompts, &encoded, &wide)?;
        scores.figures.push(share("accuracy_among_0_to_9999", &among)?);
        let longer = numbers.len() - BELOW as usize;
        scores.notes.push(format!("0 to 9999: and the {longer} longer numbers that occur"));
    }
    Ok(Outcome::new(encoded, Some(prompts), Vec::new(), scores, predictions))
}

/// The best candidate of every usable image, and how many texts there are in all.
fn choose_words(
    context: &mut EvalContext,
    prompts: &PromptSet,
    encoded: &EncodedSplit,
    words: &[Word<'_>],
) -> Result<(Vec<Prediction>, usize)> {
    let lists: BTreeMap<(*const Box<str>, usize), &[Box<str>]> =
        words.iter().map(|(_, list)| ((list.as_ptr(), list.len()), *list)).collect();
    let texts: BTreeSet<&str> =
        lists.values().flat_map(|list| list.iter().map(|word| &**word)).collect();
    let positions: BTreeMap<&str, usize> =
        texts.iter().enumerate().map(|(position, text)| (*text, position)).collect();
    let classes = texts.iter().map(|text| vec![(*text).to_owned()]).collect();
    let head = context.head(&PromptSet { classes, ..prompts.clone() })?;
    let (width, scale) = (context.clip.embed_dim(), context.clip.scale());
    let embeddings = encoded.rows.features.clone().normalize();
    let weights_of = |list: &[Box<str>]| -> Vec<f32> {
        let row = |word: &str| &head.weights()[positions[word] * width..][..width];
        list.iter().flat_map(|word| row(word)).copied().collect()
    };
    let mut last: (&[Box<str>], Vec<f32>) = (&[], Vec::new());
    let mut predictions = Vec::with_capacity(words.len());
    for ((row, (truth, list)), item) in embeddings.rows().zip(words).zip(encoded.items()) {
        // Images often share one list.
        if !std::ptr::eq(last.0, *list) {
            last = (list, weights_of(list));
        }
        let scores: Vec<f32> =
            cosines(row, &last.1, width).iter().map(|cosine| scale * cosine).collect();
        let best = top_k(&scores, 1)[0];
        predictions.push(Prediction::of_word(item.id(), truth, &list[best], &scores, best));
    }
    Ok((predictions, texts.len()))
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
