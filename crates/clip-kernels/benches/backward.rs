//! Speed of what training adds beside the products, on the threads of rayon's pool.
//!
//! `cargo bench -p clip-kernels --bench backward`; `RAYON_NUM_THREADS=1` for one thread. Prints
//! the fastest round: of attention and losses in GFLOP/s (2 per multiply-add), of the rest in GB/s of what is
//! read and written.

use clip_kernels::{
    Activation, AdamW, AttentionOptions, Cpu, Device, Isa, KvRanges, Matrix, Precision, Segments,
    Targets, Train,
};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 25;
/// Rows of a batch of 16 pictures of ViT-B/32, and the width of its MLP.
const ROWS: usize = 800;

fn main() {
    let threads = rayon::current_num_threads();
    for isa in Isa::available() {
        let device = Cpu::with_isa(isa);
        println!("{}, {threads} threads", isa.name());
        attention(&device);
        losses(&device);
        rows(&device);
        parameters(&device);
    }
}

fn attention(device: &Cpu) {
    for (name, items, rows, heads, causal) in [
        ("ViT-B/32, 16 x 50", 16, 50, 12, false),
        ("ViT-B/16, 8 x 197", 8, 197, 12, false),
        ("texts, 64 x 13, causal", 64, 13, 8, true),
    ] {
        let width = 64 * heads;
        let segments = Segments::uniform(items, rows);
        let plan =
            device.plan_attention(segments.clone(), KvRanges::from(&segments)).expect("plan");
        let (q, kv) = (matrix(items * rows, width), matrix(items * rows, 2 * width));
        for precision in [Precision::F32, Precision::Bf16] {
            let options = AttentionOptions { heads, causal, precision };
            let flop = (2 * items * rows * rows * width) as f64 / 1e9;
            let forward = seconds(device, || {
                black_box(device.attention(&q, Some(&kv), &plan, options)).expect("memory");
            });
            let backward = seconds(device, || {
                let back = device.attention_backward(&q, &kv, &q, &plan, options);
                black_box(back).expect("memory");
            });
            println!(
                "  attention {name:<24}{precision:>6}: forward {:>5.0} GFLOP/s, {:>6.2} ms; backward {:>5.0} GFLOP/s, {:>6.2} ms",
                2.0 * flop / forward,
                1e3 * forward,
                5.0 * flop / backward,
                1e3 * backward
            );
        }
    }
}

fn losses(device: &Cpu) {
    for count in [64, 1024] {
        let (q, k) = (matrix(count, 512), matrix(count, 512));
        let (q, k) = (device.normalize(&q).expect("memory"), device.normalize(&k).expect("memory"));
        let flop = (2 * count * count * 512) as f64 / 1e9;
        let diagonal = Targets::Diagonal { first: 0 };
        let entropy = seconds(device, || {
            black_box(device.cross_entropy(&q, &k, 14.0, diagonal, 1.0)).expect("memory");
        });
        let sigmoid = seconds(device, || {
            black_box(device.sigmoid_loss(&q, &k, 10.0, -10.0, diagonal, 1.0)).expect("memory");
        });
        println!(
            "  {count:>5} pairs: cross-entropy {:>5.0} GFLOP/s, {:>6.2} ms; sigmoid {:>6.2} ms",
            4.0 * flop / entropy,
            1e3 * entropy,
            1e3 * sigmoid
        );
    }
}

fn rows(device: &Cpu) {
    let (x, dy) = (matrix(ROWS, 768), matrix(ROWS, 768));
    let gain = vec![1.0; 768];
    let (mut d_gain, mut d_bias) = (matrix(1, 768), matrix(1, 768));
    print_bytes("layer norm backward", 3 * ROWS * 768, device, || {
        let gradients = Some((&mut d_gain, &mut d_bias));
        black_box(device.layer_norm_backward(&x, &gain, 1e-5, &dy, gradients)).expect("memory");
    });
    print_bytes("bias gradient of 768", ROWS * 768, device, || {
        device.bias_gradient(&dy, &mut d_bias, 0).expect("memory");
    });
    // Slopes of 1, so that the gradient stays what it is.
    let mut hidden = matrix(ROWS, 3072);
    hidden.values_mut().iter_mut().for_each(|value| *value += 30.0);
    let d_hidden = matrix(ROWS, 3072);
    for activation in [Activation::QuickGelu, Activation::Gelu] {
        print_bytes(&format!("{activation:?}"), 2 * ROWS * 3072, device, || {
            black_box(device.activate(&hidden, activation)).expect("memory");
        });
        let mut dy = Some(d_hidden.clone());
        print_bytes(&format!("{activation:?} backward"), 3 * ROWS * 3072, device, || {
            let back = device.activation_backward(&hidden, dy.take().expect("rows"), activation);
            dy = Some(black_box(back).expect("memory"));
        });
    }
    let maps = matrix(16 * 56 * 56, 64);
    let gain = vec![1.0; 64];
    print_bytes("column statistics", maps.values().len(), device, || {
        black_box(device.column_statistics(&maps)).expect("memory");
    });
    let statistics = device.column_statistics(&maps).expect("memory");
    print_bytes("batch norm", 2 * maps.values().len(), device, || {
        let relu = Activation::Relu;
        let out = device.batch_norm(&maps, &statistics, &gain, &gain, 1e-5, relu);
        black_box(out).expect("memory");
    });
    print_bytes("batch norm backward", 5 * maps.values().len(), device, || {
        let back = device.batch_norm_backward(&maps, &statistics, true, &gain, 1e-5, &maps, None);
        black_box(back).expect("memory");
    });
}

fn parameters(device: &Cpu) {
    let size = 24 << 20; // beyond the caches
    let [mut weight, gradient, mut first] = [(); 3].map(|()| matrix(size >> 10, 1 << 10));
    let mut second = Matrix::new(vec![0.5; size], 1 << 10);
    print_bytes("squared norm", size, device, || {
        black_box(device.squared_norm(&gradient)).expect("memory");
    });
    print_bytes("AdamW", 7 * size, device, || {
        let step = AdamW {
            learning_rate: 1e-4,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-6,
            weight_decay: 0.2,
            step: 10,
            gradient_factor: 0.5,
        };
        let done = device.adamw(&mut weight, &gradient, &mut first, &mut second, step);
        done.expect("memory");
    });
    print_bytes("moving average", 3 * size, device, || {
        device.moving_average(&mut first, &weight, 0.999).expect("memory");
    });
}

fn print_bytes(name: &str, values: usize, device: &Cpu, run: impl FnMut() + Send) {
    let seconds = seconds(device, run);
    let speed = 4.0 * values as f64 / seconds / 1e9;
    println!("  {name:<32}{speed:>6.1} GB/s, {:>7.3} ms", 1e3 * seconds);
}

/// Of one run in the fastest round, which other programs disturbed least.
fn seconds(device: &Cpu, mut run: impl FnMut() + Send) -> f64 {
    let start = Instant::now();
    run();
    let repeat = (0.005 / start.elapsed().as_secs_f64()) as usize + 1;
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        device.parallel_region(|| (0..repeat).for_each(|_| run()));
        start.elapsed().as_secs_f64() / repeat as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn matrix(rows: usize, width: usize) -> Matrix {
    Matrix::new((0..rows * width).map(|i| (i % 127) as f32 / 64.0 - 1.0).collect(), width)
}
