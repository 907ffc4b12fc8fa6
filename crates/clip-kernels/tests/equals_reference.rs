//! Every operation on every instruction set of this machine against its definition, on random
//! shapes, empty and odd ones among them.

use clip_kernels::{
    Activation, AttentionOptions, AttentionPlan, ConvolutionShape, Cpu, Device, DeviceError,
    Epilogue, Isa, KvRanges, MapShape, Matrix, MatrixView, PatchGrid, Precision, Reference, Result,
    Segments,
};
use clip_testing::values;
use proptest::prelude::*;

/// f32 against f64 sums of up to a few hundred terms in [−1, 1]: some roundings of 6e-8 each.
const RELATIVE: f32 = 1e-5;

fn matrix(rows: usize, width: usize, seed: u32) -> Matrix {
    Matrix::new(values(rows * width, seed), width)
}

fn assert_close(found: &Matrix, expected: &Matrix, tolerance: f32, case: &str) {
    assert_eq!((found.rows(), found.width()), (expected.rows(), expected.width()), "{case}: shape");
    let largest = expected.values().iter().fold(1.0_f32, |a, b| a.max(b.abs()));
    for (place, (&a, &b)) in found.values().iter().zip(expected.values()).enumerate() {
        let (row, column) = (place / found.width(), place % found.width());
        assert!(
            (a - b).abs() <= tolerance * largest,
            "{case}: row {row}, column {column}: {a} against {b}"
        );
    }
}

/// Runs one computation on the definition and on every instruction set.
macro_rules! on_every_device {
    ($device:ident => $computation:expr) => {
        on_every_device!(RELATIVE, $device => $computation)
    };
    ($tolerance:expr, $device:ident => $computation:expr) => {{
        let expected = {
            let $device = Reference;
            let compute = || -> Result<Matrix> { $computation };
            compute().unwrap()
        };
        for isa in Isa::available() {
            let $device = Cpu::with_isa(isa);
            let compute = || -> Result<Matrix> { $computation };
            assert_close(&compute().unwrap(), &expected, $tolerance, isa.name());
        }
    }};
}

fn precision() -> impl Strategy<Value = Precision> {
    prop::sample::select(Precision::ALL.to_vec())
}

