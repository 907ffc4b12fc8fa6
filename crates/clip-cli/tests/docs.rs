//! The documents hold: what code cites is there, and what documents name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `folder` with one of the endings; test data and what is built apart.
fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().expect("UTF-8");
        if path.is_dir() && !["target", "data", "fixtures", "corpus", ".git"].contains(&&*name) {
            files(&path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// Numbers of headings (`## 1.4 Joint head`) and of items (`9.14 **Attention pool ...`).
fn sections(document: &str) -> BTreeSet<String> {
    let number = |line: &str| {
        let word = line.trim_start_matches('#').trim_start().split(' ').next().unwrap_or_default();
        let word = word.strip_suffix('.').unwrap_or(word);
        let is_number = word.split('.').all(|part| part.parse::<u32>().is_ok());
        (is_number && (line.starts_with('#') || word.contains('.'))).then(|| word.to_owned())
    };
    read(root().join("docs").join(document)).lines().filter_map(number).collect()
}

/// The numbers behind a citation: `1.4, 4.2)`, `1.1 to 1.3`, `7.2; paper ...`.
fn numbers(mut text: &str) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number = text[..end].trim_end_matches('.');
        if number.is_empty() {
            return found;
        }
        found.push(number.to_owned());
        let rest = &text[number.len()..];
        match [", ", " to ", " and "].iter().find_map(|between| rest.strip_prefix(between)) {
            Some(next) => text = next,
            None => return found,
        }
    }
}

/// Comments without their line breaks: a citation may go over two lines.
fn joined(text: &str) -> String {
    let content = |line: &str| {
        let line = line.trim();
        ["//!", "///", "//", "#"]
            .iter()
            .find_map(|mark| line.strip_prefix(mark))
            .unwrap_or(line)
            .trim()
            .to_owned()
    };
    text.lines().map(content).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_section_that_code_cites_is_in_the_protocol() {
    let (protocol, evaluation) = (sections("protocol.md"), sections("protocol-evaluation.md"));
    let kinds = [
        ("PROTOCOL ", &protocol),
        ("PROTOCOL_EVAL ", &evaluation),
        ("trap ", &protocol),
        ("traps ", &protocol),
    ];
    let mut paths = Vec::new();
    files(&root().join("crates"), &[".rs", ".toml", ".json", ".md", ".py"], &mut paths);
    let (mut citations, mut missing) = (0, Vec::new());
    for path in paths.iter().filter(|path| !path.ends_with("tests/docs.rs")) {
        let text = joined(&read(path));
        for (word, sections) in kinds {
            for (at, _) in text.match_indices(word) {
                for number in numbers(&text[at + word.len()..]) {
                    citations += 1;
                    if !sections.contains(&number) {
                        missing.push(format!("{}: {word}{number}", path.display()));
                    }
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(citations > 200, "only {citations} citations found");
}

/// README, CONTRIBUTING and what lies in `docs`; and the pages of other folders that they lead to.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    files(&root().join("docs"), &[".md"], &mut pages);
    let others = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "fuzz/README.md",
        "photos/README.md",
        "tests/reference/README.md",
    ];
    pages.extend(others.map(|page| root().join(page)));
    files(&root().join("crates"), &["README.md"], &mut pages);
    pages
}

/// A heading as GitHub names it in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_and_path_of_the_documents_leads_somewhere() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = read(&page);
        for target in links(&text) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                _ => page.parent().expect("a folder").join(file),
            };
            let leads = file.exists()
                && (heading.is_empty()
                    || read(&file)
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading));
            if !leads {
                missing.push(format!("{}: link to {target}", page.display()));
            }
        }
        for path in paths(&text) {
            if !root().join(path).exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Targets of links within the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|target| !target.contains("://"))
}

/// Paths of the repository in backquotes; of a pattern, the folder before it.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let folders = ["crates/", "docs/", "tests/reference/", "bench/", "fuzz/", "findings/", ".ci/"];
    let quoted = text.split('`').skip(1).step_by(2);
    let made = "fuzz/corpus"; // by the fuzzer
    let wanted = move |path: &str| {
        folders.iter().any(|folder| path.starts_with(folder)) && !path.starts_with(made)
    };
    quoted.filter(move |path| wanted(path)).map(|path| {
        let path = path.split([' ', ':', '\n']).next().unwrap_or_default();
        let placeholder = |part: &str| {
            part.contains(['*', '{', '<']) || part == "TARGET" || part.starts_with("ID.")
        };
        match path.split('/').find(|part| placeholder(part)) {
            Some(part) => path[..path.find(part).unwrap_or(0)].trim_end_matches('/'),
            None => path,
        }
    })
}

