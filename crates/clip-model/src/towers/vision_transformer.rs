//! Image tower of the four ViT models (PROTOCOL 1.1).
//!
//! ```text
//! input [items, 3 · resolution²]
//!    │ patch_embedding [width, 3 · patch_size²], class_embedding in front, + positional_embedding
//!    ▼
//! rows [items · tokens, width]     tokens = grid² + 1
//!    │ ln_pre, blocks; the last one only for row 0 of each image
//!    ▼
//! class rows [items, width]
//!    │ ln_post, · image_projection [width, embed_dim]
//!    ▼
//! features [items, embed_dim]      NOT normalised
//! ```

use super::ImageRows;
use crate::CheckpointError;
use crate::image_pass::Kept;
use crate::layers::{
    BackwardPass, BlockOptions, Items, LayerNorm, Linear, Loader, Pass, Places, Plan,
    TrainableLayerNorm, TrainableLinear, TrainableTransformer, Transformer, TransformerActivations,
};
use clip_kernels::{
    Activation, Device, MatrixView, PatchGrid, Result, Segments, Train, WeightOrder,
};

pub(crate) struct VisionTransformer<D: Device> {
    grid: PatchGrid,
    patch_embedding: D::Weight,    // [width, 3 · patch_size²]
    class_embedding: D::Vector,    // [width]
    positional_embedding: D::Rows, // [tokens, width]
    ln_pre: LayerNorm<D>,
    transformer: Transformer<D>,
    ln_post: LayerNorm<D>,
    image_projection: Linear<D>, // [embed_dim, width]
}

impl<D: Device> VisionTransformer<D> {
    /// The branch `visual`.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        grid: PatchGrid,
        layers: usize,
        options: &BlockOptions,
    ) -> Result<Self, CheckpointError> {
        let patch_embedding = loader.values("conv1.weight")?;
        let width = patch_embedding.len() / grid.patch_values();
        let patch_embedding =
            MatrixView::output_major(&patch_embedding, width, grid.patch_values());
        Ok(Self {
            grid,
            patch_embedding: loader.pack(patch_embedding)?,
            class_embedding: loader.vector("class_embedding")?,
            positional_embedding: loader.rows("positional_embedding")?,
            ln_pre: LayerNorm::load(&loader.at("ln_pre"))?,
            transformer: Transformer::load(&loader.at("transformer"), layers, options)?,
            ln_post: LayerNorm::load(&loader.at("ln_post"))?,
            image_projection: Linear::load_projection(loader, "proj")?,
        })
    }

    /// Rows that a picture is while it is computed.
    pub(crate) fn tokens(&self) -> usize {
        self.grid.patches() + 1
    }

    /// `input [items, 3 · resolution²] -> penultimate [items, width], features [items, embed_dim]`.
    pub(crate) fn forward(
        &self,
        device: &D,
        input: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> Result<ImageRows<D>> {
        let plan = Items::uniform(items, self.tokens()).prepare(device)?; // row 0: the class token's
        let rows = device.embed_patches(
            input,
            self.grid,
            &self.patch_embedding,
            Some(&self.class_embedding),
            &self.positional_embedding,
        )?; // [items · tokens, width]
        let rows = self.ln_pre.forward(device, &rows)?;
        let pooled = self.transformer.forward_pooled(device, rows, &plan, pooled_rows_only)?; // [items, width]
        let penultimate = self.ln_post.forward(device, &pooled)?;
        let features = self.image_projection.forward(device, &penultimate, Activation::None)?;
        Ok(ImageRows { penultimate, features })
    }
}

/// The same while it is trained.
pub(crate) struct TrainableVisionTransformer {
    grid: PatchGrid,
    patch_embedding: usize,
    class_embedding: usize,
    positional_embedding: usize,
    width: usize,
    ln_pre: TrainableLayerNorm,
    transformer: TrainableTransformer,
    ln_post: TrainableLayerNorm,
    image_projection: TrainableLinear,
}

/// What its backward needs.
pub(crate) struct VisionActivations<D: Device> {
    images: D::Rows, // [items, 3 · resolution²]
    items: usize,
    kept: Option<D::Indices>, // rows that patch dropout left
    embedded: D::Rows,        // [rows, width], before `ln_pre`
    plan: Plan<D>,
    blocks: TransformerActivations<D>,
    pooled: D::Rows, // [items, width], before `ln_post`
}

impl<D: Device> VisionActivations<D> {
    /// What came out of each part by its name, from the input up.
    pub(crate) fn outputs(&self) -> Vec<(String, &D::Rows)> {
        let mut outputs = vec![("visual.conv1".to_owned(), &self.embedded)];
        let blocks = self.blocks.outputs("visual.transformer", "visual.ln_pre", &self.pooled);
        outputs.extend(blocks);
        outputs
    }
}

