//! `clip-rs audit taxonomy`

use super::run::{Output, audit};
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// What the choice of classes does: label lists and prompts on the same images, and a verdict
///
/// Accuracy, calibration and confusions of every list of labels in every set of sentences; which
/// classes take whose images when one is left out or added; whether an image keeps its answer under
/// other sentences and with fewer classes; how sure the answer is when the true class is absent; a
/// temperature and thresholds with "none of these". With `--require` it is the in-domain test on a
/// fixed taxonomy that the model card asks for before any use: it ends in a verdict, and with exit
/// code 4 where a threshold is not met. A threshold is compared with the end of the interval that
/// speaks against it, on every list, or on that of `--judge`; a figure of too few images meets none.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs audit taxonomy --dataset folder:photos --labels v1.txt --labels v2.txt
  clip-rs audit taxonomy --dataset cifar10 --root data --add-class frog --templates sentences.txt
  clip-rs audit taxonomy --dataset csv:parts.csv --labels v2.txt --groups parts.csv \\
    --group-column camera --require accuracy=0.9 --require worst-group=0.8 --require gap=0.05")]
pub(super) struct Taxonomy {
    #[command(flatten)]
    audit: clip_audit::taxonomy::Taxonomy,
    #[command(flatten)]
    output: Output,
}

impl Taxonomy {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        audit(&self.audit, &self.output, settings, console)
    }
}
