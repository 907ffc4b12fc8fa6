//! Which layer of its tower a parameter belongs to.

use clip_model::parameters::{Parameter, Tower};
use clip_model::{Architecture, ImageArchitecture};

/// Number of layers of a tower: what makes tokens or maps of the input, each block (each stage of a
/// ResNet), and the head.
pub(crate) fn layers(architecture: &Architecture, tower: Tower) -> usize {
    match (tower, &architecture.image) {
        (Tower::Image, ImageArchitecture::VisionTransformer { layers, .. }) => layers + 2,
        (Tower::Image, ImageArchitecture::ModifiedResNet { .. }) => 6,
        (Tower::Text, _) => architecture.text.layers + 2,
        (Tower::Joint, _) => 1,
    }
}

/// The layer of a parameter within its tower, from 0. The last norm counts with the last block, the
/// projection alone is the head.
pub(crate) fn layer_of(architecture: &Architecture, parameter: &Parameter) -> usize {
    let layers = layers(architecture, parameter.tower);
    let name = parameter.name.strip_prefix("visual.").unwrap_or(&parameter.name);
    let number = |prefix: &str| -> Option<usize> {
        name.strip_prefix(prefix)?.split('.').next()?.parse().ok()
    };
    if let Some(block) = number("transformer.resblocks.") {
        return block + 1;
    }
    if let Some(stage) = number("layer") {
        return stage;
    }
    match name {
        "proj" | "text_projection" => layers - 1,
        "logit_scale" | "logit_bias" => 0,
        _ if name.starts_with("attnpool.") => layers - 1,
        _ if name.starts_with("ln_post.") || name.starts_with("ln_final.") => layers - 2,
        _ => 0,
    }
}

/// Sorts parameters in the order in which a forward pass meets them, images first.
pub(crate) fn forward_key(
    architecture: &Architecture,
    parameter: &Parameter,
) -> (usize, usize, usize) {
    let tower = match parameter.tower {
        Tower::Image => 0,
        Tower::Text => 1,
        Tower::Joint => 2,
    };
    // Within a block the reference's modules stand in another order than they are called.
    let within = [".ln_1.", ".attn.in_proj", ".attn.out_proj", ".ln_2.", ".mlp."];
    let place = within.iter().position(|part| parameter.name.contains(part));
    let is_last_norm = parameter.name.contains("ln_post") || parameter.name.contains("ln_final");
    let place = if is_last_norm { within.len() } else { place.unwrap_or(0) };
    (tower, layer_of(architecture, parameter), place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_model::registry;

    fn layer(model: &str, name: &str) -> usize {
        let model = registry::models().iter().find(|entry| entry.name == model).unwrap();
        let parameters = model.architecture.parameters();
        let parameter = parameters.iter().find(|parameter| parameter.name == name).unwrap();
        layer_of(&model.architecture, parameter)
    }

    #[test]
    fn layers_count_from_the_input_to_the_projection() {
        for (name, expected) in [
            ("visual.class_embedding", 0),
            ("visual.conv1.weight", 0),
            ("visual.ln_pre.bias", 0),
            ("visual.transformer.resblocks.0.ln_1.weight", 1),
            ("visual.transformer.resblocks.11.mlp.c_fc.bias", 12),
            ("visual.ln_post.weight", 12),
            ("visual.proj", 13),
            ("token_embedding.weight", 0),
            ("transformer.resblocks.11.attn.in_proj_weight", 12),
            ("ln_final.bias", 12),
            ("text_projection", 13),
            ("logit_scale", 0),
        ] {
            assert_eq!(layer("ViT-B/32", name), expected, "{name}");
        }
        for (name, expected) in [
            ("visual.bn3.weight", 0),
            ("visual.layer1.0.conv1.weight", 1),
            ("visual.layer4.2.bn3.bias", 4),
            ("visual.attnpool.q_proj.weight", 5),
        ] {
            assert_eq!(layer("RN50", name), expected, "{name}");
        }
    }
}