impl TrainableVisionTransformer {
    /// The branch `visual`.
    pub(crate) fn find(
        places: &Places<'_>,
        grid: PatchGrid,
        layers: usize,
        options: &BlockOptions,
    ) -> Self {
        let patch_embedding = places.index("conv1.weight");
        Self {
            grid,
            patch_embedding,
            class_embedding: places.index("class_embedding"),
            positional_embedding: places.index("positional_embedding"),
            width: places.size(patch_embedding).0,
            ln_pre: TrainableLayerNorm::find(&places.at("ln_pre")),
            transformer: TrainableTransformer::find(&places.at("transformer"), layers, options),
            ln_post: TrainableLayerNorm::find(&places.at("ln_post")),
            image_projection: TrainableLinear::find_projection(places, "proj"),
        }
    }

    fn tokens(&self) -> usize {
        self.grid.patches() + 1
    }

    /// `images [items, 3 · resolution²] -> features [items, embed_dim]`.
    ///
    /// - `kept_patches`: those of each picture that are computed
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        images: D::Rows,
        items: usize,
        kept_patches: Option<&[Vec<usize>]>,
        kept: Kept,
    ) -> Result<(D::Rows, VisionActivations<D>)> {
        let device = pass.device;
        let embedded = self.embed(pass, &images)?; // [items · tokens, width]
        let (segments, kept_rows) = match kept_patches {
            None => (Segments::uniform(items, self.tokens()), None),
            Some(patches) => {
                let segments = Segments::from_lengths(patches.iter().map(|of| of.len() + 1));
                (segments, Some(device.indices(self.rows_of(patches))?))
            }
        };
        let embedded = match &kept_rows {
            Some(rows) => device.gather_rows(&embedded, rows)?,
            None => embedded,
        };
        let plan = Items::read_at(segments, |rows| rows.start).prepare(device)?; // the class token
        let rows = self.ln_pre.forward(pass, &embedded)?;
        let (pooled, blocks) = self.transformer.forward(pass, rows, &plan, kept)?; // [items, width]
        let normed = self.ln_post.forward(pass, &pooled)?;
        let features = self.image_projection.forward(pass, &normed)?;
        let kept = kept_rows;
        Ok((features, VisionActivations { images, items, kept, embedded, plan, blocks, pooled }))
    }

    fn embed<D: Train>(&self, pass: &Pass<'_, D>, images: &D::Rows) -> Result<D::Rows> {
        let (rows, order) = (0..self.width, WeightOrder::OutputMajor);
        let patch_embedding = pass.pack(self.patch_embedding, rows, order)?;
        let class_embedding = pass.vector(self.class_embedding, 0..self.width)?;
        let positions = &pass.values[self.positional_embedding];
        let class_embedding = Some(&class_embedding);
        pass.device.embed_patches(images, self.grid, &patch_embedding, class_embedding, positions)
    }

    /// The rows of the class token and of these patches of each picture.
    fn rows_of(&self, patches: &[Vec<usize>]) -> Vec<usize> {
        let of_picture = |(picture, patches): (usize, &Vec<usize>)| {
            let first = picture * self.tokens();
            std::iter::once(first)
                .chain(patches.iter().map(move |patch| first + 1 + patch))
                .collect::<Vec<_>>()
        };
        patches.iter().enumerate().flat_map(of_picture).collect()
    }

    /// From the gradient of the features to those of the parameters.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: VisionActivations<D>,
        d_features: &D::Rows,
    ) -> Result<()> {
        let VisionActivations { images, items, kept, embedded, plan, blocks, pooled } = activations;
        let pass = back.pass;
        let embeddings = [self.class_embedding, self.positional_embedding, self.patch_embedding];
        let bottom: Vec<usize> = self.ln_pre.parameters().into_iter().chain(embeddings).collect();
        let d_pooled = {
            let normed = self.ln_post.forward(&pass, &pooled)?;
            self.image_projection.add_gradients(back, &normed, d_features)?;
            let d_normed = self.image_projection.input_gradient(&pass, d_features, None)?;
            self.ln_post.backward(back, &pooled, &d_normed)?
        };
        let top = self.image_projection.parameters().chain(self.ln_post.parameters());
        back.ready(&top.collect::<Vec<_>>());
        let trains_bottom = back.trains(&bottom);
        let dx = self.transformer.backward(back, blocks, d_pooled, &plan, trains_bottom)?;
        let Some(dx) = dx else { return Ok(()) };
        let dx = self.ln_pre.backward(back, &embedded, &dx)?;
        drop(embedded);
        if back.trains(&embeddings) {
            let dx = match &kept {
                Some(rows) => pass.device.scatter_rows(&dx, rows, items * self.tokens())?,
                None => dx,
            };
            self.embed_backward(back, &images, &dx)?;
        }
        back.ready(&bottom);
        Ok(())
    }

    fn embed_backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        images: &D::Rows,
        dy: &D::Rows,
    ) -> Result<()> {
        let places = [self.patch_embedding, self.class_embedding, self.positional_embedding];
        let mut taken = places.map(|place| back.gradients.take(place));
        let [patches, class, positions] = taken.each_mut().map(Option::as_mut);
        let Pass { device, precision, .. } = back.pass;
        let done = device.embed_patches_backward(
            images, self.grid, dy, true, precision, patches, class, positions,
        );
        for (place, gradient) in places.into_iter().zip(taken) {
            if let Some(gradient) = gradient {
                back.gradients.put(place, gradient);
            }
        }
        done
    }
}
