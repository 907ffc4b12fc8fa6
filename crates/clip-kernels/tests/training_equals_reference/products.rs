//! The products: gradients of weights, patch embeddings, convolutions.

use super::{RELATIVE, THREADS, assert_close, matrix, with_threads};
use clip_kernels::{
    ConvolutionShape, Cpu, Device, Epilogue, Isa, MapShape, Matrix, PatchGrid, Precision,
    Reference, Result, Train, WeightOrder,
};
use proptest::prelude::*;

fn precision() -> impl Strategy<Value = Precision> {
    prop::sample::select(vec![Precision::F32, Precision::Bf16])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn weights_and_their_gradients_equal_their_definition(
        rows in 0_usize..300,
        inputs in 1_usize..200,
        outputs in 1_usize..200,
        first_row in 0_usize..3,
        precision in precision(),
        seed: u32,
    ) {
        let (x, dy) = (matrix(rows, inputs, seed), matrix(rows, outputs, seed ^ 1));
        on_every_device!(device => {
            let mut gradient = matrix(first_row + outputs + 1, inputs, seed ^ 2);
            device.weight_gradient(&dy, &x, precision, &mut gradient, first_row)?;
            let weight = matrix(first_row + outputs + 1, inputs, seed ^ 3);
            let part = first_row..first_row + outputs;
            let forward =
                device.pack_parameter(&weight, part.clone(), WeightOrder::OutputMajor, precision)?;
            let y = device.linear(&x, &forward, Epilogue::none())?;
            let backward =
                device.pack_parameter(&weight, part, WeightOrder::InputMajor, precision)?;
            [gradient, y, device.linear(&dy, &backward, Epilogue::none())?]
        });
    }

    #[test]
    fn patch_embeddings_have_the_gradients_of_their_definition(
        items in 0_usize..5,
        side in 1_usize..4,
        patch_size in 1_usize..9,
        width in 1_usize..80,
        has_class_token: bool,
        precision in precision(),
        seed: u32,
    ) {
        let grid = PatchGrid { resolution: side * patch_size, patch_size };
        let images = matrix(items, grid.image_values(), seed);
        let tokens = grid.patches() + usize::from(has_class_token);
        let dy = matrix(items * tokens, width, seed ^ 1);
        on_every_device!(device => {
            let mut patches = matrix(width, grid.patch_values(), seed ^ 2);
            let mut class = matrix(1, width, seed ^ 3);
            let mut positions = matrix(tokens, width, seed ^ 4);
            device.embed_patches_backward(
                &images, grid, &dy, has_class_token, precision, Some(&mut patches),
                has_class_token.then_some(&mut class), Some(&mut positions),
            )?;
            [patches, class, positions]
        });
    }

    #[test]
    fn convolutions_have_the_gradients_of_their_definition(
        items in 0_usize..4,
        height in 1_usize..12,
        width in 1_usize..12,
        channels in prop::sample::select(vec![1_usize, 3, 15, 16, 20, 33, 64]),
        outputs in prop::sample::select(vec![1_usize, 3, 16, 17, 40, 64, 100]),
        (kernel, stride, padding) in prop::sample::select(vec![
            (1, 1, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 1), (2, 2, 0), (3, 1, 0), (3, 1, 2),
            (5, 1, 2), (1, 1, 1), (2, 1, 1),
        ]),
        precision in precision(),
        seed: u32,
    ) {
        let input = MapShape { height, width };
        let shape = ConvolutionShape { input, kernel, stride, padding };
        let maps = matrix(items * input.cells(), channels, seed);
        let dy = matrix(items * shape.output().cells(), outputs, seed ^ 1);
        prop_assume!(shape.output().cells() > 0);
        let weight = matrix(outputs, kernel * kernel * channels, seed ^ 2);
        on_every_device!(device => {
            let packed = device.pack_convolution_parameter(&weight, kernel, stride, precision)?;
            // What Winograd's way of computing costs in digits is seen with one padding alone.
            let y = match (kernel, padding) {
                (3, padding) if padding != 1 => matrix(1, 1, 0),
                _ => device.convolution(&maps, shape, &packed, Epilogue::none())?,
            };
            let d_maps = device.convolution_input_gradient(&dy, shape, &weight, precision)?;
            let mut d_weight = matrix(outputs, kernel * kernel * channels, seed ^ 3);
            device.convolution_weight_gradient(&maps, shape, &dy, precision, &mut d_weight)?;
            [y, d_maps, d_weight]
        });
    }
}

#[test]
fn a_gradient_over_thousands_of_rows_equals_its_definition() {
    for (rows, precision) in [(2500, Precision::F32), (4500, Precision::Bf16)] {
        let (x, dy) = (matrix(rows, 33, 1), matrix(rows, 40, 2));
        on_every_device!(device => {
            let mut gradient = matrix(40, 33, 3);
            device.weight_gradient(&dy, &x, precision, &mut gradient, 0)?;
            [gradient]
        });
    }
}

#[test]
fn convolutions_of_many_tiles_have_the_gradients_of_their_definition() {
    let shape = ConvolutionShape { input: MapShape::square(28), kernel: 3, stride: 1, padding: 1 };
    for (channels, outputs) in [(40, 20), (16, 130)] {
        let (maps, dy) = (matrix(6 * 784, channels, 1), matrix(6 * 784, outputs, 2));
        let weight = matrix(outputs, 9 * channels, 3);
        for precision in [Precision::F32, Precision::Bf16] {
            on_every_device!(device => {
                let d_maps = device.convolution_input_gradient(&dy, shape, &weight, precision)?;
                let mut d_weight = matrix(outputs, 9 * channels, 4);
                device.convolution_weight_gradient(&maps, shape, &dy, precision, &mut d_weight)?;
                [d_maps, d_weight]
            });
        }
    }
}
