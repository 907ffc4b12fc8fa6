//! The architecture from the tensors' shapes (PROTOCOL 1.6.2), with a configuration's help for what
//! shapes do not tell: heads, activation, pooling.

use super::hints::{Hints, Size, StatedSize};
use crate::architecture::{
    Activation, Architecture, ImageArchitecture, TextArchitecture, TextPooling,
};
use crate::error::CheckpointError;
use crate::state_dict::StateDict;
use std::collections::BTreeSet;

/// No CLIP is near it in any size; products of two such sizes fit in 64 bits.
const SIZE_LIMIT: usize = 1 << 24;

/// Features per head in the released models.
const HEAD_WIDTH: usize = 64;

/// The architecture the shapes describe. The activation is a placeholder: see `activation`.
pub(super) fn architecture(
    state_dict: &StateDict,
    hints: &Hints,
) -> Result<Architecture, CheckpointError> {
    let shapes = Shapes { state_dict };
    let image = if state_dict.get("visual.proj").is_some() {
        vision_transformer(&shapes, hints)?
    } else if state_dict.names().any(|name| name.starts_with("visual.layer1.")) {
        modified_resnet(&shapes, hints)?
    } else {
        shapes.size("visual.proj", 1, 2)?; // names it as missing
        return Err(shapes.not_clip("no image tower".to_owned()));
    };
    let embed_dim = shapes.size("text_projection", 1, 2)?;
    let text = text(&shapes, hints)?;
    let logit_bias = state_dict.get("logit_bias").is_some();
    let activation = Activation::QuickGelu;
    let architecture = Architecture { embed_dim, image, text, activation, logit_bias };
    agree(&shapes, &architecture, hints)?;
    Ok(architecture)
}

/// Every tensor of the architecture must be there with its shape and a floating-point type, and no
/// other may be.
pub(super) fn check_names_and_shapes(
    state_dict: &StateDict,
    architecture: &Architecture,
) -> Result<(), CheckpointError> {
    state_dict.check(architecture)?;
    let expected: BTreeSet<String> =
        architecture.parameters().into_iter().map(|parameter| parameter.name).collect();
    let unexpected = state_dict.names().filter(|name| !expected.contains(*name));
    let names: Vec<String> = unexpected.map(str::to_owned).collect();
    match names.is_empty() {
        true => Ok(()),
        false => {
            Err(CheckpointError::UnexpectedTensors { path: state_dict.path().to_path_buf(), names })
        }
    }
}

fn vision_transformer(
    shapes: &Shapes<'_>,
    hints: &Hints,
) -> Result<ImageArchitecture, CheckpointError> {
    let width = shapes.size("visual.conv1.weight", 0, 4)?;
    let patch_size = shapes.size("visual.conv1.weight", 3, 4)?;
    let layers = shapes.count(|name| {
        let block = name.strip_prefix("visual.transformer.resblocks.")?;
        block.strip_suffix(".attn.in_proj_weight")
    });
    if layers == 0 {
        return Err(shapes.not_clip("the image tower has no residual blocks".to_owned()));
    }
    let grid = shapes.grid("visual.positional_embedding")?;
    let head_width = hints.image_head_width.unwrap_or(HEAD_WIDTH);
    Ok(ImageArchitecture::VisionTransformer {
        resolution: grid.saturating_mul(patch_size),
        patch_size,
        width,
        layers,
        heads: heads(shapes, "image", width, hints.image_heads, head_width)?,
        mlp_width: shapes.size("visual.transformer.resblocks.0.mlp.c_fc.weight", 0, 2)?,
    })
}

