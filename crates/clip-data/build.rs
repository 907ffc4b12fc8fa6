//! Embeds `assets/datasets/*.toml` and `assets/prompts/*.json`: a file put there is part of the
//! program.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let assets = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("assets");
    let mut code = String::new();
    for (folder, ending, constant) in
        [("datasets", "toml", "DESCRIPTIONS"), ("prompts", "json", "PROMPTS")]
    {
        println!("cargo::rerun-if-changed=assets/{folder}");
        let files = sorted(&assets.join(folder), ending)?;
        let _ = writeln!(code, "pub(crate) const {constant}: &[(&str, &str)] = &[");
        for file in files {
            let name = file.file_stem().unwrap_or_default();
            let _ = writeln!(code, "    ({name:?}, include_str!({file:?})),");
        }
        code += "];\n";
    }
    let out = env::var("OUT_DIR").expect("set by cargo");
    fs::write(Path::new(&out).join("assets.rs"), code)
}

fn sorted(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    Ok(files)
}
