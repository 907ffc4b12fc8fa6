//! CLIP in Rust: one space for images and texts.
//!
//! ```text
//! image files ── clip-image ──▶ input [n, 3, r, r] ── image tower ──▶ features ─┐  ‖·‖ = 1
//!                                                                              ├──▶ embeddings ──▶ cosine, probabilities
//! texts ──── clip-tokenizer ──▶ token ids, ragged ─── text tower ───▶ features ─┘
//! ```
//!
//! ```
//! use clip_rs::Clip;
//!
//! let clip = Clip::starter()?; // built in; `Clip::load("ViT-B/32")` for a released model
//! let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../photos/cat.jpg");
//! let ranking = clip.classify(photo, &["a cat", "a dog", "a pizza"])?;
//! assert_eq!(ranking[0].label, "a cat");
//! # Ok::<(), clip_rs::Error>(())
//! ```
//!
//! A research tool: see the model card's limits in [`LIMITS`].
#![forbid(unsafe_code)]

mod bulk;
mod class_prompts;
mod classifier;
mod clip;
mod content;
mod convert;
pub mod embeddings;
mod encoder;
mod error;
mod features;
mod inputs;
mod ledger;
mod options;
mod provenance;
mod starter;
pub mod verify;

pub use crate::bulk::{FailedImage, ImageBatch, UsableImage};
pub use crate::class_prompts::ClassPrompts;
pub use crate::classifier::{Classifier, LabelScore, rank};
pub use crate::clip::{Clip, TruncatedText, open_checkpoint, preprocess_of};
pub use crate::content::ContentId;
pub use crate::convert::{Converted, convert};
pub use crate::error::Error;
pub use crate::features::{Embeddings, Features, Similarity};
pub use crate::inputs::{Expanded, ImageInput, expand_inputs};
pub use crate::ledger::{Ledger, Skip, Stage};
pub use crate::options::{DeviceKind, ISA_VARIABLE, InstructionSet, LoadOptions, use_threads};
pub use crate::provenance::{ComputeEnv, Counts, ModelProvenance, Provenance};
pub use crate::starter::{NAME as STARTER, STARTER_NOTE};
pub use clip_image::{
    self as image, CropMode, Interpolation, Limits as ImageLimits, Pixels, Preprocess, ResizeMode,
    TransparencyMode,
};
pub use clip_kernels::{Precision, measure_peak};
pub use clip_model::{self as model, Activation, Shortcuts, joint_space};
pub use clip_tokenizer::{self as tokenizer, Overflow, Tokenizer};

/// What nobody may conclude from this tool; the model card's limits in short.
pub const LIMITS: &str = "A research tool. Out of scope: any deployed use without in-domain testing on a fixed \
taxonomy; surveillance and face recognition, always; languages other than English.";
