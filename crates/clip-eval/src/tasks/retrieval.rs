//! Zero-shot retrieval on a split of captioned images. PROTOCOL_EVAL 7.5.

use std::collections::HashSet;
use std::time::Instant;

use clip_data::{Item, Split, Target};
use clip_rs::{Features, Overflow};

use crate::EvalError;
use crate::context::{EncodedSplit, EvalContext};
use crate::metrics::{self, Recalls};
use crate::progress::{Progress, Step};
use crate::results::predictions::{Prediction, Retrieved};
use crate::results::{Figure, Record, Unit};
use crate::retrieval::{UnitVectors, retrieve};
use crate::statistics::clopper_pearson;
use crate::suite::Verb;
use crate::tasks::scoring::bootstrap;
use crate::tasks::zero_shot::{all, metric_error};

/// Captions encoded between two reports of progress.
const CAPTIONS_AT_A_TIME: usize = 2048;
/// Matches kept for each query; recall at 10 needs no more.
const KEPT: usize = 10;

impl EvalContext {
    /// R@1, R@5, R@10 in both directions.
    ///
    /// # Errors
    /// The items have no captions, or none can be used.
    pub fn retrieval(
        &mut self,
        split: Split,
        progress: &mut Progress<'_>,
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        let started = Instant::now();
        let template = &self.options.caption_template;
        if !template.contains("{}") {
            let reason = format!("caption template `{template}` has no {{}} for the caption");
            return Err(EvalError::task(Verb::Retrieval.task(), &split.dataset.id, reason));
        }
        let encoded = self.encode_split(split, progress)?;
        let mut record = self.record(Verb::Retrieval.task(), &encoded, None, started);
        let targets: Vec<&Target> = encoded.targets().collect();
        let captions = all(&targets, &record, |target| match target {
            Target::Captions(captions) => Some(captions),
            _ => None,
        })?;
        let (mut texts, mut image_of_text) = (Vec::new(), Vec::new());
        for (image, captions) in (0_u32..).zip(captions) {
            for caption in captions {
                texts.push(self.options.caption_template.replace("{}", caption));
                image_of_text.push(image);
            }
        }
        progress(Step::Texts(texts.len()));
        let (mut features, mut truncated) = (Vec::new(), 0);
        for texts in texts.chunks(CAPTIONS_AT_A_TIME) {
            let (encoded, cut) = self.clip.encode_texts_with(texts, Overflow::Truncate)?;
            features.extend_from_slice(encoded.normalize().as_slice());
            truncated += cut.len();
            progress(Step::Done(texts.len()));
        }
        let images = encoded.rows.features.clone().normalize();
        let width = self.clip.embed_dim();
        let failed = |error: crate::retrieval::RetrievalError| {
            EvalError::task(Verb::Retrieval.task(), &encoded.split.dataset.id, error.to_string())
        };
        let found = retrieve(
            self.clip.instruction_set(),
            UnitVectors::new(images.as_slice(), width).map_err(failed)?,
            UnitVectors::new(&features, width).map_err(failed)?,
            &image_of_text,
            KEPT,
        )
        .map_err(failed)?;
        let ranks = |ranked: &[crate::retrieval::Ranked]| {
            ranked.iter().map(|found| found.rank).collect::<Vec<u32>>()
        };
        // CLIP_benchmark's words: text retrieval finds texts for an image.
        let own: Vec<u32> = (0..encoded.rows.usable.len() as u32).collect();
        let (of_images, of_texts) = (ranks(&found.image_to_text), ranks(&found.text_to_image));
        self.enter_direction(&mut record, "text_retrieval", &of_images, &own)?;
        self.enter_direction(&mut record, "image_retrieval", &of_texts, &image_of_text)?;
        record.score = record.figures.remove(0);
        let repeated = repeated(&encoded.rows.features);
        if repeated > 0 {
            record.notes.push(format!(
                "pictures that are the same as one before, which no search can tell apart: {repeated} of {}",
                own.len()
            ));
        }
        record
            .notes
            .push(format!("{} captions, {truncated} cut to the context length", texts.len()));
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok((record, rows(&encoded, &of_images, &of_texts)))
    }

    /// Recalls, reciprocal and median rank of one direction. Photos are drawn, each with all its queries: the captions of
    /// one photo are right and wrong together.
    ///
    /// - `photo_of`: `[queries]`
    fn enter_direction(
        &self,
        record: &mut Record,
        name: &str,
        ranks: &[u32],
        photo_of: &[u32],
    ) -> Result<(), EvalError> {
        let recalls: Recalls = metrics::recalls(ranks).map_err(metric_error(record))?;
        let figures = [
            (format!("{name}_recall@1"), Unit::Share, recalls.recall_at_1),
            (format!("{name}_recall@5"), Unit::Share, recalls.recall_at_5),
            (format!("{name}_recall@10"), Unit::Share, recalls.recall_at_10),
            (format!("{name}_mean_reciprocal_rank"), Unit::Number, recalls.mean_reciprocal_rank),
            (format!("{name}_median_rank"), Unit::Rank, recalls.median_rank),
        ];
        let photos = photo_of.iter().max().map_or(0, |&last| last as usize + 1);
        let bootstrap = bootstrap(&self.options);
        let ranked = RankedQueries::new(ranks, photo_of);
        let resamples = bootstrap.figures(photos, |drawn| ranked.figures(drawn));
        let alone = photos == ranks.len(); // one query a photo
        for (place, (name, unit, value)) in figures.into_iter().enumerate() {
            let interval = match place {
                0..3 if alone => {
                    let hits = ranks.iter().filter(|&&rank| rank <= RECALLED[place]).count() as u64;
                    Some(clopper_pearson(hits, ranks.len() as u64, self.options.level))
                }
                _ => bootstrap.percentiles(resamples.iter().map(|of| of[place]).collect()),
            };
            let over = if alone { "photos" } else { "photos with their captions" };
            record.metrics.insert(name.clone(), Some(value));
            record.figures.push(Figure::plain(&name, unit, value).within(interval, over));
        }
        Ok(())
    }
}

/// One row for each usable photo, captions in order.
fn rows(encoded: &EncodedSplit, of_images: &[u32], of_texts: &[u32]) -> Vec<Prediction> {
    let mut of_texts = of_texts.iter().copied();
    let photos = encoded.rows.usable.iter().map(|&item| &encoded.split.items[item]);
    let row = |(photo, &text_rank): (&Item, &u32)| {
        let Target::Captions(captions) = &photo.target else { return Prediction::default() };
        let mut hasher = blake3::Hasher::new();
        for caption in captions {
            hasher.update(caption.as_bytes()).update(b"\n");
        }
        let captions_blake3 = hasher.finalize().to_hex().to_string();
        let image_ranks = of_texts.by_ref().take(captions.len()).collect();
        let retrieved = Some(Retrieved { captions_blake3, text_rank, image_ranks });
        Prediction { item: photo.id(), retrieved, ..Prediction::default() }
    };
    photos.zip(of_images).map(row).collect()
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

    /// The three recalls, the mean reciprocal rank and the median rank, where every photo was drawn so many times; no
    /// numbers where no query was drawn.
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

/// Rows that are, bit for bit, one before them: the same picture under another name.
fn repeated(features: &Features) -> usize {
    let mut seen = HashSet::new();
    let hash = |row: &[f32]| {
        let mut hasher = blake3::Hasher::new();
        row.iter().for_each(|value| {
            hasher.update(&value.to_le_bytes());
        });
        *hasher.finalize().as_bytes()
    };
    features.rows().filter(|row| !seen.insert(hash(row))).count()
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
