//! Speed of the convolutions of 3 × 3 cells of RN50, eight pictures, on the threads of rayon's pool.
//!
//! `cargo bench -p clip-kernels --bench convolutions`; `RAYON_NUM_THREADS=1` for one thread. Prints
//! the median of the rounds in Gop/s of the operations that a direct convolution has (2 per
//! multiply-add), and in milliseconds.

use clip_kernels::{
    Activation, ConvolutionShape, Cpu, Device, Epilogue, MapShape, Matrix, MatrixView, Precision,
};
use std::hint::black_box;
use std::time::Instant;

const ITEMS: usize = 8;
/// Side of the map, channels, outputs.
const FORMS: [(usize, usize, usize); 9] = [
    (112, 32, 32),
    (112, 32, 64),
    (56, 64, 64),
    (56, 128, 128),
    (28, 128, 128),
    (28, 256, 256),
    (14, 256, 256),
    (14, 512, 512),
    (7, 512, 512),
];

const ROUNDS: usize = 21;

fn main() {
    let device = Cpu::new();
    println!("{}, {} threads", device.isa().name(), rayon::current_num_threads());
    println!("{:>24}{:>18}{:>18}", "", "f32", "bf16");
    for (side, channels, outputs) in FORMS {
        print!("{:>24}", format!("{side} x {side} x {channels} -> {outputs}"));
        let input = MapShape::square(side);
        let shape = ConvolutionShape { input, kernel: 3, stride: 1, padding: 1 };
        let maps = Matrix::new(values(ITEMS * input.cells() * channels), channels);
        let weight = values(outputs * 9 * channels);
        let bias = values(outputs);
        for precision in [Precision::F32, Precision::Bf16] {
            let weight = MatrixView::output_major(&weight, outputs, 9 * channels);
            let weight = device.pack_convolution(weight, 3, 1, precision).expect("memory");
            let seconds = median_seconds(&device, || {
                let epilogue = Epilogue::bias(&bias).activation(Activation::Relu);
                black_box(device.convolution(&maps, shape, &weight, epilogue)).expect("memory");
            });
            let operations = (2 * ITEMS * input.cells() * 9 * channels * outputs) as f64;
            print!("{:>7.0} {:>7.2} ms", operations / seconds / 1e9, seconds * 1e3);
        }
        println!();
    }
}

fn median_seconds(device: &Cpu, run: impl Fn()) -> f64 {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            device.parallel_region(&run);
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[ROUNDS / 2]
}

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i % 127) as f32 / 64.0 - 1.0).collect()
}
