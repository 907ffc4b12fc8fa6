//! The paper's search for the strength of the regularization: 97 points, at most 15 fits.

use super::features::Features;
use super::fit::{Fit, fit};
use super::options::Options;
use super::packed::PackedFeatures;
use super::targets::{Targets, TrainingSet};
use clip_kernels::DeviceError;
use clip_rs::InstructionSet;
use std::collections::BTreeMap;

/// Points of the grid, `λ = 10^(−6 + index / 8)`.
pub const GRID_POINTS: usize = 97;
/// Distance of the points tried first, and of those tried around the best after that.
const FIRST_SPACING: usize = 16;
const SPACINGS: [usize; 4] = [8, 4, 2, 1];
/// The most points that are tried.
const MOST_FITS: usize = GRID_POINTS.div_ceil(FIRST_SPACING) + 2 * SPACINGS.len();

/// The ridge strength of a point of the grid.
pub fn lambda_of(index: usize) -> f64 {
    10.0_f64.powf(index as f64 / 8.0 - 6.0)
}

/// The inverse strength of a point of the grid, `1 / λ`.
pub fn c_of(index: usize) -> f64 {
    10.0_f64.powf(6.0 - index as f64 / 8.0)
}

/// Walks the grid: every 16th point, then the two neighbours of the best at 8, 4, 2 and 1. Of equal
/// scores the lowest index wins; NaN never does. Returns the points and scores in the order tried,
/// and the place of the best among them.
///
/// - `score`: gets the points of one round, ascending, none of them twice; gives a score for each
pub fn parametric_search<E>(
    mut score: impl FnMut(&[usize]) -> Result<Vec<f64>, E>,
) -> Result<(Vec<(usize, f64)>, usize), E> {
    let mut tried: Vec<(usize, f64)> = Vec::new();
    let mut best = 0;
    let mut round: Vec<usize> = (0..GRID_POINTS).step_by(FIRST_SPACING).collect();
    for spacing in SPACINGS.map(Some).into_iter().chain([None]) {
        round.retain(|index| tried.iter().all(|(other, _)| other != index));
        tried.extend(round.iter().copied().zip(score(&round)?));
        best = (0..tried.len())
            .fold(best, |best, place| if wins(tried[place], tried[best]) { place } else { best });
        let Some(spacing) = spacing else { break };
        let peak = tried[best].0;
        let neighbours = [peak.checked_sub(spacing), Some(peak + spacing)];
        round = neighbours.into_iter().flatten().filter(|&index| index < GRID_POINTS).collect();
    }
    Ok((tried, best))
}

fn wins((index, score): (usize, f64), (best_index, best): (usize, f64)) -> bool {
    score > best || (score == best && index < best_index) || (best.is_nan() && !score.is_nan())
}

/// What a search is made of.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// What computes.
    pub device: InstructionSet,
    /// Of all images.
    pub features: Features<'a>,
    /// For each row of the features.
    pub targets: Targets<'a>,
    /// Rows that the points are fitted on.
    pub train: &'a [usize],
    /// Rows that choose among them.
    pub validation: &'a [usize],
    /// Gets the scores of the validation rows, `[validation, classes]`; the higher the better.
    pub metric: &'a dyn Fn(&[f32]) -> f64,
    /// When each fit ends.
    pub options: Options<'a>,
    /// Bytes that packed features may take; [`PackedFeatures::MEMORY`] is usual.
    pub memory: usize,
}

/// One point of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Place in the grid.
    pub index: usize,
    /// Ridge strength.
    pub lambda: f64,
    /// Its inverse.
    pub c: f64,
    /// Of the validation rows.
    pub score: f64,
    /// The fit's objective.
    pub objective: f64,
    /// The fit's iterations.
    pub iterations: usize,
    /// Whether the fit converged.
    pub converged: bool,
}

/// What a search found.
pub struct Search<'a> {
    /// Every point tried, in the protocol's order.
    pub evaluations: Vec<Evaluation>,
    /// The best of them.
    pub best: Evaluation,
    /// Its fit, on the training rows alone.
    pub on_train: Fit,
    problem: Problem<'a>,
    /// Training rows, then validation rows.
    packed: PackedFeatures<'a>,
}

