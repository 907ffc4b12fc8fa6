//! Where pairs are: each kind of source is listed once, and read at any place afterwards.
//!
//! | source | an entry costs | what is read of the file at the start |
//! |---|---|---|
//! | shards | 28 bytes and its key | headers, texts |
//! | tables, JSON lines | 16 bytes | all of it |
//! | Parquet | 4 bytes | the columns of captions |
//! | folders | its path | names, texts |

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod captions;
mod folder;
mod json_lines;
mod open_files;
mod parquet;
mod paths;
mod shards;
mod source;
mod table;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use self::paths::{Naming, by_name, by_path};
use self::source::Found;
pub(super) use self::source::Source;
use super::error::DataError;
use super::options::{DataOptions, Format};
use super::pattern;

/// Files of one part of a source.
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) paths: Vec<PathBuf>,
    format: Format,
}

/// Finds the files of a part.
///
/// # Errors
/// It leads nowhere, or to files of two kinds.
pub(super) fn find<'a>(text: &'a str, options: &DataOptions) -> Result<Part<'a>, DataError> {
    let wrong = |reason: String| DataError::Source { source_text: text.to_owned(), reason };
    let paths = paths_of(text).map_err(wrong)?;
    let (format, paths) = match (options.format, &*paths) {
        (Format::Auto | Format::Webdataset, [folder]) if folder.is_dir() => {
            let tars =
                clip_data::webdataset::tars_in(folder).map_err(|error| wrong(error.to_string()))?;
            match options.format {
                Format::Auto if tars.is_empty() => (Format::Folder, paths),
                _ => (Format::Webdataset, tars),
            }
        }
        (Format::Auto, paths) => (format_of(paths).map_err(wrong)?, paths.to_vec()),
        (format, _) => (format, paths),
    };
    match paths.iter().find(|path| !path.exists()) {
        Some(missing) => Err(wrong(format!("{} is not there", missing.display()))),
        None => Ok(Part { text, paths, format }),
    }
}

/// What files of several parts are called: by their names, unless two share one.
pub(super) fn naming(parts: &[Part<'_>]) -> Naming {
    let mut names = HashSet::new();
    let all = parts.iter().flat_map(|part| &part.paths);
    match all.map(|path| by_name(path)).all(|name| names.insert(name)) {
        true => by_name,
        false => by_path,
    }
}

/// Lists the pairs of a part.
///
/// # Errors
/// No pair of it can be used, or a file has none of the form that is expected.
pub(super) fn open(
    Part { text, paths, format }: &Part<'_>,
    options: &DataOptions,
    naming: Naming,
) -> Result<(Box<dyn Source>, Found), DataError> {
    let (source, found): (Box<dyn Source>, Found) = match format {
        Format::Webdataset | Format::Auto => {
            let (source, found) = shards::Shards::open(paths, options.text_lines, naming)?;
            (Box::new(source), found)
        }
        Format::Csv => {
            let (source, found) = table::Tables::open(paths, options, naming)?;
            (Box::new(source), found)
        }
        Format::Parquet => {
            let (source, found) = parquet::Parquet::open(paths, options, naming)?;
            (Box::new(source), found)
        }
        Format::Jsonl => {
            let (source, found) = json_lines::JsonLines::open(paths, options, naming)?;
            (Box::new(source), found)
        }
        Format::Folder => folder::open(paths, options)?,
    };
    let wrong = |reason: String| DataError::Source { source_text: (*text).to_owned(), reason };
    match (source.len(), found.bad.first()) {
        (0, None) => Err(wrong("holds no pair of image and caption".to_owned())),
        (0, Some(first)) => {
            Err(wrong(format!("no pair can be used; {} could not: {first}", found.bad.len())))
        }
        _ => Ok((source, found)),
    }
}

/// Braces written out, patterns looked up.
fn paths_of(text: &str) -> Result<Vec<PathBuf>, String> {
    if text.is_empty() {
        return Err("a part between `::` is empty".to_owned());
    }
    let mut paths = Vec::new();
    for name in pattern::expanded(text)? {
        if !clip_files::is_pattern(&name) || Path::new(&name).exists() {
            paths.push(name.into());
            continue;
        }
        let found = clip_files::matches(&name).map_err(|error| format!("`{name}`: {error}"))?;
        if found.paths.is_empty() {
            return Err(format!("nothing fits `{name}`"));
        }
        paths.extend(found.paths);
    }
    Ok(paths)
}

/// What the names say.
fn format_of(paths: &[PathBuf]) -> Result<Format, String> {
    let of = |path: &Path| {
        if path.is_dir() {
            return Some(Format::Folder);
        }
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let known = [
            (".tar", Format::Webdataset),
            (".csv", Format::Csv),
            (".tsv", Format::Csv),
            (".parquet", Format::Parquet),
            (".jsonl", Format::Jsonl),
            (".ndjson", Format::Jsonl),
            (".tar.gz", Format::Webdataset),
            (".tgz", Format::Webdataset),
        ];
        known.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, format)| format)
    };
    let first = paths.first().ok_or("stands for no name")?;
    let format = of(first).ok_or_else(|| {
        let way = "`format` says it: webdataset, csv, parquet, folder or jsonl";
        format!("the name of {} does not say what it is; {way}", first.display())
    })?;
    match paths.iter().find(|path| of(path) != Some(format)) {
        None => Ok(format),
        Some(other) => Err(format!(
            "{} and {} are of two kinds: join them with `::`",
            first.display(),
            other.display()
        )),
    }
}