/// Rows of the tables of a page, their cells without blanks around.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|-"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// Files and folders of a crate, without the ending `.rs`.
fn rooms_of(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = path.to_str().expect("UTF-8");
        found.push(name.strip_suffix(".rs").unwrap_or(name).to_owned());
        if path.is_dir() {
            rooms_of(&path, found);
        }
    }
}

#[test]
fn every_room_of_the_architecture_is_in_its_crate() {
    let page = read(root().join("docs/architecture.md"));
    let mut missing = Vec::new();
    let mut crates = 0;
    for row in rows(&page) {
        let [name, _, rooms] = row.as_slice() else { continue };
        let name = name.split('`').nth(1).unwrap_or_default();
        let folder = root().join("crates").join(name);
        if name.is_empty() || !folder.is_dir() {
            continue;
        }
        crates += 1;
        let mut modules = Vec::new();
        rooms_of(&folder, &mut modules);
        for room in rooms.split('`').skip(1).step_by(2) {
            let room = format!("/{}", room.trim_end_matches('/').replace("::", "/"));
            if !modules.iter().any(|module| module.ends_with(&room)) {
                missing.push(format!("{name}: {room}"));
            }
        }
    }
    let all = fs::read_dir(root().join("crates")).expect("crates").count();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(crates, all, "a crate is not in the table");
}

/// Sections of a manifest: the heading and the names of its entries.
fn manifest(path: &Path) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in read(path).lines() {
        if let Some(heading) = line.strip_prefix('[') {
            sections.push((heading.trim_end_matches(']').to_owned(), Vec::new()));
        } else if let Some(name) =
            line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty())
            && let Some((_, names)) = sections.last_mut()
            && !name.starts_with('#')
        {
            names.push(name.to_owned());
        }
    }
    sections
}

/// `clip, clip-cli; tests: clip-data`, as docs/dependencies.md says who uses a library.
fn users(library: &str) -> String {
    let mut members: Vec<PathBuf> = fs::read_dir(root().join("crates"))
        .expect("crates")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    members.sort();
    members.push(root().join("bindings/python"));
    let (mut code, mut tests) = (Vec::new(), Vec::new());
    for member in members {
        let name = match member.file_name().expect("a name").to_str().expect("UTF-8") {
            "python" => "clip-python".to_owned(),
            name => name.to_owned(),
        };
        let uses = |wanted: fn(&str) -> bool| {
            manifest(&member.join("Cargo.toml"))
                .iter()
                .any(|(section, names)| wanted(section) && names.iter().any(|name| name == library))
        };
        if uses(|section| section.ends_with("dependencies") && !section.contains("dev-")) {
            code.push(name);
        } else if uses(|section| section.ends_with("dev-dependencies")) {
            tests.push(name);
        }
    }
    code.sort();
    tests.sort();
    let tests =
        if tests.is_empty() { String::new() } else { format!("tests: {}", tests.join(", ")) };
    [code.join(", "), tests]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn dependencies_are_those_of_the_page_with_their_users() {
    let page = read(root().join("docs/dependencies.md"));
    let table = page.split("## ").next().expect("the first table");
    let named: BTreeSet<(String, String)> =
        rows(table).skip(1).map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    let workspace = manifest(&root().join("Cargo.toml"));
    let (_, libraries) = workspace
        .iter()
        .find(|(section, _)| section == "workspace.dependencies")
        .expect("versions");
    let theirs = libraries.iter().filter(|name| *name != "clip" && !name.starts_with("clip-"));
    let expected: BTreeSet<(String, String)> =
        theirs.map(|name| (name.clone(), users(name))).collect();
    let missing: Vec<_> = expected.difference(&named).collect();
    let gone: Vec<_> = named.difference(&expected).collect();
    assert!(missing.is_empty() && gone.is_empty(), "missing: {missing:#?}, not so: {gone:#?}");
}
