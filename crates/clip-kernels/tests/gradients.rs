//! The definition of every backward against differences of its forward.
//!
//! Five-point differences with a step of 1/32: 2e-8 of the fifth derivative, and what the f32 that
//! come out were rounded by, 6e-8 · 1.5 · 32 = 3e-6 of each.

use clip_kernels::{
    Activation, AdamW, AttentionOptions, ConvolutionShape, Device, Epilogue, KvRanges, MapShape,
    Matrix, MatrixView, PatchGrid, Precision, Reference, Segments, SimilarityLoss, Targets, Train,
    WeightOrder,
};
use clip_testing::values;

/// Of the largest gradient: some roundings of f32 and the truncation.
const TOLERANCE: f64 = 5e-5;
const STEP: f32 = 1.0 / 32.0;
const F32: Precision = Precision::F32;

fn matrix(rows: usize, width: usize, seed: u32) -> Matrix {
    Matrix::new(values(rows * width, seed), width)
}

fn zeros(rows: usize, width: usize) -> Matrix {
    Reference.zeros(rows, width).unwrap()
}

/// What a gradient `d_out` makes of an output: the number whose derivative is wanted.
fn dot(out: &Matrix, d_out: &Matrix) -> f64 {
    assert_eq!((out.rows(), out.width()), (d_out.rows(), d_out.width()));
    let pairs = out.values().iter().zip(d_out.values());
    pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Moves every value of every input and compares with its gradient.
fn assert_gradients(
    case: &str,
    inputs: &[&Matrix],
    found: &[&Matrix],
    objective: impl Fn(&[Matrix]) -> f64,
) {
    assert_eq!(inputs.len(), found.len(), "{case}");
    let largest = found.iter().flat_map(|found| found.values());
    let largest = largest.fold(1.0_f64, |largest, &value| largest.max(f64::from(value).abs()));
    let mut moved: Vec<Matrix> = inputs.iter().map(|&input| input.clone()).collect();
    for (index, (input, found)) in inputs.iter().zip(found).enumerate() {
        assert_eq!((input.rows(), input.width()), (found.rows(), found.width()), "{case}: {index}");
        for place in 0..input.values().len() {
            let mut at = |steps: f32| {
                moved[index].values_mut()[place] = input.values()[place] + steps * STEP;
                let value = objective(&moved);
                moved[index].values_mut()[place] = input.values()[place];
                value
            };
            let near = at(1.0) - at(-1.0);
            let far = at(2.0) - at(-2.0);
            let expected = (8.0 * near - far) / (12.0 * f64::from(STEP));
            let found = f64::from(found.values()[place]);
            assert!(
                (found - expected).abs() <= TOLERANCE * largest,
                "{case}: input {index}, place {place}: {found} against {expected}"
            );
        }
    }
}

#[test]
fn products_in_both_orders_and_in_parts() {
    for (rows, inputs, outputs) in [(3, 5, 7), (1, 1, 1), (4, 2, 3)] {
        let (x, dy) = (matrix(rows, inputs, 1), matrix(rows, outputs, 2));
        let bias = matrix(1, outputs, 3);
        for order in [WeightOrder::OutputMajor, WeightOrder::InputMajor] {
            let is_output_major = order == WeightOrder::OutputMajor;
            let shape = if is_output_major { (outputs, inputs) } else { (inputs, outputs) };
            let weight = matrix(shape.0, shape.1, 4);
            let mut d_weight = zeros(shape.0, shape.1);
            let (left, right) = if is_output_major { (&dy, &x) } else { (&x, &dy) };
            Reference.weight_gradient(left, right, F32, &mut d_weight, 0).unwrap();
            let mut d_bias = zeros(1, outputs);
            Reference.bias_gradient(&dy, &mut d_bias, 0).unwrap();
            let back =
                Reference.pack_parameter(&weight, 0..shape.0, order.transposed(), F32).unwrap();
            let d_x = Reference.linear(&dy, &back, Epilogue::none()).unwrap();
            assert_gradients("linear", &[&x, &weight, &bias], &[&d_x, &d_weight, &d_bias], |at| {
                let weight = Reference.pack_parameter(&at[1], 0..shape.0, order, F32).unwrap();
                let bias = Reference.vector_of(&at[2], 0..outputs).unwrap();
                dot(&Reference.linear(&at[0], &weight, Epilogue::bias(&bias)).unwrap(), &dy)
            });
        }
    }
}

#[test]
fn gradients_of_a_part_are_added_where_it_stands() {
    let (x, dy) = (matrix(4, 3, 1), matrix(4, 2, 2));
    let mut whole = zeros(2, 3);
    Reference.weight_gradient(&dy, &x, F32, &mut whole, 0).unwrap();
    let mut d_weight = Matrix::new(vec![1.0; 6 * 3], 3);
    Reference.weight_gradient(&dy, &x, F32, &mut d_weight, 4).unwrap();
    assert_eq!(d_weight.values()[..12], [1.0; 12]);
    let expected = whole.values().iter().map(|&value| value + 1.0);
    for (found, expected) in d_weight.values()[12..].iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6);
    }
    let mut d_bias = Matrix::new(vec![2.0; 5], 5);
    Reference.bias_gradient(&Matrix::new(vec![1.0, 10.0, 2.0, 20.0], 2), &mut d_bias, 3).unwrap();
    assert_eq!(d_bias.values(), [2.0, 2.0, 2.0, 5.0, 32.0]);
    let part = Reference.vector_of(&d_bias, 3..5).unwrap();
    assert_eq!(part, [5.0, 32.0]);
}

