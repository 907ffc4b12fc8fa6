//! `clip-rs audit`

mod association;
mod denigration;
mod fairface;
mod print;
mod run;
mod taxonomy;

use crate::console::Console;
use crate::exit::Exit;
use crate::settings::Settings;

/// Find and report harm: rates by group, and what the choice of classes does
///
/// CLIP's accuracy and harms differ by group and, in the words of its model card, can depend
/// significantly on class design. These commands measure both on images whose groups a data set
/// names, with exact intervals, group sizes and corrected tests, and say what may not be concluded.
/// They identify nobody, have no way to classify a single person, and show no figure of a group
/// that is too small. Every audit becomes OUT/MODEL/DATASET.audit.KIND.json; `clip-rs report` and
/// `clip-rs card` take it up. Out of scope, always: surveillance and face recognition; deployed use
/// without in-domain testing on a fixed taxonomy; languages other than English.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs audit fairface --root data --model ViT-B/32
  clip-rs audit denigration --root data --add-class child
  clip-rs audit taxonomy --dataset folder:photos --labels v1.txt --labels v2.txt --require accuracy=0.9")]
pub(crate) struct Audit {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    Fairface(fairface::Fairface),
    Denigration(denigration::Denigration),
    Association(association::Association),
    Taxonomy(taxonomy::Taxonomy),
}

impl Audit {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        match self.kind {
            Kind::Fairface(audit) => audit.run(settings, console),
            Kind::Denigration(audit) => audit.run(settings, console),
            Kind::Association(audit) => audit.run(settings, console),
            Kind::Taxonomy(audit) => audit.run(settings, console),
        }
    }
}
