//! What is in force: flags, then `CLIP_RS_…`, then `clip-rs.toml`, then defaults.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clip_rs::{
    Activation, Clip, DeviceKind, ISA_VARIABLE, ImageLimits, InstructionSet, LoadOptions,
    Precision, Shortcuts,
};

use crate::console::{Console, Usage, Verbosity};
use crate::labels::read_text;

/// Flags that every verb takes. Clap reads the environment for those that were not given.
#[derive(clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Overrides {
    /// Say more on stderr: sizes, times, places that were looked at
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Say less on stderr: no notes and no progress; warnings, skipped inputs and errors stay
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Threads to use [default: all]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    threads: Option<NonZero<usize>>,
    /// Device: cpu, or reference (the slow definition) [default: cpu]
    #[arg(long, global = true, value_name = "NAME")]
    device: Option<String>,
    /// Precision of the products: f32 (exact), bf16 or int8 [default: f32]
    #[arg(long, global = true, value_name = "NAME")]
    precision: Option<String>,
    /// Activation of the MLPs, over what the file says: quickgelu or gelu
    #[arg(long, global = true, value_name = "NAME")]
    activation: Option<String>,
    /// open_clip_config.json or config.json for weights that come without one
    #[arg(long, global = true, value_name = "FILE")]
    model_config: Option<PathBuf>,
    /// Greatest number of pixels an image may decode to [default: 178956970, as in Pillow]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    max_pixels: Option<u64>,
    /// Decode large JPEGs at a fraction of their size: faster, but other pixels than the
    /// reference's
    #[arg(long, global = true)]
    fast_decode: bool,
    /// Folder of downloaded models [default: clip-rs in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Do work that cannot change an answer: ragged, prefixes, duplicates, pooled-rows
    #[arg(long, global = true, hide = true, value_delimiter = ',', value_name = "NAME")]
    without: Vec<Shortcut>,
    /// Never ask the network
    #[arg(long, global = true)]
    offline: bool,
    /// Base URL to download from, in place of the publishers'
    #[arg(long, global = true, value_name = "URL")]
    mirror: Option<String>,
}

impl Overrides {
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// A shortcut that `--without` switches off.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shortcut {
    Ragged,
    Prefixes,
    Duplicates,
    PooledRows,
}

/// A value and who set it.
#[derive(Debug, Clone)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) source: String,
}

impl<T> Setting<T> {
    /// Whether a person said it now, by a flag or in the environment, not in a file for all runs.
    pub(crate) fn is_said(&self) -> bool {
        self.source.starts_with("--") || self.source.starts_with("CLIP_RS_")
    }
}

/// Everything in force.
pub(crate) struct Settings {
    pub(crate) model: Setting<String>,
    pub(crate) device: Setting<DeviceKind>,
    pub(crate) precision: Setting<Precision>,
    pub(crate) activation: Setting<Option<Activation>>,
    pub(crate) model_config: Option<String>,
    pub(crate) threads: Setting<Option<NonZero<usize>>>,
    pub(crate) max_pixels: Setting<u64>,
    pub(crate) fast_decode: Setting<bool>,
    pub(crate) cache_dir: Setting<Option<PathBuf>>,
    pub(crate) offline: Setting<bool>,
    pub(crate) mirror: Setting<Option<String>>,
    shortcuts: Shortcuts,
}

/// `clip-rs.toml`; unknown keys are an error, so that a misspelt one is not silently ignored.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Option<String>,
    device: Option<String>,
    precision: Option<String>,
    activation: Option<String>,
    threads: Option<NonZero<usize>>,
    max_pixels: Option<u64>,
    fast_decode: Option<bool>,
    cache_dir: Option<PathBuf>,
    offline: Option<bool>,
    mirror: Option<String>,
}

