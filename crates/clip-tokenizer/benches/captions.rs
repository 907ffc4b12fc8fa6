//! Captions per second on one thread, and how long the vocabulary takes: `cargo bench -p clip-tokenizer`.

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
    let start = Instant::now();
    let tokenizer = Tokenizer::new();
    println!("{:>28} {:>8.1} ms", "vocabulary", start.elapsed().as_secs_f64() * 1e3);
    for (name, captions) in CAPTIONS {
        let mut seconds: Vec<f64> = (0..ROUNDS).map(|_| encode(&tokenizer, &captions)).collect();
        seconds.sort_by(f64::total_cmp);
        let per_second = (REPEATS * captions.len()) as f64 / seconds[ROUNDS / 2];
        println!("{name:>28} {per_second:>8.0} captions/s, median of {ROUNDS}");
    }
}

fn encode(tokenizer: &Tokenizer, captions: &[&str]) -> f64 {
    let start = Instant::now();
    for caption in captions.iter().cycle().take(REPEATS * captions.len()) {
        let tokens = tokenizer.tokenize(caption, CONTEXT_LENGTH, Overflow::Refuse).expect("a short caption");
        std::hint::black_box(tokens);
    }
    start.elapsed().as_secs_f64()
}
