//! The nine released models: files, digests, sizes and everything people call them
//! (PROTOCOL 1.5, 1.7). The facts are in `assets/registry.json`.

use crate::architecture::{
    Activation, Architecture, ImageArchitecture, TextArchitecture, TextPooling,
};
use serde::Deserialize;
use std::sync::LazyLock;

/// One released model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedModel {
    /// The reference's name, `ViT-L/14@336px`.
    pub name: String,
    /// File name of the release, `ViT-L-14-336px.pt`.
    pub file: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Parameters of both towers and the temperature.
    pub parameters: u64,
    /// Its architecture; the activation is QuickGELU in all nine (trap 9.1).
    pub architecture: Architecture,
    /// open_clip's name, `ViT-L-14-336`.
    pub open_clip: String,
    /// Repository in the layout of transformers, where there is one.
    pub hugging_face: Option<String>,
    /// Repository in the layout of open_clip.
    pub timm: String,
}

impl ReleasedModel {
    /// Path of the file below a mirror's base address: `<sha256>/<file>`.
    pub fn url_path(&self) -> String {
        format!("{}/{}", self.sha256, self.file)
    }

    /// Everything it is called, as people write it.
    pub fn spellings(&self) -> impl Iterator<Item = String> + '_ {
        let quick = format!("{}-quickgelu", self.open_clip);
        let stem = self.file.trim_end_matches(".pt").to_owned();
        [
            self.name.clone(),
            self.open_clip.clone(),
            quick,
            stem,
            self.file.clone(),
            self.timm.clone(),
        ]
        .into_iter()
        .chain(self.hugging_face.clone())
    }
}

/// No released model is called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model called `{name}`")]
pub struct UnknownModel {
    /// What was asked for.
    pub name: String,
    /// The nearest names, best first, three at most.
    pub suggestions: Vec<String>,
}

impl UnknownModel {
    /// The way out: the nearest name, or where the list is.
    pub fn help(&self) -> String {
        match self.suggestions.first() {
            Some(nearest) => format!("did you mean `{nearest}`? `clip-rs models` lists all nine"),
            None => "`clip-rs models` lists all nine; a file or folder can be given by its path"
                .to_owned(),
        }
    }
}

/// The nine, in the order of their release.
pub fn models() -> &'static [ReleasedModel] {
    &REGISTRY.models
}

/// Where the files were published: `<base>/<sha256>/<file>`.
pub fn base_url() -> &'static str {
    &REGISTRY.base_url
}

/// The model of this name, in anybody's spelling: the reference's (`ViT-B/32`), open_clip's
/// (`ViT-B-32`, `ViT-B-32-quickgelu`), a hub's (`openai/clip-vit-base-patch32`) or the file's, in
/// any case.
///
/// # Errors
/// [`UnknownModel`] with the nearest names.
pub fn find(name: &str) -> Result<&'static ReleasedModel, UnknownModel> {
    let wanted = folded(name);
    models()
        .iter()
        .find(|model| model.spellings().any(|spelling| folded(&spelling) == wanted))
        .ok_or_else(|| UnknownModel { name: name.to_owned(), suggestions: nearest(&wanted) })
}

/// The model whose file has this SHA-256.
pub fn find_digest(sha256: &str) -> Option<&'static ReleasedModel> {
    models().iter().find(|model| model.sha256.eq_ignore_ascii_case(sha256))
}

/// Case, separators and `px` do not distinguish any two of the nine.
fn folded(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name: String =
        name.chars().map(|c| if matches!(c, '/' | '@' | '_' | ' ') { '-' } else { c }).collect();
    name.trim_end_matches("px").to_owned()
}

fn nearest(wanted: &str) -> Vec<String> {
    // Longer than any name: nothing to compare with.
    if wanted.len() > 80 {
        return Vec::new();
    }
    let distance = |model: &ReleasedModel| {
        model
            .spellings()
            .map(|spelling| edit_distance(wanted, &folded(&spelling)))
            .min()
            .unwrap_or(usize::MAX)
    };
    let mut ranked: Vec<_> = models().iter().map(|model| (distance(model), &model.name)).collect();
    ranked.sort_by_key(|&(distance, _)| distance);
    let limit = (wanted.chars().count() / 2).clamp(1, 4);
    ranked
        .into_iter()
        .filter(|&(distance, _)| distance <= limit)
        .take(3)
        .map(|(_, name)| name.clone())
        .collect()
}

