//! Nearest-neighbour geolocalisation: how far the most similar reference photo was taken from a query. PROTOCOL_EVAL 7.8.
//!
//! A test of what features know of places, for research. Locating people is out of scope (model card: surveillance), so
//! that a result holds shares and no answer for a photo.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clip_data::{Item, Split, Target};

use crate::EvalError;
use crate::context::{EncodedSplit, EvalContext};
use crate::metrics::{Place, RADII_KM, distance_km, shares_within};
use crate::progress::{Progress, Step};
use crate::results::{Figure, Record, SplitRead, Unit};
use crate::retrieval::{Match, PlaceTable, UnitVectors, nearest};
use crate::tasks::scoring::{bootstrap, share_of_hits};
use crate::tasks::tables::{split_of_table, stem};
use crate::tasks::zero_shot::metric_error;

/// Name of the task in results.
const TASK: &str = "geolocation";
/// References whose features are in memory at a time.
const BLOCK: usize = 16_384;
/// Cosine from which two photos are one.
const SAME: f64 = 1.0 - 1e-6;
/// The figure that stands for the others: a city.
const SCORE: usize = 1;

impl EvalContext {
    /// Gives every query the place of its nearest reference. Both are tables with the columns `file`, `lat` and `lon`,
    /// paths from the table's folder; references pass block by block.
    ///
    /// # Errors
    /// A table cannot be read, or no image of one can be used.
    pub fn geolocation(
        &mut self,
        references: &Path,
        queries: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Record, EvalError> {
        let started = Instant::now();
        let (reference_table, query_table) =
            (PlaceTable::read(references)?, PlaceTable::read(queries)?);
        let all = 0..query_table.files.len();
        let encoded = self.encode_split(split_of(queries, &query_table, all)?, progress)?;
        let found = self.nearest_places(references, &reference_table, &encoded, progress)?;
        let mut record = self.record(TASK, &encoded, None, started);
        let distances: Vec<f64> = encoded
            .rows
            .usable
            .iter()
            .zip(&found.places)
            .map(|(&query, place)| distance_km(query_table.places[query], *place))
            .collect();
        let level = self.options.level;
        let shares = shares_within(&distances).map_err(metric_error(&record))?;
        for (radius, share) in RADII_KM.iter().zip(shares) {
            let hits: Vec<bool> = distances.iter().map(|distance| distance <= radius).collect();
            let name = format!("within_{radius}_km");
            record.figures.push(share_of_hits(&name, &hits, level).map_err(metric_error(&record))?);
            record.metrics.insert(name, Some(share));
        }
        record.score = record.figures.remove(SCORE);
        let interval =
            bootstrap(&self.options).interval(distances.len(), |drawn| median(&distances, drawn));
        let middle = median(&distances, &vec![1; distances.len()]);
        let figure = Figure::plain("median_distance_km", Unit::Kilometre, middle);
        record.figures.push(figure.within(interval, "photos"));
        record.notes.push(format!(
            "{} of {} reference photos in {}",
            found.references,
            reference_table.files.len(),
            references.display()
        ));
        if found.same > 0 {
            record.notes.push(format!(
                "queries that are among the reference photos, so that they find themselves: {} of {}",
                found.same,
                distances.len()
            ));
        }
        record.notes.push(
            "for research: locating people is surveillance, which the model card rules out"
                .to_owned(),
        );
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok(record)
    }

    /// The place of the reference nearest to each query, the first of equal ones.
    fn nearest_places(
        &mut self,
        path: &Path,
        table: &PlaceTable,
        queries: &EncodedSplit,
        progress: &mut Progress<'_>,
    ) -> Result<Found, EvalError> {
        let width = self.clip.embed_dim();
        let queries = queries.rows.features.clone().normalize();
        let refused = |error| EvalError::result(path, error);
        let of_queries = UnitVectors::new(queries.as_slice(), width)
            .map_err(|error| refused(error.to_string()))?;
        let mut best: Vec<Option<Match>> = vec![None; queries.len()];
        let (mut used, mut hasher) = (0, blake3::Hasher::new());
        progress(Step::Images(table.files.len()));
        for first in (0..table.files.len()).step_by(BLOCK) {
            let block = first..table.files.len().min(first + BLOCK);
            let split = Arc::new(split_of(path, table, block)?);
            let rows =
                self.cache.features_of(&self.clip, &split, |done| progress(Step::Done(done)))?;
            hasher.update(rows.content_blake3.as_bytes());
            if rows.usable.is_empty() {
                continue;
            }
            used += rows.usable.len();
            let embeddings = rows.features.normalize();
            let block = UnitVectors::new(embeddings.as_slice(), width);
            let block = block.map_err(|error| refused(error.to_string()))?;
            let found = nearest(self.clip.instruction_set(), of_queries, block, 1);
            for (best, found) in best.iter_mut().zip(found) {
                // The first of equal ones stays.
                if best.is_none_or(|best| found[0].similarity > best.similarity) {
                    let index = (first + rows.usable[found[0].index as usize]) as u32;
                    *best = Some(Match { index, ..found[0] });
                }
            }
        }
        if used == 0 {
            return Err(EvalError::result(path, "no reference photo can be used"));
        }
        let blake3 = hasher.finalize().to_hex().to_string();
        let (dataset, split) = (stem(path), "references".to_owned());
        self.read.push(SplitRead { dataset, split, blake3 });
        let same = best.iter().flatten().filter(|best| best.similarity > SAME).count();
        let place = |best: Option<Match>| best.map(|best| table.places[best.index as usize]);
        Ok(Found { places: best.into_iter().filter_map(place).collect(), references: used, same })
    }
}

/// What the search found.
struct Found {
    /// One for each query.
    places: Vec<Place>,
    /// How many photos were compared with.
    references: usize,
    /// Queries that are among the references themselves.
    same: usize,
}

/// Rows of a table as a split; their places are part of what identifies it.
fn split_of(
    path: &Path,
    table: &PlaceTable,
    rows: std::ops::Range<usize>,
) -> Result<Split, EvalError> {
    if rows.is_empty() {
        return Err(EvalError::result(path, "the table has no photo"));
    }
    let item = |row: usize| {
        let Place { latitude, longitude } = table.places[row];
        let truth = format!("{latitude},{longitude}").into();
        Item::file(table.files[row].as_str(), Target::Word { truth, candidates: Arc::new([]) })
    };
    Ok(split_of_table(path, rows.map(item).collect()))
}

/// Of values that occur so many times; between two middle ones their mean.
fn median(values: &[f64], times: &[u32]) -> f64 {
    let repeated =
        values.iter().zip(times).flat_map(|(&value, &times)| (0..times).map(move |_| value));
    let mut all: Vec<f64> = repeated.collect();
    all.sort_by(f64::total_cmp);
    match all.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => all[count / 2],
        count => f64::midpoint(all[count / 2 - 1], all[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn median_counts_values_as_often_as_they_were_drawn() {
        assert_eq!(median(&[9.0, 1.0, 4.0], &[1, 1, 1]), 4.0);
        assert_eq!(median(&[9.0, 1.0, 4.0], &[2, 0, 2]), 6.5);
        assert!(median(&[], &[]).is_nan());
    }
}
