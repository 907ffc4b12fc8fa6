//! The linear probe where classes can be told apart without an error: at large C a gradient next to
//! zero is no sign of a minimum. Minima of scikit-learn: `golden/probe_separable.json`, written by
//! tests/reference/probe_separable.py, which has the same formula for the features.

mod golden;

use clip_eval::probe::{
    self, Features, Fit, Options, PackedFeatures, Problem, Targets, TrainingSet, search,
};
use clip_kernels::DeviceError;
use clip_rs::joint_space::top_k;
use clip_rs::{InstructionSet, LoadOptions};
use golden::json;
use serde_json::Value;

const TEST_ROWS: usize = 200;

fn device() -> InstructionSet {
    LoadOptions::default().instruction_set().expect("one that this processor has")
}

/// −1 to 1.
fn u(x: usize) -> f64 {
    let mut x = x as u32;
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    f64::from(x ^ (x >> 16)) / f64::from(1_u32 << 31) - 1.0
}

/// Rows to learn from, then rows to test on.
struct Case {
    data: Vec<f32>,
    labels: Vec<u32>,
    rows: usize,
    width: usize,
    classes: usize,
}

impl Case {
    fn new(name: &str, golden: &Value) -> Self {
        let number = |key: &str| golden[key].as_u64().unwrap() as usize;
        let (rows, width, classes) = (number("rows"), number("width"), number("classes"));
        let label = |row: usize| match name {
            "lonely" if row == rows - 1 => classes - 1,
            "lonely" if row < rows => row % (classes - 1),
            _ => row % classes,
        };
        let far = golden["far"].as_f64().unwrap();
        let value = |row: usize, column: usize| {
            let class = u((1 << 24) + label(row) * width + column);
            let own = u(row * width + column) + 0.5 * class;
            match (name, column) {
                ("constant", 3) => 0.0,
                ("constant", 5) => 7.0,
                _ => far * u((1 << 25) + column) + 4.0 / (1.0 + column as f64).sqrt() * own,
            }
        };
        let all = 0..rows + TEST_ROWS;
        let row = |row: usize| (0..width).map(move |column| value(row, column) as f32);
        let data = all.clone().flat_map(row).collect();
        Self { data, labels: all.map(|row| label(row) as u32).collect(), rows, width, classes }
    }

    fn features(&self) -> Features<'_> {
        Features::new(&self.data, self.width)
    }

    fn targets(&self) -> Targets<'_> {
        Targets::Class { labels: &self.labels, classes: self.classes }
    }

    fn fit(&self, c: f64, options: &Options<'_>) -> Fit {
        let order = (0..self.rows).collect();
        let packed =
            PackedFeatures::new(device(), self.features(), order, PackedFeatures::MEMORY).unwrap();
        let set = TrainingSet { features: &packed, rows: 0..self.rows, targets: self.targets() };
        probe::fit(&set, c, options, None).unwrap()
    }

    /// `C · Σ cross-entropy + ½ · |W|²` of a model in f64.
    fn objective(&self, fit: &Fit, c: f64) -> f64 {
        let (weights, intercepts) = (fit.model.weights(), fit.model.intercepts());
        let logit = |row: usize, class: usize| {
            let weights = &weights[class * self.width..][..self.width];
            let products = weights.iter().zip(self.features().row(row));
            products.map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>()
                + f64::from(intercepts[class])
        };
        let loss = |row: usize| {
            let label = self.labels[row] as usize;
            let own = logit(row, label);
            let others = (0..self.classes).filter(|&class| class != label);
            others.map(|class| (logit(row, class) - own).exp()).sum::<f64>().ln_1p()
        };
        let squares: f64 = weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        c * (0..self.rows).map(loss).sum::<f64>() + 0.5 * squares
    }

    /// Share of the test rows that a fit answers as the best one does.
    fn agreement(&self, fit: &Fit, answers: &str) -> f64 {
        let rows: Vec<usize> = (self.rows..self.rows + TEST_ROWS).collect();
        let scores = fit.model.scores(self.features(), &rows).unwrap();
        let found = scores.chunks_exact(self.classes).map(|scores| top_k(scores, 1)[0]);
        let expected = answers.bytes().map(|digit| usize::from(digit - b'0'));
        let same = found.zip(expected).filter(|(found, expected)| found == expected).count();
        same as f64 / TEST_ROWS as f64
    }
}

fn cases() -> Vec<(String, Case, Vec<Value>)> {
    let golden = json("probe_separable.json");
    let of = |(name, golden): (&String, &Value)| {
        (name.clone(), Case::new(name, golden), golden["fits"].as_array().unwrap().clone())
    };
    golden.as_object().unwrap().iter().map(of).collect()
}