#[test]
fn activations() {
    // Nothing within two steps of the corner of ReLU.
    let x: Vec<f32> = (-20..20).map(|i| i as f32 * 0.37 + 0.18).collect();
    let (x, dy) = (Matrix::new(x, 8), matrix(5, 8, 1));
    for activation in Activation::ALL {
        let d_x = Reference.activation_backward(&x, dy.clone(), activation).unwrap();
        assert_gradients(&format!("{activation:?}"), &[&x], &[&d_x], |at| {
            dot(&Reference.activate(&at[0], activation).unwrap(), &dy)
        });
    }
    let out = Reference.activate(&x, Activation::Relu).unwrap();
    let of_out = Reference.activation_backward(&out, dy.clone(), Activation::Relu).unwrap();
    assert_eq!(of_out, Reference.activation_backward(&x, dy, Activation::Relu).unwrap());
    let (x, dy) = (Matrix::new(vec![0.0, -0.0, 1e-45], 3), Matrix::new(vec![3.0; 3], 3));
    let d_x = Reference.activation_backward(&x, dy, Activation::Relu).unwrap();
    assert_eq!(d_x.values(), [0.0, 0.0, 3.0]);
}

#[test]
fn layer_norm() {
    for (rows, width) in [(3, 7), (2, 1), (1, 33)] {
        let (x, dy) = (matrix(rows, width, 1), matrix(rows, width, 2));
        let (gain, bias) = (matrix(1, width, 3), matrix(1, width, 4));
        let eps = 1e-2;
        let (mut d_gain, mut d_bias) = (zeros(1, width), zeros(1, width));
        let of_gain = gain.values().to_vec();
        let gradients = Some((&mut d_gain, &mut d_bias));
        let d_x = Reference.layer_norm_backward(&x, &of_gain, eps, &dy, gradients).unwrap();
        assert_eq!(d_x, Reference.layer_norm_backward(&x, &of_gain, eps, &dy, None).unwrap());
        assert_gradients("layer norm", &[&x, &gain, &bias], &[&d_x, &d_gain, &d_bias], |at| {
            let (gain, bias) = (at[1].values().to_vec(), at[2].values().to_vec());
            dot(&Reference.layer_norm(&at[0], &gain, &bias, eps).unwrap(), &dy)
        });
    }
}

