//! Whose names a checkpoint uses, and what kind of file it is.

/// Whose tensor names and conventions (PROTOCOL 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The reference's, as OpenAI released it: TorchScript, or its mixture of f16 and f32.
    OpenAi,
    /// The reference's names as open_clip writes them, with or without `text.` and `module.`.
    OpenClip,
    /// `CLIPModel` of transformers.
    HuggingFace,
}

impl Layout {
    /// `openai`, `open_clip` or `hugging_face`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenClip => "open_clip",
            Self::HuggingFace => "hugging_face",
        }
    }
}

/// What kind of file holds the tensors (PROTOCOL 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// safetensors, in one file or in shards.
    Safetensors,
    /// A TorchScript archive.
    TorchScript,
    /// `torch.save` since 1.6: a zip archive.
    TorchZip,
    /// `torch.save` before 1.6: a stream of pickles and storages.
    TorchLegacy,
}

impl Container {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::TorchScript => "TorchScript archive",
            Self::TorchZip => "torch.save (zip)",
            Self::TorchLegacy => "torch.save (before 1.6)",
        }
    }
}
