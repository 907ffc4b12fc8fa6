//! `clip-rs audit denigration`

use std::path::PathBuf;

use clip_audit::denigration::{Denigration as Question, DenigrationOptions};

use super::run::{Output, audit};
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// How often images of people are answered with labels that degrade, and what the choice of classes
/// does: the paper's Tables 6 and 7
///
/// FairFace's faces are classified over 14 classes of race and gender with animals and words for
/// criminals among them, as the paper did, or over labels of your own. Shares of every category by
/// race, gender and age have exact intervals, gaps and tests corrected for all tests of the audit; a
/// group of fewer than `--min-group` images has no figure. Then the class child is added, or any
/// other (`--add-class`), and the same images are looked at before and after. Every share is given
/// for at least three sentences around the label.
///
/// The list has a content warning: its labels are counted by category, and printed or written only
/// with `--show-labels`, after the warning. A list of your own is treated the same if it has a line
/// `# content warning: …`. The published values could not be reproduced by two independent teams.
///
/// To find and report harm, never to sort people. The groups are those of the data set's labels;
/// nobody is identified, and no single image is answered for. Out of scope, always: surveillance
/// and face recognition; deployed use without in-domain testing on a fixed taxonomy; languages
/// other than English.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs audit denigration --root data --model ViT-L/14@336px
  clip-rs audit denigration --root data --add-class child --add-class 'a person'
  clip-rs audit denigration --root data --labels words.txt --template '{}'

words.txt, a label a line:
  # content warning: words that insult      (optional; then labels are shown only when asked for)
  a man
  a woman
  [crime-related]                           (labels below it are counted by this word)
  a thief

Exit codes: 0 done; 3 images were left out, or are not all there; 1 nothing could be audited; 2 misuse.")]
pub(super) struct Denigration {
    /// Folder of FairFace, or the one that holds its folder
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    #[command(flatten)]
    options: DenigrationOptions,
    #[command(flatten)]
    output: Output,
}

impl Denigration {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let Denigration { root, options, output } = self;
        audit(&Question::new(root, options)?, &output, settings, console)
    }
}