#[test]
fn attention_over_segments() {
    let each = |segments: &Segments| KvRanges::from(segments);
    let pooled = Segments::from_lengths([4, 1, 6]);
    let mut apart = KvRanges::default();
    apart.push([6..9, 0..2]);
    apart.push([]);
    apart.push(std::iter::once(4..5));
    let ragged = Segments::from_lengths([5, 0, 1, 3]);
    for (case, queries, keys, key_rows, causal) in [
        ("ragged", ragged.clone(), each(&ragged), 9, false),
        ("causal", ragged.clone(), each(&ragged), 9, true),
        ("one query each", Segments::uniform(3, 1), each(&pooled), 11, false),
        ("one causal query each", Segments::uniform(3, 1), each(&pooled), 11, true),
        ("rows apart", Segments::from_lengths([2, 0, 3]), apart.clone(), 10, false),
        ("queries without keys", Segments::from_lengths([2, 2, 1]), apart, 10, false),
    ] {
        let (heads, width) = (2, 10);
        let (q, kv) = (matrix(queries.rows(), width, 1), matrix(key_rows, 2 * width, 2));
        let d_out = matrix(queries.rows(), width, 3);
        let options = AttentionOptions { heads, causal, precision: F32 };
        let plan = Reference.plan_attention(queries, keys).unwrap();
        let (d_q, d_kv) = Reference.attention_backward(&q, &kv, &d_out, &plan, options).unwrap();
        assert_gradients(case, &[&q, &kv], &[&d_q, &d_kv], |at| {
            dot(&Reference.attention(&at[0], Some(&at[1]), &plan, options).unwrap(), &d_out)
        });
    }
}

#[test]
#[should_panic(expected = "a key of two items")]
fn attention_backward_refuses_keys_of_two_items() {
    let mut keys = KvRanges::default();
    keys.push([0..2, 4..5]);
    keys.push(std::iter::once(1..3));
    let plan = Reference.plan_attention(Segments::uniform(2, 1), keys).unwrap();
    let options = AttentionOptions { heads: 1, causal: false, precision: F32 };
    let (q, kv) = (matrix(2, 4, 1), matrix(5, 8, 2));
    let _ = Reference.attention_backward(&q, &kv, &q, &plan, options);
}

#[test]
fn tokens_that_occur_twice() {
    let (ids, positions) = ([3_u32, 0, 3, 3, 1], [0_usize, 1, 2, 0, 1]);
    let (tokens, places, dy) = (matrix(5, 3, 1), matrix(4, 3, 2), matrix(5, 3, 3));
    let (mut d_tokens, mut d_places) = (zeros(5, 3), zeros(4, 3));
    let tables = (Some(&mut d_tokens), Some(&mut d_places));
    Reference.embed_tokens_backward(&ids, &positions, &dy, tables.0, tables.1).unwrap();
    assert_gradients("tokens", &[&tokens, &places], &[&d_tokens, &d_places], |at| {
        dot(&Reference.embed_tokens(&ids, &positions, &at[0], &at[1]).unwrap(), &dy)
    });
    let before = d_tokens.clone();
    Reference.embed_tokens_backward(&ids, &positions, &dy, None, Some(&mut d_places)).unwrap();
    assert_eq!(d_tokens, before);
}

#[test]
fn patches_with_and_without_a_class_token() {
    let grid = PatchGrid { resolution: 4, patch_size: 2 };
    let width = 3;
    for has_class_token in [true, false] {
        let tokens = grid.patches() + usize::from(has_class_token);
        let (images, dy) = (matrix(2, grid.image_values(), 1), matrix(2 * tokens, width, 2));
        let weight = matrix(width, grid.patch_values(), 3);
        let (class, places) = (matrix(1, width, 4), matrix(tokens, width, 5));
        let mut found = (zeros(width, grid.patch_values()), zeros(1, width), zeros(tokens, width));
        let d_class = has_class_token.then_some(&mut found.1);
        Reference
            .embed_patches_backward(
                &images,
                grid,
                &dy,
                has_class_token,
                F32,
                Some(&mut found.0),
                d_class,
                Some(&mut found.2),
            )
            .unwrap();
        assert_gradients(
            "patches",
            &[&weight, &class, &places],
            &[&found.0, &found.1, &found.2],
            |at| {
                let view = MatrixView::output_major(at[0].values(), width, grid.patch_values());
                let weight = Reference.pack(view, F32).unwrap();
                let class = at[1].values().to_vec();
                let class = has_class_token.then_some(&class);
                dot(&Reference.embed_patches(&images, grid, &weight, class, &at[2]).unwrap(), &dy)
            },
        );
    }
}

