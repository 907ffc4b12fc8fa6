//! `clip-rs config`

use clip_rs::Activation;
use clip_rs::model::download::without_password;

use crate::console::Console;
use crate::exit::Exit;
use crate::settings::{Setting, Settings};

/// Print the settings in force and who set each
///
/// Order of precedence: flags, environment (CLIP_RS_MODEL, CLIP_RS_THREADS, ...), `clip-rs.toml` in
/// this folder or else in the user's configuration folder, defaults. `–` is not set.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  CLIP_RS_THREADS=2 clip-rs config")]
pub(crate) struct Config {
    /// One JSON object: key -> {value, source}
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let rows = rows(settings)?;
        if self.json {
            let entry = |(key, value, source): &(&str, serde_json::Value, &str)| {
                ((*key).to_owned(), serde_json::json!({ "value": value, "source": source }))
            };
            let object: serde_json::Map<String, serde_json::Value> =
                rows.iter().map(entry).collect();
            console.json(&object)?;
            return Ok(Exit::Ok);
        }
        let mut text = String::new();
        for (key, value, source) in rows {
            let value = match value {
                serde_json::Value::Null => "–".to_owned(),
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            text += &format!("{key:<12} {value:<28} {source}\n");
        }
        console.print(&text)?;
        Ok(Exit::Ok)
    }
}

fn rows(settings: &Settings) -> anyhow::Result<Vec<(&'static str, serde_json::Value, &str)>> {
    fn row<'a, T>(
        key: &'static str,
        setting: &'a Setting<T>,
        value: impl Fn(&T) -> serde_json::Value,
    ) -> (&'static str, serde_json::Value, &'a str) {
        (key, value(&setting.value), setting.source.as_str())
    }
    let cache_dir = settings.load_options().cache_folders().own;
    let (isa, isa_source) = settings.instruction_set()?;
    Ok(vec![
        row("model", &settings.model, |v| v.as_str().into()),
        row("device", &settings.device, |v| format!("{v:?}").to_lowercase().into()),
        ("isa", isa.name().into(), isa_source),
        row("precision", &settings.precision, |v| v.name().into()),
        row("activation", &settings.activation, |v| v.map(Activation::name).into()),
        row("threads", &settings.threads, |v| v.map_or("all".into(), |count| count.get().into())),
        row("max_pixels", &settings.max_pixels, |v| (*v).into()),
        row("fast_decode", &settings.fast_decode, |v| (*v).into()),
        row("cache_dir", &settings.cache_dir, |_| cache_dir.display().to_string().into()),
        row("offline", &settings.offline, |v| (*v).into()),
        row("mirror", &settings.mirror, |v| v.as_deref().map(without_password).into()),
    ])
}
