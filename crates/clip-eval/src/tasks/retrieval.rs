//! Zero-shot retrieval on a split of captioned images. PROTOCOL_EVAL 7.5.

use std::collections::HashSet;

use clip_data::{Dataset, ReadOptions, Split, Target};
use clip_rs::Features;
use serde_json::{Map, Value};

use super::outcome::{Metrics, Outcome, Scores};
use super::targets::Asked;
use super::task::{Request, Task};
use crate::context::{EncodedSplit, EvalContext};
use crate::error::{EvalError, Result};
use crate::metrics::{self, MetricError, Recalls};
use crate::options::{EvalOptions, IntervalOptions, RetrievalOptions, TaskOptions, by_name};
use crate::results::predictions::{Prediction, Retrieved};
use crate::results::{Details, Figure, Unit};
use crate::retrieval::{Ranked, UnitVectors, retrieve};
use crate::statistics::clopper_pearson;

/// Name in results, as CLIP_benchmark has it.
const TASK: &str = "zeroshot_retrieval";
/// Matches kept for each query; recall at 10 needs no more.
const KEPT: usize = 10;

/// Captions and images find each other: R@1, R@5, R@10 in both directions.
#[derive(Debug, Clone, Copy)]
pub struct Retrieval;

impl Task for Retrieval {
    fn name(&self) -> &'static str {
        "retrieval"
    }

    fn result_name(&self) -> &'static str {
        TASK
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        dataset.task == clip_data::Task::Retrieval
    }

    fn options(&self, all: &EvalOptions) -> Map<String, Value> {
        by_name(&RetrievalOptions::of(all))
    }

    fn read_options(&self, all: &EvalOptions) -> ReadOptions {
        ReadOptions {
            strip_banner: all.images.strip_banner,
            captions: all.captions.captions,
            split_file: all.scored.split_file.clone(),
            task: Some(clip_data::Task::Retrieval),
        }
    }

    fn run(&self, context: &mut EvalContext, request: &Request, split: Split) -> Result<Outcome> {
        let RetrievalOptions { captions, intervals, .. } = RetrievalOptions::of(&request.options);
        let template = &captions.caption_template;
        if !template.contains("{}") {
            let reason = format!("caption template `{template}` has no {{}} for the caption");
            return Err(EvalError::task(TASK, &split.dataset.id, reason));
        }
        let encoded = context.encode_split(split)?;
        let asked = Asked { task: TASK, dataset: &encoded.list.dataset };
        let of_photos = asked.all(&encoded.targets(), |target| match target {
            Target::Captions(captions) => Some(captions),
            _ => None,
        })?;
        let (mut texts, mut image_of_text) = (Vec::new(), Vec::new());
        for (image, captions) in (0_u32..).zip(of_photos) {
            for caption in captions {
                texts.push(template.replace("{}", caption));
                image_of_text.push(image);
            }
        }
        let (features, truncated) = context.embed_texts(&texts)?;
        let images = encoded.rows.features.clone().normalize();
        let width = context.clip.embed_dim();
        let unit = |rows| UnitVectors::new(rows, width).map_err(|error| asked.error(error));
        let device = context.clip.instruction_set();
        let (photos, captions) = (unit(images.as_slice())?, unit(&features)?);
        let found = retrieve(device, photos, captions, &image_of_text, KEPT)
            .map_err(|error| asked.error(error))?;
        let ranks = |ranked: &[Ranked]| ranked.iter().map(|found| found.rank).collect::<Vec<u32>>();
        let (of_images, of_texts) = (ranks(&found.image_to_text), ranks(&found.text_to_image));
        // CLIP_benchmark's words: text retrieval finds texts for an image.
        let own: Vec<u32> = (0..encoded.rows.usable.len() as u32).collect();
        let text = direction("text_retrieval", &of_images, &own, &intervals)
            .map_err(|error| asked.error(error))?;
        let image = direction("image_retrieval", &of_texts, &image_of_text, &intervals)
            .map_err(|error| asked.error(error))?;
        let mut notes = note_of_repeated(&encoded.rows.features).into_iter().collect::<Vec<_>>();
        notes.push(format!("{} captions, {truncated} cut to the context length", texts.len()));
        let predictions = predictions(&encoded, &of_images, &of_texts);
        Ok(Outcome::new(encoded, None, notes, joined(text, image), predictions))
    }
}

/// The first figure of text retrieval stands for all others.
fn joined(text: [Figure; 5], image: [Figure; 5]) -> Scores {
    let value = |figure: &Figure| (figure.name.clone(), figure.value);
    let metrics: Metrics = text.iter().chain(&image).map(value).collect();
    let [score, text @ ..] = text;
    let figures = text.into_iter().chain(image).collect();
    Scores { score, figures, metrics, details: Details::default(), notes: Vec::new() }
}