#[test]
fn fits_reach_the_minimum_of_scikit_learn_at_every_strength() {
    for (name, case, fits) in cases() {
        for expected in fits {
            let (c, minimum) =
                (expected["C"].as_f64().unwrap(), expected["objective"].as_f64().unwrap());
            let found = case.fit(c, &Options::default());
            let excess = case.objective(&found, c) / minimum - 1.0;
            let said = format!("{name}, C = {c:e}: {:?}, {excess:e} above", found.termination);
            assert!(found.converged(), "{said}");
            let allowed = if c <= 10.0 { 1e-4 } else { 3e-2 };
            assert!(excess < allowed, "{said}");
            assert!((found.objective / minimum - 1.0 - excess).abs() < 1e-4, "{said}: not so");
            // The weakest fits have gradients near the tolerance from the start.
            let agreement = case.agreement(&found, expected["answers"].as_str().unwrap());
            let least = if c < 1e-4 { 0.75 } else { 0.97 };
            assert!(agreement >= least, "{said}: {agreement} of the answers");
        }
    }
}

#[test]
fn tight_fits_of_weak_penalties_come_within_1e_4_of_the_minimum() {
    let tight = Options { tolerance: 1e-12, most_iterations: 20_000, stop: None };
    for (name, case, fits) in cases() {
        for expected in fits {
            let (c, minimum) =
                (expected["C"].as_f64().unwrap(), expected["objective"].as_f64().unwrap());
            if c < 1e3 {
                continue;
            }
            let found = case.fit(c, &tight);
            let excess = case.objective(&found, c) / minimum - 1.0;
            let said = format!("{name}, C = {c:e}: {:?}, {excess:e} above", found.termination);
            assert!(found.converged() && excess < 1e-4, "{said}");
            let agreement = case.agreement(&found, expected["answers"].as_str().unwrap());
            assert!(agreement >= 0.995, "{said}: {agreement} of the answers");
        }
    }
}

/// Of equal scores it takes the weakest penalty: such a fit must be as good as its score says.
#[test]
fn a_search_that_ends_at_a_weak_penalty_is_right_as_often_as_any_fit() {
    for (name, case, fits) in cases() {
        let rows: Vec<usize> = (0..case.rows).collect();
        let (validation, train): (Vec<usize>, Vec<usize>) =
            rows.into_iter().partition(|row| row % 11 >= 9);
        let right = |scores: &[f32]| {
            let answers = scores.chunks_exact(case.classes).map(|scores| top_k(scores, 1)[0]);
            let truth = validation.iter().map(|&row| case.labels[row] as usize);
            answers.zip(truth).filter(|(answer, truth)| answer == truth).count() as f64
        };
        let problem = Problem {
            device: device(),
            features: case.features(),
            targets: case.targets(),
            train: &train,
            validation: &validation,
            metric: &right,
            options: Options::default(),
            memory: PackedFeatures::MEMORY,
        };
        let found = search(&problem, &mut |_, _| Ok::<_, DeviceError>(())).unwrap();
        assert!(found.evaluations.iter().all(|point| point.converged), "{name}");
        let fit = found.fit_on_all().unwrap();
        let truth: String = case.labels[case.rows..].iter().map(u32::to_string).collect();
        let same = |answers: &str| {
            answers.bytes().zip(truth.bytes()).filter(|(answer, truth)| answer == truth).count()
        };
        let best = fits.iter().map(|fit| same(fit["answers"].as_str().unwrap())).max().unwrap();
        let (share, best) = (case.agreement(&fit, &truth), best as f64 / TEST_ROWS as f64);
        assert!(share >= best - 0.05, "{name}, C = {}: {share}, {best} the best", found.best.c);
    }
}

/// A far, flat place: the gradient is below the tolerance, the objective 1e4 times its minimum.
#[test]
fn a_start_with_a_small_gradient_is_left() {
    let (_, case, fits) = cases().into_iter().find(|(name, ..)| name == "few").unwrap();
    let expected = &fits[fits.len() - 1];
    let (c, minimum) = (expected["C"].as_f64().unwrap(), expected["objective"].as_f64().unwrap());
    let near = case.fit(c, &Options::default());
    let far: Vec<f32> = near.model.weights().iter().map(|weight| 100.0 * weight).collect();
    let intercepts = near.model.intercepts().iter().map(|intercept| 100.0 * intercept).collect();
    let far = probe::Model::new(device(), far, intercepts);
    let packed =
        PackedFeatures::new(device(), case.features(), (0..case.rows).collect(), 0).unwrap();
    let set = TrainingSet { features: &packed, rows: 0..case.rows, targets: case.targets() };
    let found = probe::fit(&set, c, &Options::default(), Some(&far)).unwrap();
    let excess = case.objective(&found, c) / minimum - 1.0;
    assert_eq!(found.converged(), excess < 0.1, "{:?}, {excess:e} above", found.termination);
    let none = Options { most_iterations: 0, ..Options::default() };
    assert!(!probe::fit(&set, c, &none, Some(&far)).unwrap().converged());
}

#[test]
fn features_that_are_no_numbers_have_no_converged_fit() {
    let mut data = vec![0.5_f32; 8 * 3];
    data[4] = f32::NAN;
    let packed =
        PackedFeatures::new(device(), Features::new(&data, 3), (0..8).collect(), 0).unwrap();
    let targets = Targets::Class { labels: &[0, 1, 2, 0, 1, 2, 0, 1], classes: 3 };
    let set = TrainingSet { features: &packed, rows: 0..8, targets };
    assert!(!probe::fit(&set, 1.0, &Options::default(), None).unwrap().converged());
}