fn activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(Activation::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn linear_equals_its_definition(
        rows in 0_usize..120,
        inputs in 1_usize..600,
        outputs in 1_usize..100,
        activation in activation(),
        has_bias: bool,
        has_residual: bool,
        input_major: bool,
        precision in precision(),
        seed: u32,
    ) {
        let x = matrix(rows, inputs, seed);
        let weight = values(inputs * outputs, seed ^ 1);
        on_every_device!(device => {
            let view = if input_major {
                MatrixView::input_major(&weight, inputs, outputs)
            } else {
                MatrixView::output_major(&weight, outputs, inputs)
            };
            let bias = device.vector(values(outputs, seed ^ 2))?;
            let mut epilogue = Epilogue::none().activation(activation);
            epilogue.bias = has_bias.then_some(&bias);
            epilogue.residual = has_residual.then(|| matrix(rows, outputs, seed ^ 3));
            device.linear(&x, &device.pack(view, precision)?, epilogue)
        });
    }

    #[test]
    fn attention_equals_its_definition(
        lengths in prop::collection::vec((0_usize..40, 0_usize..40), 0..5),
        long in prop::sample::select(vec![0_usize, 1, 100, 300]),
        heads in 1_usize..4,
        head_width in prop::sample::select(vec![1_usize, 7, 8, 32, 64, 80]),
        causal: bool,
        precision in prop::sample::select(vec![Precision::F32, Precision::Bf16]),
        seed: u32,
    ) {
        let mut lengths = lengths;
        lengths.push((long, long));
        // A causal item has at least as many keys as queries.
        let queries = Segments::from_lengths(lengths.iter().map(|&(q, _)| q));
        let keys = Segments::from_lengths(lengths.iter().map(|&(q, k)| if causal { q + k % 5 } else { k }));
        let width = heads * head_width;
        let q = matrix(queries.rows(), width, seed);
        let kv = matrix(keys.rows(), 2 * width, seed ^ 1);
        let options = AttentionOptions { heads, causal, precision };
        // The definition of a softmax over nothing is a mean over nothing: zeros. In bf16 an
        // exponential that differs in its last bit may be rounded to the other neighbour.
        let tolerance = if precision == Precision::F32 { RELATIVE } else { 1.0 / 256.0 };
        on_every_device!(tolerance, device => {
            let plan = device.plan_attention(queries.clone(), KvRanges::from(&keys))?;
            device.attention(&q, Some(&kv), &plan, options)
        });
    }

    #[test]
    fn layer_norm_equals_its_definition(
        rows in 0_usize..40,
        width in 1_usize..800,
        eps in prop::sample::select(vec![1e-5, 1e-6]),
        seed: u32,
    ) {
        let x = matrix(rows, width, seed);
        on_every_device!(device => {
            let (gain, bias) = (device.vector(values(width, seed ^ 1))?, device.vector(values(width, seed ^ 2))?);
            device.layer_norm(&x, &gain, &bias, eps)
        });
    }

    #[test]
    fn convolution_equals_its_definition(
        items in 0_usize..3,
        height in 1_usize..9,
        width in 1_usize..9,
        channels in 1_usize..40,
        outputs in 1_usize..40,
        kernel in 1_usize..4,
        stride in 1_usize..3,
        padding in 0_usize..2,
        activation in activation(),
        has_residual: bool,
        precision in precision(),
        seed: u32,
    ) {
        let shape = ConvolutionShape { input: MapShape { height, width }, kernel, stride, padding };
        let maps = matrix(items * height * width, channels, seed);
        let weight = values(outputs * kernel * kernel * channels, seed ^ 1);
        on_every_device!(device => {
            let weight = device.pack(MatrixView::output_major(&weight, outputs, kernel * kernel * channels), precision)?;
            let bias = device.vector(values(outputs, seed ^ 2))?;
            let mut epilogue = Epilogue::bias(&bias).activation(activation);
            epilogue.residual = has_residual.then(|| matrix(items * shape.output().cells(), outputs, seed ^ 3));
            device.convolution(&maps, shape, &weight, epilogue)
        });
    }

    #[test]
    fn convolution_packed_for_its_form_equals_its_definition(
        items in 0_usize..3,
        height in 1_usize..9,
        width in 1_usize..9,
        channels in 1_usize..70,
        outputs in 1_usize..70,
        stride in 1_usize..3,
        activation in activation(),
        has_bias: bool,
        has_residual: bool,
        precision in precision(),
        seed: u32,
    ) {
        let shape = ConvolutionShape { input: MapShape { height, width }, kernel: 3, stride, padding: 1 };
        let maps = matrix(items * height * width, channels, seed);
        let weight = values(outputs * 9 * channels, seed ^ 1);
        on_every_device!(device => {
            let weight = MatrixView::output_major(&weight, outputs, 9 * channels);
            let weight = device.pack_convolution(weight, 3, stride, precision)?;
            let bias = device.vector(values(outputs, seed ^ 2))?;
            let mut epilogue = Epilogue::none().activation(activation);
            epilogue.bias = has_bias.then_some(&bias);
            epilogue.residual = has_residual.then(|| matrix(items * shape.output().cells(), outputs, seed ^ 3));
            device.convolution(&maps, shape, &weight, epilogue)
        });
    }

    #[test]
    fn embed_patches_equals_its_definition(
        items in 0_usize..3,
        side in 1_usize..5,
        patch_size in 1_usize..18,
        width in 1_usize..70,
        has_class_token: bool,
        precision in precision(),
        seed: u32,
    ) {
        let grid = PatchGrid { resolution: side * patch_size, patch_size };
        let images = matrix(items, grid.image_values(), seed);
        let weight = values(width * grid.patch_values(), seed ^ 1);
        let positions = matrix(grid.patches() + usize::from(has_class_token), width, seed ^ 3);
        on_every_device!(device => {
            let weight = device.pack(MatrixView::output_major(&weight, width, grid.patch_values()), precision)?;
            let class_embedding = device.vector(values(width, seed ^ 2))?;
            let class_embedding = has_class_token.then_some(&class_embedding);
            device.embed_patches(&images, grid, &weight, class_embedding, &positions)
        });
    }

    #[test]
    fn pools_equal_their_definition(
        items in 0_usize..4,
        height in 1_usize..5,
        width in 1_usize..5,
        side in 1_usize..4,
        channels in 1_usize..40,
        seed: u32,
    ) {
        let shape = MapShape { height: height * side, width: width * side };
        let maps = matrix(items * shape.cells(), channels, seed);
        let positions = matrix(shape.cells() + 1, channels, seed ^ 1);
        on_every_device!(device => device.average_pool(&maps, shape, side));
        on_every_device!(device => device.pool_tokens(&maps, &positions));
    }

    #[test]
    fn moving_rows_equals_its_definition(
        rows in 0_usize..20,
        others in 1_usize..70,
        width in 1_usize..70,
        seed: u32,
    ) {
        let x = matrix(rows, width, seed);
        let other = matrix(others, width, seed ^ 1);
        let indices: Vec<usize> = (0..rows).rev().step_by(2).collect();
        let channels = (1..=width).filter(|&channels| width.is_multiple_of(channels)).nth(1).unwrap_or(1);
        let token_positions: Vec<usize> = (0..3 * rows).map(|row| row % 3).collect();
        let ids: Vec<u32> = (0..3 * rows).map(|row| (row * 7 % others) as u32).collect();
        let positions = matrix(3, width, seed ^ 2);
        on_every_device!(device => device.gather_rows(&x, &indices));
        on_every_device!(device => device.channels_last(&x, channels));
        on_every_device!(device => device.embed_tokens(&ids, &token_positions, &other, &positions));
    }
}

