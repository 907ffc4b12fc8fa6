//! Either of the two image towers.

use super::modified_resnet::{ResNetActivations, TrainableModifiedResNet};
use super::vision_transformer::{TrainableVisionTransformer, VisionActivations};
use super::{ImageRows, ModifiedResNet, VisionTransformer};
use crate::architecture::bottlenecks;
use crate::image_pass::{ImagePass, Kept};
use crate::layers::{
    BackwardPass, BatchNorms, BlockOptions, Loader, ObservedStatistics, Pass, Places,
};
use crate::{Architecture, CheckpointError, ImageArchitecture};
use clip_kernels::{Device, PatchGrid, Result, Train};

/// Rows of a ViT that a thread computes at a time: bounds memory for any number of items. Three
/// images of ViT-B/32, whose widest layer (2 MB) stays near the processor, and one of ViT-L/14; six
/// are 6 % slower in int8, two of ViT-L/14 4 % in bf16.
const ROWS_AT_A_TIME: usize = 150;
/// Cells of a ResNet's widest maps computed at a time: 2 pictures of 224 px, one of 288 px or more,
/// whose maps stay near the processor. 5 at a time are 6 % slower in f32; in bf16 8 % slower on one
/// thread, no different on two.
const CELLS_AT_A_TIME: usize = 1 << 15;

// One per model: the sizes of the variants do not matter.
#[allow(clippy::large_enum_variant, reason = "there is one of it in a model")]
pub(crate) enum ImageTower<D: Device> {
    VisionTransformer(VisionTransformer<D>),
    ModifiedResNet(ModifiedResNet<D>),
}

impl<D: Device> ImageTower<D> {
    /// The branch `visual`.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        architecture: &Architecture,
    ) -> Result<Self, CheckpointError> {
        match architecture.image {
            ImageArchitecture::VisionTransformer {
                resolution, patch_size, layers, heads, ..
            } => {
                let activation = architecture.activation;
                let options = BlockOptions { heads, activation, causal: false };
                let grid = PatchGrid { resolution, patch_size };
                VisionTransformer::load(loader, grid, layers, &options).map(Self::VisionTransformer)
            }
            ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => {
                let tokens = architecture.image.tokens();
                ModifiedResNet::load(loader, resolution, &bottlenecks(width, blocks), tokens, heads)
                    .map(Self::ModifiedResNet)
            }
        }
    }

    /// How many pictures are computed at a time.
    ///
    /// - `resolution`: side of a picture
    pub(crate) fn images_at_a_time(&self, resolution: usize) -> usize {
        match self {
            Self::VisionTransformer(tower) => ROWS_AT_A_TIME.div_ceil(tower.tokens()),
            Self::ModifiedResNet(_) => (CELLS_AT_A_TIME / (resolution * resolution / 4)).max(1),
        }
    }

    /// `input [items, 3 · resolution²] -> both kinds of rows`.
    pub(crate) fn forward(
        &self,
        device: &D,
        input: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> Result<ImageRows<D>> {
        match self {
            Self::VisionTransformer(tower) => tower.forward(device, input, items, pooled_rows_only),
            Self::ModifiedResNet(tower) => tower.forward(device, input, items, pooled_rows_only),
        }
    }
}

/// The same while it is trained.
#[allow(clippy::large_enum_variant, reason = "there is one of it in a model")]
pub(crate) enum TrainableImageTower {
    VisionTransformer(TrainableVisionTransformer),
    ModifiedResNet(TrainableModifiedResNet),
}

/// What its backward needs.
#[allow(clippy::large_enum_variant, reason = "there is one of it in a step")]
pub(crate) enum ImageTowerActivations<D: Device> {
    VisionTransformer(VisionActivations<D>),
    ModifiedResNet(ResNetActivations<D>),
}

impl<D: Device> ImageTowerActivations<D> {
    /// What came out of each part by its name, from the input up.
    pub(crate) fn outputs(&self, architecture: &Architecture) -> Vec<(String, &D::Rows)> {
        match (self, &architecture.image) {
            (
                Self::ModifiedResNet(kept),
                &ImageArchitecture::ModifiedResNet { width, blocks, .. },
            ) => kept.outputs(&bottlenecks(width, blocks)),
            (Self::VisionTransformer(kept), _) => kept.outputs(),
            _ => Vec::new(),
        }
    }
}

impl TrainableImageTower {
    /// The branch `visual`.
    pub(crate) fn find(places: &Places<'_>, architecture: &Architecture) -> Self {
        match architecture.image {
            ImageArchitecture::VisionTransformer {
                resolution, patch_size, layers, heads, ..
            } => {
                let activation = architecture.activation;
                let options = BlockOptions { heads, activation, causal: false };
                let grid = PatchGrid { resolution, patch_size };
                let tower = TrainableVisionTransformer::find(places, grid, layers, &options);
                Self::VisionTransformer(tower)
            }
            ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => {
                let tokens = architecture.image.tokens();
                let blocks = bottlenecks(width, blocks);
                let tower =
                    TrainableModifiedResNet::find(places, resolution, &blocks, tokens, heads);
                Self::ModifiedResNet(tower)
            }
        }
    }

    /// `images [items, 3 · resolution²] -> features [items, embed_dim]`, what backward needs, and
    /// what the batch norms saw.
    #[allow(clippy::type_complexity, reason = "three things that go three ways")]
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        images: D::Rows,
        items: usize,
        options: &ImagePass,
        kept: Kept,
    ) -> Result<(D::Rows, ImageTowerActivations<D>, Vec<ObservedStatistics>)> {
        match self {
            Self::VisionTransformer(tower) => {
                let patches = options.kept_patches.as_deref();
                let (features, activations) = tower.forward(pass, images, items, patches, kept)?;
                let activations = ImageTowerActivations::VisionTransformer(activations);
                Ok((features, activations, Vec::new()))
            }
            Self::ModifiedResNet(tower) => {
                let mut norms = BatchNorms::new(options.batch_norm);
                let (features, activations) =
                    tower.forward(pass, &images, items, &mut norms, kept)?;
                let activations = ImageTowerActivations::ModifiedResNet(activations);
                Ok((features, activations, norms.observed))
            }
        }
    }

    /// From the gradient of the features to those of the parameters.
    ///
    /// # Panics
    /// When the activations are those of another tower.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: ImageTowerActivations<D>,
        d_features: &D::Rows,
    ) -> Result<()> {
        use ImageTowerActivations as Activations;
        match (self, activations) {
            (Self::VisionTransformer(tower), Activations::VisionTransformer(activations)) => {
                tower.backward(back, activations, d_features)
            }
            (Self::ModifiedResNet(tower), Activations::ModifiedResNet(activations)) => {
                tower.backward(back, activations, d_features)
            }
            _ => panic!("activations of another tower"),
        }
    }
}
