//! The dependency graph of the crates is the picture in docs/architecture.md: an arrow only ever
//! points down. No crate names a library that it does not use, and no function is longer than a
//! screen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may use whom. Each line is an arrow of the drawing.
const ARROWS: [(&str, &str); 48] = [
    ("clip-cli", "clip-files"),
    ("clip-cli", "clip"),
    ("clip-audit", "clip"),
    ("clip-audit", "clip-data"),
    ("clip-audit", "clip-eval"),
    ("clip-cli", "clip-audit"),
    ("clip-cli", "clip-data"),
    ("clip-cli", "clip-eval"),
    ("clip-cli", "clip-report"),
    ("clip-cli", "clip-train"),
    ("clip", "clip-files"),
    ("clip", "clip-formats"),
    ("clip", "clip-image"),
    ("clip", "clip-kernels"),
    ("clip", "clip-model"),
    ("clip", "clip-tokenizer"),
    ("clip-data", "clip-files"),
    ("clip-data", "clip-formats"),
    ("clip-data", "clip-image"),
    ("clip-eval", "clip-files"),
    ("clip-eval", "clip"),
    ("clip-eval", "clip-data"),
    ("clip-eval", "clip-kernels"),
    ("clip-python", "clip"),
    ("clip-python", "clip-audit"),
    ("clip-python", "clip-data"),
    ("clip-python", "clip-eval"),
    ("clip-python", "clip-image"),
    ("clip-python", "clip-kernels"),
    ("clip-python", "clip-train"),
    ("clip-report", "clip"),
    ("clip-report", "clip-audit"),
    ("clip-report", "clip-data"),
    ("clip-report", "clip-eval"),
    ("clip-report", "clip-files"),
    ("clip-train", "clip"),
    ("clip-train", "clip-data"),
    ("clip-train", "clip-eval"),
    ("clip-train", "clip-files"),
    ("clip-train", "clip-formats"),
    ("clip-train", "clip-image"),
    ("clip-train", "clip-kernels"),
    ("clip-train", "clip-model"),
    ("clip-train", "clip-tokenizer"),
    ("clip-formats", "clip-files"),
    ("clip-model", "clip-files"),
    ("clip-model", "clip-formats"),
    ("clip-model", "clip-kernels"),
];

#[test]
fn crates_use_each_other_as_the_drawing_says() {
    let mut found = BTreeSet::new();
    for krate in crates() {
        let Ok(manifest) = std::fs::read_to_string(krate.join("Cargo.toml")) else { continue };
        let user = manifest.split('"').nth(1).expect("its name").to_owned();
        for dependency in normal_dependencies(&manifest)
            .filter(|name| *name == "clip" || name.starts_with("clip-"))
        {
            found.insert((user.clone(), dependency.to_owned()));
        }
    }
    let drawn =
        ARROWS.iter().map(|(user, used)| ((*user).to_owned(), (*used).to_owned())).collect();
    assert_eq!(found, drawn);
}

/// Names under `[dependencies]`; what tests use is no arrow.
fn normal_dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    names_under(manifest, "[dependencies]")
}

/// Names of the entries of a section.
fn names_under<'a>(manifest: &'a str, section: &'a str) -> impl Iterator<Item = &'a str> {
    manifest
        .lines()
        .skip_while(move |line| *line != section)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
}

fn crates() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = std::fs::read_dir(&all).expect("crates").flatten().map(|entry| entry.path());
    crates.chain([all.join("../bindings/python")]).collect()
}

/// All Rust files below some folders of a crate, with their text.
fn sources(krate: &Path, folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut open: Vec<PathBuf> =
        folders.iter().map(|folder| krate.join(folder)).filter(|path| path.exists()).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(path).expect("a folder").flatten();
            open.extend(inside.map(|entry| entry.path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("readable");
            found.push((path, text));
        }
    }
    found
}

#[test]
fn every_library_that_a_crate_names_is_used_in_it() {
    let mut unused = Vec::new();
    for krate in crates() {
        let Ok(manifest) = std::fs::read_to_string(krate.join("Cargo.toml")) else { continue };
        for (section, folders) in [
            ("[dependencies]", &["src", "build.rs"][..]),
            ("[target.'cfg(unix)'.dependencies]", &["src"]),
            ("[dev-dependencies]", &["src", "tests", "benches", "examples"]),
        ] {
            let sources = sources(&krate, folders);
            for name in names_under(&manifest, section) {
                let module = match name {
                    "clip" => "clip_rs".to_owned(),
                    "md-5" => "md5".to_owned(),
                    name => name.replace('-', "_"),
                };
                let marks = [format!("{module}::"), format!("use {module};")];
                let used = |(_, text): &(PathBuf, String)| marks.iter().any(|m| text.contains(m));
                // What a feature asks for may serve tests and measurements alone.
                let is_optional =
                    manifest.contains(&format!("\n{name} = {{ workspace = true, optional"));
                if !is_optional && !sources.iter().any(used) {
                    unused.push(format!("{}: {name} {section}", krate.display()));
                }
            }
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

/// rustfmt ends a function at the indentation of its first line.
#[test]
fn no_function_is_longer_than_60_lines() {
    let mut long = Vec::new();
    for krate in crates() {
        let production = |(path, _): &(PathBuf, String)| !path.ends_with("tests.rs");
        for (path, text) in sources(&krate, &["src"]).into_iter().filter(production) {
            let lines: Vec<&str> = text.lines().collect();
            for (first, line) in lines.iter().enumerate() {
                let code = line.trim_start();
                let words = code.split("fn ").next().unwrap_or_default();
                let begins = code.contains("fn ")
                    && words.split(' ').all(|word| {
                        word.is_empty()
                            || word.starts_with("pub")
                            || ["const", "unsafe", "async", "extern", "\"C\"", "super)", "in"]
                                .contains(&word)
                    });
                if !begins {
                    continue;
                }
                let end = format!("{}}}", &line[..line.len() - code.len()]);
                let length = lines[first..].iter().position(|line| *line == end).unwrap_or(0) + 1;
                if length > 60 && !code.ends_with(';') {
                    long.push(format!("{}:{}: {length} lines", path.display(), first + 1));
                }
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}
