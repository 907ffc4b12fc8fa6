//! `clip-rs verify`

use std::path::PathBuf;

use clip_rs::verify::{self, Count, Difference};
use clip_train::verify::replay_on;

use crate::console::{Console, Usage};
use crate::exit::Exit;
use crate::settings::Settings;

/// Compare this build with reference outputs
///
/// Alone: checks tokenizer, preprocessing and the starter model against values inside the program.
/// With files: runs the model on `pixels` [n, 3, r, r] and `token_ids` [n, 77] of --inputs,
/// compares with `image_features`, `text_features` and `logits_per_image` of --outputs and prints
/// JSON: per tower max_abs, max_rel (greatest error over the reference's greatest magnitude) and
/// min_cosine, and ok. With --training: trains as the references in a folder were trained and prints
/// a JSON object for each case with the greatest errors of losses, gradients and weights. Ends with
/// 4 beyond the tolerance.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs verify --model m.safetensors --inputs in.safetensors --outputs out.safetensors
  clip-rs verify --training golden/training")]
pub(crate) struct Verify {
    /// Model: a name, `hf:owner/name`, or a path
    #[arg(long, short, value_name = "MODEL", requires = "inputs")]
    model: Option<String>,
    /// safetensors with `pixels` and `token_ids`
    #[arg(long, value_name = "FILE", requires = "outputs")]
    inputs: Option<PathBuf>,
    /// safetensors with `image_features`, `text_features`, `logits_per_image`
    #[arg(long, value_name = "FILE", requires = "inputs")]
    outputs: Option<PathBuf>,
    /// Folder of training references: CASE.json with its tensors, as
    /// `tests/reference/golden/README.md` describes them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["model", "inputs", "tolerance"])]
    training: Option<PathBuf>,
    /// Greatest relative error that passes
    #[arg(long, value_name = "X", default_value_t = 1e-4)]
    tolerance: f64,
    /// JSON also from the check without files
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self, settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
        if let Some(folder) = &self.training {
            let cases = replay_on(settings.load_options().instruction_set()?, folder)?;
            cases.iter().try_for_each(|case| console.json(case))?;
            let ok = cases.iter().all(|case| case.ok);
            return Ok(if ok { Exit::Ok } else { Exit::BelowThreshold });
        }
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            return Err(Usage::error(
                "the tolerance must be a number of 0 or more",
                "leave it out for 1e-4",
            ));
        }
        let ok = match (&self.inputs, &self.outputs) {
            (Some(inputs), Some(outputs)) => {
                let clip = settings.load(self.model.as_deref(), console)?;
                let found = verify::against_files(&clip, inputs, outputs, self.tolerance)?;
                console.json(&found)?;
                for (tower, difference) in [("image", found.image), ("text", found.text)] {
                    console.detail(&line(tower, difference));
                }
                found.ok
            }
            _ => {
                let found = verify::built_in(&settings.load(Some("starter"), console)?)?;
                if self.json {
                    console.json(&found)?;
                } else {
                    console.print(
                        &(row("token ids of texts", found.tokenizer)
                            + &row("pixels of photos", found.preprocessing)
                            + &row("probabilities of the starter model", found.starter)),
                    )?;
                }
                found.ok
            }
        };
        Ok(if ok { Exit::Ok } else { Exit::BelowThreshold })
    }
}

fn row(what: &str, Count { equal, of }: Count) -> String {
    let verdict = if equal == of { "ok" } else { "DIFFERENT" };
    format!("{what:<36} {equal:>4} of {of:>4} as the reference  {verdict}\n")
}

fn line(tower: &str, difference: Option<Difference>) -> String {
    match difference {
        Some(d) => {
            format!(
                "{tower}: {} rows, max_rel {:.1e}, min_cosine {:.8}",
                d.rows, d.max_rel, d.min_cosine
            )
        }
        None => format!("{tower}: not compared"),
    }
}