#[test]
fn batch_norm_with_statistics_of_the_batch_and_running_ones() {
    for (rows, width) in [(6, 3), (2, 1), (9, 17)] {
        let (x, dy) = (matrix(rows, width, 1), matrix(rows, width, 2));
        let (gain, bias) = (matrix(1, width, 3), matrix(1, width, 4));
        let running = Matrix::new([values(width, 5), vec![0.7; width]].concat(), width);
        let eps = 1e-2;
        for of_batch in [true, false] {
            let statistics = |x: &Matrix| match of_batch {
                true => Reference.column_statistics(x).unwrap(),
                false => running.clone(),
            };
            let (mut d_gain, mut d_bias) = (zeros(1, width), zeros(1, width));
            let of_gain = gain.values().to_vec();
            let gradients = Some((&mut d_gain, &mut d_bias));
            let of_x = statistics(&x);
            let d_x = Reference
                .batch_norm_backward(&x, &of_x, of_batch, &of_gain, eps, &dy, gradients)
                .unwrap();
            assert_gradients("batch norm", &[&x, &gain, &bias], &[&d_x, &d_gain, &d_bias], |at| {
                let (gain, bias) = (at[1].values().to_vec(), at[2].values().to_vec());
                let statistics = statistics(&at[0]);
                let none = Activation::None;
                let out = Reference.batch_norm(&at[0], &statistics, &gain, &bias, eps, none);
                dot(&out.unwrap(), &dy)
            });
        }
    }
}

#[test]
fn convolutions() {
    for (height, width, kernel, stride, padding) in [
        (5, 4, 3, 1, 1),
        (5, 4, 3, 2, 1), // the last column is covered once
        (4, 6, 3, 2, 1),
        (4, 4, 1, 1, 0),
        (5, 5, 2, 2, 0), // the last row and column are never covered
    ] {
        let shape = ConvolutionShape { input: MapShape { height, width }, kernel, stride, padding };
        let (items, channels, outputs) = (2, 3, 2);
        let maps = matrix(items * shape.input.cells(), channels, 1);
        let weight = matrix(outputs, shape.taps() * channels, 2);
        let dy = matrix(items * shape.output().cells(), outputs, 3);
        let d_maps = Reference.convolution_input_gradient(&dy, shape, &weight, F32).unwrap();
        let mut d_weight = zeros(outputs, shape.taps() * channels);
        Reference.convolution_weight_gradient(&maps, shape, &dy, F32, &mut d_weight).unwrap();
        assert_gradients(&format!("{shape:?}"), &[&maps, &weight], &[&d_maps, &d_weight], |at| {
            let weight = Reference.pack_convolution_parameter(&at[1], kernel, stride, F32).unwrap();
            dot(&Reference.convolution(&at[0], shape, &weight, Epilogue::none()).unwrap(), &dy)
        });
    }
}

#[test]
fn pools() {
    for (height, width, side) in [(4, 6, 2), (3, 3, 3), (2, 1, 1)] {
        let shape = MapShape { height, width };
        let maps = matrix(2 * shape.cells(), 3, 1);
        let dy = matrix(2 * shape.cells() / (side * side), 3, 2);
        let d_maps = Reference.average_pool_backward(&dy, shape, side).unwrap();
        assert_gradients("average pool", &[&maps], &[&d_maps], |at| {
            dot(&Reference.average_pool(&at[0], shape, side).unwrap(), &dy)
        });
        let (places, dy) = (matrix(shape.cells() + 1, 3, 3), matrix(2 * shape.cells() + 2, 3, 4));
        let mut d_places = zeros(shape.cells() + 1, 3);
        let d_maps =
            Reference.pool_tokens_backward(&dy, shape.cells(), Some(&mut d_places)).unwrap();
        assert_gradients("pool tokens", &[&maps, &places], &[&d_maps, &d_places], |at| {
            dot(&Reference.pool_tokens(&at[0], &at[1]).unwrap(), &dy)
        });
    }
}

#[test]
fn norms_of_rows() {
    let (x, dy) = (matrix(3, 7, 1), matrix(3, 7, 2));
    let d_x = Reference.normalize_backward(&x, &dy).unwrap();
    assert_gradients("normalize", &[&x], &[&d_x], |at| {
        dot(&Reference.normalize(&at[0]).unwrap(), &dy)
    });
}

#[test]
fn rows_that_were_gathered() {
    let (x, dy) = (matrix(5, 3, 1), matrix(3, 3, 2));
    let indices = vec![4, 0, 3];
    let d_x = Reference.scatter_rows(&dy, &indices, 5).unwrap();
    assert_gradients("gather", &[&x], &[&d_x], |at| {
        dot(&Reference.gather_rows(&at[0], &indices).unwrap(), &dy)
    });
}

