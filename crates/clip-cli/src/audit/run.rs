//! What all audits of the command line share: models, folders, what is printed.

use std::path::PathBuf;

use clip_audit::{Audit as Question, AuditRecord, PURPOSE, Run};

use super::print;
use crate::console::Console;
use crate::eval::steps;
use crate::exit::Exit;
use crate::settings::Settings;

/// Where audits and features go, and what is printed.
#[derive(clap::Args)]
pub(super) struct Output {
    /// Models, separated by commas: names, `hf:owner/name`, or paths [default: starter]
    #[arg(long, short, value_delimiter = ',', value_name = "MODEL")]
    model: Vec<String>,
    /// Folder for audits, beside the results of `eval`
    #[arg(long, short, default_value = "results", value_name = "DIR")]
    out: PathBuf,
    /// Folder for features [default: `features` in the cache folder]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Print every table with what may and may not be concluded; of many the most are a line each
    #[arg(long)]
    full: bool,
    /// One JSON object per model and line, as it is written to the file
    #[arg(long)]
    json: bool,
}

/// Audits each model and prints what was found. A requirement that is not met ends with 4, items
/// that were left out, or of a published split are not there, with 3.
pub(super) fn audit(
    audit: &dyn Question,
    output: &Output,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Exit> {
    let load = settings.load_options();
    let cache =
        output.features.clone().unwrap_or_else(|| load.cache_folders().own.join("features"));
    let run = Run { out: &output.out, cache: &cache, load: &load };
    let asked = &settings.model.value;
    let models = if output.model.is_empty() { std::slice::from_ref(asked) } else { &output.model };
    let mut exit = Exit::Ok;
    for model in models {
        console.detail(&format!("audit {} of {model}", audit.kind()));
        let (record, path) = run.audit(audit, model, steps(console))?;
        say_what_to_know(console, &record);
        if output.json {
            console.json(&record)?;
        } else {
            console.print(&print::text(&record, output.full))?;
        }
        console.note(&format!("written to {}", path.display()));
        exit = worse(exit, &record);
    }
    console.note(PURPOSE);
    console.note(clip_rs::LIMITS);
    Ok(exit)
}

fn worse(exit: Exit, record: &AuditRecord) -> Exit {
    let is_met = record.verdict.as_ref().is_none_or(|verdict| verdict.met);
    match exit {
        _ if !is_met => Exit::BelowThreshold,
        Exit::Ok if !record.counts.is_complete() => Exit::Skipped,
        exit => exit,
    }
}

/// Warnings and notes, on stderr.
fn say_what_to_know(console: &Console, record: &AuditRecord) {
    for warning in &record.warnings {
        console.warn(&warning.text);
    }
    for note in &record.notes {
        console.note(note);
    }
    for skip in record.skipped.iter().take(3) {
        console.warn(&format!("left out: {}: {}", skip.input, skip.reason));
    }
    if record.counts.skipped > 3 {
        console.warn(&format!("left out: {} more; the file lists them", record.counts.skipped - 3));
    }
}
