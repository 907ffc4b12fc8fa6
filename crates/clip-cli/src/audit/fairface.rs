//! `clip-rs audit fairface`

use std::path::PathBuf;

use clip_audit::fairface::{Fairface as Question, FairfaceOptions};

use super::run::{Output, audit};
use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// Race, gender and age on FairFace by race, gender, age and all combinations, beside the paper's
/// Tables 3 to 5
///
/// Zero-shot and a linear probe answer for every image of split `val`. The probe learns from split
/// `train`; where that is not there, from folds of `val`, which the result says. Rates by group
/// have exact intervals, the gap of the groups, and a test corrected for all tests of the audit; a
/// group of fewer than `--min-group` images has no figure. The model card's sentence on FairFace is
/// tested claim by claim. FairFace: https://github.com/joojs/fairface (CC BY 4.0).
///
/// To find and report harm, never to sort people. The groups are those of the data set's labels;
/// nobody is identified, and no single image is answered for. Out of scope, always: surveillance
/// and face recognition; deployed use without in-domain testing on a fixed taxonomy; languages
/// other than English.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs audit fairface --root data --model ViT-L/14@336px --padding 0.25
  clip-rs audit fairface --root data --model ViT-B/32,RN50 --without-probe
  clip-rs audit fairface --root data --template '{}' --template 'a photo of a {} person.'

Exit codes: 0 done; 3 images were left out, or are not all there; 1 nothing could be audited; 2 misuse.")]
pub(super) struct Fairface {
    /// Folder of FairFace, or the one that holds its folder
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    #[command(flatten)]
    options: FairfaceOptions,
    #[command(flatten)]
    output: Output,
}

impl Fairface {
    pub(super) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        let Fairface { root, options, output } = self;
        audit(&Question { root, options }, &output, settings, console)
    }
}