/// Recalls, reciprocal and median rank of one direction. Photos are drawn, each with all its
/// queries: the captions of one photo are right and wrong together.
///
/// - `photo_of`: `[queries]`
fn direction(
    name: &str,
    ranks: &[u32],
    photo_of: &[u32],
    options: &IntervalOptions,
) -> Result<[Figure; 5], MetricError> {
    let recalls: Recalls = metrics::recalls(ranks)?;
    let photos = photo_of.iter().max().map_or(0, |&last| last as usize + 1);
    let bootstrap = options.bootstrap();
    let ranked = RankedQueries::new(ranks, photo_of);
    let resamples = bootstrap.figures(photos, |drawn| ranked.figures(drawn));
    let alone = photos == ranks.len(); // one query a photo
    let over = if alone { "photos" } else { "photos with their captions" };
    let figure = |(place, measure, unit, value): (usize, &str, Unit, f64)| {
        let interval = match place {
            0..3 if alone => {
                let hits = ranks.iter().filter(|&&rank| rank <= RECALLED[place]).count() as u64;
                Some(clopper_pearson(hits, ranks.len() as u64, options.level))
            }
            _ => bootstrap.percentiles(resamples.iter().map(|of| of[place]).collect()),
        };
        Figure::plain(&format!("{name}_{measure}"), unit, value).within(interval, over)
    };
    Ok([
        (0, "recall@1", Unit::Share, recalls.recall_at_1),
        (1, "recall@5", Unit::Share, recalls.recall_at_5),
        (2, "recall@10", Unit::Share, recalls.recall_at_10),
        (3, "mean_reciprocal_rank", Unit::Number, recalls.mean_reciprocal_rank),
        (4, "median_rank", Unit::Rank, recalls.median_rank),
    ]
    .map(figure))
}

/// One row for each usable photo, captions in order.
fn predictions(encoded: &EncodedSplit, of_images: &[u32], of_texts: &[u32]) -> Vec<Prediction> {
    let mut of_texts = of_texts.iter().copied();
    let mut predictions = Vec::with_capacity(of_images.len());
    for (photo, &text_rank) in encoded.items().zip(of_images) {
        let Target::Captions(captions) = &photo.target else { continue };
        let mut hasher = blake3::Hasher::new();
        for caption in captions {
            hasher.update(caption.as_bytes()).update(b"\n");
        }
        let captions_blake3 = hasher.finalize().to_hex().to_string();
        let image_ranks = of_texts.by_ref().take(captions.len()).collect();
        let retrieved = Some(Retrieved { captions_blake3, text_rank, image_ranks });
        predictions.push(Prediction { item: photo.id(), retrieved, ..Prediction::default() });
    }
    predictions
}

/// Numbers of places that recalls look at.
const RECALLED: [u32; 3] = [1, 5, 10];

/// Queries by rising rank, each of a photo.
struct RankedQueries(Vec<(u32, u32)>); // rank, photo

impl RankedQueries {
    fn new(ranks: &[u32], photo_of: &[u32]) -> RankedQueries {
        let mut queries: Vec<(u32, u32)> =
            ranks.iter().copied().zip(photo_of.iter().copied()).collect();
        queries.sort_unstable();
        RankedQueries(queries)
    }

    /// The three recalls, the mean reciprocal rank and the median rank, where every photo was drawn
    /// so many times; no numbers where no query was drawn.
    fn figures(&self, drawn: &[u32]) -> Vec<f64> {
        let times = |photo: u32| u64::from(drawn[photo as usize]);
        let all: u64 = self.0.iter().map(|&(_, photo)| times(photo)).sum();
        let (mut hits, mut reciprocals, mut before) = ([0; 3], 0.0, 0);
        let (mut lower, mut upper) = (f64::NAN, f64::NAN);
        for &(rank, photo) in &self.0 {
            let times = times(photo);
            for (hits, k) in hits.iter_mut().zip(RECALLED) {
                *hits += if rank <= k { times } else { 0 };
            }
            reciprocals += times as f64 / f64::from(rank);
            let holds = |place: u64| (before..before + times).contains(&place);
            if holds(all.saturating_sub(1) / 2) {
                lower = f64::from(rank);
            }
            if holds(all / 2) {
                upper = f64::from(rank);
            }
            before += times;
        }
        let share = |count: f64| count / all as f64;
        let recalls = hits.map(|hits| share(hits as f64));
        recalls.into_iter().chain([share(reciprocals), f64::midpoint(lower, upper)]).collect()
    }
}

/// How many rows are, bit for bit, one before them: the same picture under another name.
fn note_of_repeated(features: &Features) -> Option<String> {
    let mut seen = HashSet::new();
    let hash = |row: &[f32]| *blake3::hash(bytemuck::cast_slice(row)).as_bytes();
    let repeated = features.rows().filter(|row| !seen.insert(hash(row))).count();
    (repeated > 0).then(|| {
        format!(
            "pictures that are the same as one before, which no search can tell apart: {repeated} of {}",
            features.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_photos_drawn_once_are_those_of_the_ranks() {
        let (ranks, photo_of) = ([9, 1, 4, 2, 30, 1], [0, 0, 1, 1, 2, 2]);
        let recalls = metrics::recalls(&ranks).expect("figures");
        let found = RankedQueries::new(&ranks, &photo_of).figures(&[1, 1, 1]);
        let expected = [
            recalls.recall_at_1,
            recalls.recall_at_5,
            recalls.recall_at_10,
            recalls.mean_reciprocal_rank,
            recalls.median_rank,
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn a_photo_that_is_drawn_twice_brings_all_its_captions_twice() {
        let ranked = RankedQueries::new(&[1, 1, 7, 20], &[0, 0, 1, 1]);
        assert_eq!(ranked.figures(&[2, 0])[..3], [1.0, 1.0, 1.0]);
        assert_eq!(ranked.figures(&[0, 2]), [0.0, 0.0, 0.5, (1.0 / 7.0 + 1.0 / 20.0) / 2.0, 13.5]);
        assert!(ranked.figures(&[0, 0])[0].is_nan());
    }
}
