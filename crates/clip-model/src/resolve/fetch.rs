//! Fetching: released files by their digest, repositories file by file.

use super::error::ResolveError;
use super::options::{COMPLETE, ResolveOptions};
use crate::cache::RepositoryId;
use crate::checkpoint::{WEIGHT_FILES, inventory, shards_of};
use crate::download::{self, Check, Download, DownloadError};
use crate::registry::{self, ReleasedModel};
use crate::sha256::sha256_of_file;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::path::Path;

/// Longest file of weights in bytes.
const WEIGHTS_LIMIT: u64 = 64 << 30;
/// Longest configuration, vocabulary or index in bytes.
const TEXT_LIMIT: u64 = 64 << 20;
/// What stands beside weights, any of which may be missing: configurations, then what tells of
/// another tokenizer.
const CONFIGURATIONS: [&str; 10] = [
    "config.json",
    "open_clip_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
];

pub(super) fn fetch_released(
    model: &ReleasedModel,
    own: &Path,
    options: &ResolveOptions<'_>,
) -> Result<(), ResolveError> {
    let base = options.mirror.unwrap_or_else(|| registry::base_url()).trim_end_matches('/');
    let url = format!("{base}/{}", model.url_path());
    Ok(download::fetch(&Download { sha256: Some(&model.sha256), ..plan(&url, own, options) })?)
}

fn plan<'a>(url: &'a str, target: &'a Path, options: &ResolveOptions<'a>) -> Download<'a> {
    Download {
        url,
        target,
        sha256: None,
        check: None,
        limit: WEIGHTS_LIMIT,
        attempts: 5,
        backoff: std::time::Duration::from_millis(500),
        progress: options.progress,
        stop: options.stop,
    }
}

/// Configurations, then the first kind of weights there is, then the mark that all is there.
pub(super) fn fetch_repository(
    repository: &RepositoryId,
    own: &Path,
    options: &ResolveOptions<'_>,
) -> Result<(), ResolveError> {
    let write = |source| DownloadError::Write { path: own.to_path_buf(), source };
    std::fs::create_dir_all(own).map_err(write)?;
    let fetched = download::under_lock(&own.join(".lock"), || {
        // Another process may have been at it meanwhile.
        Ok(if is_complete(own) { Ok(()) } else { fetch_all(repository, own, options) })
    });
    fetched?
}

fn fetch_all(
    repository: &RepositoryId,
    own: &Path,
    options: &ResolveOptions<'_>,
) -> Result<(), ResolveError> {
    let base = options.hub.unwrap_or("https://huggingface.co").trim_end_matches('/');
    let mark = own.join(COMPLETE);
    let before = digests(&mark);
    drop(std::fs::remove_file(&mark));
    let mut fetched = Vec::new();
    let mut fetch = |file: &str| -> Result<bool, ResolveError> {
        let target = own.join(file);
        // What is no longer what was fetched is fetched again, whatever it looks like.
        if before
            .get(file)
            .is_some_and(|digest| sha256_of_file(&target).is_ok_and(|found| found != *digest))
        {
            drop(std::fs::remove_file(&target));
        }
        let url = format!("{base}/{repository}/resolve/main/{file}");
        let (check, limit) = kind_of(file);
        match download::fetch(&Download {
            check: Some(check),
            limit,
            ..plan(&url, &target, options)
        }) {
            Ok(()) => fetched.push(file.to_owned()),
            Err(DownloadError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    };
    for file in CONFIGURATIONS {
        fetch(file)?;
    }
    let no_weights = || ResolveError::NoWeights { repository: repository.to_string() };
    let mut weights = None;
    for file in WEIGHT_FILES {
        if weights.is_none() && fetch(file)? {
            weights = Some(own.join(file));
        }
    }
    let weights = weights.ok_or_else(no_weights)?;
    if weights.extension().is_some_and(|ending| ending == "json") {
        for shard in
            shards_of(&weights).map_err(|_| ResolveError::BadIndex { path: weights.clone() })?
        {
            if !fetch(&shard)? {
                return Err(no_weights());
            }
        }
    }
    write_digests(&mark, own, fetched)
}

/// Marks a repository as complete: digests and names of its files.
fn write_digests(mark: &Path, own: &Path, files: Vec<String>) -> Result<(), ResolveError> {
    let mut lines = String::new();
    for file in files {
        let path = own.join(&file);
        let digest =
            sha256_of_file(&path).map_err(|source| DownloadError::Write { path, source })?;
        lines += &format!("{digest}  {file}\n");
    }
    clip_files::write_whole(mark, |out| std::io::Write::write_all(out, lines.as_bytes()))
        .map_err(|source| DownloadError::Write { path: mark.to_path_buf(), source }.into())
}

/// Whether the mark is there and every file is as it was when it came. A mark of an earlier version
/// names no files: then each is looked at.
fn is_complete(own: &Path) -> bool {
    let digests = digests(&own.join(COMPLETE));
    !digests.is_empty()
        && digests.iter().all(|(file, digest)| {
            sha256_of_file(&own.join(file)).is_ok_and(|found| found == *digest)
        })
}

/// SHA-256 by file name.
fn digests(mark: &Path) -> BTreeMap<String, String> {
    let text = clip_files::read_text(mark, TEXT_LIMIT).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines.map(|(digest, file)| (file.to_owned(), digest.to_owned())).collect()
}

/// What a file of this name must be when nobody tells its digest, and how long it may be.
fn kind_of(file: &str) -> (Check<'static>, u64) {
    match file.rsplit_once('.') {
        Some((_, "json")) => (&is_json, TEXT_LIMIT),
        Some((_, "txt")) => (&is_text, TEXT_LIMIT),
        _ => (&is_checkpoint, WEIGHTS_LIMIT),
    }
}

fn is_json(path: &Path) -> Result<(), String> {
    let text = clip_files::read_text(path, TEXT_LIMIT).map_err(|error| error.to_string())?;
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(format!("{}what is not JSON, at line {line} column {column}", kind_of_text(&text)))
        }
    }
}

fn is_text(path: &Path) -> Result<(), String> {
    let text = clip_files::read_text(path, TEXT_LIMIT).map_err(|error| error.to_string())?;
    match kind_of_text(&text) {
        "" => Ok(()),
        other => Err(other.trim_end_matches(": ").to_owned()),
    }
}

fn kind_of_text(text: &str) -> &'static str {
    match text.trim_start() {
        "" => "nothing: ",
        text if text.starts_with('<') => "a web page: ",
        text if text.starts_with("version https://git-lfs") => "a Git LFS pointer: ",
        _ => "",
    }
}

fn is_checkpoint(path: &Path) -> Result<(), String> {
    inventory(path).map(drop).map_err(|error| {
        let message = error.to_string();
        // The file goes by another name while it is on its way.
        let place = format!("{}: ", path.display());
        format!("no checkpoint: {}", message.strip_prefix(&place).unwrap_or(&message))
    })
}
