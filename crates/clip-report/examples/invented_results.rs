//! Writes invented results of every task, invented audits with every kind of table, and their page
//! into FOLDER, to look at the report without a model:
//! `cargo run -p clip-report --example invented_results -- FOLDER`

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::path::PathBuf;

use clip_eval::EvalError;
use clip_report::Report;

fn main() -> Result<(), EvalError> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "invented".into()));
    let (cells, audits) = (synthetic::suite(), synthetic::audits::audits());
    for cell in &cells {
        cell.write(&folder)?;
    }
    for audit in &audits {
        audit.write(&folder)?;
    }
    let report = Report {
        records: &cells,
        audits: &audits,
        unreadable: &[],
        published: &synthetic::invented_values,
    };
    report.write(&folder.join("report.html"))?;
    println!("{}", folder.join("report.html").display());
    Ok(())
}