fn modified_resnet(
    shapes: &Shapes<'_>,
    hints: &Hints,
) -> Result<ImageArchitecture, CheckpointError> {
    let width = shapes.size("visual.layer1.0.conv1.weight", 0, 4)?;
    if !width.is_multiple_of(2) {
        return Err(shapes
            .not_clip(format!("the ResNet's stem has {width} channels, expected an even number")));
    }
    let mut blocks = [0usize; 4];
    for (prefix, count) in ["visual.layer1.", "visual.layer2.", "visual.layer3.", "visual.layer4."]
        .into_iter()
        .zip(&mut blocks)
    {
        *count = shapes.count(|name| name.strip_prefix(prefix)?.split('.').next());
        if *count == 0 {
            return Err(shapes.not_clip(format!("no tensor is called `{prefix}…`")));
        }
    }
    let grid = shapes.grid("visual.attnpool.positional_embedding")?;
    let pooled = width.saturating_mul(32);
    let head_width = hints.image_head_width.unwrap_or(HEAD_WIDTH);
    let heads = heads(shapes, "image", pooled, hints.image_heads, head_width)?;
    Ok(ImageArchitecture::ModifiedResNet {
        resolution: grid.saturating_mul(32),
        width,
        blocks,
        heads,
    })
}

fn text(shapes: &Shapes<'_>, hints: &Hints) -> Result<TextArchitecture, CheckpointError> {
    let width = shapes.size("ln_final.weight", 0, 1)?;
    let layers =
        shapes.count(|name| name.strip_prefix("transformer.resblocks.")?.split('.').next());
    if layers == 0 {
        return Err(shapes.not_clip("the text tower has no residual blocks".to_owned()));
    }
    Ok(TextArchitecture {
        context_length: shapes.size("positional_embedding", 0, 2)?,
        vocab_size: shapes.size("token_embedding.weight", 0, 2)?,
        width,
        layers,
        heads: heads(shapes, "text", width, hints.text_heads, HEAD_WIDTH)?,
        mlp_width: shapes.size("transformer.resblocks.0.mlp.c_fc.weight", 0, 2)?,
        pooling: hints.pooling.unwrap_or(TextPooling::Argmax),
    })
}

/// As stated, else by the width of a head.
fn heads(
    shapes: &Shapes<'_>,
    tower: &str,
    width: usize,
    stated: Option<usize>,
    head_width: usize,
) -> Result<usize, CheckpointError> {
    let heads = match stated {
        Some(heads) => heads,
        None if width.is_multiple_of(head_width) => width.checked_div(head_width).unwrap_or(0),
        None => {
            return Err(shapes.unknown_heads(tower, width, head_width));
        }
    };
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(shapes
            .not_clip(format!("{heads} heads do not divide the {tower} tower's width {width}")));
    }
    Ok(heads)
}

/// Widths of towers in the released models: nobody wonders at 64 features a head there.
const RELEASED_WIDTHS: [usize; 8] = [512, 640, 768, 1024, 2048, 2560, 3072, 4096];

/// What has to be said where no configuration states the heads: the towers whose width no released
/// model has.
pub(super) fn assumed_heads(architecture: &Architecture) -> Vec<String> {
    let image = match architecture.image {
        ImageArchitecture::VisionTransformer { width, heads, .. } => ("image", width, heads),
        ImageArchitecture::ModifiedResNet { width, heads, .. } => {
            ("image", width.saturating_mul(32), heads)
        }
    };
    let text = ("text", architecture.text.width, architecture.text.heads);
    let unusual =
        [image, text].into_iter().filter(|(_, width, _)| !RELEASED_WIDTHS.contains(width));
    let said = |(tower, width, heads)| {
        format!(
            "nothing says how many attention heads the {tower} tower has: {heads} of {HEAD_WIDTH} features were \
             guessed for its width {width} (`--model-config` decides)"
        )
    };
    unusual.map(said).collect()
}

/// Where shapes and configuration both speak they must say the same.
fn agree(
    shapes: &Shapes<'_>,
    architecture: &Architecture,
    hints: &Hints,
) -> Result<(), CheckpointError> {
    for StatedSize { size, stated, field } in &hints.stated {
        let Some(derived) = derived(architecture, *size) else {
            let problem = format!(
                "the configuration states `{field}`, the weights are another kind of tower's"
            );
            return Err(shapes.not_clip(problem));
        };
        if derived != *stated {
            let way = match size {
                Size::Resolution | Size::ContextLength => {
                    "; resampling of position tables is not supported"
                }
                _ => "",
            };
            let of = match size {
                Size::ImageMlp | Size::TextMlp => " (features of the MLP)",
                _ => "",
            };
            let problem = format!(
                "the configuration states {stated} by `{field}`{of}, the weights have {derived}{way}"
            );
            return Err(shapes.not_clip(problem));
        }
    }
    Ok(())
}

