//! Whether a data set is whole, before anything is computed from it.
//!
//! ```text
//! root ─▶ locate ─▶ every split read ─▶ counts, files that lists name and that are not there
//!   └──── archives beside it ─▶ md5 against the published one
//! ```

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use serde::Serialize;

use crate::catalogue::{Archive, Dataset, SplitInfo, catalogue};
use crate::error::DataError;
use crate::locate::{folders, locate, recognised, what_to_fetch};
use crate::reader::ReadOptions;
use crate::split::Split;

/// What was found of a data set.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// Id of the data set.
    pub dataset: String,
    /// Where was looked.
    pub root: PathBuf,
    /// Its own folder, if its files are unpacked.
    pub folder: Option<PathBuf>,
    /// Every split of the catalogue.
    pub splits: Vec<SplitReport>,
    /// Published files that lie in or beside its folder.
    pub archives: Vec<ArchiveReport>,
    /// What is wrong, in words that say what to do; nothing is if there are none.
    pub problems: Vec<String>,
}

/// What was found of a split.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SplitReport {
    /// Name of the split.
    pub name: String,
    /// Published items.
    pub n_expected: Option<usize>,
    /// Items that are there; none if the split was not fetched or cannot be read.
    pub n_found: Option<usize>,
    /// Files and folders that lists or classes name and that are not there.
    pub n_absent: usize,
    /// The first of them.
    pub absent: Vec<String>,
    /// Files and folders that are there and cannot be used, such as names that are not UTF-8.
    pub n_left_out: usize,
    /// What the reader has to say.
    pub notes: Vec<String>,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// A published file beside the data set.
#[derive(Debug, Clone, Serialize)]
pub struct ArchiveReport {
    /// Where it is.
    pub path: PathBuf,
    /// Of its bytes.
    pub md5: String,
    /// As published; none where nobody says.
    pub md5_expected: Option<String>,
}

/// What [`check`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStep {
    /// So many bytes of archives will be read.
    Bytes(u64),
    /// So many more are.
    Read(u64),
}

/// Absent files named in a report; the others are counted.
const NAMED: usize = 5;

/// Looks for `dataset` below `root`, reads every split's lists, and compares counts and checksums
/// with those published; `progress` is told of the archives whose checksums are computed.
///
/// # Errors
/// A file that is there cannot be read. What is missing is no error: it is in
/// [`CheckReport::problems`].
pub fn check(
    dataset: &'static Dataset,
    root: &Path,
    progress: &mut dyn FnMut(CheckStep),
) -> Result<CheckReport, DataError> {
    let located = locate(dataset, root);
    let folder = located.as_ref().ok().cloned();
    let archives = archives(dataset, root, folder.as_deref(), progress)?;
    let mut problems: Vec<String> = archives.iter().filter_map(ArchiveReport::problem).collect();
    let mut splits = Vec::new();
    match located {
        Ok(_) => {
            splits.extend(dataset.splits.iter().map(|split| split_report(dataset, root, split)));
            problems.extend(splits.iter().filter_map(|split| split.problem(dataset)));
            let test = splits.iter().find(|split| split.name == dataset.test);
            let unread = test.is_some_and(|test| test.n_found.is_none_or(|found| found == 0));
            problems.extend(recognised(dataset, root).filter(|_| unread));
        }
        Err(error) => problems.push(not_located(dataset, root, &archives, error)),
    }
    Ok(CheckReport {
        dataset: dataset.id.clone(),
        root: root.to_owned(),
        folder,
        splits,
        archives,
        problems,
    })
}

fn not_located(
    dataset: &Dataset,
    root: &Path,
    archives: &[ArchiveReport],
    error: DataError,
) -> String {
    if recognised(dataset, root).is_some() {
        return error.to_string(); // says what was recognised
    }
    let packed: Vec<String> = archives.iter().filter_map(ArchiveReport::name).collect();
    if !packed.is_empty() {
        return format!(
            "{} holds {} but nothing that is unpacked: unpack it there",
            root.display(),
            packed.join(", ")
        );
    }
    match std::fs::read_dir(root).map(|mut entries| entries.next().is_none()) {
        Ok(true) => match error {
            DataError::NotFound { hint, .. } => format!("{} is empty; {hint}", root.display()),
            error => error.to_string(),
        },
        Ok(false) => error.to_string(),
        Err(source) => DataError::Read { path: root.to_owned(), source }.to_string(),
    }
}