/// Levenshtein distance in characters.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        row[0] = left;
        for (slot, &to) in row[1..].iter_mut().zip(&b) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *slot;
            left = replaced.min(diagonal + 1).min(left + 1);
            *slot = left;
        }
    }
    row[b.len()]
}

struct Registry {
    base_url: String,
    models: Vec<ReleasedModel>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let file: RegistryFile = serde_json::from_str(include_str!("../assets/registry.json"))
        .expect("assets/registry.json is part of the program and tested");
    let models = file.models.into_iter().map(|entry| entry.into_model(&file.text)).collect();
    Registry { base_url: file.base_url, models }
});

#[derive(Deserialize)]
struct RegistryFile {
    base_url: String,
    text: TextFacts,
    models: Vec<Entry>,
}

#[derive(Deserialize)]
struct TextFacts {
    context_length: usize,
    vocab_size: usize,
    layers: usize,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    file: String,
    sha256: String,
    size_bytes: u64,
    parameters: u64,
    embed_dim: usize,
    resolution: usize,
    image: Image,
    text: TextSize,
    open_clip: String,
    hugging_face: Option<String>,
    timm: String,
}

#[derive(Deserialize)]
struct TextSize {
    width: usize,
    heads: usize,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Image {
    VisionTransformer {
        patch_size: usize,
        width: usize,
        layers: usize,
        heads: usize,
    },
    #[serde(rename = "modified_resnet")]
    ModifiedResNet {
        width: usize,
        blocks: [usize; 4],
        heads: usize,
    },
}

impl Entry {
    fn into_model(self, text: &TextFacts) -> ReleasedModel {
        let resolution = self.resolution;
        let image = match self.image {
            Image::VisionTransformer { patch_size, width, layers, heads } => {
                ImageArchitecture::VisionTransformer {
                    resolution,
                    patch_size,
                    width,
                    layers,
                    heads,
                    mlp_width: 4 * width,
                }
            }
            Image::ModifiedResNet { width, blocks, heads } => {
                ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads }
            }
        };
        let text = TextArchitecture {
            context_length: text.context_length,
            vocab_size: text.vocab_size,
            width: self.text.width,
            layers: text.layers,
            heads: self.text.heads,
            mlp_width: 4 * self.text.width,
            pooling: TextPooling::Argmax,
        };
        let architecture = Architecture {
            embed_dim: self.embed_dim,
            image,
            text,
            activation: Activation::QuickGelu,
            logit_bias: false,
        };
        ReleasedModel {
            name: self.name,
            file: self.file,
            sha256: self.sha256,
            size_bytes: self.size_bytes,
            parameters: self.parameters,
            architecture,
            open_clip: self.open_clip,
            hugging_face: self.hugging_face,
            timm: self.timm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_finds_its_own_model() {
        for model in models() {
            for spelling in model.spellings().flat_map(|s| [s.to_uppercase(), s]) {
                assert_eq!(find(&spelling).unwrap().name, model.name, "{spelling}");
            }
        }
        assert_eq!(models().len(), 9);
        assert_eq!(find("vit-l-14-336px").unwrap().name, "ViT-L/14@336px");
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_right_one() {
        let unknown = find("ViT-B32").unwrap_err();
        assert_eq!(unknown.suggestions[0], "ViT-B/32");
        assert_eq!(unknown.help(), "did you mean `ViT-B/32`? `clip-rs models` lists all nine");
        assert_eq!(find("RN5O").unwrap_err().suggestions[0], "RN50");
        assert!(find("stable-diffusion").unwrap_err().suggestions.is_empty());
        assert!(find(&"x".repeat(100_000)).unwrap_err().suggestions.is_empty());
    }

    #[test]
    fn edit_distance_counts_insertions_deletions_and_replacements() {
        for (a, b, distance) in
            [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn digests_are_64_hexadecimal_digits_and_distinct() {
        let mut digests: Vec<_> = models().iter().map(|model| &model.sha256).collect();
        assert!(digests.iter().all(|d| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit())));
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 9);
    }
}
