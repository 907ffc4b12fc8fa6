//! Every operation of training on every instruction set of this machine against its definition, on
//! random shapes, and the same bits for any number of threads.

use clip_kernels::{
    Activation, AdamW, AttentionOptions, Cpu, Device, Isa, KvRanges, MapShape, Matrix, Precision,
    Reference, Result, Segments, SimilarityLoss, Targets, Train,
};
use clip_testing::values;
use proptest::prelude::*;

/// f32 against f64 sums of up to a few hundred terms in [−1, 1]: some roundings of 6e-8 each.
const RELATIVE: f32 = 1e-5;
const THREADS: [usize; 3] = [1, 2, 5];

fn matrix(rows: usize, width: usize, seed: u32) -> Matrix {
    Matrix::new(values(rows * width, seed), width)
}

/// - `tolerance`: of the largest value of each matrix, or of `terms` where that is more
/// - `terms`: the size of what is added up, where it may cancel
fn assert_close(found: &[Matrix], expected: &[Matrix], tolerance: f32, terms: f32, case: &str) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let shape = (expected.rows(), expected.width());
        assert_eq!((found.rows(), found.width()), shape, "{case}: shape of {index}");
        let largest = expected.values().iter().fold(terms, |a, b| a.max(b.abs()));
        for (place, (&a, &b)) in found.values().iter().zip(expected.values()).enumerate() {
            let (row, column) = (place / found.width(), place % found.width());
            assert!(
                (a - b).abs() <= tolerance * largest,
                "{case}: {index}, row {row}, column {column}: {a} against {b}"
            );
        }
    }
}

/// Runs one computation on the definition, and on every instruction set with some numbers of
/// threads.
macro_rules! on_every_device {
    ($device:ident => $computation:expr) => {
        on_every_device!(RELATIVE, $device => $computation)
    };
    ($tolerance:expr, $device:ident => $computation:expr) => {
        on_every_device!($tolerance, 1e-3, $device => $computation)
    };
    ($tolerance:expr, $terms:expr, $device:ident => $computation:expr) => {{
        let expected: Vec<Matrix> = {
            let $device = Reference;
            let compute = || -> Result<Vec<Matrix>> { Ok(Vec::from($computation)) };
            compute().unwrap()
        };
        for isa in Isa::available() {
            let $device = Cpu::with_isa(isa);
            let compute = || -> Result<Vec<Matrix>> { Ok(Vec::from($computation)) };
            let found = with_threads(1, || $device.parallel_region(|| compute().unwrap()));
            assert_close(&found, &expected, $tolerance, $terms, isa.name());
            for threads in THREADS {
                let again = with_threads(threads, || compute().unwrap());
                for (index, (found, again)) in found.iter().zip(&again).enumerate() {
                    let bits = |matrix: &Matrix| {
                        matrix.values().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
                    };
                    assert_eq!(bits(found), bits(again), "{}, {threads} threads, {index}", isa.name());
                }
            }
        }
    }};
}

mod products;

fn with_threads<R: Send>(threads: usize, compute: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(compute)
}

fn activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(Activation::ALL.to_vec())
}

fn numbers_of<D: Device<Rows = Matrix>>(loss: SimilarityLoss<D>) -> Vec<Matrix> {
    let number = |value: f64| Matrix::new(vec![value as f32], 1);
    let numbers = [loss.loss, loss.d_scale, loss.d_bias, loss.correct as f64].map(number);
    [loss.d_queries, loss.d_keys].into_iter().chain(numbers).collect()
}

