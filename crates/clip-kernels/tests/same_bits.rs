//! An item's bits do not depend on the batch, its neighbours or the number of threads.

use clip_kernels::{
    Activation, AttentionOptions, ConvolutionShape, Cpu, Device, Epilogue, Isa, KvRanges, MapShape,
    Matrix, MatrixView, PatchGrid, Precision, Result, Segments,
};
use clip_testing::values;

/// Batches an item is tried in. 33 items of 50 rows are more than 16 blocks of rows.
const BATCHES: [usize; 6] = [2, 3, 8, 16, 17, 33];
const THREADS: [usize; 3] = [1, 2, 4];

/// `operation` gets items of `length` values each and gives as many; the middle one must have the
/// bits it has alone, whoever stands beside it.
fn assert_same_bits(
    length: usize,
    operation: impl Fn(&Cpu, Vec<f32>, usize) -> Result<Vec<f32>> + Send + Sync,
) {
    for isa in Isa::available() {
        let device = Cpu::with_isa(isa);
        let alone = operation(&device, values(length, 0), 1).unwrap();
        for threads in THREADS {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for batch in BATCHES {
                for shuffle in [1, 50] {
                    let place = batch / 2;
                    let seed =
                        |item: usize| if item == place { 0 } else { (item + shuffle) as u32 };
                    let items = (0..batch).flat_map(|item| values(length, seed(item))).collect();
                    let together = pool.install(|| operation(&device, items, batch).unwrap());
                    let found = &together[place * alone.len()..(place + 1) * alone.len()];
                    let different = found
                        .iter()
                        .zip(&alone)
                        .filter(|(a, b)| a.to_bits() != b.to_bits())
                        .count();
                    let case = format!("{}, batch {batch}, {threads} threads", isa.name());
                    assert_eq!(
                        different,
                        0,
                        "{case}: {different} of {} values differ",
                        alone.len()
                    );
                }
            }
        }
    }
}

#[test]
fn linear_has_same_bits_in_any_batch() {
    let cases = [(1, 600, 40), (50, 300, 200)]
        .into_iter()
        .flat_map(|case| Precision::ALL.map(|p| (case, p)));
    for ((rows, inputs, outputs), precision) in cases {
        let weight = values(inputs * outputs, 1);
        assert_same_bits(rows * inputs, |device, x, batch| {
            let weight =
                device.pack(MatrixView::output_major(&weight, outputs, inputs), precision)?;
            let bias = device.vector(values(outputs, 2))?;
            let residual = Matrix::new(vec![0.25; batch * rows * outputs], outputs);
            let epilogue =
                Epilogue::bias(&bias).residual(residual).activation(Activation::QuickGelu);
            device.to_host(device.linear(&Matrix::new(x, inputs), &weight, epilogue)?)
        });
    }
}

#[test]
fn attention_has_same_bits_in_any_batch() {
    let (rows, heads, width) = (50, 2, 48);
    let cases = [false, true]
        .map(|causal| [Precision::F32, Precision::Bf16].map(|precision| (causal, precision)));
    for (causal, precision) in cases.into_iter().flatten() {
        assert_same_bits(rows * width, |device, x, batch| {
            // Between the items stand others of all lengths.
            let lengths: Vec<usize> = (0..batch).flat_map(|item| [rows, item]).collect();
            let segments = Segments::from_lengths(lengths.iter().copied());
            let mut q = Vec::new();
            for (item, x) in x.chunks(rows * width).enumerate() {
                q.extend_from_slice(x);
                q.extend(values(item * width, 9));
            }
            let kv = q.chunks(width).flat_map(|row| [row, row].concat()).collect();
            let plan = device.plan_attention(segments.clone(), KvRanges::from(&segments))?;
            let options = AttentionOptions { heads, causal, precision };
            let (q, kv) = (Matrix::new(q, width), Matrix::new(kv, 2 * width));
            let out = device.attention(&q, Some(&kv), &plan, options)?;
            let items = segments.ranges().step_by(2).flatten();
            device.to_host(device.gather_rows(&out, &items.collect())?)
        });
    }
}

#[test]
fn convolution_has_same_bits_in_any_batch() {
    // Stride, sides of the map, channels, outputs: odd sizes, several vectors, several panels.
    let forms = [(2, (9, 9), 70, 33), (1, (7, 9), 70, 33), (1, (5, 4), 32, 64), (1, (1, 3), 17, 5)];
    for ((stride, (height, width), channels, outputs), precision) in
        forms.into_iter().flat_map(|form| [Precision::F32, Precision::Bf16].map(|p| (form, p)))
    {
        let shape =
            ConvolutionShape { input: MapShape { height, width }, kernel: 3, stride, padding: 1 };
        let weight = values(outputs * 9 * channels, 1);
        assert_same_bits(shape.input.cells() * channels, |device, x, _| {
            let weight = MatrixView::output_major(&weight, outputs, 9 * channels);
            let weight = device.pack_convolution(weight, 3, stride, precision)?;
            let bias = device.vector(values(outputs, 2))?;
            let epilogue = Epilogue::bias(&bias).activation(Activation::Relu);
            device.to_host(device.convolution(
                &Matrix::new(x, channels),
                shape,
                &weight,
                epilogue,
            )?)
        });
    }
}

#[test]
fn layer_norm_patches_and_pools_have_same_bits_in_any_batch() {
    let width = 200;
    assert_same_bits(7 * width, |device, x, _| {
        let gain = device.vector(values(width, 1))?;
        device.to_host(device.layer_norm(&Matrix::new(x, width), &gain, &gain, 1e-5)?)
    });
    let grid = PatchGrid { resolution: 24, patch_size: 8 };
    let weight = values(40 * grid.patch_values(), 1);
    let positions = Matrix::new(values((grid.patches() + 1) * 40, 2), 40);
    for precision in Precision::ALL {
        assert_same_bits(grid.image_values(), |device, x, _| {
            let weight = MatrixView::output_major(&weight, 40, grid.patch_values());
            let weight = device.pack(weight, precision)?;
            let images = Matrix::new(x, grid.image_values());
            let class = device.vector(values(40, 3))?;
            device.to_host(device.embed_patches(
                &images,
                grid,
                &weight,
                Some(&class),
                &positions,
            )?)
        });
    }
    assert_same_bits(16 * 24, |device, x, _| {
        let maps = device.average_pool(&Matrix::new(x, 24), MapShape::square(4), 2)?;
        device.to_host(device.pool_tokens(&maps, &Matrix::new(values(5 * 24, 1), 24))?)
    });
}
