//! Time and memory of a search: 25,000 captions and 5,000 images, random unit vectors of width 512,
//! both directions.
//!
//! `cargo bench -p clip-eval --bench retrieval`; `RAYON_NUM_THREADS=1` for one thread. Prints the
//! median of three rounds by the clock and by the processor (which other programs do not disturb),
//! and the most memory the process ever had, embeddings included.

use std::hint::black_box;
use std::time::Instant;

use clip_data::random::Seeded;
use clip_eval::metrics::recalls;
use clip_eval::retrieval::{UnitVectors, retrieve};
use clip_rs::LoadOptions;

const IMAGES: usize = 5_000;
const TEXTS: usize = 25_000;
const WIDTH: usize = 512;
const ROUNDS: usize = 3;

fn main() {
    let (images, texts) = (unit_vectors(IMAGES, 0), unit_vectors(TEXTS, 1));
    let image_of_text: Vec<u32> = (0..TEXTS).map(|text| (text / (TEXTS / IMAGES)) as u32).collect();
    let device = LoadOptions::default().instruction_set().expect("one that this processor has");
    let before = peak_mb();
    let unit = |values| UnitVectors::new(values, WIDTH).expect("unit vectors");
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let (start, processor) = (Instant::now(), processor_seconds());
            let found = retrieve(device, unit(&images), unit(&texts), &image_of_text, 10)
                .expect("all belong");
            let ranks: Vec<u32> = found.text_to_image.iter().map(|ranked| ranked.rank).collect();
            black_box(recalls(&ranks).expect("texts"));
            (start.elapsed().as_secs_f64(), processor_seconds() - processor)
        })
        .collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (clock, processor) = rounds[ROUNDS / 2];
    let threads = rayon::current_num_threads();
    println!(
        "{TEXTS} texts x {IMAGES} images, width {WIDTH}, both directions, 10 best and ranks, {threads} threads"
    );
    println!("median of {ROUNDS} rounds   {clock:>7.2} s, {processor:.2} s of processor time");
    println!("most memory          {:>7} MB (embeddings alone: {before} MB)", peak_mb());
}

/// `[count, WIDTH]`, directions even over the sphere.
fn unit_vectors(count: usize, stream: u64) -> Vec<f32> {
    let mut draws = Seeded::new(stream);
    let mut values = Vec::with_capacity(count * WIDTH);
    for _ in 0..count {
        let row: Vec<f64> = (0..WIDTH).map(|_| gaussian(&mut draws)).collect();
        let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        values.extend(row.iter().map(|value| (value / norm) as f32));
    }
    values
}

/// Box and Muller's transform.
fn gaussian(draws: &mut Seeded) -> f64 {
    let even = |draws: &mut Seeded| (draws.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let radius = (-2.0 * (1.0 - even(draws)).ln()).sqrt();
    radius * (std::f64::consts::TAU * even(draws)).cos()
}

/// User and system time of all threads so far; 0 where the system does not say.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 =
        after_name.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// The most memory this process has had, MB of 10⁶ bytes; 0 where the system does not say.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024 / 1_000_000
}