fn split_report(dataset: &'static Dataset, root: &Path, split: &SplitInfo) -> SplitReport {
    let mut report = SplitReport {
        name: split.name.clone(),
        n_expected: split.expected,
        ..SplitReport::default()
    };
    match Split::read(dataset, root, &split.name, &ReadOptions::default()) {
        Ok(split) => {
            report.n_found = Some(split.items.len());
            report.n_absent = split.missing.len();
            report.absent = split.missing.into_iter().take(NAMED).collect();
            report.n_left_out = split.left_out.len();
            report.notes = split.notes;
            let left_out = split.left_out.iter().take(NAMED);
            report
                .notes
                .extend(left_out.map(|one| format!("left out: {}: {}", one.input, one.reason)));
        }
        // A split that nobody fetched: no list and no folder of it.
        Err(DataError::Read { source, .. })
            if source.kind() == ErrorKind::NotFound && split.name != dataset.test => {}
        Err(error) => report.error = Some(error.to_string()),
    }
    report
}

impl SplitReport {
    /// What is wrong with it; items that vanish from the web are not.
    fn problem(&self, dataset: &Dataset) -> Option<String> {
        let name = &self.name;
        if let Some(error) = &self.error {
            return Some(format!("split {name}: {error}"));
        }
        let found = self.n_found?;
        let more = if self.n_absent > self.absent.len() { ", …" } else { "" };
        let absent = format!("{}{more}", self.absent.join(", "));
        if found == 0 {
            let (named, hint) = (if absent.is_empty() { "" } else { ": " }, what_to_fetch(dataset));
            return (name == &dataset.test).then(|| {
                format!("split {name}: none of its images is there{named}{absent}; {hint}")
            });
        }
        if self.n_left_out > 0 {
            return Some(format!(
                "split {name}: {found} images, {} more cannot be used",
                self.n_left_out
            ));
        }
        if dataset.files.vanishing {
            return None;
        }
        match self.n_expected {
            _ if self.n_absent > 0 => {
                let count = self.n_absent;
                Some(format!(
                    "split {name}: {found} images, {count} more are named but not there ({absent}): unpack again"
                ))
            }
            Some(expected) if expected != found => Some(format!(
                "split {name}: {found} images, {expected} are published: unpack again"
            )),
            _ => None,
        }
    }
}

/// The data sets of which an archive with a published checksum lies in `root` or in a folder of
/// theirs in it.
pub fn packed(root: &Path) -> Vec<&'static Dataset> {
    let is_packed = |dataset: &&'static Dataset| {
        let folders = folders(dataset, root);
        let mut known = dataset.archives.iter().filter(|archive| archive.md5.is_some());
        known.any(|archive| folders.iter().any(|folder| folder.join(&archive.file).is_file()))
    };
    catalogue().iter().filter(is_packed).collect()
}

/// Published files in `root`, in the data set's folder, or beside that, each read once.
fn archives(
    dataset: &Dataset,
    root: &Path,
    folder: Option<&Path>,
    progress: &mut dyn FnMut(CheckStep),
) -> Result<Vec<ArchiveReport>, DataError> {
    let places: Vec<PathBuf> = folders(dataset, root)
        .into_iter()
        .chain(folder.and_then(Path::parent).map(Path::to_owned))
        .collect();
    let place_of =
        |file: &str| places.iter().map(|place| place.join(file)).find(|path| path.is_file());
    let found: Vec<(&Archive, PathBuf)> = dataset
        .archives
        .iter()
        .filter_map(|archive| Some((archive, place_of(&archive.file)?)))
        .collect();
    let size = |path: &PathBuf| path.metadata().map_or(0, |file| file.len());
    progress(CheckStep::Bytes(found.iter().map(|(_, path)| size(path)).sum()));
    let mut reports = Vec::with_capacity(found.len());
    for (archive, path) in found {
        let md5 = md5_of_file(&path, progress)?;
        reports.push(ArchiveReport { path, md5, md5_expected: archive.md5.clone() });
    }
    Ok(reports)
}

impl ArchiveReport {
    fn name(&self) -> Option<String> {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned())
    }

    /// Whether its bytes are those published; none where nobody says.
    pub fn agrees(&self) -> Option<bool> {
        self.md5_expected.as_ref().map(|expected| expected.eq_ignore_ascii_case(&self.md5))
    }

    fn problem(&self) -> Option<String> {
        let expected = self.md5_expected.as_ref().filter(|_| self.agrees() == Some(false))?;
        let (path, found) = (self.path.display(), &self.md5);
        Some(format!(
            "{path}: md5 is {found}, published is {expected}: incomplete or changed, fetch it again"
        ))
    }
}

fn md5_of_file(path: &Path, progress: &mut dyn FnMut(CheckStep)) -> Result<String, DataError> {
    let mut file = clip_files::open(path, u64::MAX).map_err(DataError::read(path))?;
    let mut hasher = Md5::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut block).map_err(DataError::read(path))?;
        if count == 0 {
            break;
        }
        hasher.update(block.get(..count).unwrap_or_default());
        progress(CheckStep::Read(count as u64));
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
