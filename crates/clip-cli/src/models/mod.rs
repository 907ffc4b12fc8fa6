//! `clip-rs models`

mod interpolate;

use std::path::PathBuf;

use clip_rs::model::checkpoint::{Inventory, inventory};
use clip_rs::model::convert::WeightFormat;
use clip_rs::model::download::Progress;
use clip_rs::model::registry::{self, ReleasedModel};
use clip_rs::model::{
    Checkpoint, ImageArchitecture, Layout, ResolveOptions, resolve, sha256_of_file,
};
use clip_rs::{convert, open_checkpoint};

use crate::console::{Console, Unit, Usage};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::table::{columns, printable, wrapped};

/// List, describe, check, download, convert and mix models
///
/// The nine models released by OpenAI, and any checkpoint in their layout, open_clip's or Hugging
/// Face's.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs models download ViT-B/32
  clip-rs models info model.pt --check
  clip-rs models convert ViT-B/32 --layout hugging_face --out vit-b-32")]
pub(crate) struct Models {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    List(List),
    Info(Info),
    Download(Download),
    Convert(Convert),
    Interpolate(interpolate::Interpolate),
}

/// List the nine released models
///
/// Parameters, size of the file, side of the image, length of an embedding, and whether it is here,
/// on this machine (where: -v, or --json).
#[derive(clap::Args, Default)]
#[command(after_help = "Example:\n  clip-rs models list -v")]
struct List {
    /// One JSON array
    #[arg(long)]
    json: bool,
}

/// Describe a checkpoint: architecture, layout, sizes, hashes
///
/// Of a file that is no CLIP, or several: its keys, its tensors with types and shapes, and what
/// keeps it from being used.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  clip-rs models info starter\n  clip-rs models info model.pt --check"
)]
struct Info {
    /// A name, `hf:owner/name`, or a path
    #[arg(value_name = "MODEL")]
    model: String,
    /// Read every tensor and refuse what is broken (NaN, infinities, wrong hashes)
    #[arg(long)]
    check: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Download a released model, or `hf:owner/name`
///
/// Checked by SHA-256 (a repository's files without one: by what they are), resumed where an
/// earlier download stopped, and found by every verb afterwards. Run again, it compares what is
/// here with what came, and fetches what is broken. Files in OpenAI's and Hugging Face's cache
/// folders are used as they are.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs models download ViT-B/32
  clip-rs models download hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K --cache-dir /big/clip-rs")]
struct Download {
    /// The names
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
}

/// Write a checkpoint as safetensors in another layout
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs models convert starter --layout openai --out starter.safetensors
  clip-rs models convert ViT-B/32 --layout hugging_face --weights f16 --out vit-b-32")]
struct Convert {
    /// A name, `hf:owner/name`, or a path
    #[arg(value_name = "MODEL")]
    model: String,
    /// Whose names and files: openai (one file), open_clip or hugging_face (folders with their
    /// configurations)
    #[arg(long, value_enum, value_name = "LAYOUT")]
    layout: LayoutName,
    /// Element types of the weights: as-stored, f32, f16, bf16, or released (f16 and f32 as OpenAI
    /// mixed them)
    #[arg(long, value_enum, value_name = "TYPES", default_value = "as-stored")]
    weights: WeightsName,
    /// What to write: a .safetensors file for openai, else a new folder
    #[arg(long, short, value_name = "PATH")]
    out: PathBuf,
}

/// [`Layout`] as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LayoutName {
    Openai,
    #[value(name = "open_clip", alias = "open-clip")]
    OpenClip,
    #[value(name = "hugging_face", alias = "hugging-face", alias = "hf")]
    HuggingFace,
}

impl From<LayoutName> for Layout {
    fn from(name: LayoutName) -> Layout {
        match name {
            LayoutName::Openai => Layout::OpenAi,
            LayoutName::OpenClip => Layout::OpenClip,
            LayoutName::HuggingFace => Layout::HuggingFace,
        }
    }
}

/// [`WeightFormat`] as typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WeightsName {
    AsStored,
    F32,
    F16,
    Bf16,
    Released,
}

impl From<WeightsName> for WeightFormat {
    fn from(name: WeightsName) -> WeightFormat {
        match name {
            WeightsName::AsStored => WeightFormat::AsStored,
            WeightsName::F32 => WeightFormat::F32,
            WeightsName::F16 => WeightFormat::F16,
            WeightsName::Bf16 => WeightFormat::Bf16,
            WeightsName::Released => WeightFormat::Released,
        }
    }
}

impl Models {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        match self.verb.unwrap_or(Verb::List(List::default())) {
            Verb::List(verb) => verb.run(settings, console),
            Verb::Info(verb) => verb.run(settings, console),
            Verb::Download(verb) => verb.run(settings, console),
            Verb::Convert(verb) => verb.run(settings, console),
            Verb::Interpolate(verb) => verb.run(settings, console),
        }
    }
}

