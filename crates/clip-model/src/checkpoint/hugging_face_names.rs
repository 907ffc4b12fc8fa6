//! The layout of transformers' `CLIPModel` (PROTOCOL 1.6.4): its tensors' names.

/// What becomes of a tensor of this layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// Takes another name.
    Renamed(String),
    /// Takes another name, its rows become columns.
    Transposed(String),
    /// One of the three row blocks of a packed projection: 0 = q, 1 = k, 2 = v.
    Packed(String, usize),
    /// A buffer of old versions without information.
    Ignored,
}

/// Where a tensor of this layout goes. Names it does not know stay as they are, to be reported.
pub(crate) fn to_reference(name: &str) -> Mapped {
    if name.ends_with(".embeddings.position_ids") {
        return Mapped::Ignored;
    }
    for (theirs, ours) in TRANSPOSED {
        if name == theirs {
            return Mapped::Transposed(ours.to_owned());
        }
    }
    for (theirs, ours) in RENAMED {
        if name == theirs {
            return Mapped::Renamed(ours.to_owned());
        }
    }
    block(name).unwrap_or_else(|| Mapped::Renamed(name.to_owned()))
}

pub(crate) const TRANSPOSED: [(&str, &str); 2] =
    [("visual_projection.weight", "visual.proj"), ("text_projection.weight", "text_projection")];

pub(crate) const RENAMED: [(&str, &str); 12] = [
    ("logit_scale", "logit_scale"),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    ("vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    // The misspelling is the real name.
    ("vision_model.pre_layrnorm.weight", "visual.ln_pre.weight"),
    ("vision_model.pre_layrnorm.bias", "visual.ln_pre.bias"),
    ("vision_model.post_layernorm.weight", "visual.ln_post.weight"),
    ("vision_model.post_layernorm.bias", "visual.ln_post.bias"),
    ("text_model.embeddings.token_embedding.weight", "token_embedding.weight"),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.final_layer_norm.weight", "ln_final.weight"),
    ("text_model.final_layer_norm.bias", "ln_final.bias"),
];

pub(crate) const TOWERS: [(&str, &str); 2] = [
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("text_model.encoder.layers.", "transformer.resblocks."),
];

pub(crate) const BLOCK: [(&str, &str); 5] = [
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("self_attn.out_proj", "attn.out_proj"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
];

fn block(name: &str) -> Option<Mapped> {
    let (prefix, rest) =
        TOWERS.iter().find_map(|(theirs, ours)| Some((*ours, name.strip_prefix(theirs)?)))?;
    let (index, leaf) = rest.split_once('.')?;
    let (part, field) = leaf.rsplit_once('.')?;
    for (i, letter) in ["q", "k", "v"].into_iter().enumerate() {
        if part.strip_prefix("self_attn.") == Some(&format!("{letter}_proj")) {
            return Some(Mapped::Packed(format!("{prefix}{index}.attn.in_proj_{field}"), i));
        }
    }
    let (_, ours) = BLOCK.iter().find(|(theirs, _)| part == *theirs)?;
    Some(Mapped::Renamed(format!("{prefix}{index}.{ours}.{field}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_map_to_the_reference() {
        let renamed = |name: &str| Mapped::Renamed(name.to_owned());
        let cases = [
            ("vision_model.pre_layrnorm.bias", renamed("visual.ln_pre.bias")),
            ("text_projection.weight", Mapped::Transposed("text_projection".to_owned())),
            (
                "text_model.encoder.layers.11.mlp.fc2.weight",
                renamed("transformer.resblocks.11.mlp.c_proj.weight"),
            ),
            (
                "vision_model.encoder.layers.0.self_attn.k_proj.bias",
                Mapped::Packed("visual.transformer.resblocks.0.attn.in_proj_bias".to_owned(), 1),
            ),
            ("text_model.embeddings.position_ids", Mapped::Ignored),
            (
                "text_model.encoder.layers.0.unknown.weight",
                renamed("text_model.encoder.layers.0.unknown.weight"),
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(to_reference(name), expected, "{name}");
        }
    }
}
