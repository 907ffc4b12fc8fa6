//! Nearest-neighbour geolocalisation: how far the most similar reference photo was taken from a
//! query. PROTOCOL_EVAL 7.8.
//!
//! A test of what features know of places, for research. Locating people is out of scope (model
//! card: surveillance), so that a result holds shares and no answer for a photo.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_data::{Item, Items, Target};

use super::outcome::{Metrics, Outcome, Scores};
use super::scoring::share_of_hits;
use super::tables::{TableTask, list_of, stem};
use super::targets::Asked;
use crate::context::{EncodedSplit, EvalContext};
use crate::error::{EvalError, Result};
use crate::metrics::{Place, RADII_KM, distance_km, shares_within};
use crate::options::IntervalOptions;
use crate::progress::Step;
use crate::results::{Figure, SplitRead, Unit};
use crate::retrieval::{Match, PlaceTable, RetrievalError, UnitVectors, nearest};

/// Name in results.
const TASK: &str = "geolocation";
/// References whose features are in memory at a time.
const BLOCK: usize = 16_384;
/// Cosine from which two photos are one.
const SAME: f64 = 1.0 - 1e-6;
/// The radius whose share stands for the others: a city.
const CITY_KM: f64 = 25.0;

/// Gives every query the place of its nearest reference. Both are tables with the columns `file`,
/// `lat` and `lon`, paths from the table's folder; references pass block by block.
#[derive(Debug, Clone)]
pub struct Geolocation {
    /// Photos whose places are known to the search.
    pub references: PathBuf,
    /// Photos that are looked for.
    pub queries: PathBuf,
}

impl TableTask for Geolocation {
    fn result_name(&self) -> &'static str {
        TASK
    }

    fn tables(&self) -> Vec<&Path> {
        vec![&self.references, &self.queries]
    }

    fn run(&self, context: &mut EvalContext, options: &IntervalOptions) -> Result<Outcome> {
        let references = PlaceTable::read(&self.references)?;
        let queries = PlaceTable::read(&self.queries)?;
        let items = items_of(&self.queries, &queries, 0..queries.files.len())?;
        let encoded = context.encode_split(list_of(&self.queries, items))?;
        let found = nearest_places(context, &self.references, &references, &encoded)?;
        let distances: Vec<f64> = (encoded.rows.usable.iter().zip(&found.places))
            .map(|(&query, place)| distance_km(queries.places[query], *place))
            .collect();
        let asked = Asked { task: TASK, dataset: &encoded.list.dataset };
        let scores = scores_of(asked, &distances, options)?;
        let mut notes = vec![format!(
            "{} of {} reference photos in {}",
            found.used,
            references.files.len(),
            self.references.display()
        )];
        if found.same > 0 {
            notes.push(format!(
                "queries that are among the reference photos, so that they find themselves: {} of {}",
                found.same,
                distances.len()
            ));
        }
        notes.push(
            "for research: locating people is surveillance, which the model card rules out"
                .to_owned(),
        );
        let mut outcome = Outcome::new(encoded, None, notes, scores, Vec::new());
        outcome.add_read(vec![found.read]);
        Ok(outcome)
    }
}

/// Shares within each radius and the median distance.
fn scores_of(asked: Asked<'_>, distances: &[f64], options: &IntervalOptions) -> Result<Scores> {
    let shares = shares_within(distances).map_err(|error| asked.error(error))?;
    let (mut score, mut figures, mut metrics) = (None, Vec::new(), Metrics::new());
    for (radius, share) in RADII_KM.into_iter().zip(shares) {
        let hits: Vec<bool> = distances.iter().map(|distance| *distance <= radius).collect();
        let name = format!("within_{radius}_km");
        let figure =
            share_of_hits(&name, &hits, options.level).map_err(|error| asked.error(error))?;
        metrics.insert(name, Some(share));
        if radius == CITY_KM { score = Some(figure) } else { figures.push(figure) }
    }
    let drawn = |drawn: &[u32]| median(distances, drawn);
    let interval = options.bootstrap().interval(distances.len(), drawn);
    let middle = median(distances, &vec![1; distances.len()]);
    let figure = Figure::plain("median_distance_km", Unit::Kilometre, middle);
    figures.push(figure.within(interval, "photos"));
    let score = score.ok_or_else(|| asked.error("no share of a city's radius"))?;
    Ok(Scores { figures, metrics, ..Scores::of(score) })
}

/// What the search found.
struct Found {
    /// One for each query.
    places: Vec<Place>,
    /// How many photos were compared with.
    used: usize,
    /// Queries that are among the references themselves.
    same: usize,
    /// The references.
    read: SplitRead,
}

/// The place of the reference nearest to each query, the first of equal ones.
fn nearest_places(
    context: &mut EvalContext,
    path: &Path,
    table: &PlaceTable,
    queries: &EncodedSplit,
) -> Result<Found> {
    let (width, device) = (context.clip.embed_dim(), context.clip.instruction_set());
    let queries = queries.rows.features.clone().normalize();
    let refused = |error: RetrievalError| EvalError::result(path, error.to_string());
    let of_queries = UnitVectors::new(queries.as_slice(), width).map_err(refused)?;
    let mut best: Vec<Option<Match>> = vec![None; queries.len()];
    let (mut used, mut hasher) = (0, blake3::Hasher::new());
    context.tell(Step::Images(table.files.len()))?;
    for first in (0..table.files.len()).step_by(BLOCK) {
        let block = first..table.files.len().min(first + BLOCK);
        let rows = context.features_of(&Arc::new(items_of(path, table, block)?))?;
        hasher.update(rows.content_blake3.as_bytes());
        if rows.usable.is_empty() {
            continue;
        }
        used += rows.usable.len();
        let embeddings = rows.features.normalize();
        let block = UnitVectors::new(embeddings.as_slice(), width).map_err(refused)?;
        let found = nearest(device, of_queries, block, 1)?;
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
    let same = best.iter().flatten().filter(|best| best.similarity > SAME).count();
    let place = |best: Option<Match>| best.map(|best| table.places[best.index as usize]);
    Ok(Found {
        places: best.into_iter().filter_map(place).collect(),
        used,
        same,
        read: SplitRead {
            dataset: stem(path),
            split: "references".to_owned(),
            blake3: hasher.finalize().to_hex().to_string(),
        },
    })
}

/// Rows of a table; their places are part of what identifies them.
fn items_of(path: &Path, table: &PlaceTable, rows: Range<usize>) -> Result<Items> {
    if rows.is_empty() {
        return Err(EvalError::result(path, "the table has no photo"));
    }
    let item = |row: usize| {
        let Place { latitude, longitude } = table.places[row];
        let truth = format!("{latitude},{longitude}").into();
        Item::file(table.files[row].as_str(), Target::Word { truth, candidates: Arc::new([]) })
    };
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(Items { list: rows.map(item).collect(), folder })
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
