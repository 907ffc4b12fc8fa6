//! `clip-rs report`

use std::path::PathBuf;

use clip_eval::results;
use clip_report::{Report as Page, Summary, measured};

use crate::console::{Console, Usage};
use crate::exit::Exit;

/// Make one page of all results and audits in a folder
///
/// Tables against the published values with intervals and differences, plots, classes, confusions,
/// calibration, the images most confidently wrong, and all that is needed to repeat each figure; of
/// audits the verdict, and tables and plots by group, each with what may and may not be concluded.
/// The page is one HTML file that loads nothing. Figures of subsets are marked: they do not compare
/// with published ones. The same results give the same bytes.
#[derive(clap::Args)]
#[command(after_help = "Example:
  clip-rs report results -o report.html --csv results.csv

Exit code 3: some files in DIR could not be read, or were changed by hand; the page names them.")]
pub(crate) struct Report {
    /// Folder of results: MODEL/DATASET.TASK.json, as `clip-rs eval` and `clip-rs audit` write them
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The page to write [default: DIR/report.html]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write all figures of results as one table, too; audits are not in it
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print a JSON object with the counts
    #[arg(long)]
    json: bool,
}

/// What was written, and what it says.
#[derive(serde::Serialize)]
struct Written<'a> {
    page: &'a PathBuf,
    csv: Option<&'a PathBuf>,
    #[serde(flatten)]
    summary: &'a Summary,
}

impl Report {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let (cells, mut unreadable) = results::read_all(&self.folder)?;
        let (audits, broken) = clip_audit::read_all(&self.folder)?;
        unreadable.extend(broken);
        for error in &unreadable {
            console.warn(&format!("left out: {error}"));
        }
        if cells.is_empty() && audits.is_empty() {
            let message = format!("{}: no results", self.folder.display());
            return Err(Usage::error(
                message,
                "a folder that `clip-rs eval` or `clip-rs audit` wrote holds MODEL/DATASET.TASK.json",
            ));
        }
        let out = self.out.unwrap_or_else(|| self.folder.join("report.html"));
        let report = Page {
            records: &cells,
            audits: &audits,
            unreadable: &unreadable,
            published: &measured,
        };
        let summary = report.write(&out)?;
        if let Some(csv) = &self.csv {
            results::write_csv(&cells, csv)?;
        }
        if self.json {
            console.json(&Written { page: &out, csv: self.csv.as_ref(), summary: &summary })?;
        } else {
            console.print(&said(&out, &summary))?;
        }
        Ok(if unreadable.is_empty() { Exit::Ok } else { Exit::Skipped })
    }
}

fn said(out: &std::path::Path, summary: &Summary) -> String {
    let counted =
        |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let mut text = out.display().to_string();
    if summary.cells > 0 {
        text += &format!(
            ": {} of {} on {}",
            counted(summary.cells, "result"),
            counted(summary.models, "model"),
            counted(summary.datasets, "data set")
        );
    }
    if summary.audits > 0 {
        let audits = counted(summary.audits, "audit");
        text += &format!("{} {audits}", if summary.cells > 0 { "," } else { ":" });
    }
    text += &format!(", {} kB\n", summary.bytes.div_ceil(1000));
    if summary.verdicts_not_met > 0 {
        text += &format!("not met: {}\n", counted(summary.verdicts_not_met, "audit verdict"));
    }
    if summary.compared > 0 {
        text += &format!(
            "{} of {} intervals cover the paper's value\n",
            summary.covered, summary.compared
        );
    }
    if summary.not_comparable > 0 {
        text += &format!(
            "not comparable, of other items than published: {}\n",
            counted(summary.not_comparable, "result")
        );
    }
    text
}
