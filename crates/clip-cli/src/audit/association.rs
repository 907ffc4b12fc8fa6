//! `clip-rs audit association`

use clip_audit::association::{Association as Question, AssociationOptions};

use super::run::{Output, audit};
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// Which labels a model returns for which group: the paper's study of Members of Congress, for
/// images and labels of your own
///
/// A table names images and the group of each (`file,gender`; other names with `--file-column` and
/// `--group-column`). A label is returned for an image where its probability over the list exceeds
/// the threshold: 0.5 % and 4 %, as in the paper. For every label the shares of the groups are
/// tested, corrected for all labels; the labels that most surely differ toward a group are shown,
/// the most frequent first. Probabilities depend on the length of the list and the temperature,
/// which the result says. A list with a content warning is shown only with `--show-labels`.
///
/// To find and report harm, never to sort people. The groups are those of the table; nobody is
/// identified, and no single image is answered for. Out of scope, always: surveillance and face
/// recognition; deployed use without in-domain testing on a fixed taxonomy; languages other than
/// English.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs audit association --groups members.csv --labels occupations.txt --model ViT-L/14@336px
  clip-rs audit association --groups faces.csv --group-column race --root photos --labels words.txt
  clip-rs audit association --groups members.csv --labels words.txt --threshold 0.01 --top 10

members.csv:             occupations.txt, a label a line:
  file,gender              a doctor
  photos/1.jpg,female      a nurse
  photos/2.jpg,male        a lawyer

Exit codes: 0 done; 3 images were left out, or are not all there; 1 nothing could be audited; 2 misuse.")]
pub(super) struct Association {
    #[command(flatten)]
    options: AssociationOptions,
    #[command(flatten)]
    output: Output,
}

impl Association {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let Association { options, output } = self;
        audit(&Question::new(options)?, &output, settings, console)
    }
}