impl Settings {
    pub(crate) fn read(flags: &Overrides) -> anyhow::Result<Settings> {
        let (path, file) = read_file()?;
        let pick = Pick { file: path.map_or_else(String::new, |path| path.display().to_string()) };
        let (offline, fast_decode) =
            (flags.offline.then_some(true), flags.fast_decode.then_some(true));
        let settings = Settings {
            model: pick.of("model", None, file.model, "starter".to_owned())?,
            device: pick.named("device", flags.device.clone(), file.device, DeviceKind::Cpu)?,
            precision: pick.named(
                "precision",
                flags.precision.clone(),
                file.precision,
                Precision::F32,
            )?,
            activation: pick
                .optional("activation", flags.activation.clone(), file.activation)?
                .try_map(|name: String| activation(&name))?,
            model_config: flags.model_config.as_deref().map(read_text).transpose()?,
            threads: pick.optional("threads", flags.threads, file.threads)?,
            max_pixels: pick.of(
                "max_pixels",
                flags.max_pixels,
                file.max_pixels,
                ImageLimits::default().max_pixels,
            )?,
            fast_decode: pick.of("fast_decode", fast_decode, file.fast_decode, false)?,
            cache_dir: pick.optional("cache_dir", flags.cache_dir.clone(), file.cache_dir)?,
            offline: pick.of("offline", offline, file.offline, false)?,
            mirror: pick.optional("mirror", flags.mirror.clone(), file.mirror)?,
            shortcuts: shortcuts_without(&flags.without),
        };
        let Setting { value, source } = &settings.max_pixels;
        anyhow::ensure!(
            *value > 0,
            "{source}: max_pixels: 0 is not 1 or more: no image has so few"
        );
        Ok(settings)
    }

    /// Starts the pool of threads; once, before anything is computed.
    pub(crate) fn use_threads(&self) -> anyhow::Result<()> {
        let Setting { value, source } = &self.threads;
        clip_rs::use_threads(*value).map_err(|error| anyhow::anyhow!("{source}: {error}"))
    }

    /// What the model would be computed with, and who said so.
    pub(crate) fn instruction_set(&self) -> Result<(InstructionSet, &str), clip_rs::Error> {
        let forced = std::env::var_os(ISA_VARIABLE).is_some_and(|name| !name.is_empty());
        let source = match self.device.value {
            DeviceKind::Reference => &self.device.source,
            DeviceKind::Cpu if forced => ISA_VARIABLE,
            DeviceKind::Cpu => "default",
        };
        Ok((self.load_options().instruction_set()?, source))
    }

    pub(crate) fn load_options(&self) -> LoadOptions {
        LoadOptions {
            device: self.device.value,
            precision: self.precision.value,
            activation: self.activation.value,
            config: self.model_config.clone(),
            cache_dir: self.cache_dir.value.clone(),
            image_limits: self.image_limits(),
            fast_decode: self.fast_decode.value,
            shortcuts: self.shortcuts,
            ..LoadOptions::default()
        }
    }

    pub(crate) fn image_limits(&self) -> ImageLimits {
        ImageLimits { max_pixels: self.max_pixels.value }
    }

    /// Loads the model asked for, or the one set, and says on stderr what has to be said of it.
    pub(crate) fn load(&self, model: Option<&str>, console: &Console) -> anyhow::Result<Clip> {
        let name = model.unwrap_or(&self.model.value);
        let started = std::time::Instant::now();
        let clip = Clip::load_with(name, &self.load_options())?;
        console
            .detail(&format!("loaded {name} in {:.0} ms", started.elapsed().as_secs_f64() * 1e3));
        // Whoever names the starter, or sets it, has chosen it.
        if clip.is_starter() && model.is_none() && self.model.source == "default" {
            console.note(clip_rs::STARTER_NOTE);
        }
        for warning in clip.warnings() {
            console.warn(warning);
        }
        Ok(clip)
    }
}

/// Takes the first of flag, environment, file, default.
struct Pick {
    file: String,
}

