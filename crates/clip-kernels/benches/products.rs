//! Speed of the products of ViT-B/32, ViT-B/16 and the text tower, on the threads of rayon's pool.
//!
//! `cargo bench -p clip-kernels`; `RAYON_NUM_THREADS=1` for one thread. Prints the median of
//! interleaved rounds in GFLOP/s (2 per multiply-add).

use clip_kernels::{
    Activation, AttentionOptions, AttentionPlan, Cpu, Device, Epilogue, Isa, KvRanges, Matrix,
    MatrixView, Precision, Segments, measure_peak,
};
use std::hint::black_box;
use std::time::Instant;

/// Rows, inputs, outputs.
const PRODUCTS: [(usize, usize, usize); 9] = [
    (50, 768, 768),
    (50, 768, 3072),
    (50, 3072, 768),
    (10, 512, 2048),
    (77, 512, 2048),
    (400, 768, 3072),
    (400, 3072, 768),
    (1576, 768, 3072),
    (1576, 3072, 768),
];
/// Items, rows of each.
const ATTENTIONS: [(usize, usize); 4] = [(1, 50), (8, 50), (8, 197), (100, 10)];
const ROUNDS: usize = 15;

fn main() {
    let threads = rayon::current_num_threads();
    for isa in Isa::available() {
        let device = Cpu::with_isa(isa);
        println!(
            "{:<37}{:>8}{:>8}{:>8}",
            format!("{}, {threads} threads, Gop/s", isa.name()),
            "f32",
            "bf16",
            "int8"
        );
        let peaks = Precision::ALL.map(|precision| measure_peak(isa, precision));
        println!("  {:<35}{:>8.0}{:>8.0}{:>8.0}", "measured peak", peaks[0], peaks[1], peaks[2]);
        for (rows, inputs, outputs) in PRODUCTS {
            let x = Matrix::new(values(rows * inputs), inputs);
            let weight = values(inputs * outputs);
            let bias = values(outputs);
            print!("  linear {:>30}", format!("{rows} x {inputs} x {outputs}"));
            for precision in Precision::ALL {
                let weight = MatrixView::output_major(&weight, outputs, inputs);
                let weight = device.pack(weight, precision).expect("memory");
                let speed = gflop_per_second(&device, 2 * rows * inputs * outputs, || {
                    let epilogue = Epilogue::bias(&bias).activation(Activation::QuickGelu);
                    black_box(device.linear(&x, &weight, epilogue)).expect("memory");
                });
                print!("{speed:>8.0}");
            }
            println!();
        }
        for (items, rows) in ATTENTIONS {
            let segments = Segments::uniform(items, rows);
            let plan = AttentionPlan::new(segments.clone(), KvRanges::from(&segments));
            let (q, kv) = (values(items * rows * 768), values(items * rows * 1536));
            let (q, kv) = (Matrix::new(q, 768), Matrix::new(kv, 1536));
            print!("  attention {:>27}", format!("{items} x {rows} x {rows} x 768"));
            for precision in [Precision::F32, Precision::Bf16] {
                let options = AttentionOptions { heads: 12, causal: false, precision };
                let speed = gflop_per_second(&device, 4 * items * rows * rows * 768, || {
                    black_box(device.attention(&q, Some(&kv), &plan, options)).expect("memory");
                });
                print!("{speed:>8.0}");
            }
            println!();
        }
    }
}

fn gflop_per_second(device: &Cpu, flop: usize, mut run: impl FnMut() + Send) -> f64 {
    run();
    let repeat = (200_000_000 / flop).max(1);
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            device.parallel_region(|| (0..repeat).for_each(|_| run()));
            start.elapsed().as_secs_f64() / repeat as f64
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    flop as f64 / seconds[ROUNDS / 2] / 1e9
}

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i % 127) as f32 / 64.0 - 1.0).collect()
}
