//! `clip-rs completions` and `clip-rs man`: made from the arguments themselves.

use std::path::PathBuf;

use anyhow::Context;
use clap::Command;

use crate::console::Console;
use crate::exit::Exit;

/// Print completions for a shell
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs completions bash > ~/.local/share/bash-completion/completions/clip-rs
  clip-rs completions zsh > \"${fpath[1]}/_clip-rs\"
  clip-rs completions fish > ~/.config/fish/completions/clip-rs.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, mut program: Command, console: &Console) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "clip-rs", &mut script);
        // clap_complete 4.6.11 spells a hyphen of the program's name in one way where states of the
        // bash script are entered and in another where they are looked up.
        let script = String::from_utf8_lossy(&script).replace("clip__subcmd__rs", "clip__rs");
        console.print(&script)?;
        Ok(Exit::Ok)
    }
}

/// Write the manual pages, one per verb
#[derive(clap::Args)]
#[command(after_help = "Example:\n  clip-rs man --out ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Folder for clip-rs.1, clip-rs-classify.1, ...
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
}

impl Man {
    pub(crate) fn run(self, program: Command, console: &Console) -> anyhow::Result<Exit> {
        let folder = self.out.display();
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("{folder}: cannot make the folder"))?;
        clap_mangen::generate_to(program, &self.out)
            .with_context(|| format!("{folder}: cannot write"))?;
        console.detail(&format!("wrote the manual pages to {folder}"));
        Ok(Exit::Ok)
    }
}