/// Rows of length 1.
fn unit_rows(rows: usize, width: usize, seed: u32) -> Matrix {
    Reference.normalize(&matrix(rows, width, seed)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attention_backward_equals_its_definition(
        lengths in prop::collection::vec((0_usize..40, 0_usize..40), 0..5),
        long in prop::sample::select(vec![0_usize, 1, 97, 210]),
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
        // Three rows more than anybody sees.
        let kv = matrix(keys.rows() + 3, 2 * width, seed ^ 1);
        let d_out = matrix(queries.rows(), width, seed ^ 2);
        let options = AttentionOptions { heads, causal, precision };
        // In bf16 what differs in its last bit may be rounded to the other neighbour.
        let tolerance = if precision == Precision::F32 { 2.0 * RELATIVE } else { 1.0 / 128.0 };
        on_every_device!(tolerance, device => {
            let plan = device.plan_attention(queries.clone(), KvRanges::from(&keys))?;
            let (d_q, d_kv) = device.attention_backward(&q, &kv, &d_out, &plan, options)?;
            [d_q, d_kv]
        });
    }

    #[test]
    fn activations_equal_their_definition(
        rows in 0_usize..300,
        width in 1_usize..200,
        activation in activation(),
        seed: u32,
    ) {
        let (x, dy) = (matrix(rows, width, seed), matrix(rows, width, seed ^ 1));
        on_every_device!(device => {
            let x = device.scale(x.clone(), 4.0)?;
            [device.activate(&x, activation)?, device.activation_backward(&x, dy.clone(), activation)?]
        });
    }

    #[test]
    fn norms_equal_their_definition(
        rows in 0_usize..200,
        width in 1_usize..200,
        of_batch: bool,
        frozen: bool,
        activation in activation(),
        seed: u32,
    ) {
        let eps = 1e-3;
        // `dy · gain / √(variance + eps)` of a column or a row of its own.
        let terms = 1.0 / (eps as f32).sqrt();
        let (x, dy) = (matrix(rows, width, seed), matrix(rows, width, seed ^ 1));
        let (gain, bias) = (values(width, seed ^ 2), values(width, seed ^ 3));
        on_every_device!(RELATIVE, terms, device => {
            let mut d_gain = matrix(1, width, seed ^ 4);
            let mut d_bias = matrix(1, width, seed ^ 5);
            let gradients = (!frozen).then_some((&mut d_gain, &mut d_bias));
            let d_x = device.layer_norm_backward(&x, &gain, eps, &dy, gradients)?;
            [d_x, d_gain, d_bias]
        });
        let running = Matrix::new([values(width, seed ^ 6), vec![0.3; width]].concat(), width);
        on_every_device!(2.0 * RELATIVE, terms, device => {
            let mut d_gain = matrix(1, width, seed ^ 4);
            let mut d_bias = matrix(1, width, seed ^ 5);
            let statistics = match of_batch && rows > 0 {
                true => device.column_statistics(&x)?,
                false => running.clone(),
            };
            let out = device.batch_norm(&x, &statistics, &gain, &bias, eps, activation)?;
            let gradients = (!frozen).then_some((&mut d_gain, &mut d_bias));
            let d_x = device.batch_norm_backward(&x, &statistics, of_batch, &gain, eps, &dy, gradients)?;
            [statistics, out, d_x, d_gain, d_bias]
        });
        let norm = |row: usize| x.row(row).iter().map(|x| x * x).sum::<f32>().sqrt();
        let shortest = (0..rows).map(norm).fold(1.0, f32::min);
        on_every_device!(RELATIVE, 1.0 / shortest, device => {
            [device.normalize(&x)?, device.normalize_backward(&x, &dy)?]
        });
    }

    #[test]
    fn sums_of_rows_equal_their_definition(
        rows in 0_usize..300,
        others in 1_usize..20,
        width in 1_usize..300,
        seed: u32,
    ) {
        let x = matrix(rows, width, seed);
        let ids: Vec<u32> = (0..rows).map(|row| (row * row % others) as u32).collect();
        let positions: Vec<usize> = (0..rows).map(|row| row % 3).collect();
        on_every_device!(device => {
            let mut d_bias = matrix(1, width + 3, seed ^ 1);
            device.bias_gradient(&x, &mut d_bias, 2)?;
            let (mut tokens, mut places) = (matrix(others, width, seed ^ 2), matrix(3, width, seed ^ 3));
            device.embed_tokens_backward(&ids, &positions, &x, Some(&mut tokens), Some(&mut places))?;
            [d_bias, tokens, places]
        });
        let indices: Vec<usize> = (0..rows).map(|row| 2 * (rows - row)).collect();
        on_every_device!(device => {
            let sum = device.add(x.clone(), &matrix(rows, width, seed ^ 4))?;
            let norm = device.squared_norm(&x)?;
            [sum, device.scatter_rows(&x, &indices, 2 * rows + 1)?, Matrix::new(vec![norm as f32], 1)]
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
        let pooled = matrix(items * height * width, channels, seed);
        let tokens = matrix(items * (shape.cells() + 1), channels, seed ^ 1);
        on_every_device!(device => {
            let mut places = matrix(shape.cells() + 1, channels, seed ^ 2);
            let d_maps = device.pool_tokens_backward(&tokens, shape.cells(), Some(&mut places))?;
            [device.average_pool_backward(&pooled, shape, side)?, d_maps, places]
        });
    }

    #[test]
    fn losses_equal_their_definition(
        queries in 0_usize..230,
        more_keys in 0_usize..60,
        width in 1_usize..70,
        scale in prop::sample::select(vec![0.0_f32, 1.0, 14.0, 100.0]),
        seed: u32,
    ) {
        let keys = queries + more_keys;
        let (q, k) = (unit_rows(queries, width, seed), unit_rows(keys, width, seed ^ 1));
        let weight = 0.5 / queries.max(1) as f64;
        let positives: Vec<Vec<usize>> =
            (0..queries).map(|query| (query % 7..keys).step_by(11 + query % 5).chain([keys - 1]).collect())
                .map(|mut keys: Vec<usize>| { keys.dedup(); keys }).collect();
        let of_teacher = (unit_rows(queries, 9, seed ^ 2), unit_rows(keys, 9, seed ^ 3));
        for case in 0..3 {
            // Logits of up to 100 are off by 100 roundings: 6e-6 of each probability.
            on_every_device!(2.0 * RELATIVE, (f64::from(scale.max(1.0)) * weight) as f32, device => {
                let targets = match case {
                    0 => Targets::Diagonal { first: more_keys },
                    1 => Targets::Positives(&positives),
                    _ => Targets::Teacher { queries: &of_teacher.0, keys: &of_teacher.1, scale: 20.0 },
                };
                let entropy = numbers_of(device.cross_entropy(&q, &k, scale, targets, weight)?);
                let sigmoid = match case {
                    2 => Vec::new(),
                    _ => numbers_of(device.sigmoid_loss(&q, &k, scale, -2.0, targets, weight)?),
                };
                [entropy, sigmoid].concat()
            });
        }
    }

    #[test]
    fn steps_equal_their_definition(
        count in 1_usize..40_000,
        step in 1_u64..2000,
        gradient_factor in prop::sample::select(vec![1.0, 0.01]),
        seed: u32,
    ) {
        on_every_device!(1e-6, device => {
            let row = |seed| matrix(1, count, seed);
            let (mut weight, mut first) = (row(seed), row(seed ^ 1));
            let mut second = Matrix::new(row(seed ^ 2).values().iter().map(|v| v * v).collect(), count);
            let (learning_rate, beta1, beta2, eps, weight_decay) = (1e-3, 0.9, 0.98, 1e-6, 0.2);
            let step = AdamW { learning_rate, beta1, beta2, eps, weight_decay, step, gradient_factor };
            device.adamw(&mut weight, &row(seed ^ 3), &mut first, &mut second, step)?;
            let mut average = row(seed ^ 4);
            device.moving_average(&mut average, &weight, 0.999)?;
            [weight, first, second, average]
        });
    }
}

#[test]
fn keys_in_several_ranges_get_their_gradients_where_they_stand() {
    // More keys than a block of rows, an item without queries, one without keys, rows unseen.
    let queries = Segments::from_lengths([4, 0, 3, 101]);
    let mut keys = KvRanges::default();
    keys.push([120..123, 0..7]);
    keys.push([9..11, 7..8]);
    keys.push([]);
    keys.push([11..119, 125..130, 8..9]);
    let (q, kv, d_out) = (matrix(108, 40, 1), matrix(140, 80, 2), matrix(108, 40, 3));
    for precision in [Precision::F32, Precision::Bf16] {
        let options = AttentionOptions { heads: 2, causal: false, precision };
        let tolerance = if precision == Precision::F32 { 2.0 * RELATIVE } else { 1.0 / 128.0 };
        on_every_device!(tolerance, device => {
            let plan = device.plan_attention(queries.clone(), keys.clone())?;
            let (d_q, d_kv) = device.attention_backward(&q, &kv, &d_out, &plan, options)?;
            for unseen in [119, 123, 124, 130, 139] {
                assert!(d_kv.row(unseen).iter().all(|&value| value == 0.0));
            }
            [d_q, d_kv]
        });
    }
}

#[test]
fn large_scores_have_finite_gradients() {
    let segments = Segments::from_lengths([3, 20]);
    let mut q = matrix(23, 16, 1);
    q.values_mut().iter_mut().for_each(|value| *value *= 1e4);
    let (kv, d_out) = (matrix(23, 32, 2), matrix(23, 16, 3));
    let options = AttentionOptions { heads: 1, causal: true, precision: Precision::F32 };
    // Scores of 1e4 are off by 1e-3, and so is every probability.
    on_every_device!(2e-3, device => {
        let plan = device.plan_attention(segments.clone(), KvRanges::from(&segments))?;
        let (d_q, d_kv) = device.attention_backward(&q, &kv, &d_out, &plan, options)?;
        assert!(d_q.values().iter().chain(d_kv.values()).all(|value| value.is_finite()));
        [d_q, d_kv]
    });
}

#[test]
fn a_decay_below_the_last_bit_of_one_is_not_lost() {
    let (mut weight, zero) = (Matrix::new(vec![1.5; 3], 3), Matrix::new(vec![0.0; 3], 3));
    let (mut first, mut second) = (zero.clone(), zero.clone());
    let step = AdamW {
        learning_rate: 1e-6,
        beta1: 0.9,
        beta2: 0.98,
        eps: 1e-6,
        weight_decay: 0.1,
        step: 1,
        gradient_factor: 1.0,
    };
    Cpu::new().adamw(&mut weight, &zero, &mut first, &mut second, step).unwrap();
    // 1 − 1e-7 as an f32 is 1 − 1.19e-7.
    assert!(weight.values().iter().all(|&value| value == (1.5 - 1.5e-7) as f32));
}

#[test]
fn statistics_keep_their_digits_far_from_zero() {
    let x: Vec<f32> = values(300 * 5, 1).iter().map(|value| 30.0 + value).collect();
    let x = Matrix::new(x, 5);
    let expected = Reference.column_statistics(&x).unwrap();
    for isa in Isa::available() {
        let found = Cpu::with_isa(isa).column_statistics(&x).unwrap();
        for (found, expected) in found.row(1).iter().zip(expected.row(1)) {
            // `mean of squares − square of mean` in f32 is off by roundings of 900: 5e-5.
            assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
        }
    }
}

#[test]
fn what_is_not_a_number_is_not_hidden() {
    let mut q = unit_rows(4, 8, 1);
    let k = unit_rows(4, 8, 2);
    q.row_mut(2)[3] = f32::NAN;
    for isa in Isa::available() {
        let device = Cpu::with_isa(isa);
        let targets = Targets::Diagonal { first: 0 };
        let loss = device.cross_entropy(&q, &k, 10.0, targets, 1.0).unwrap();
        assert!(loss.loss.is_nan() && loss.d_queries.row(2)[0].is_nan());
        assert!(device.sigmoid_loss(&q, &k, 10.0, 0.0, targets, 1.0).unwrap().loss.is_nan());
        assert!(device.squared_norm(&q).unwrap().is_nan());
    }
}
