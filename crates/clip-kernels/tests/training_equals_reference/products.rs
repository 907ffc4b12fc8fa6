//! The products: gradients of weights, patch embeddings, convolutions.

use super::{RELATIVE, THREADS, assert_close, matrix, with_threads};
use clip_kernels::{
    Cpu, Device, Epilogue, Isa, Matrix, PatchGrid, Precision, Reference, Result, Train, WeightOrder,
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
