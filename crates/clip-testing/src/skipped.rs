//! What tests skip, told at once and once more at the end of `cargo test`.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Says that something was skipped: on stderr at once, past the capture of the test runner, and in
/// the list that [`print_skipped`] prints when all tests have run.
pub fn skipped(what: &str) {
    let crate_name = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let line = format!("{crate_name} {}: {what}\n", test_file());
    let _ = writeln!(io::stderr(), "skipped: {what}");
    let _ = fs::create_dir_all(folder()).and_then(|()| {
        let mut list = OpenOptions::new().create(true).append(true).open(list())?;
        list.write_all(line.as_bytes()) // one call: lines of tests side by side stay whole
    });
}

/// Prints what the tests of this run have skipped, and forgets it.
pub fn print_skipped() {
    let text = fs::read_to_string(list()).unwrap_or_default();
    let lines: BTreeSet<&str> = text.lines().collect();
    if lines.is_empty() {
        println!("\nNo test was skipped.");
    } else {
        println!("\nSkipped (CONTRIBUTING.md, \"Golden data\", says how to get what was missing):");
        lines.iter().for_each(|line| println!("  {line}"));
    }
    let _ = fs::remove_file(list());
    let _ = forget_old_lists();
}

/// The name of the running test file, without the hash that cargo adds.
fn test_file() -> String {
    let name = program().file_stem().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    name.rsplit_once('-').map_or(name.as_str(), |(name, _)| name).to_owned()
}

/// One list for each run of `cargo test`: the parent of every test process.
fn list() -> PathBuf {
    #[cfg(unix)]
    let run = std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    let run = 0;
    folder().join(format!("{run}.txt"))
}

/// `target/debug/skipped`, where test programs are in `target/debug/deps`.
fn folder() -> PathBuf {
    program().parent().and_then(Path::parent).expect("a folder of the build").join("skipped")
}

fn program() -> PathBuf {
    std::env::current_exe().expect("the running test")
}

/// Runs of single crates leave lists behind.
fn forget_old_lists() -> io::Result<()> {
    for entry in fs::read_dir(folder())? {
        let entry = entry?;
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age > Duration::from_secs(24 * 60 * 60) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
