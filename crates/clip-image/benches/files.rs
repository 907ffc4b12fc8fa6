//! JPEG files to the model's input on one thread:
//! `cargo bench -p clip-image --bench files -- FOLDER...`
//!
//! Each folder is a group. Printed per group: milliseconds per file of the whole way and of its
//! stages, the mean over the files of each file's median of the rounds. The stages: reading the
//! file; and decoding all of it; and making the pixels, instead; and the input; and the input with
//! [`Preprocess::fast_decode`]. With `--json FILE...` one line per file with the whole way alone
//! and the hash of the result: `bench/preprocess.py` compares them with Pillow and torchvision.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clip_image::{Limits, Preprocess, decode};

const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|argument| argument == "--json") {
        return arguments.iter().skip(1).for_each(|path| json(Path::new(path)));
    }
    println!(
        "{:>12} {:>5} {:>7} {:>7} {:>7} {:>7} {:>7}  ms",
        "", "files", "read", "decode", "pixels", "input", "fast"
    );
    for folder in arguments.iter().filter(|argument| !argument.starts_with('-')) {
        group(Path::new(folder));
    }
}

fn group(folder: &Path) {
    let files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let limits = Limits::default();
    let preprocess = Preprocess::clip(224);
    let read = |path: &Path| fs::read(path).expect("a file");
    let fast = Preprocess { fast_decode: true, ..Preprocess::clip(224) };
    let stages: [&dyn Fn(&Path); 5] = [
        &|path| drop(black_box(read(path))),
        &|path| drop(black_box(decode(&read(path), &limits))),
        &|path| drop(black_box(preprocess.pixels(&read(path), &limits))),
        &|path| drop(black_box(preprocess.input(&read(path), &limits))),
        &|path| drop(black_box(fast.input(&read(path), &limits))),
    ];
    let mut means = [0.0; 5];
    for path in &files {
        let mut rounds = [const { Vec::new() }; 5];
        for _ in 0..ROUNDS {
            for (times, stage) in rounds.iter_mut().zip(stages) {
                times.push(milliseconds(|| stage(path)));
            }
        }
        for (mean, times) in means.iter_mut().zip(&mut rounds) {
            times.sort_by(f64::total_cmp);
            *mean += times[ROUNDS / 2] / files.len() as f64;
        }
    }
    let [read, decoded, pixels, input, fast] = means;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let files = files.len();
    println!("{name:>12} {files:5} {read:7.3} {decoded:7.3} {pixels:7.3} {input:7.3} {fast:7.3}");
}

fn json(path: &Path) {
    let whole =
        || Preprocess::clip(224).input(&fs::read(path).expect("a file"), &Limits::default());
    black_box(whole().expect("an image")); // warms caches and the pages of the process
    let mut input = Vec::new();
    let ms = milliseconds(|| input = whole().expect("an image"));
    let bytes: Vec<u8> = input.into_iter().flat_map(f32::to_le_bytes).collect();
    let hash = clip_testing::sha256(&bytes);
    println!(r#"{{"input_ms": {ms}, "sha256": "{hash}"}}"#);
}

/// Of processor time where the system tells it, so that neighbours on a shared machine count
/// little.
fn milliseconds(job: impl FnOnce()) -> f64 {
    let (wall, processor) = (Instant::now(), processor_ns());
    job();
    match (processor, processor_ns()) {
        (Some(start), Some(end)) => (end - start) as f64 / 1e6,
        _ => wall.elapsed().as_secs_f64() * 1e3,
    }
}

/// Linux: nanoseconds that this thread has run. Yielding brings the count up to date.
fn processor_ns() -> Option<u64> {
    std::thread::yield_now();
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split(' ').next()?.parse().ok()
}