impl Pick {
    fn optional<T: std::str::FromStr>(
        &self,
        key: &str,
        flag: Option<T>,
        file: Option<T>,
    ) -> anyhow::Result<Setting<Option<T>>>
    where
        T::Err: std::fmt::Display,
    {
        let variable = format!("CLIP_RS_{}", key.to_uppercase());
        let (value, source) = if flag.is_some() {
            (flag, format!("--{}", key.replace('_', "-")))
        } else if let Some(text) = std::env::var(&variable).ok().filter(|text| !text.is_empty()) {
            let value =
                text.parse().map_err(|error| anyhow::anyhow!("{variable}={text}: {error}"))?;
            (Some(value), variable)
        } else if file.is_some() {
            (file, self.file.clone())
        } else {
            (None, "default".to_owned())
        };
        Ok(Setting { value, source })
    }

    fn of<T: std::str::FromStr>(
        &self,
        key: &str,
        flag: Option<T>,
        file: Option<T>,
        default: T,
    ) -> anyhow::Result<Setting<T>>
    where
        T::Err: std::fmt::Display,
    {
        let setting = self.optional(key, flag, file)?;
        Ok(Setting { value: setting.value.unwrap_or(default), source: setting.source })
    }

    fn named<T: std::str::FromStr<Err = String>>(
        &self,
        key: &str,
        flag: Option<String>,
        file: Option<String>,
        default: T,
    ) -> anyhow::Result<Setting<T>> {
        let setting = self.optional(key, flag, file)?.try_map(|name: String| {
            name.parse().map_err(|error| anyhow::anyhow!("{key}: {error}"))
        })?;
        Ok(Setting { value: setting.value.unwrap_or(default), source: setting.source })
    }
}

impl<T> Setting<Option<T>> {
    fn try_map<U>(
        self,
        map: impl FnOnce(T) -> anyhow::Result<U>,
    ) -> anyhow::Result<Setting<Option<U>>> {
        Ok(Setting { value: self.value.map(map).transpose()?, source: self.source })
    }
}

fn shortcuts_without(without: &[Shortcut]) -> Shortcuts {
    let mut shortcuts = Shortcuts::ALL;
    for shortcut in without {
        match shortcut {
            Shortcut::Ragged => shortcuts.ragged = false,
            Shortcut::Prefixes => shortcuts.prefixes = false,
            Shortcut::Duplicates => shortcuts.duplicates = false,
            Shortcut::PooledRows => shortcuts.pooled_rows_only = false,
        }
    }
    shortcuts
}

fn activation(name: &str) -> anyhow::Result<Activation> {
    match name {
        "quickgelu" | "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" => Ok(Activation::Gelu),
        _ => Err(Usage::error(
            format!("no activation called `{name}`"),
            "there are `quickgelu` and `gelu`",
        )),
    }
}

/// The nearest `clip-rs.toml`: here, else in the user's configuration folder.
fn read_file() -> anyhow::Result<(Option<PathBuf>, File)> {
    let here = PathBuf::from("clip-rs.toml");
    let user = user_config_dir().map(|folder| folder.join("clip-rs").join("clip-rs.toml"));
    let Some(path) = [Some(here), user].into_iter().flatten().find(|path| path.is_file()) else {
        return Ok((None, File::default()));
    };
    let text = read_text(&path)?;
    let file = toml::from_str(&text).map_err(|error| invalid(&path, &text, &error))?;
    Ok((Some(path), file))
}

/// Names the line: the message of a value out of range has no key.
fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.and_then(|before| text.lines().nth(before.matches('\n').count()));
    let line = line.map_or_else(String::new, |line| format!("`{}`: ", line.trim()));
    Usage::error(
        format!("{}: {line}{}", path.display(), error.message()),
        "keys: model, device, precision, activation, threads, max_pixels, fast_decode, cache_dir, offline, mirror",
    )
}

fn user_config_dir() -> Option<PathBuf> {
    let from =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("XDG_CONFIG_HOME")
        .or_else(|| from("APPDATA"))
        .or_else(|| Some(from("HOME")?.join(".config")))
}