impl List {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let folders = settings.load_options().cache_folders();
        let offline = ResolveOptions { folders: Some(&folders), ..Default::default() };
        let found = |model: &ReleasedModel| resolve(&model.name, &offline).ok();
        if self.json {
            let row = |model: &ReleasedModel| {
                serde_json::json!({
                    "name": model.name, "file": model.file, "sha256": model.sha256, "bytes": model.size_bytes,
                    "parameters": model.parameters, "embed_dim": model.architecture.embed_dim,
                    "resolution": model.architecture.image.resolution(), "path": found(model),
                })
            };
            console.json(&registry::models().iter().map(row).collect::<Vec<_>>())?;
            return Ok(Exit::Ok);
        }
        let mut table = format!(
            "{:<15} {:>10} {:>7} {:>4} {:>9}  {}\n",
            "model", "parameters", "MB", "px", "embed_dim", "here"
        );
        for model in registry::models() {
            let path = found(model);
            let here = if path.is_some() { "yes" } else { "no" };
            path.iter()
                .for_each(|path| console.detail(&format!("{}: {}", model.name, path.display())));
            table += &format!(
                "{:<15} {:>8.1} M {:>7.1} {:>4} {:>9}  {here}\n",
                model.name,
                model.parameters as f64 / 1e6,
                model.size_bytes as f64 / 1e6,
                model.architecture.image.resolution(),
                model.architecture.embed_dim
            );
        }
        console.print(&table)?;
        Ok(Exit::Ok)
    }
}

impl Info {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let checkpoint = match open_checkpoint(&self.model, &settings.load_options()) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.describe(error, settings, console),
        };
        if self.check {
            self.check(&checkpoint, console)?;
        }
        let facts = facts(&self.model, &checkpoint)?;
        if self.json {
            console.json(&facts.into_iter().collect::<serde_json::Map<_, _>>())?;
        } else {
            for (key, value) in &facts {
                console.print(&lines(key, value))?;
            }
        }
        for warning in &checkpoint.warnings {
            console.warn(warning);
        }
        Ok(Exit::Ok)
    }

    /// What a file holds that cannot be used, and why it cannot.
    fn describe(
        &self,
        error: clip_rs::Error,
        settings: &Settings,
        console: &Console,
    ) -> anyhow::Result<Exit> {
        let folders = settings.load_options().cache_folders();
        let offline = ResolveOptions { folders: Some(&folders), ..Default::default() };
        let path = resolve(&self.model, &offline).ok();
        let Some(inventory) = path.and_then(|path| inventory(&path).ok()).filter(|_| !self.check)
        else {
            return Err(error.into());
        };
        let needs = error
            .help()
            .filter(|help| !help.contains("models info"))
            .unwrap_or(CLIP_HAS.to_owned());
        if self.json {
            console.json(&inventory_json(&self.model, &inventory, &error, &needs))?;
        } else {
            console.print(&inventory_text(&self.model, &inventory))?;
        }
        console.warn(&format!("it cannot be used as it is: {error}"));
        console.note(&format!("what it needs: {needs}"));
        Ok(Exit::Ok)
    }

    fn check(&self, checkpoint: &Checkpoint, console: &Console) -> anyhow::Result<()> {
        let report = checkpoint.check();
        for name in &report.all_zero {
            console.warn(&format!("tensor `{name}` is all zero"));
        }
        if let Some((name, count)) = report.not_finite.first() {
            let message = format!(
                "{}: tensor `{name}` has {count} values that are NaN or infinite",
                self.model
            );
            return Err(Usage::error(message, "download or convert it again"));
        }
        console.note(&format!(
            "read {} tensors, {} values: all finite",
            report.tensors, report.values
        ));
        Ok(())
    }
}

