//! Members of archives as they lie: tar and zip at their offsets, tar.gz as one stream that goes forward.

mod tar;

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::read::MultiGzDecoder;

use self::tar::Headers;
use crate::error::DataError;
use crate::formats::FileBytes;
use crate::item::Records;

/// Bytes of a member at most: images and lists are far below.
const MEMBER_LIMIT: u64 = 1 << 30;
/// Members at most.
const COUNT_LIMIT: usize = 20_000_000;
/// Bytes of members of a compressed stream that stay at hand after they were passed.
const WINDOW: usize = 64 << 20;

/// An archive whose files are listed; each is an item's image file, or one of the data set's lists.
pub struct Archive {
    path: PathBuf,
    names: Vec<Box<str>>,
    positions: HashMap<Box<str>, usize>,
    content: Content,
}

enum Content {
    /// Start and length of each file.
    Tar(FileBytes, Vec<(u64, u64)>),
    /// Position of each file in the zip's own list.
    Zip(Mutex<zip::ZipArchive<BufReader<File>>>, Vec<usize>),
    Stream(Box<Mutex<Stream>>),
}

type Compressed = MultiGzDecoder<BufReader<File>>;

/// Where reading of a compressed tar stands.
#[derive(Default)]
struct Stream {
    headers: Option<Headers<Compressed>>,
    /// Position of the file that comes next.
    next: usize,
    /// The last files passed, and their bytes together.
    window: VecDeque<(usize, Vec<u8>)>,
    window_size: usize,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Archive({}, {} files)", self.path.display(), self.names.len())
    }
}

impl Archive {
    /// Lists the files in `path`; its kind is recognised by its first bytes. Folders and links are left out.
    ///
    /// A tar is read header by header, a tar.gz whole, of a zip its directory.
    ///
    /// # Errors
    /// It is none of these, or damaged.
    pub fn open(path: &Path) -> Result<Archive, DataError> {
        let failed = |source| DataError::Read { path: path.to_owned(), source };
        let head = clip_files::head(path, 512).map_err(failed)?;
        let file = BufReader::new(clip_files::open(path, u64::MAX).map_err(failed)?);
        if head.starts_with(b"PK") {
            return Archive::zip(path, file);
        }
        if head.starts_with(&[0x1f, 0x8b]) {
            let files = list(path, Headers::new(MultiGzDecoder::new(file)))?;
            let names = files.into_iter().map(|file| file.name).collect();
            return Ok(Archive::new(path, names, Content::Stream(Box::default())));
        }
        if head.get(257..262) == Some(b"ustar") {
            let files = list(path, Headers::new(file))?;
            let places = files.iter().map(|file| (file.start, file.size)).collect();
            let names = files.into_iter().map(|file| file.name).collect();
            return Ok(Archive::new(path, names, Content::Tar(FileBytes::open(path)?, places)));
        }
        Err(DataError::malformed(path, "neither a zip, a tar nor a tar.gz; unpack it where it lies"))
    }

    fn zip(path: &Path, file: BufReader<File>) -> Result<Archive, DataError> {
        let damaged = |error: zip::result::ZipError| DataError::malformed(path, error.to_string());
        let zip = zip::ZipArchive::new(file).map_err(damaged)?;
        let name = |place| Some((place, Box::<str>::from(zip.name_for_index(place)?.ok()?)));
        let files = (0..zip.len()).filter_map(name).filter(|(_, name)| !name.ends_with('/'));
        let (places, names) = files.unzip();
        Ok(Archive::new(path, names, Content::Zip(Mutex::new(zip), places)))
    }

    fn new(path: &Path, names: Vec<Box<str>>, content: Content) -> Archive {
        // the last of two files of one name counts, as it would be if they were unpacked
        let positions = names.iter().cloned().zip(0..).collect();
        Archive { path: path.to_owned(), names, positions, content }
    }

