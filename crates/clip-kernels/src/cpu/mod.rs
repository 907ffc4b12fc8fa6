//! The processor's own arithmetic: f32, packed weights, every thread of rayon's current pool.

mod activation;
mod attention;
mod batch_norm;
mod column_sums;
mod convolution;
mod elementwise;
mod exponential;
mod gemm;
mod isa;
mod lanes;
mod layer_norm;
mod losses;
mod normalize;
mod optimizer;
mod patches;
mod peak;
mod pool;
mod rows;
mod target;
mod thread_team;
mod train;
mod transpose;
mod weight_gradient;
mod winograd;

pub use gemm::PackedWeight;
pub use isa::Isa;
pub use peak::measure_peak;

use crate::buffers;
use crate::shape_checks;
use crate::{
    AttentionOptions, AttentionPlan, ConvolutionShape, Device, Epilogue, KvRanges, MapShape,
    Matrix, MatrixView, PatchGrid, Precision, Projections, Reference, Result, Segments,
};
use gemm::{Im2col, Lhs, Part, TileEpilogue, Use, product};
use std::sync::{Mutex, PoisonError};

/// The processor this program runs on, in f32.
///
/// Threads are those of rayon's current pool; how many there are never changes a bit of a result.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    isa: Isa,
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl Cpu {
    /// With the widest instruction set this processor has.
    pub fn new() -> Self {
        Self::with_isa(Isa::detect())
    }

    /// With one of the instruction sets this processor has.
    pub fn with_isa(isa: Isa) -> Self {
        Self { isa }
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The product of any left side with a weight, in the residual's memory where there is one.
    fn multiply(
        &self,
        lhs: Lhs<'_>,
        rows: usize,
        weight: &PackedWeight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Matrix> {
        let (epilogue, mut out) = Self::split_epilogue(rows, weight, epilogue)?;
        product(self.isa, lhs, rows, weight.panels(), out.values_mut(), epilogue);
        Ok(out)
    }

    /// What happens to the sums, and where they go.
    fn split_epilogue<'a>(
        rows: usize,
        weight: &PackedWeight,
        epilogue: Epilogue<'a, Self>,
    ) -> Result<(TileEpilogue<'a>, Matrix)> {
        let Epilogue { bias, residual, activation } = epilogue;
        let (bias, accumulate) = (bias.map(Vec::as_slice), residual.is_some());
        let out = residual.map_or_else(|| Matrix::unwritten(rows, weight.outputs()), Ok)?;
        Ok((TileEpilogue { bias, activation, accumulate }, out))
    }
}

/// The rows of a matrix as left side of a product.
fn rows_of(x: &Matrix) -> Lhs<'_> {
    Lhs::Rows { values: x.values(), stride: x.width(), column: 0 }
}

impl Device for Cpu {
    type Rows = Matrix;
    type Vector = Vec<f32>;
    type Weight = PackedWeight;
    type Indices = Vec<usize>;
    type AttentionPlan = AttentionPlan;

    fn to_device(&self, values: Vec<f32>, width: usize) -> Result<Matrix> {
        Ok(Matrix::new(values, width))
    }

    fn copy_to_device(&self, values: &[f32], width: usize) -> Result<Matrix> {
        Matrix::from_slice(values, width)
    }

    fn to_host(&self, rows: Matrix) -> Result<Vec<f32>> {
        Ok(rows.into_values())
    }

    fn vector(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        Ok(values)
    }

    fn indices(&self, rows: Vec<usize>) -> Result<Vec<usize>> {
        Ok(rows)
    }

    fn plan_attention(&self, queries: Segments, keys: KvRanges) -> Result<AttentionPlan> {
        Ok(AttentionPlan::new(queries, keys))
    }

    fn pack(&self, weight: MatrixView<'_>, precision: Precision) -> Result<PackedWeight> {
        PackedWeight::pack(self.isa, weight, precision, Use::Kept)
    }

    fn pack_convolution(
        &self,
        weight: MatrixView<'_>,
        kernel: usize,
        stride: usize,
        precision: Precision,
    ) -> Result<PackedWeight> {
        convolution::pack(self.isa, weight, kernel, stride, precision)
    }

    fn parallel_region<R>(&self, pass: impl FnOnce() -> R) -> R {
        buffers::reusing(|| thread_team::parallel_region(pass))
    }

    fn threads(&self) -> usize {
        thread_team::size()
    }

