//! Finds a data set below the folder a person names.

use std::path::{Path, PathBuf};

use crate::catalogue::{Dataset, Status, catalogue};
use crate::error::DataError;
use crate::names::comparable;
use crate::places::resolve;

/// Folders of the data set's names inside each other: `VOCtest_06-Nov-2007/VOCdevkit/VOC2007`.
const DEPTH: usize = 3;

/// The folder of `dataset`: `root` itself, or one inside called by its id or a name its archive
/// unpacks to; names are compared by letters and digits.
///
/// # Errors
/// Its marker is in none of them; the error says which copies were recognised.
pub(crate) fn locate(dataset: &Dataset, root: &Path) -> Result<PathBuf, DataError> {
    let mut folders = folders(dataset, root).into_iter();
    folders.find(|folder| shows(dataset, folder)).ok_or_else(|| DataError::NotFound {
        dataset: dataset.id.clone(),
        root: root.to_owned(),
        marker: dataset.marker.replace('|', "` or `"),
        hint: recognised(dataset, root).unwrap_or_else(|| what_to_fetch(dataset)),
    })
}

/// The data sets below `root`; of copies in `root` itself only those that have the marker, as any
/// folder of classes may look like one.
pub fn present(root: &Path) -> Vec<&'static Dataset> {
    let is_present = |dataset: &&'static Dataset| {
        locate(dataset, root).is_ok_and(|folder| folder != root || is_published(dataset, root))
    };
    catalogue().iter().filter(is_present).collect()
}

/// [`locate`], where parts of the data set lie in folders of their own: the one that holds `split`.
pub(crate) fn locate_split(
    dataset: &Dataset,
    root: &Path,
    split: &str,
) -> Result<PathBuf, DataError> {
    let Some(marker) = dataset.files.shown_by.get(split) else { return locate(dataset, root) };
    let holds = |folder: &PathBuf| resolve(&dataset.files, folder, marker).is_some();
    folders(dataset, root).into_iter().find(holds).map_or_else(|| locate(dataset, root), Ok)
}

fn shows(dataset: &Dataset, folder: &Path) -> bool {
    let mut markers = dataset.files.markers.iter();
    is_published(dataset, folder)
        || markers.any(|marker| resolve(&dataset.files, folder, marker).is_some())
}

/// Whether `folder` holds the authors' files, wherever in it.
pub(crate) fn is_published(dataset: &Dataset, folder: &Path) -> bool {
    dataset.marker.split('|').any(|marker| resolve(&dataset.files, folder, marker).is_some())
}

/// What of the way from `root` to the data set's folder is not its authors' doing, in words.
pub(crate) fn detour(dataset: &Dataset, root: &Path, folder: &Path) -> Option<String> {
    let way = folder.strip_prefix(root).ok()?;
    let names: Vec<String> = way.iter().map(|name| comparable(&name.to_string_lossy())).collect();
    let is_one = |known: &String, name: &String| comparable(known) == *name;
    let own = |name: &String| {
        dataset.folders.iter().chain([&dataset.id]).any(|known| is_one(known, name))
    };
    let of_copies =
        |name: &String| !own(name) && dataset.files.folders.iter().any(|known| is_one(known, name));
    let twice = names.iter().zip(names.iter().skip(1)).any(|(outer, inner)| outer == inner);
    (twice || names.iter().any(of_copies))
        .then(|| format!("layout of a copy: in {}", way.display()))
}

/// `root`, and the folders below that have one of the data set's names, outer ones first.
pub(crate) fn folders(dataset: &Dataset, root: &Path) -> Vec<PathBuf> {
    let names = std::iter::once(&dataset.id).chain(&dataset.folders).chain(&dataset.files.folders);
    let names: Vec<String> = names.map(|name| comparable(name)).collect();
    let mut all = vec![root.to_owned()];
    let mut level = all.clone();
    for _ in 0..DEPTH {
        level = level.iter().flat_map(|folder| named(folder, &names)).collect();
        all.extend(level.iter().cloned());
    }
    all
}

/// The folders in `folder` whose name is one of `names`, in the order of `names`.
fn named(folder: &Path, names: &[String]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let place = |entry: std::fs::DirEntry| {
        let name = comparable(entry.file_name().to_str()?);
        let rank = names.iter().position(|known| *known == name)?;
        Some((rank, entry.path())).filter(|(_, path)| path.is_dir())
    };
    let mut found: Vec<(usize, PathBuf)> = entries.filter_map(place).collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// What lies below `root` of the copies of `dataset` that cannot be read as they are, and what to
/// do about it.
pub(crate) fn recognised(dataset: &Dataset, root: &Path) -> Option<String> {
    let folders = folders(dataset, root);
    let there = |shows: &String| {
        folders.iter().find_map(|folder| Some(folder.join(resolve(&dataset.files, folder, shows)?)))
    };
    let mut copies = dataset.files.recognised.iter();
    let known = copies.find_map(|copy| Some((copy.shows.iter().find_map(there)?, copy)));
    if let Some((path, copy)) = known {
        return Some(format!("recognised by {}: {}; {}", path.display(), copy.what, copy.way));
    }
    folders.iter().find_map(|folder| foreign(folder))
}

/// Forms that hubs give any data set.
fn foreign(folder: &Path) -> Option<String> {
    const INSIDE: [&str; 4] = ["", "data", "train", "test"];
    let names = INSIDE.iter().flat_map(|inside| {
        let entries = std::fs::read_dir(folder.join(inside)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok())
    });
    let what = |name: String| match name.rsplit_once('.') {
        Some((_, "parquet" | "arrow")) => Some(format!(
            "recognised by {name}: Hugging Face's tables, which are not read; get the authors' files, or write \
             each image to CLASS/NAME.jpg and use `folder:PATH`"
        )),
        _ if name.contains(".tfrecord") => Some(format!(
            "recognised by {name}: TensorFlow's records, which are not read; get the authors' files"
        )),
        _ if name == "nshards.txt" => Some(format!(
            "recognised by {name}: CLIP_benchmark's shards; `--dataset webdataset:{}` reads them",
            folder.display()
        )),
        _ => None,
    };
    names.into_iter().find_map(what)
}

/// Which files to get where, in words.
pub(crate) fn what_to_fetch(dataset: &Dataset) -> String {
    let files: Vec<&str> = dataset.archives.iter().map(|archive| archive.file.as_str()).collect();
    let files = if files.is_empty() { "it".to_owned() } else { files.join(", ") };
    let way = match dataset.status {
        Status::Ready => "get",
        Status::NeedsManualDownload => "ask for",
        Status::DeadLinks => "the links are dead; find a copy of",
    };
    format!("{way} {files} ({}) and unpack", dataset.url)
}
