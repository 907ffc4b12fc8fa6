//! Where pairs are: each kind of source is listed once, and read at any place afterwards.
//!
//! | source | an entry costs | what is read of the file at the start |
//! |---|---|---|
//! | shards | 28 bytes and its key | headers, texts |
//! | tables, JSON lines | 16 bytes | all of it |
//! | Parquet | 4 bytes | the columns of captions |
//! | folders | its path | names, texts |

mod captions;
mod folder;
mod json_lines;
mod open_files;
mod parquet;
mod paths;
mod shards;
mod table;

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::ledger::{BadSample, Unusable};
use super::options::{DataOptions, Format};
use super::pattern;

/// The pairs of one part, by number.
pub(super) trait Source: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// What a pair is called in messages.
    fn key(&self, index: u64) -> String;

    /// The bytes of its image file.
    fn image(&self, index: u64) -> Result<Vec<u8>, Unusable>;

    /// Its captions, one at least.
    fn captions(&self, index: u64) -> Result<Vec<String>, Unusable>;

    /// Bytes of memory that the list takes.
    fn memory(&self) -> usize;
}

/// What was met while a part was listed.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// A hash of each caption.
    pub(super) captions: Vec<u64>,
    /// What is in the files and cannot be used.
    pub(super) bad: Vec<BadSample>,
    /// What had to be guessed, for people.
    pub(super) notes: Vec<String>,
}

impl Found {
    /// Notes the captions of a pair that is used.
    fn take(&mut self, captions: &[String]) {
        self.captions.extend(captions.iter().map(|caption| captions::hash(caption)));
    }

    fn join(&mut self, other: Self) {
        self.captions.extend(other.captions);
        self.bad.extend(other.bad);
        self.notes.extend(other.notes);
    }
}

/// Lists one part of a source.
///
/// # Errors
/// It leads nowhere, or no pair of it can be used.
pub(super) fn open(
    text: &str,
    options: &DataOptions,
) -> Result<(Box<dyn Source>, Found), DataError> {
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
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(wrong(format!("{} is not there", missing.display())));
    }
    let (source, found): (Box<dyn Source>, Found) = match format {
        Format::Webdataset | Format::Auto => {
            let (source, found) = shards::Shards::open(&paths, options.text_lines)?;
            (Box::new(source), found)
        }
        Format::Csv => {
            let (source, found) = table::Tables::open(&paths, options)?;
            (Box::new(source), found)
        }
        Format::Parquet => {
            let (source, found) = parquet::Parquet::open(&paths, options)?;
            (Box::new(source), found)
        }
        Format::Jsonl => {
            let (source, found) = json_lines::JsonLines::open(&paths, options)?;
            (Box::new(source), found)
        }
        Format::Folder => folder::open(&paths, options)?,
    };
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
