//! `clip-rs audit denigration`

use super::Output;
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

#[derive(clap::Args)]
pub(super) struct Denigration {
    #[command(flatten)]
    output: Output,
}

impl Denigration {
    pub(super) fn run(self, _settings: &Settings, _console: &Console) -> anyhow::Result<Exit> {
        let _ = self.output;
        anyhow::bail!("not here yet")
    }
}