#[test]
fn sums_longer_than_a_block_equal_their_definition() {
    // More words than a block of 1,024 in f32 and bf16, not a multiple of what a word holds.
    let (rows, inputs, outputs) = (14, 4_703, 35);
    let x = matrix(rows, inputs, 1);
    let weight = values(inputs * outputs, 2);
    for precision in Precision::ALL {
        on_every_device!(device => {
            let weight = device.pack(MatrixView::output_major(&weight, outputs, inputs), precision)?;
            let bias = device.vector(values(outputs, 3))?;
            let epilogue = Epilogue::bias(&bias).residual(matrix(rows, outputs, 4));
            device.linear(&x, &weight, epilogue.activation(Activation::Gelu))
        });
    }
}

#[test]
fn a_convolution_of_many_channels_and_tiles_equals_its_definition() {
    let input = MapShape { height: 9, width: 10 };
    let shape = ConvolutionShape { input, kernel: 3, stride: 1, padding: 1 };
    let (items, channels, outputs) = (2, 301, 40);
    let maps = matrix(items * input.cells(), channels, 1);
    let weight = values(outputs * 9 * channels, 2);
    for precision in [Precision::F32, Precision::Bf16] {
        on_every_device!(device => {
            let weight = MatrixView::output_major(&weight, outputs, 9 * channels);
            let weight = device.pack_convolution(weight, 3, 1, precision)?;
            device.convolution(&maps, shape, &weight, Epilogue::none())
        });
    }
}

