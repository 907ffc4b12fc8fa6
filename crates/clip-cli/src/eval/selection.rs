//! `clip-rs eval selection`

use std::path::PathBuf;

use clip_eval::results::Figure;
use clip_eval::tasks;

use super::run_tables::TableFlags;
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// Which caption belongs to which image, among a few made to be mistaken for each other
///
/// CLIP_benchmark's image_caption_selection. A CSV table with image_0, image_1, … and caption_0,
/// caption_1, … (Winoground's pairs), or file, caption and negative_caption (SugarCrepe's); paths
/// from the table's folder. A row is right where every image is nearest to its own caption and
/// every caption to its own image; both directions stand beside it.
#[derive(clap::Args)]
#[command(after_help = "Example:
  clip-rs eval selection --table winoground.csv --model ViT-B/32")]
pub(super) struct Selection {
    /// The table
    #[arg(long, value_name = "FILE.csv")]
    table: PathBuf,
    #[command(flatten)]
    flags: TableFlags,
}

impl Selection {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let task = tasks::Selection { table: self.table };
        let text = |figure: &Figure| match (figure.value, figure.interval()) {
            (Some(value), Some((low, high))) => {
                format!("{:.1} %  ({:.1} to {:.1} %)", value * 100.0, low * 100.0, high * 100.0)
            }
            _ => figure.note.clone().unwrap_or_default(),
        };
        self.flags.run(&task, "selection", "items", text, (settings, console))
    }
}
