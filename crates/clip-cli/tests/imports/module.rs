//! Files as modules and the paths they use: just enough of Rust's grammar, as rustfmt lays it out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A path of a `use` or of an expression, by its segments.
pub(crate) type Segments = Vec<String>;

/// A file of a crate.
struct Module {
    /// Its child modules in files of their own.
    children: BTreeSet<String>,
    /// Names it passes on: name and path.
    passed_on: Vec<(String, Segments)>,
    /// Paths it uses.
    uses: Vec<Segments>,
}

/// The files of a crate by their module paths; the root is empty.
pub(crate) struct Crate(BTreeMap<Segments, Module>);

impl Crate {
    pub(crate) fn read(name: &str) -> Crate {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        let mut paths = Vec::new();
        rust_files(&source, &mut paths);
        let module = |path: &PathBuf| {
            let relative = path.strip_prefix(&source).expect("below").with_extension("");
            let mut place: Segments =
                relative.iter().map(|part| part.to_str().expect("UTF-8").to_owned()).collect();
            if ["mod", "lib", "main"].contains(&place.last().expect("a name").as_str()) {
                place.pop();
            }
            let text = fs::read_to_string(path).expect("readable");
            let module = Module::read(&place, &text);
            (place, module)
        };
        Crate(paths.iter().map(module).collect())
    }

    /// The file that a path of `from` leads to, if it is in this crate.
    fn target(&self, from: &Segments, path: &Segments) -> Option<Segments> {
        let mut place = from.clone();
        let mut rest = path.as_slice();
        match rest.first()?.as_str() {
            "crate" => {
                place.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    place.pop();
                    rest = &rest[1..];
                }
            }
            child if self.0[from].children.contains(child) => {}
            _ => return None,
        }
        self.follow(place, rest, 0)
    }

    /// From a module down the segments, through names that are passed on.
    fn follow(&self, mut place: Segments, mut rest: &[String], depth: usize) -> Option<Segments> {
        while let Some(name) = rest.first() {
            let module = self.0.get(&place)?;
            if module.children.contains(name) {
                place.push(name.clone());
                rest = &rest[1..];
                continue;
            }
            let passed = module.passed_on.iter().find(|(passed, _)| passed == name);
            return match passed {
                Some((_, path)) if depth < 8 => {
                    let whole: Segments = path.iter().chain(&rest[1..]).cloned().collect();
                    self.target(&place, &whole)
                }
                _ => Some(place),
            };
        }
        Some(place)
    }

    /// Which files each file imports from.
    pub(crate) fn imports(&self) -> BTreeMap<Segments, BTreeSet<Segments>> {
        let of = |(place, module): (&Segments, &Module)| {
            let targets = module.uses.iter().filter_map(|path| self.target(place, path));
            (place.clone(), targets.filter(|target| target != place).collect())
        };
        self.0.iter().map(of).collect()
    }
}

impl Module {
    fn read(place: &Segments, text: &str) -> Module {
        let code = code(text);
        let (mut children, mut passed_on, mut uses) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut plain = String::new();
        for statement in code.split_inclusive(['{', '}', ';']) {
            let line = statement.trim().lines().last().unwrap_or_default();
            let words = line.trim().trim_end_matches([';', '{', '}']);
            let words = match words.strip_prefix("pub") {
                Some(rest) if rest.starts_with([' ', '(']) => {
                    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                    rest.map_or(&words[3..], |(_, rest)| rest).trim()
                }
                _ => words,
            };
            if let Some(child) = words.strip_prefix("mod ")
                && statement.ends_with(';')
            {
                children.insert(child.trim().to_owned());
            } else {
                plain.push_str(statement);
            }
        }
        for (public, tree) in use_trees(&plain) {
            for path in expanded(&tree) {
                let (path, name) = named(path);
                let own = path.strip_prefix(&["crate".to_owned()][..]);
                let own = own.and_then(|path| path.strip_prefix(place.as_slice()));
                let own = own.or(path.strip_prefix(&["self".to_owned()][..])).unwrap_or(&path);
                // A parent that passes on what a child defines.
                let from_child = own.first().is_some_and(|first| children.contains(first));
                if public && from_child {
                    passed_on.push((name, path));
                } else {
                    uses.push(path);
                }
            }
        }
        let begins: Vec<&str> =
            ["crate", "super"].into_iter().chain(children.iter().map(String::as_str)).collect();
        uses.extend(inline_paths(&without_uses(&plain), &begins));
        Module { children, passed_on, uses }
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Without comments, attributes and the unit tests at the foot.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("#["));
    let bare = lines.map(|line| match line.find("//") {
        Some(at) if !line[..at].contains('"') => &line[..at],
        _ => line,
    });
    bare.collect::<Vec<_>>().join("\n")
}

/// The trees of all `use` statements, and whether they are public.
fn use_trees(code: &str) -> Vec<(bool, String)> {
    let mut trees = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with("pub") {
            let tree = code[at + 4..].split(';').next().unwrap_or_default();
            let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            trees.push((!line.is_empty(), tree));
        }
    }
    trees
}

/// The code with its `use` statements blanked.
fn without_uses(code: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in code.lines() {
        let start = line.trim_start();
        let start = start.split_once("pub").map_or(start, |(before, rest)| {
            if before.is_empty() {
                rest.trim_start_matches(|c| c != ' ').trim_start()
            } else {
                start
            }
        });
        inside |= start.starts_with("use ");
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.contains(';');
    }
    kept
}

/// `a::{b, c::{d}}` as `a::b`, `a::c::d`; `as` names stay behind the last segment.
fn expanded(tree: &str) -> Vec<Segments> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let prefix: Segments = tree[..open]
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(expanded).map(|path| prefix.iter().cloned().chain(path).collect()).collect()
}

/// The path of a `use`, and the name that it gives.
fn named(mut path: Segments) -> (Segments, String) {
    let last = path.pop().unwrap_or_default();
    let (last, name) = match last.split_once(" as ") {
        Some((last, name)) => (last.to_owned(), name.to_owned()),
        None => (last.clone(), last),
    };
    if last == "self" {
        let name = path.last().cloned().unwrap_or_default();
        return (path, name);
    }
    path.push(last);
    (path, name)
}

/// Paths in expressions and types that begin with one of the words.
fn inline_paths(code: &str, begins: &[&str]) -> Vec<Segments> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    for begin in begins {
        let start = format!("{begin}::");
        for (at, _) in code.match_indices(&start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| is_word(c) || c == ':' || c == '"' || c == '$') {
                continue;
            }
            let end = code[at..].find(|c: char| !is_word(c) && c != ':').unwrap_or(code.len() - at);
            let path = code[at..at + end].trim_end_matches(':');
            paths.push(path.split("::").map(str::to_owned).collect());
        }
    }
    paths
}