/// A loss with the scale and the bias as inputs of one value.
fn assert_loss_gradients(
    case: &str,
    queries: &Matrix,
    keys: &Matrix,
    loss: impl Fn(&Matrix, &Matrix, f32, f32) -> SimilarityLoss<Reference>,
) {
    let (scale, bias) = (Matrix::new(vec![3.0], 1), Matrix::new(vec![-0.5], 1));
    let found = loss(queries, keys, 3.0, -0.5);
    let d_scale = Matrix::new(vec![found.d_scale as f32], 1);
    let d_bias = Matrix::new(vec![found.d_bias as f32], 1);
    assert_gradients(
        case,
        &[queries, keys, &scale, &bias],
        &[&found.d_queries, &found.d_keys, &d_scale, &d_bias],
        |at| loss(&at[0], &at[1], at[2].values()[0], at[3].values()[0]).loss,
    );
}

#[test]
fn losses() {
    let (queries, keys) = (matrix(3, 5, 1), matrix(6, 5, 2));
    let positives = [vec![0, 4], vec![5], vec![1, 2, 3]];
    let of_teacher = (matrix(3, 4, 3), matrix(6, 4, 4));
    let teacher = Targets::Teacher { queries: &of_teacher.0, keys: &of_teacher.1, scale: 2.0 };
    for targets in [Targets::Diagonal { first: 2 }, Targets::Positives(&positives), teacher] {
        assert_loss_gradients("cross entropy", &queries, &keys, |queries, keys, scale, _| {
            Reference.cross_entropy(queries, keys, scale, targets, 0.5).unwrap()
        });
    }
    for targets in [Targets::Diagonal { first: 2 }, Targets::Positives(&positives)] {
        assert_loss_gradients("sigmoid", &queries, &keys, |queries, keys, scale, bias| {
            Reference.sigmoid_loss(queries, keys, scale, bias, targets, 0.5).unwrap()
        });
    }
}

#[test]
fn losses_of_one_pair() {
    let (query, key) = (matrix(1, 4, 1), matrix(1, 4, 2));
    let diagonal = Targets::Diagonal { first: 0 };
    let found = Reference.cross_entropy(&query, &key, 3.0, diagonal, 1.0).unwrap();
    assert_eq!((found.loss, found.d_scale, found.correct), (0.0, 0.0, 1));
    assert!(found.d_queries.values().iter().chain(found.d_keys.values()).all(|&d| d == 0.0));
    assert_loss_gradients("one pair", &query, &key, |query, key, scale, bias| {
        Reference.sigmoid_loss(query, key, scale, bias, diagonal, 1.0).unwrap()
    });
}

#[test]
fn nearest_keys_are_counted_and_the_first_of_equals_is_the_nearest() {
    let (queries, keys) = (Matrix::new(vec![1.0, 1.0, 1.0], 1), Matrix::new(vec![2.0; 3], 1));
    let correct = |targets| {
        let of_entropy = Reference.cross_entropy(&queries, &keys, 1.0, targets, 1.0).unwrap();
        of_entropy.correct
    };
    assert_eq!(correct(Targets::Diagonal { first: 0 }), 1);
    let positives = [vec![0, 1], vec![1], vec![0]];
    assert_eq!(correct(Targets::Positives(&positives)), 2);
    let (of_teacher, near_first) = (Matrix::new(vec![1.0; 3], 1), vec![3.0, 2.0, 1.0]);
    let keys_of_teacher = Matrix::new(near_first, 1);
    let (queries, keys, scale) = (&of_teacher, &keys_of_teacher, 1.0);
    assert_eq!(correct(Targets::Teacher { queries, keys, scale }), 3);
}

#[test]
fn large_logits_do_not_overflow() {
    let (queries, keys) = (Matrix::new(vec![1.0, -1.0], 1), Matrix::new(vec![1.0, -1.0], 1));
    let others = [vec![1], vec![0]];
    let wrong = Targets::Positives(&others);
    let found = Reference.cross_entropy(&queries, &keys, 1e4, wrong, 1.0).unwrap();
    assert_eq!((found.loss, found.d_scale), (4e4, 4.0));
    let found = Reference.sigmoid_loss(&queries, &keys, 1e4, 0.0, wrong, 1.0).unwrap();
    assert_eq!((found.loss, found.d_scale), (4e4, 4.0));
}

