//! Images and texts per second of ViT-B/32 and ViT-B/16 with weights by formula, and how long
//! packing takes, on the threads of rayon's pool.
//!
//! `cargo bench -p clip-model`; `RAYON_NUM_THREADS=2` for two threads. Prints the median and the
//! best of the rounds; GFLOP/s count 2 per multiply-add of PROTOCOL 1.5.

use clip_kernels::{Cpu, Precision};
use clip_model::{ClipModel, registry, synthetic};
use std::time::Instant;

/// Model and multiply-adds of an image, in 10⁹.
const MODELS: [(&str, f64); 2] = [("ViT-B/32", 4.409), ("ViT-B/16", 17.563)];
const BATCHES: [usize; 3] = [1, 8, 32];
const ROUNDS: usize = 7;

fn main() {
    println!("{}, {} threads", Cpu::new().isa().name(), rayon::current_num_threads());
    for (name, gmac) in MODELS {
        let architecture = &registry::find(name).expect("a released model").architecture;
        let weights = synthetic::state_dict(architecture, 1);
        let load = || {
            ClipModel::new(Cpu::new(), Precision::F32, architecture, &weights).expect("weights fit")
        };
        report(&format!("{name} pack"), 1.0, "models/s", 0.0, || drop(load()));
        let model = load();
        for batch in BATCHES {
            let pixels = synthetic::pixels(1, batch, architecture.image.resolution());
            report(&format!("{name} batch {batch}"), batch as f64, "images/s", 2.0 * gmac, || {
                model.encode_images(&pixels).expect("finite features");
            });
        }
        // Prompts as people write them: ten tokens with both markers.
        let texts: Vec<Vec<u32>> = (0..200).map(text).collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        report(&format!("{name} 200 texts of 10 tokens"), 200.0, "texts/s", 0.0, || {
            model.encode_texts(&texts).expect("finite features");
        });
    }
}

fn text(index: u32) -> Vec<u32> {
    let words = (0..8).map(|word| 320 + (index * 8 + word) * 31 % 40_000);
    [49406].into_iter().chain(words).chain([49407]).collect()
}

fn report(case: &str, items: f64, unit: &str, gflop_per_item: f64, mut run: impl FnMut()) {
    run();
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (median, best) = (items / seconds[ROUNDS / 2], items / seconds[0]);
    print!("{case:>34} {median:>8.2} {unit} (best {best:.2})");
    match gflop_per_item {
        0.0 => println!(),
        gflop => println!("  {:>6.0} GFLOP/s (best {:.0})", median * gflop, best * gflop),
    }
}
