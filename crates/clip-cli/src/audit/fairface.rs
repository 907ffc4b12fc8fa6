//! `clip-rs audit fairface`

use super::Output;
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

#[derive(clap::Args)]
pub(super) struct Fairface {
    #[command(flatten)]
    output: Output,
}

impl Fairface {
    pub(super) fn run(self, _settings: &Settings, _console: &Console) -> anyhow::Result<Exit> {
        let _ = self.output;
        anyhow::bail!("not here yet")
    }
}
