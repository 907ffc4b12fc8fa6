//! Speed of what training adds to the products, on the threads of rayon's pool: gradients of the
//! weights of ViT-B/32 at batch 16 and 64, packing of its weights, and the convolutions of RN50.
//!
//! `cargo bench -p clip-kernels --bench gradients [-- weights convolutions]`;
//! `RAYON_NUM_THREADS=1` for one thread, `ISA=avx2` for another instruction set. Prints
//! the fastest of interleaved rounds in GFLOP/s (2 per multiply-add of the definition), of packing
//! in GB/s read.

use clip_kernels::{
    ConvolutionShape, Cpu, Device, Epilogue, Isa, MapShape, Matrix, Precision, Train, WeightOrder,
    measure_peak,
};
use std::hint::black_box;
use std::time::Instant;

const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::Bf16];
/// Rows at batch 16 and 64.
const ROWS: [usize; 2] = [800, 3200];
/// Outputs, inputs.
const WEIGHTS: [(usize, usize); 4] = [(768, 768), (3072, 768), (768, 3072), (2304, 768)];
/// Side of the map, kernel, channels, outputs: of RN50, the most frequent ones.
const CONVOLUTIONS: [(usize, usize, usize, usize); 11] = [
    (112, 3, 32, 64),
    (56, 3, 64, 64),
    (56, 1, 64, 256),
    (56, 1, 256, 64),
    (28, 3, 128, 128),
    (28, 1, 512, 128),
    (14, 3, 256, 256),
    (14, 1, 256, 1024),
    (14, 1, 1024, 256),
    (7, 3, 512, 512),
    (7, 1, 2048, 512),
];
const BATCH: usize = 16;
const ROUNDS: usize = 9;

fn main() {
    let isa = std::env::var("ISA").ok().and_then(|name| Isa::named(&name));
    let isa = isa.unwrap_or_else(Isa::detect);
    let device = Cpu::with_isa(isa);
    let threads = rayon::current_num_threads();
    let title = format!("{}, {threads} threads", isa.name());
    println!("{title:<44}{:>9}{:>9}", "f32", "bf16");
    let peaks = PRECISIONS.map(|precision| measure_peak(isa, precision));
    println!("{:<44}{:>9.0}{:>9.0}", "measured peak, Gop/s", peaks[0], peaks[1]);
    let parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if is_wanted("weights") {
        weights(&device);
    }
    if is_wanted("convolutions") {
        convolutions(&device);
    }
}

fn weights(device: &Cpu) {
    for (rows, (outputs, inputs)) in ROWS.into_iter().flat_map(|r| WEIGHTS.map(|w| (r, w))) {
        let (dy, x) = (matrix(rows, outputs), matrix(rows, inputs));
        let weight = matrix(outputs, inputs);
        let flop = 2 * rows * outputs * inputs;
        print_row(
            &format!("linear {rows} x {inputs} x {outputs}"),
            flop,
            |precision| {
                let weight =
                    device.pack_parameter(&weight, 0..outputs, WeightOrder::OutputMajor, precision);
                black_box(device.linear(&x, &weight.expect("memory"), Epilogue::none()))
                    .expect("memory");
            },
            device,
        );
        let mut gradient = matrix(outputs, inputs);
        print_row(
            &format!("weight gradient {rows} x {inputs} x {outputs}"),
            flop,
            |precision| {
                device.weight_gradient(&dy, &x, precision, &mut gradient, 0).expect("memory");
            },
            device,
        );
    }
    for (outputs, inputs) in WEIGHTS {
        let weight = matrix(outputs, inputs);
        for order in [WeightOrder::OutputMajor, WeightOrder::InputMajor] {
            print_row(
                &format!("pack {outputs} x {inputs} {order:?}"),
                4 * outputs * inputs,
                |precision| {
                    black_box(device.pack_parameter(&weight, 0..outputs, order, precision))
                        .expect("memory");
                },
                device,
            );
        }
    }
}

fn convolutions(device: &Cpu) {
    for (side, kernel, channels, outputs) in CONVOLUTIONS {
        let shape = ConvolutionShape {
            input: MapShape::square(side),
            kernel,
            stride: 1,
            padding: kernel / 2,
        };
        let rows = BATCH * side * side;
        let (maps, dy) = (matrix(rows, channels), matrix(rows, outputs));
        let weight = matrix(outputs, kernel * kernel * channels);
        let mut gradient = matrix(outputs, weight.width());
        let flop = 2 * rows * outputs * weight.width();
        let name = format!("{side}^2, {kernel} x {kernel}, {channels} to {outputs}");
        print_row(
            &format!("convolution {name}"),
            flop,
            |precision| {
                let weight = device.pack_convolution_parameter(&weight, kernel, 1, precision);
                let weight = weight.expect("memory");
                black_box(device.convolution(&maps, shape, &weight, Epilogue::none()))
                    .expect("memory");
            },
            device,
        );
        print_row(
            &format!("input gradient {name}"),
            flop,
            |precision| {
                let gradient = device.convolution_input_gradient(&dy, shape, &weight, precision);
                black_box(gradient).expect("memory");
            },
            device,
        );
        print_row(
            &format!("weight gradient {name}"),
            flop,
            |precision| {
                let done =
                    device.convolution_weight_gradient(&maps, shape, &dy, precision, &mut gradient);
                done.expect("memory");
            },
            device,
        );
    }
}

/// Speed in f32 and bf16, a round of each in turn.
fn print_row(name: &str, operations: usize, mut run: impl FnMut(Precision) + Send, device: &Cpu) {
    let mut seconds = [const { Vec::new() }; 2];
    PRECISIONS.into_iter().for_each(&mut run);
    let repeat = (500_000_000 / operations).max(1);
    for _ in 0..ROUNDS {
        for (precision, seconds) in PRECISIONS.into_iter().zip(&mut seconds) {
            let start = Instant::now();
            device.parallel_region(|| (0..repeat).for_each(|_| run(precision)));
            seconds.push(start.elapsed().as_secs_f64() / repeat as f64);
        }
    }
    print!("{name:<44}");
    for seconds in &mut seconds {
        seconds.sort_by(f64::total_cmp);
        print!("{:>9.1}", operations as f64 / seconds[0] / 1e9);
    }
    println!();
}

fn matrix(rows: usize, width: usize) -> Matrix {
    Matrix::new((0..rows * width).map(|i| (i % 127) as f32 / 64.0 - 1.0).collect(), width)
}