/// What there is to say about a checkpoint, in order.
fn facts(name: &str, checkpoint: &Checkpoint) -> anyhow::Result<Vec<(String, serde_json::Value)>> {
    let architecture = &checkpoint.architecture;
    let report = checkpoint.check();
    let files = checkpoint.files.iter().map(|file| {
        let bytes = std::fs::metadata(file).map(|metadata| metadata.len()).unwrap_or(0);
        Ok(serde_json::json!({ "path": file, "bytes": bytes, "sha256": sha256_of_file(file)? }))
    });
    let files = files.collect::<anyhow::Result<Vec<_>>>()?;
    let (image, text) = (&architecture.image, &architecture.text);
    let image = match *image {
        ImageArchitecture::VisionTransformer {
            resolution,
            patch_size,
            width,
            layers,
            heads,
            mlp_width,
        } => {
            serde_json::json!({ "kind": "VisionTransformer", "resolution": resolution, "patch_size": patch_size,
                "width": width, "layers": layers, "heads": heads, "mlp_width": mlp_width })
        }
        ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => {
            serde_json::json!({ "kind": "ModifiedResNet", "resolution": resolution, "width": width,
                "blocks": blocks, "heads": heads })
        }
    };
    let text = serde_json::json!({ "context_length": text.context_length, "vocab_size": text.vocab_size,
        "width": text.width, "layers": text.layers, "heads": text.heads, "mlp_width": text.mlp_width });
    let facts = [
        ("model", name.into()),
        ("container", checkpoint.container.name().into()),
        ("layout", checkpoint.layout.name().into()),
        ("embed_dim", architecture.embed_dim.into()),
        ("image_tower", image),
        ("text_tower", text),
        ("activation", architecture.activation.name().into()),
        ("activation_source", checkpoint.activation_source.name().into()),
        ("parameters", architecture.parameter_count().into()),
        ("tensors", report.tensors.into()),
        ("tensor_bytes", report.bytes.into()),
        ("tensors_sha256", checkpoint.digest().into()),
        ("files", files.into()),
    ];
    Ok(facts.map(|(key, value)| (key.to_owned(), value)).into())
}

/// What makes a CLIP of a file.
const CLIP_HAS: &str = "the tensors of one CLIP, at most behind one prefix: `token_embedding.weight`, `text_projection`, \
    `visual.proj` (or `visual.layer1.…`), `logit_scale` and the blocks of both towers, or those of transformers' CLIPModel";

/// A file that cannot be used, as one JSON object.
fn inventory_json(
    name: &str,
    inventory: &Inventory,
    error: &clip_rs::Error,
    needs: &str,
) -> serde_json::Value {
    let keys =
        inventory.keys.iter().map(|(key, what)| serde_json::json!({ "name": key, "holds": what }));
    let tensors = inventory.tensors.iter().map(
        |tensor| serde_json::json!({ "name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape }),
    );
    serde_json::json!({
        "model": name, "container": inventory.container.name(), "usable": false, "reason": error.to_string(),
        "needs": needs, "not_built": inventory.not_built, "keys": keys.collect::<Vec<_>>(),
        "tensors": tensors.collect::<Vec<_>>(),
    })
}

/// The same for people: each key and each tensor on a line of its own.
fn inventory_text(name: &str, inventory: &Inventory) -> String {
    let mut text = lines("model", &name.into());
    text += &lines("container", &inventory.container.name().into());
    text += &lines("usable", &"no".into());
    for class in &inventory.not_built {
        text += &lines("not built", &class.as_str().into());
    }
    for (key, what) in &inventory.keys {
        text += &lines("key", &format!("{key}: {what}").into());
    }
    for tensor in &inventory.tensors {
        text += &lines(
            "tensor",
            &format!("{} {} {:?}", tensor.name, tensor.dtype, tensor.shape).into(),
        );
    }
    text
}

/// Columns of a key.
const KEY: usize = 18;

/// `key  value`, nested objects and lists on lines of their own.
fn lines(key: &str, value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key} {}", plain(value))).collect();
            wrapped(key, KEY, &fields.join(", "), columns())
        }
        serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_object) => {
            items.iter().map(|item| lines(key, item)).collect()
        }
        value => wrapped(key, KEY, &plain(value), columns()),
    }
}

fn plain(value: &serde_json::Value) -> String {
    printable(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)).into_owned()
}

impl Download {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let folders = settings.load_options().cache_folders();
        for model in &self.models {
            let bar = console.progress(0, Unit::Bytes);
            let report = |progress: Progress<'_>| {
                bar.set_length(progress.total.unwrap_or(progress.done));
                bar.set_position(progress.done);
            };
            let options = ResolveOptions {
                download: !settings.offline.value,
                verify: true,
                mirror: settings.mirror.value.as_deref(),
                hub: settings.mirror.value.as_deref(),
                folders: Some(&folders),
                progress: Some(&report),
                stop: None,
            };
            let path = resolve(model, &options).map_err(clip_rs::Error::from);
            bar.finish_and_clear();
            if path.is_err() && settings.offline.value {
                console.note(&format!(
                    "the network was not asked: {} says offline",
                    settings.offline.source
                ));
            }
            console.print(&format!("{}\n", path?.display()))?;
        }
        Ok(Exit::Ok)
    }
}

impl Convert {
    fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let checkpoint = open_checkpoint(&self.model, &settings.load_options())?;
        for warning in &checkpoint.warnings {
            console.warn(warning);
        }
        let written = convert(&checkpoint, self.layout.into(), &self.out, self.weights.into())?;
        for warning in &written.warnings {
            console.warn(warning);
        }
        for file in written.files {
            console.print(&format!("{}\n", file.display()))?;
        }
        Ok(Exit::Ok)
    }
}
