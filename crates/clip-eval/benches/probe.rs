//! Speed of the linear probe: 10,000 rows of 512 features, 100 classes, two strengths.
//!
//! `cargo bench -p clip-eval --bench probe` prints the median of some rounds; each packs the
//! features and fits them. `tests/reference/probe_speed.py` runs scikit-learn and this side by side
//! on the same values.
//!
//! Features by formula, like those of CLIP in what matters: variances that fall as 1/j, correlated
//! by a rotation, a mean that is not zero, classes that overlap. All in f64, then rounded to f32:
//!
//! ```text
//! hash(x)       x ^= x >> 16; x *= 0x7feb352d; x ^= x >> 15; x *= 0x846ca68b; x ^= x >> 16      (u32)
//! u(x)          hash(x) / 2³¹ − 1
//! class of i    i mod 100
//! z[i][j]       (u(512·i + j) + 1.5 · u(2³⁰ + 512·class + j) / √(1 + j)) / √(1 + j)
//! x[i][k]       0.25 · u(2³¹ + k) + 6 / √512 · Σ_j (−1)^popcount(j & k) · z[i][j]
//! ```

use clip_eval::probe::{Features, Options, PackedFeatures, Targets, TrainingSet, fit};
use clip_rs::LoadOptions;
use std::io::{BufRead, Write};
use std::time::Instant;

const ROWS: usize = 10_000;
const WIDTH: usize = 512;
const CLASSES: usize = 100;
const ROUNDS: usize = 5;

/// What is fitted.
struct Data {
    features: Vec<f32>,
    labels: Vec<u32>,
    width: usize,
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [] => print_table(&by_formula()),
        [features, labels, width] => {
            serve(&read(features, labels, width.parse().expect("a width")));
        }
        _ => panic!("usage: probe [FEATURES.f32 LABELS.u32 WIDTH]"),
    }
}

fn print_table(data: &Data) {
    let threads = rayon::current_num_threads();
    println!("{ROWS} x {WIDTH}, {CLASSES} classes, {threads} threads, median of {ROUNDS} rounds");
    println!(
        "{:>8}{:>12}{:>10}{:>14}{:>12}{:>10}",
        "C", "tolerance", "seconds", "objective", "evaluations", "stop"
    );
    for c in [0.316, 1.0, 1000.0] {
        for tolerance in [1e-4, 1e-5, 1e-6] {
            let mut rounds: Vec<Round> =
                (0..ROUNDS).map(|_| Round::of(data, c, tolerance)).collect();
            rounds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
            let Round { seconds, objective, evaluations, stop, .. } = &rounds[ROUNDS / 2];
            println!(
                "{c:>8}{tolerance:>12.0e}{seconds:>10.3}{objective:>14.4}{evaluations:>12}{stop:>10}"
            );
        }
    }
}

/// Answers each line `C TOLERANCE` with one line of JSON.
fn serve(data: &Data) {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let mut numbers =
            line.split_whitespace().map(|number| number.parse::<f64>().expect("a number"));
        let (c, tolerance) = (numbers.next().expect("C"), numbers.next().expect("a tolerance"));
        let Round { seconds, packing, objective, gradient, iterations, evaluations, stop } =
            Round::of(data, c, tolerance);
        println!(
            "{{\"seconds\": {seconds}, \"packing\": {packing}, \"objective\": {objective}, \"gradient\": {gradient}, \
             \"iterations\": {iterations}, \"evaluations\": {evaluations}, \"stop\": \"{stop}\"}}"
        );
        std::io::stdout().flush().expect("an open pipe");
    }
}

struct Round {
    seconds: f64,
    packing: f64,
    objective: f64,
    gradient: f64,
    iterations: usize,
    evaluations: usize,
    stop: String,
}

impl Round {
    /// From features as they lie in memory to the model.
    fn of(data: &Data, c: f64, tolerance: f64) -> Self {
        let classes = data.labels.iter().max().map_or(0, |&label| label as usize + 1);
        let features = Features::new(&data.features, data.width);
        let device = LoadOptions::default().instruction_set().expect("one that this processor has");
        let start = Instant::now();
        let packed = PackedFeatures::new(
            device,
            features,
            (0..features.rows()).collect(),
            PackedFeatures::MEMORY,
        )
        .expect("room");
        let packing = start.elapsed().as_secs_f64();
        let targets = Targets::Class { labels: &data.labels, classes };
        let set = TrainingSet { features: &packed, rows: 0..features.rows(), targets };
        let found = fit(&set, c, &Options { tolerance, ..Options::default() }, None).expect("room");
        Self {
            seconds: start.elapsed().as_secs_f64(),
            packing,
            objective: found.objective,
            gradient: found.gradient,
            iterations: found.iterations,
            evaluations: found.evaluations,
            stop: format!("{:?}", found.termination),
        }
    }
}

fn read(features: &str, labels: &str, width: usize) -> Data {
    let words = |path: &str| {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        bytes.as_chunks::<4>().0.to_vec()
    };
    Data {
        features: words(features).into_iter().map(f32::from_le_bytes).collect(),
        labels: words(labels).into_iter().map(u32::from_le_bytes).collect(),
        width,
    }
}

fn by_formula() -> Data {
    let mut features = Vec::with_capacity(ROWS * WIDTH);
    for row in 0..ROWS {
        let class = row % CLASSES;
        let mut z: Vec<f64> = (0..WIDTH)
            .map(|j| {
                let deviation = ((1 + j) as f64).sqrt().recip();
                let center = 1.5 * u((1 << 30) + WIDTH * class + j) * deviation;
                (u(WIDTH * row + j) + center) * deviation
            })
            .collect();
        rotate(&mut z);
        let value =
            |(k, z): (usize, &f64)| 0.25 * u((1 << 31) + k) + 6.0 / (WIDTH as f64).sqrt() * z;
        features.extend(z.iter().enumerate().map(value).map(|value| value as f32));
    }
    Data { features, labels: (0..ROWS).map(|row| (row % CLASSES) as u32).collect(), width: WIDTH }
}

/// −1 to 1.
fn u(x: usize) -> f64 {
    let mut x = x as u32;
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    f64::from(x ^ (x >> 16)) / f64::from(1_u32 << 31) - 1.0
}

/// The Walsh-Hadamard transform.
fn rotate(z: &mut [f64]) {
    let mut half = 1;
    while half < z.len() {
        for pair in z.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (*low + *high, *low - *high);
            }
        }
        half *= 2;
    }
}