    /// The archive's own place.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of its files with `/`, in the order they lie in.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The position of the file called `name` among [`Archive::names`].
    pub fn find(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// The content of a file.
    ///
    /// In a tar.gz, files asked for in their own order come at the speed of the stream; one that lies more than 64 MB
    /// behind starts the stream again.
    ///
    /// # Errors
    /// There is no such file, it is encrypted or damaged, or larger than 1 GiB.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, DataError> {
        match &self.content {
            Content::Tar(bytes, places) => {
                let (start, size) = *places.get(index).ok_or_else(|| self.missing(index))?;
                self.within_limit(index, size)?;
                bytes.read(start, size)
            }
            Content::Zip(zip, places) => {
                let place = *places.get(index).ok_or_else(|| self.missing(index))?;
                let mut zip = lock(zip);
                let file = zip.by_index(place).map_err(|error| self.failed(index, &error))?;
                self.within_limit(index, file.size())?;
                let mut bytes = Vec::new();
                let read = file.take(MEMBER_LIMIT).read_to_end(&mut bytes);
                read.map_err(|error| self.failed(index, &error))?;
                Ok(bytes)
            }
            Content::Stream(stream) => self.read_stream(&mut lock(stream), index),
        }
    }

    fn read_stream(&self, stream: &mut Stream, index: usize) -> Result<Vec<u8>, DataError> {
        if let Some((_, bytes)) = stream.window.iter().find(|(passed, _)| *passed == index) {
            return Ok(bytes.clone());
        }
        if index < stream.next || stream.headers.is_none() {
            let file = clip_files::open(&self.path, u64::MAX).map_err(DataError::read(&self.path))?;
            let headers = Headers::new(MultiGzDecoder::new(BufReader::new(file)));
            *stream = Stream { headers: Some(headers), ..Stream::default() };
        }
        let Some(headers) = &mut stream.headers else { return Err(self.missing(index)) };
        loop {
            let file = headers.next_file().map_err(|error| self.failed(index, &error))?;
            let file = file.ok_or_else(|| self.missing(index))?;
            self.within_limit(stream.next, file.size)?;
            let bytes = headers.content(&file).map_err(|error| self.failed(index, &error))?;
            let here = stream.next;
            stream.next = here.saturating_add(1);
            stream.window_size = stream.window_size.saturating_add(bytes.len());
            let wanted = (here == index).then(|| bytes.clone());
            stream.window.push_back((here, bytes));
            while stream.window_size > WINDOW {
                let Some((_, oldest)) = stream.window.pop_front() else { break };
                stream.window_size = stream.window_size.saturating_sub(oldest.len());
            }
            if let Some(bytes) = wanted {
                return Ok(bytes);
            }
        }
    }

    fn within_limit(&self, index: usize, size: u64) -> Result<(), DataError> {
        if size <= MEMBER_LIMIT {
            return Ok(());
        }
        Err(DataError::malformed(self.path_of(index), format!("{size} bytes, limit {MEMBER_LIMIT}")))
    }

    fn failed(&self, index: usize, reason: &impl ToString) -> DataError {
        DataError::malformed(self.path_of(index), reason.to_string())
    }

    fn missing(&self, index: usize) -> DataError {
        DataError::malformed(&self.path, format!("there is no file {index}; {} are listed", self.names.len()))
    }

    /// `ARCHIVE/MEMBER`, for messages.
    fn path_of(&self, index: usize) -> PathBuf {
        self.path.join(self.names.get(index).map_or("", |name| name))
    }
}

impl Records for Archive {
    fn name(&self, index: usize) -> String {
        self.names.get(index).map_or_else(String::new, ToString::to_string)
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        self.read(index)
    }
}

fn list<R: tar::Skip>(path: &Path, mut headers: Headers<R>) -> Result<Vec<tar::Member>, DataError> {
    let mut files = Vec::new();
    while let Some(file) = headers.next_file().map_err(DataError::read(path))? {
        if files.len() == COUNT_LIMIT {
            return Err(DataError::malformed(path, format!("more than {COUNT_LIMIT} files")));
        }
        files.push(file);
    }
    Ok(files)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Number of files in a tar; for the fuzz target.
#[doc(hidden)]
pub fn count_tar(bytes: &[u8]) -> std::io::Result<usize> {
    tar::list(bytes).map(|files| files.len())
}
