//! The linear probe: logistic regression on features.

use clip_eval::probe::{
    Evaluation, Features, HOLD_OUT_SHARE, HoldOut, Model, Options, PackedFeatures, Problem,
    Selected, Targets, hold_out, select,
};
use clip_rs::{InstructionSet, LoadOptions};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError};
use pyo3::prelude::*;

use crate::errors::{argument, clip_error};
use crate::work::{Interrupted, Pool};

/// Why there is no probe.
enum Failure {
    Interrupted,
    Device(String),
}

impl From<Interrupted> for Failure {
    fn from(_: Interrupted) -> Failure {
        Failure::Interrupted
    }
}

impl From<clip_kernels::DeviceError> for Failure {
    fn from(error: clip_kernels::DeviceError) -> Failure {
        Failure::Device(error.to_string())
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        match failure {
            Failure::Interrupted => PyKeyboardInterrupt::new_err(()),
            Failure::Device(reason) => PyMemoryError::new_err(reason),
        }
    }
}

/// A point of the search: C, share of the kept rows that is right, whether the fit converged.
type Point = (f64, f64, bool);
/// Coefficients `[classes, width]`, intercepts `[classes]`, C, iterations, whether it converged,
/// the points of the search.
type Fitted<'py> =
    (Bound<'py, PyArray2<f32>>, Bound<'py, PyArray1<f32>>, f64, usize, bool, Vec<Point>);

/// Fits `labels` (`[n]`, each below `classes`, all of which occur) to `features`, `[n, width]`.
/// Without `c` it is searched on a part that `seed` keeps back.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python class")]
pub(crate) fn fit_probe<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f32>,
    labels: PyReadonlyArray1<'py, u32>,
    classes: usize,
    c: Option<f64>,
    tolerance: f64,
    most_iterations: usize,
    seed: u64,
    threads: Option<i64>,
) -> PyResult<Fitted<'py>> {
    let (pool, device) = (Pool::of(threads)?, device(py)?);
    let width = features.shape()[1];
    let features = features.as_slice().map_err(|error| argument("X", error))?;
    let features = Features::new(features, width);
    let labels = labels.as_slice().map_err(|error| argument("y", error))?;
    let held = rows(labels, c, seed);
    if c.is_none() && held.validation.is_empty() {
        return Err(argument(
            "C",
            "the search keeps a fifth of each class back, and no class has two rows; give a number",
        ));
    }
    let found = pool.run(py, None, |watch| -> Result<Selected, Failure> {
        let truth: Vec<u32> = held.validation.iter().map(|&row| labels[row]).collect();
        let problem = Problem {
            device,
            features,
            targets: Targets::Class { labels, classes },
            train: &held.train,
            validation: &held.validation,
            metric: &|scores| share_right(scores, classes, &truth),
            options: Options { tolerance, most_iterations, stop: Some(watch.stop()) },
            memory: PackedFeatures::MEMORY,
        };
        let found = select::<Failure>(&problem, c, &mut |_, _| Ok(watch.check()?))?;
        watch.check()?;
        Ok(found)
    })?;
    let Selected { fit, c, evaluations } = found?;
    let weights = fit.model.weights().to_vec().into_pyarray(py).reshape([classes, width])?;
    let intercepts = fit.model.intercepts().to_vec().into_pyarray(py);
    let points = evaluations.iter().map(point).collect();
    Ok((weights, intercepts, c, fit.iterations, fit.converged(), points))
}

/// `features · weightsᵀ + intercepts`, `[n, outputs]`; a row's do not depend on the others.
#[pyfunction]
pub(crate) fn probe_scores<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f32>,
    weights: PyReadonlyArray2<'py, f32>,
    intercepts: PyReadonlyArray1<'py, f32>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (pool, device) = (Pool::of(threads)?, device(py)?);
    let (rows, width, outputs) = (features.shape()[0], features.shape()[1], weights.shape()[0]);
    let features = features.as_slice().map_err(|error| argument("X", error))?;
    let weights = weights.as_slice().map_err(|error| argument("coef_", error))?.to_vec();
    let intercepts = intercepts.as_slice().map_err(|error| argument("intercept_", error))?.to_vec();
    if weights.len() != outputs * width || intercepts.len() != outputs {
        return Err(argument("coef_", "the shapes of coef_, intercept_ and X do not fit"));
    }
    let model = Model::new(device, weights, intercepts);
    let scores = pool.run(py, None, |_| {
        let all: Vec<usize> = (0..rows).collect();
        model.scores(Features::new(features, width), &all).map_err(Failure::from)
    })?;
    scores?.into_pyarray(py).reshape([rows, outputs])
}

/// What the processor has, or what the environment says.
fn device(py: Python<'_>) -> PyResult<InstructionSet> {
    LoadOptions::default().instruction_set().map_err(|error| clip_error(py, &error))
}

/// Rows to learn from, and to choose C with where it is not given.
fn rows(labels: &[u32], c: Option<f64>, seed: u64) -> HoldOut {
    match c {
        Some(_) => HoldOut { train: (0..labels.len()).collect(), validation: Vec::new() },
        None => hold_out(labels, HOLD_OUT_SHARE, seed),
    }
}

fn point(point: &Evaluation) -> Point {
    (point.c, point.score, point.converged)
}

/// Share of the rows whose best class is the true one; what is no number is worst.
fn share_right(scores: &[f32], classes: usize, truth: &[u32]) -> f64 {
    let Ok(answers) = clip_eval::metrics::predictions(scores, classes) else {
        return f64::NEG_INFINITY;
    };
    let right = answers.iter().zip(truth).filter(|(answer, truth)| answer == truth).count();
    right as f64 / truth.len() as f64
}
