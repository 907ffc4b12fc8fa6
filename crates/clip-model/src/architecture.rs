//! What a CLIP is made of: the sizes of its two towers and the choices that no tensor shape tells.

/// The non-linearity in the residual blocks' MLPs (PROTOCOL 1.1, trap 9.1).
///
/// Weights do not say which one they were trained with; a loaded checkpoint
/// says where the choice came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x · sigmoid(1.702·x)`: all nine released models.
    QuickGelu,
    /// The exact (erf) GELU: most open_clip models.
    Gelu,
}

impl Activation {
    /// The name used in configurations: `quick_gelu` or `gelu`.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuickGelu => "quick_gelu",
            Self::Gelu => "gelu",
        }
    }
}

/// A whole CLIP: both towers, the width they share and the activation (PROTOCOL 1.5, 1.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    /// Length of the features both towers end in.
    pub embed_dim: usize,
    /// The image tower.
    pub image: ImageArchitecture,
    /// The text tower.
    pub text: TextArchitecture,
    /// Activation of both towers' residual blocks. A ModifiedResNet does not use it.
    pub activation: Activation,
    /// Whether there is a `logit_bias`, as the sigmoid loss trains one. It shifts all similarities
    /// alike: no feature and no softmax depends on it.
    pub logit_bias: bool,
}

/// No size of a CLIP comes near; products of three such sizes do not overflow.
const LARGEST_SIZE: usize = 1 << 20;

impl Architecture {
    /// Whether the sizes fit together, so that nothing that is computed with them divides by zero
    /// or overflows.
    ///
    /// # Errors
    /// The size that does not fit, and what is allowed.
    pub fn validate(&self) -> Result<(), String> {
        let text = &self.text;
        let mut sizes = vec![
            ("embed_dim", self.embed_dim),
            ("context_length", text.context_length),
            ("vocab_size", text.vocab_size),
            ("text width", text.width),
            ("text MLP width", text.mlp_width),
            ("text layers", text.layers),
        ];
        // What divides what.
        let mut divisors = vec![("text heads", text.heads, "text width", text.width)];
        match self.image {
            ImageArchitecture::VisionTransformer {
                resolution,
                patch_size,
                width,
                heads,
                mlp_width,
                ..
            } => {
                sizes.extend([
                    ("resolution", resolution),
                    ("image width", width),
                    ("image MLP width", mlp_width),
                ]);
                divisors.push(("patch_size", patch_size, "resolution", resolution));
                divisors.push(("image heads", heads, "image width", width));
            }
            ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => {
                sizes.extend([("resolution", resolution), ("image width", width)]);
                sizes.extend(blocks.map(|blocks| ("blocks of a stage", blocks)));
                divisors.push(("stride of the tower", 32, "resolution", resolution));
                divisors.push(("channels halved in the stem", 2, "image width", width));
                divisors.push((
                    "attention pool heads",
                    heads,
                    "attention pool width",
                    width.saturating_mul(32),
                ));
            }
        }
        for (name, size) in sizes {
            if size == 0 || size > LARGEST_SIZE {
                return Err(format!("{name} is {size}, expected 1 to {LARGEST_SIZE}"));
            }
        }
        for (name, divisor, of, size) in divisors {
            if divisor == 0 || !size.is_multiple_of(divisor) {
                return Err(format!("{name} {divisor} does not divide {of} {size}"));
            }
        }
        Ok(())
    }
}

/// Sizes of an image tower (PROTOCOL 1.1, 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageArchitecture {
    /// A vision transformer.
    VisionTransformer {
        /// Side of the input in pixels.
        resolution: usize,
        /// Side of a patch in pixels; divides the resolution.
        patch_size: usize,
        /// Features of a token.
        width: usize,
        /// Residual blocks.
        layers: usize,
        /// Attention heads of a block; divides the width.
        heads: usize,
        /// Features inside a block's MLP.
        mlp_width: usize,
    },
    /// CLIP's ResNet with an attention pool.
    ModifiedResNet {
        /// Side of the input in pixels; 32 times the grid that reaches the attention pool.
        resolution: usize,
        /// Channels that leave the stem; the last stage has 32 times as many.
        width: usize,
        /// Bottleneck blocks of each stage.
        blocks: [usize; 4],
        /// Heads of the attention pool.
        heads: usize,
    },
}

impl ImageArchitecture {
    /// Side of the input in pixels.
    pub fn resolution(&self) -> usize {
        match *self {
            Self::VisionTransformer { resolution, .. }
            | Self::ModifiedResNet { resolution, .. } => resolution,
        }
    }

    /// Length of a feature before the projection into the joint space.
    pub fn penultimate_width(&self) -> usize {
        match *self {
            Self::VisionTransformer { width, .. } => width,
            Self::ModifiedResNet { width, .. } => 32 * width,
        }
    }

    /// Side of the grid of patches, or of the map that reaches the attention pool.
    pub fn grid(&self) -> usize {
        match *self {
            Self::VisionTransformer { resolution, patch_size, .. } => {
                resolution.checked_div(patch_size).unwrap_or(0)
            }
            Self::ModifiedResNet { resolution, .. } => resolution / 32,
        }
    }

    /// Rows of the position table: the grid's cells and one more (class token or mean).
    pub fn tokens(&self) -> usize {
        let grid = self.grid();
        grid.saturating_mul(grid).saturating_add(1)
    }
}

/// A bottleneck block of a ModifiedResNet, from `channels` to `4 · planes` (PROTOCOL 1.2).
pub(crate) struct BottleneckShape {
    /// `layer{stage}.{block}` below the tower, stages from 1.
    pub(crate) name: String,
    /// Channels that come in.
    pub(crate) channels: usize,
    /// Channels inside.
    pub(crate) planes: usize,
    /// By how much the map gets smaller: 2 in the first block of a stage, from the second stage on.
    pub(crate) stride: usize,
    /// Every stage's first block changes the number of channels, the first stage's too: its
    /// shortcut is a convolution.
    pub(crate) has_downsample: bool,
}

/// The blocks of all stages, one after the other.
pub(crate) fn bottlenecks(width: usize, blocks: [usize; 4]) -> Vec<BottleneckShape> {
    let mut channels = width;
    let mut shapes = Vec::new();
    for (stage, &count) in blocks.iter().enumerate() {
        let planes = width << stage;
        for block in 0..count {
            let name = format!("layer{}.{block}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            shapes.push(BottleneckShape {
                name,
                channels,
                planes,
                stride,
                has_downsample: block == 0,
            });
            channels = 4 * planes;
        }
    }
    shapes
}

/// Sizes of the text tower (PROTOCOL 1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextArchitecture {
    /// Longest text in tokens, start and end included.
    pub context_length: usize,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// Features of a token.
    pub width: usize,
    /// Residual blocks.
    pub layers: usize,
    /// Attention heads of a block; divides the width.
    pub heads: usize,
    /// Features inside a block's MLP.
    pub mlp_width: usize,
    /// Which row becomes the text's feature.
    pub pooling: TextPooling,
}

/// Which position of a text is read (PROTOCOL 1.3, "pooling variants").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPooling {
    /// The position of the largest id, the first of equals: the reference, open_clip's `argmax`,
    /// and Hugging Face configurations whose `eos_token_id` is 2.
    Argmax,
    /// The first position with this id, position 0 where there is none.
    FirstId(u32),
    /// Position 0.
    First,
    /// The last position.
    Last,
}
