//! No two files of a crate import from each other, not even over others: what a file needs lies
//! below it.
//!
//! A file is a module. `mod` lines and a parent's `pub use child::…` are no imports, and whoever
//! takes a name through such a line takes it from the file that defines it. Unit tests at the foot
//! of a file do not count.

mod module;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use module::{Crate, Segments};

/// Groups of files of which each reaches every other.
fn circles(imports: &BTreeMap<Segments, BTreeSet<Segments>>) -> Vec<BTreeSet<String>> {
    let reached = |from: &Segments| {
        let (mut found, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(place) = open.pop() {
            for next in imports.get(place).into_iter().flatten() {
                if found.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        found
    };
    let all: BTreeMap<&Segments, BTreeSet<Segments>> =
        imports.keys().map(|place| (place, reached(place))).collect();
    let name = |place: &Segments| match place.as_slice() {
        [] => "lib".to_owned(),
        place => place.join("/"),
    };
    let mut circles = BTreeSet::new();
    for (place, reaches) in all.iter().filter(|(place, reaches)| reaches.contains(**place)) {
        let both = reaches.iter().filter(|other| all[other].contains(*place));
        circles.insert(both.map(name).collect::<BTreeSet<_>>());
    }
    circles.into_iter().collect()
}

/// Circles that stay, by crate and by how all of their files begin.
const ALLOWED: [(&str, &str); 3] = [
    // The parent has the words of the format (errors, the order of coefficients) and the way
    // through the parts.
    ("clip-image", "decode/jpeg"),
    // The parent has the type that stands for the processor, which every operation takes and which
    // dispatches to them.
    ("clip-kernels", "cpu"),
    ("clip-kernels", "reference"),
];

fn crates() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let names = fs::read_dir(folder).expect("crates").flatten().map(|entry| entry.file_name());
    names.map(|name| name.into_string().expect("UTF-8")).collect()
}

#[test]
fn no_files_import_from_each_other() {
    let mut found = Vec::new();
    for name in crates() {
        for circle in circles(&Crate::read(&name).imports()) {
            let is_allowed = |(krate, begin): &(&str, &str)| {
                *krate == name && circle.iter().all(|file| file.starts_with(begin))
            };
            if !ALLOWED.iter().any(is_allowed) {
                found.push((name.clone(), circle));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// `clip-eval: suite | tasks | results options | error` in docs/architecture.md, the upper floors
/// first: a module imports from floors below its own alone.
#[test]
fn modules_import_from_the_floors_below() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/architecture.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, section) = page.split_once("## Floors within crates").expect("the section");
    let mut checked = 0;
    for line in section.split("## ").next().unwrap_or_default().lines() {
        let Some((name, floors)) = line.split_once(": ").filter(|_| line.starts_with("clip-"))
        else {
            continue;
        };
        checked += 1;
        let floors: Vec<Vec<&str>> =
            floors.split('|').map(|floor| floor.split_whitespace().collect()).collect();
        let floor = |module: &str| {
            let found = floors.iter().position(|floor| floor.contains(&module));
            found.unwrap_or_else(|| panic!("{name}: {module} stands on no floor"))
        };
        for (from, targets) in Crate::read(name).imports() {
            let Some(from) = from.first() else { continue };
            for to in targets.iter().filter_map(|to| to.first()).filter(|to| *to != from) {
                assert!(floor(from) < floor(to), "{name}: {from} imports from {to}, not below it");
            }
            floor(from);
        }
    }
    assert_eq!(checked, 5, "crates with floors");
}
