//! Chapter "Model details": name, weights with their hashes, architecture, precision.

use clip_rs::model::ImageArchitecture;

use super::facts::{ModelFacts, Origin};
use super::markdown::Markdown;
use crate::numbers::count;
use crate::plain::{Column, PlainTable};

pub(super) fn write(page: &mut Markdown, model: &ModelFacts) {
    let mut rows = vec![
        ["model".to_owned(), what_it_is(model)],
        ["tensors, SHA-256".to_owned(), model.tensors_sha256.clone()],
    ];
    for (name, bytes, sha256) in &model.files {
        let bytes = count(usize::try_from(*bytes).unwrap_or(usize::MAX));
        rows.push(["file".to_owned(), format!("{name}: {bytes} bytes, SHA-256 {sha256}")]);
    }
    rows.push(["layout".to_owned(), model.layout.clone()]);
    rows.extend(towers(model));
    let parameters = usize::try_from(model.parameters).unwrap_or(usize::MAX);
    let dtypes: Vec<String> =
        model.dtypes.iter().map(|(dtype, tensors)| format!("{tensors} tensors {dtype}")).collect();
    rows.extend([
        ["parameters".to_owned(), count(parameters)],
        ["stored as".to_owned(), dtypes.join(", ")],
        ["licence".to_owned(), licence(model).to_owned()],
    ]);
    page.table(&PlainTable {
        columns: vec![Column::text("what"), Column::text("value")],
        rows: rows.into_iter().map(Vec::from).collect(),
        sentences: Vec::new(),
    });
    page.text(
        "The hash of the tensors is the same for every layout and container that holds the same values in the same \
         types. Results belong to a model by it.",
    );
}

fn what_it_is(model: &ModelFacts) -> String {
    let name = &model.name;
    match &model.origin {
        Origin::Starter => format!("{name}: the demonstration model inside clip-rs"),
        Origin::Released(released) => {
            format!("{name}: {}, released by OpenAI (file {})", released.name, released.file)
        }
        Origin::Trained(training) => format!("{name}: {}", training.what_it_is()),
        Origin::Unknown => format!("{name}: a CLIP of unknown origin"),
    }
}

fn licence(model: &ModelFacts) -> &'static str {
    match model.origin {
        Origin::Starter => "Apache-2.0",
        _ => "not known",
    }
}

fn towers(model: &ModelFacts) -> Vec<[String; 2]> {
    let architecture = &model.architecture;
    let image = match &architecture.image {
        ImageArchitecture::VisionTransformer {
            resolution,
            patch_size,
            width,
            layers,
            heads,
            mlp_width,
        } => format!(
            "vision transformer: {resolution} px, patches of {patch_size} px, width {width}, {layers} layers, {heads} \
             heads, MLP {mlp_width}"
        ),
        ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => format!(
            "modified ResNet: {resolution} px, width {width}, blocks {blocks:?}, {heads} heads of attention pooling"
        ),
    };
    let text = &architecture.text;
    let text = format!(
        "transformer: context {} tokens, vocabulary {}, width {}, {} layers, {} heads, MLP {}",
        text.context_length,
        count(text.vocab_size),
        text.width,
        text.layers,
        text.heads,
        text.mlp_width
    );
    let activation =
        format!("{} (said by: {})", architecture.activation.name(), model.activation_source);
    let preprocess = model.preprocess.as_ref().map_or_else(
        || "not known".to_owned(),
        |preprocess| {
            format!(
                "{} px, resize {:?}, {:?}, crop {:?}, mean {:?}, deviation {:?}",
                preprocess.size,
                preprocess.resize,
                preprocess.interpolation,
                preprocess.crop,
                preprocess.mean,
                preprocess.std
            )
        },
    );
    [
        ("image tower", image),
        ("text tower", text),
        ("embedding", format!("{} values", architecture.embed_dim)),
        ("activation", activation),
        ("preprocessing", preprocess),
    ]
    .map(|(what, value)| [what.to_owned(), value])
    .into()
}