#[test]
fn keys_in_several_ranges_count_as_one_row_of_keys() {
    let kv = matrix(30, 2 * 48, 1);
    let q = matrix(9, 48, 2);
    let queries = Segments::from_lengths([4, 5]);
    let mut keys = KvRanges::default();
    keys.push([20..23, 0..7]);
    keys.push([5..6, 5..6, 28..30, 10..15]);
    for (precision, tolerance) in [(Precision::F32, RELATIVE), (Precision::Bf16, 1.0 / 256.0)] {
        let options = AttentionOptions { heads: 3, causal: true, precision };
        on_every_device!(tolerance, device => {
            let plan = device.plan_attention(queries.clone(), keys.clone())?;
            device.attention(&q, Some(&kv), &plan, options)
        });
    }
}

#[test]
fn keys_and_values_may_stand_behind_the_queries() {
    let (rows, width) = (40, 48);
    let segments = Segments::from_lengths([3, 0, 37]);
    let plan = AttentionPlan::new(segments.clone(), KvRanges::from(&segments));
    let joined = matrix(rows, 3 * width, 1);
    let columns = |columns: std::ops::Range<usize>| {
        let width = columns.len();
        let values = (0..rows).flat_map(|row| joined.row(row)[columns.clone()].to_vec());
        Matrix::new(values.collect(), width)
    };
    let (q, kv) = (columns(0..width), columns(width..3 * width));
    for precision in [Precision::F32, Precision::Bf16] {
        let options = AttentionOptions { heads: 3, causal: true, precision };
        let apart = Reference.attention(&q, Some(&kv), &plan, options).unwrap();
        assert_eq!(Reference.attention(&joined, None, &plan, options).unwrap(), apart);
        for cpu in Isa::available().map(Cpu::with_isa) {
            let apart = cpu.attention(&q, Some(&kv), &plan, options).unwrap();
            assert_eq!(cpu.attention(&joined, None, &plan, options).unwrap(), apart);
        }
    }
}

#[test]
fn large_scores_do_not_overflow_the_softmax() {
    let q = Matrix::new(vec![1e4; 64], 64);
    let kv =
        Matrix::new([vec![1e4; 64], vec![2.0; 64], vec![-1e4; 64], vec![5.0; 64]].concat(), 128);
    let (queries, keys) = (Segments::uniform(1, 1), Segments::uniform(1, 2));
    let plan = AttentionPlan::new(queries, KvRanges::from(&keys));
    let options = AttentionOptions { heads: 1, causal: false, precision: Precision::F32 };
    on_every_device!(device => device.attention(&q, Some(&kv), &plan, options));
    assert_eq!(Cpu::new().attention(&q, Some(&kv), &plan, options).unwrap().values(), [2.0; 64]);
}

#[test]
fn a_shape_beyond_all_memory_is_an_error() {
    // 2^48 cells come out, a petabyte of f32.
    let input = MapShape::square(1);
    let shape = ConvolutionShape { input, kernel: 1, stride: 1, padding: (1 << 23) - 1 };
    let bytes = 4 * shape.output().cells();
    let expected = DeviceError::OutOfMemory { bytes, what: "activations" };
    fn check(device: &impl Device<Rows = Matrix>, shape: ConvolutionShape) -> DeviceError {
        let weight = device.pack(MatrixView::output_major(&[1.0], 1, 1), Precision::F32).unwrap();
        let maps = device.copy_to_device(&[1.0], 1).unwrap();
        device.convolution(&maps, shape, &weight, Epilogue::none()).unwrap_err()
    }
    assert_eq!(check(&Reference, shape), expected);
    for isa in Isa::available() {
        assert_eq!(check(&Cpu::with_isa(isa), shape), expected);
    }
    assert_eq!(expected.to_string(), format!("no memory for {bytes} bytes of activations"));
}

#[test]
fn a_weight_beyond_all_memory_is_an_error() {
    // No inputs, but a scale for each of 2^50 outputs.
    let view = MatrixView::output_major(&[], 1 << 50, 0);
    let error = Cpu::new().pack(view, Precision::Int8).unwrap_err();
    assert!(matches!(error, DeviceError::OutOfMemory { what: "weights", .. }), "{error}");
}