    fn side_by_side(&self, passes: impl Fn() -> Result<()> + Sync) -> Result<()> {
        let results = Mutex::new(Ok(()));
        thread_team::side_by_side(|| {
            if let Err(error) = passes() {
                *results.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
            }
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    // The definition adds two f32 and moves them: there is nothing to gain on it.
    fn embed_tokens(
        &self,
        token_ids: &[u32],
        positions: &[usize],
        token_embedding: &Matrix,
        positional_embedding: &Matrix,
    ) -> Result<Matrix> {
        Reference.embed_tokens(token_ids, positions, token_embedding, positional_embedding)
    }

    fn embed_patches(
        &self,
        images: &Matrix,
        grid: PatchGrid,
        patch_embedding: &PackedWeight,
        class_embedding: Option<&Vec<f32>>,
        positional_embedding: &Matrix,
    ) -> Result<Matrix> {
        let shape = patch_embedding.shape();
        shape_checks::embed_patches(images, grid, shape, class_embedding, positional_embedding);
        let (images, rows) = (images.values(), images.rows() * grid.patches());
        let lhs = Lhs::Patches { images, grid, part: Part::First };
        let mut patches = self.multiply(lhs, rows, patch_embedding, Epilogue::none())?;
        if patch_embedding.panels().precision == Precision::Int8 {
            let lhs = Lhs::Patches { images, grid, part: Part::Rest };
            let epilogue = Epilogue::none().residual(patches);
            patches = self.multiply(lhs, rows, patch_embedding, epilogue)?;
        }
        patches::with_class_and_positions(&patches, class_embedding, positional_embedding)
    }

    fn linear(
        &self,
        x: &Matrix,
        weight: &PackedWeight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Matrix> {
        shape_checks::linear(x, weight.shape(), &epilogue);
        self.multiply(rows_of(x), x.rows(), weight, epilogue)
    }

    fn layer_norm(&self, x: &Matrix, gain: &Vec<f32>, bias: &Vec<f32>, eps: f64) -> Result<Matrix> {
        shape_checks::layer_norm(x, gain, bias);
        layer_norm::layer_norm(self.isa, x, gain, bias, eps)
    }

    fn attention(
        &self,
        queries: &Matrix,
        keys_values: Option<&Matrix>,
        plan: &AttentionPlan,
        options: AttentionOptions,
    ) -> Result<Matrix> {
        let projections = Projections::new(queries, keys_values);
        shape_checks::attention(projections, plan, options);
        attention::attention(self.isa, projections, plan, options)
    }

    fn gather_rows(&self, x: &Matrix, indices: &Vec<usize>) -> Result<Matrix> {
        Reference.gather_rows(x, indices)
    }

    fn channels_last(&self, images: &Matrix, channels: usize) -> Result<Matrix> {
        shape_checks::channels_last(images, channels);
        rows::channels_last(images, channels)
    }

    fn convolution(
        &self,
        maps: &Matrix,
        shape: ConvolutionShape,
        weight: &PackedWeight,
        epilogue: Epilogue<'_, Self>,
    ) -> Result<Matrix> {
        let items = shape_checks::convolution(maps, shape, weight.shape(), &epilogue);
        let cells = items * shape.output().cells();
        if weight.is_transformed() {
            let form = (shape.kernel, shape.stride, shape.padding);
            assert_eq!(form, (3, 1, 1), "form of a packed convolution");
            let (epilogue, mut out) = Self::split_epilogue(cells, weight, epilogue)?;
            let convolution = winograd::Convolution { maps, shape: shape.input, weight, epilogue };
            convolution.compute(self.isa, items, out.values_mut());
            return Ok(out);
        }
        let (channels, precision) = (maps.width(), weight.panels().precision);
        let read = |maps, words_of_cell| Im2col { maps, words_of_cell, shape };
        // No cell of an odd number of bf16 begins with a word.
        if precision == Precision::F32 {
            let lhs = Lhs::Im2colWords(read(maps.values(), channels));
            return self.multiply(lhs, cells, weight, epilogue);
        }
        if precision == Precision::Bf16 && channels.is_multiple_of(2) {
            let words = rows::bf16_words(self.isa, maps)?;
            let lhs = Lhs::Im2colWords(read(words.values(), channels / 2));
            return self.multiply(lhs, cells, weight, epilogue);
        }
        self.multiply(Lhs::Im2col(read(maps.values(), channels)), cells, weight, epilogue)
    }

    fn average_pool(&self, maps: &Matrix, shape: MapShape, side: usize) -> Result<Matrix> {
        let items = shape_checks::average_pool(maps, shape, side);
        pool::average_pool(self.isa, maps, items, shape, side)
    }

    fn pool_tokens(&self, maps: &Matrix, positional_embedding: &Matrix) -> Result<Matrix> {
        shape_checks::pool_tokens(maps, positional_embedding);
        pool::pool_tokens(self.isa, maps, positional_embedding)
    }
}