/// What the shapes give for a size; none where the tower has no such size.
fn derived(architecture: &Architecture, size: Size) -> Option<usize> {
    let text = &architecture.text;
    Some(match (size, &architecture.image) {
        (Size::EmbedDim, _) => architecture.embed_dim,
        (Size::Resolution, image) => image.resolution(),
        (Size::Patch, ImageArchitecture::VisionTransformer { patch_size, .. }) => *patch_size,
        (Size::ImageLayers, ImageArchitecture::VisionTransformer { layers, .. }) => *layers,
        (Size::ImageMlp, ImageArchitecture::VisionTransformer { mlp_width, .. }) => *mlp_width,
        (Size::Stage(stage), ImageArchitecture::ModifiedResNet { blocks, .. }) => {
            *blocks.get(stage)?
        }
        (Size::Patch | Size::ImageLayers | Size::ImageMlp | Size::Stage(_), _) => return None,
        (
            Size::ImageWidth,
            ImageArchitecture::VisionTransformer { width, .. }
            | ImageArchitecture::ModifiedResNet { width, .. },
        ) => *width,
        (Size::ContextLength, _) => text.context_length,
        (Size::Vocabulary, _) => text.vocab_size,
        (Size::TextWidth, _) => text.width,
        (Size::TextLayers, _) => text.layers,
        (Size::TextMlp, _) => text.mlp_width,
    })
}

struct Shapes<'a> {
    state_dict: &'a StateDict,
}

impl Shapes<'_> {
    fn not_clip(&self, problem: String) -> CheckpointError {
        CheckpointError::NotClip { path: self.state_dict.path().to_path_buf(), problem }
    }

    fn unknown_heads(&self, tower: &str, width: usize, head_width: usize) -> CheckpointError {
        let path = self.state_dict.path().to_path_buf();
        CheckpointError::UnknownHeads { path, tower: tower.to_owned(), width, head_width }
    }

    /// One size of a tensor that must have `dimensions` of them.
    fn size(&self, name: &str, axis: usize, dimensions: usize) -> Result<usize, CheckpointError> {
        let tensor = self.state_dict.get(name).ok_or_else(|| CheckpointError::MissingTensor {
            path: self.state_dict.path().to_path_buf(),
            name: name.to_owned(),
        })?;
        let shape = tensor.shape();
        match shape.get(axis) {
            Some(&size) if shape.len() == dimensions && (1..=SIZE_LIMIT).contains(&size) => {
                Ok(size)
            }
            Some(_) if shape.len() == dimensions => Err(self.not_clip(format!(
                "tensor `{name}` has shape {shape:?}, expected sizes from 1 to {SIZE_LIMIT}"
            ))),
            _ => Err(self.not_clip(format!(
                "tensor `{name}` has shape {shape:?}, expected {dimensions} dimensions"
            ))),
        }
    }

    /// How many different parts `of` finds in the names.
    fn count(&self, of: impl Fn(&str) -> Option<&str>) -> usize {
        self.state_dict.names().filter_map(of).collect::<BTreeSet<_>>().len()
    }

    /// Side of the square that a position table covers besides its first row.
    fn grid(&self, table: &str) -> Result<usize, CheckpointError> {
        let rows = self.size(table, 0, 2)?;
        let cells = rows.saturating_sub(1);
        let side = cells.isqrt();
        if side == 0 || side.saturating_mul(side) != cells {
            return Err(self.not_clip(format!(
                "tensor `{table}` has {rows} rows, expected one more than a square"
            )));
        }
        Ok(side)
    }
}
