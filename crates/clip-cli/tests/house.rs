//! The dependency graph of the crates is the picture in docs/architecture.md: an arrow only ever points down.

use std::collections::BTreeSet;
use std::path::Path;

/// Who may use whom. Each line is an arrow of the drawing.
const ARROWS: [(&str, &str); 25] = [
    ("clip-cli", "clip-files"),
    ("clip-cli", "clip"),
    ("clip-cli", "clip-data"),
    ("clip-cli", "clip-eval"),
    ("clip-cli", "clip-report"),
    ("clip", "clip-files"),
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
    ("clip-report", "clip"),
    ("clip-report", "clip-data"),
    ("clip-report", "clip-eval"),
    ("clip-report", "clip-files"),
    ("clip-formats", "clip-files"),
    ("clip-model", "clip-files"),
    ("clip-model", "clip-formats"),
    ("clip-model", "clip-kernels"),
];

#[test]
fn crates_use_each_other_as_the_drawing_says() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(crates).expect("the folder of crates").flatten() {
        let Ok(manifest) = std::fs::read_to_string(entry.path().join("Cargo.toml")) else {
            continue;
        };
        let user = entry.file_name().into_string().expect("a plain name");
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
    manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
}