#[test]
fn bf16_rounds_both_sides_of_a_gradient_and_nothing_else() {
    let (x, dy) = (matrix(9, 5, 1), matrix(9, 4, 2));
    let (mut found, mut expected) = (zeros(4, 5), zeros(4, 5));
    Reference.weight_gradient(&dy, &x, Precision::Bf16, &mut found, 0).unwrap();
    let upper_half = |value: f32| f32::from_bits((value.to_bits() + 0x8000) & 0xFFFF_0000);
    let round = |rows: &Matrix| {
        Matrix::new(rows.values().iter().map(|&value| upper_half(value)).collect(), rows.width())
    };
    Reference.weight_gradient(&round(&dy), &round(&x), F32, &mut expected, 0).unwrap();
    assert_eq!(found, expected);
}

/// Rounding to 8 bits is half of 2⁻⁸ at most, 2⁻⁹ · 0.58 in the mean; three in a row.
#[test]
fn attention_backward_in_bf16_is_near_that_in_f32() {
    let segments = Segments::from_lengths([17, 1, 30]);
    let plan = Reference.plan_attention(segments.clone(), KvRanges::from(&segments)).unwrap();
    let (q, kv, d_out) = (matrix(48, 32, 1), matrix(48, 64, 2), matrix(48, 32, 3));
    let backward = |precision| {
        let options = AttentionOptions { heads: 2, causal: true, precision };
        Reference.attention_backward(&q, &kv, &d_out, &plan, options).unwrap()
    };
    let ((q32, kv32), (q16, kv16)) = (backward(F32), backward(Precision::Bf16));
    for (expected, found) in [(q32, q16), (kv32, kv16)] {
        let pairs = expected.values().iter().zip(found.values());
        let error: f32 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
        let norm: f32 = expected.values().iter().map(|a| a * a).sum();
        let relative = (error / norm).sqrt();
        assert!(relative > 1e-4 && relative < 5e-3, "{relative}");
    }
}

/// `torch.optim.AdamW` of PyTorch 2.15 in f64, with half the gradients.
#[test]
fn adamw_is_that_of_pytorch() {
    let row = |values: [f32; 3]| Matrix::new(values.to_vec(), 3);
    let (mut weight, mut first, mut second) = (row([1.0, -0.5, 0.25]), zeros(1, 3), zeros(1, 3));
    let steps = [(0.1, [0.5, -2.0, 0.0]), (0.05, [1.0, 0.25, -3.0]), (0.1, [-0.5, 1.0, 0.125])];
    for (step, (learning_rate, gradient)) in (1..).zip(steps) {
        let (beta1, beta2, eps, weight_decay, gradient_factor) = (0.9, 0.98, 1e-6, 0.2, 0.5);
        let step = AdamW { learning_rate, beta1, beta2, eps, weight_decay, step, gradient_factor };
        Reference.adamw(&mut weight, &row(gradient), &mut first, &mut second, step).unwrap();
    }
    for (found, expected) in [
        (weight, [0.764_607_942, -0.338_904_718, 0.328_802_037]),
        (first, [0.040_25, -0.019_75, -0.128_75]),
        (second, [0.007_350_5, 0.024_514_25, 0.044_178_125]),
    ] {
        for (found, expected) in found.values().iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-7, "{found} against {expected}");
        }
    }
}

#[test]
fn sums_of_squares_and_moving_averages() {
    let x = Matrix::new(vec![3.0, -4.0, 1e30, 0.5], 2);
    let expected = 25.25 + f64::from(1e30_f32).powi(2);
    assert_eq!(Reference.squared_norm(&x).unwrap(), expected);
    let bad = Matrix::new(vec![1.0, f32::NAN], 2);
    assert!(Reference.squared_norm(&bad).unwrap().is_nan());
    let mut average = Matrix::new(vec![1.0, 2.0], 2);
    Reference.moving_average(&mut average, &Matrix::new(vec![3.0, -2.0], 2), 0.75).unwrap();
    assert_eq!(average.values(), [1.5, 1.0]);
}