/// Searches the strength with the best score (PROTOCOL_EVAL 7.2).
///
/// All fits share one packed copy of the features, and each starts from the model of the nearest
/// strength fitted before it.
///
/// - `progress`: called after each fit with the fits done and the most there can be
///
/// # Errors
/// The device has no room for a fit; the first error of `progress`.
///
/// # Panics
/// When there are no training rows, or a row is not one of the features'.
pub fn search<'a, E: From<DeviceError>>(
    problem: &Problem<'a>,
    progress: &mut dyn FnMut(usize, usize) -> Result<(), E>,
) -> Result<Search<'a>, E> {
    let Problem { device, features, targets, train, validation, options, memory, metric } =
        *problem;
    let packed = PackedFeatures::new(device, features, [train, validation].concat(), memory)?;
    let set = TrainingSet { features: &packed, rows: 0..train.len(), targets };
    let mut fits: BTreeMap<usize, (f64, Fit)> = BTreeMap::new();
    let (tried, best) = parametric_search(|round| {
        // From the strongest ridge down: the easiest first, each a start for the next.
        for &index in round.iter().rev() {
            let nearest = fits.iter().rev().min_by_key(|(other, _)| other.abs_diff(index));
            let found = fit(&set, c_of(index), &options, nearest.map(|(_, (_, fit))| &fit.model))?;
            let score = metric(&found.model.scores(features, validation)?);
            fits.insert(index, (score, found));
            progress(fits.len(), MOST_FITS)?;
        }
        Ok::<_, E>(round.iter().map(|index| fits[index].0).collect())
    })?;
    let evaluations: Vec<Evaluation> =
        tried.iter().map(|(index, _)| evaluation(*index, &fits[index])).collect();
    let best = evaluations[best];
    let on_train = fits[&best.index].1.clone();
    Ok(Search { evaluations, best, on_train, problem: *problem, packed })
}

/// A probe to be tested, and how its strength was found.
pub struct Selected {
    /// On training and validation rows together.
    pub fit: Fit,
    /// Inverse strength of the regularization.
    pub c: f64,
    /// Points of the search in the protocol's order; none where the strength was given.
    pub evaluations: Vec<Evaluation>,
}

/// The probe of the strength that is given, or of the best that [`search`] finds.
///
/// - `progress`: see [`search`]
///
/// # Errors
/// The device has no room for a fit; the first error of `progress`.
///
/// # Panics
/// When there are no training rows, or a row is not one of the features'.
pub fn select<E: From<DeviceError>>(
    problem: &Problem<'_>,
    c: Option<f64>,
    progress: &mut dyn FnMut(usize, usize) -> Result<(), E>,
) -> Result<Selected, E> {
    let Problem { device, features, targets, train, validation, options, memory, .. } = *problem;
    let Some(c) = c else {
        let found = search(problem, progress)?;
        let (fit, c) = (found.fit_on_all()?, found.best.c);
        return Ok(Selected { fit, c, evaluations: found.evaluations });
    };
    let packed = PackedFeatures::new(device, features, [train, validation].concat(), memory)?;
    let set = TrainingSet { features: &packed, rows: 0..packed.rows(), targets };
    Ok(Selected { fit: fit(&set, c, &options, None)?, c, evaluations: Vec::new() })
}

fn evaluation(index: usize, (score, fit): &(f64, Fit)) -> Evaluation {
    let (objective, iterations, converged) = (fit.objective, fit.iterations, fit.converged());
    Evaluation {
        index,
        lambda: lambda_of(index),
        c: c_of(index),
        score: *score,
        objective,
        iterations,
        converged,
    }
}

impl Search<'_> {
    /// Fits training and validation rows together with the best strength: the model to be tested.
    ///
    /// # Errors
    /// The device has no room for it.
    pub fn fit_on_all(&self) -> Result<Fit, DeviceError> {
        let rows = 0..self.packed.rows();
        let set = TrainingSet { features: &self.packed, rows, targets: self.problem.targets };
        fit(&set, self.best.c, &self.problem.options, Some(&self.on_train.model))
    }
}
