//! Captions per second on one thread, and how long the vocabulary takes:
//! `cargo bench -p clip-tokenizer`.
//!
//! With `-- FILE` the captions are the file's lines, what stands behind the last tab of each
//! (Flickr30k's layout). `bench/captions.py` compares them with the Python reference.

use std::time::Instant;

use clip_tokenizer::{CONTEXT_LENGTH, Overflow, Tokenizer};

const ROUNDS: usize = 9;
const REPEATS: usize = 2000;

/// Languages written mostly, and partly, in ASCII.
const CAPTIONS: [(&str, [&str; 4]); 2] = [
    (
        "English",
        [
            "A man in an orange hat starring at something.",
            "Two young people are resting on a bench, a dog at their feet.",
            "a photo of a large red bus, parked in front of the town's old cinema",
            "It's raining, and nobody has an umbrella!",
        ],
    ),
    (
        "French and German",
        [
            "Un garçon mange une glace à côté d'une fenêtre fermée.",
            "Deux élèves jouent aux échecs sous un arbre, près du café.",
            "Ein Mädchen läuft über die Straße und trägt einen grünen Hut.",
            "Zwei Männer stehen vor dem schönen alten Bahnhof.",
        ],
    ),
];

fn main() {
    // The first one inflates and indexes the vocabulary; all later ones share it.
    let mut tokenizer = None;
    let seconds = seconds(|| tokenizer = Some(Tokenizer::new()));
    let tokenizer = tokenizer.unwrap_or_default();
    println!("{:>28} {:>8.1} ms", "vocabulary", seconds * 1e3);
    for (name, captions) in CAPTIONS {
        report(name, &tokenizer, &captions, REPEATS);
    }
    if let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        let text = std::fs::read_to_string(&path).expect("a text file");
        let captions: Vec<&str> =
            text.lines().filter_map(|line| line.rsplit('\t').next()).collect();
        report("file", &tokenizer, &captions, 20);
    }
}

fn report(name: &str, tokenizer: &Tokenizer, captions: &[&str], repeats: usize) {
    encode(tokenizer, captions, 1); // warms up
    let mut seconds: Vec<f64> = (0..ROUNDS).map(|_| encode(tokenizer, captions, repeats)).collect();
    seconds.sort_by(f64::total_cmp);
    let per_second = (repeats * captions.len()) as f64 / seconds[ROUNDS / 2];
    println!("{name:>28} {per_second:>8.0} captions/s, median of {ROUNDS}");
}

fn encode(tokenizer: &Tokenizer, captions: &[&str], repeats: usize) -> f64 {
    seconds(|| {
        for caption in captions.iter().cycle().take(repeats * captions.len()) {
            let tokens = tokenizer.tokenize(caption, CONTEXT_LENGTH, Overflow::Truncate);
            std::hint::black_box(tokens.expect("room for a caption"));
        }
    })
}

/// Of processor time where the system tells it, so that neighbours on a shared machine count
/// little.
fn seconds(job: impl FnOnce()) -> f64 {
    let (wall, processor) = (Instant::now(), processor_ns());
    job();
    match (processor, processor_ns()) {
        (Some(start), Some(end)) => (end - start) as f64 / 1e9,
        _ => wall.elapsed().as_secs_f64(),
    }
}

/// Linux: nanoseconds that this thread has run. Yielding brings the count up to date.
fn processor_ns() -> Option<u64> {
    std::thread::yield_now();
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split(' ').next()?.parse().ok()
}
