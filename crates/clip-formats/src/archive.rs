//! Members of archives as they lie: tar and zip at their offsets, tar.gz as one stream that goes
//! forward.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::read::MultiGzDecoder;

use crate::error::FormatError;
use crate::file_bytes::FileBytes;
use crate::tar::{self, Headers};

/// Bytes of a member at most: images and lists are far below.
const MEMBER_LIMIT: u64 = 1 << 30;
/// Members at most.
const COUNT_LIMIT: usize = 20_000_000;
/// Links that lead to links, at most.
const LINKS_IN_A_ROW: usize = 8;
/// Bytes of members of a compressed stream that stay at hand after they were passed.
const WINDOW: usize = 64 << 20;

/// An archive whose files are listed; each is an item's image file, or one of the data set's lists.
pub struct Archive {
    path: PathBuf,
    names: Vec<Box<str>>,
    positions: HashMap<Box<str>, usize>,
    content: Content,
    /// Links to what is no file in it, and where they lead.
    dangling: Vec<(Box<str>, Box<str>)>,
}

enum Content {
    /// Start and length of each file.
    Tar(FileBytes, Vec<(u64, u64)>),
    /// Position of each file in the zip's own list.
    Zip(Mutex<zip::ZipArchive<BufReader<File>>>, Vec<usize>),
    /// Position of each name among the files of the stream: a link shares that of its file.
    Stream(Box<Mutex<Stream>>, Vec<usize>),
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
    /// Lists the files in `path`; its kind is recognised by its first bytes. Folders are left out;
    /// a link in a tar is the file it leads to.
    ///
    /// A tar is read header by header, a tar.gz whole, of a zip its directory.
    ///
    /// # Errors
    /// It is none of these, or damaged.
    pub fn open(path: &Path) -> Result<Archive, FormatError> {
        match Archive::open_whole_part(path)? {
            (archive, None) => Ok(archive),
            (_, Some(damage)) => Err(FormatError::malformed(path, damage)),
        }
    }

    /// [`Archive::open`], but of a damaged tar the files before the damage, and what the damage is.
    ///
    /// # Errors
    /// It is none of these, or no file of it is whole.
    pub fn open_whole_part(path: &Path) -> Result<(Archive, Option<String>), FormatError> {
        let failed = |source| FormatError::Read { path: path.to_owned(), source };
        let head = clip_files::head(path, 512).map_err(failed)?;
        let file = BufReader::new(clip_files::open(path, u64::MAX).map_err(failed)?);
        if head.starts_with(b"PK") {
            return Ok((Archive::zip(path, file)?, None));
        }
        if head.starts_with(&[0x1f, 0x8b]) {
            let tar =
                Tar::list(path, Headers::new(MultiGzDecoder::new(file), tar::pass), u64::MAX)?;
            let (names, places) = tar.names.into_iter().unzip();
            let content = Content::Stream(Box::default(), places);
            let archive = Archive { dangling: tar.dangling, ..Archive::new(path, names, content) };
            return Ok((archive, tar.damage));
        }
        if head.get(257..262) == Some(b"ustar") {
            let bytes = FileBytes::open(path)?;
            let tar = Tar::list(path, Headers::new(file, tar::seek), bytes.len())?;
            let place =
                |&(_, file): &(Box<str>, usize)| tar.files.get(file).copied().unwrap_or_default();
            let places = tar.names.iter().map(place).collect();
            let names = tar.names.into_iter().map(|(name, _)| name).collect();
            let content = Content::Tar(bytes, places);
            let archive = Archive { dangling: tar.dangling, ..Archive::new(path, names, content) };
            return Ok((archive, tar.damage));
        }
        if head.starts_with(b"version https://git-lfs") {
            return Err(FormatError::malformed(
                path,
                "is a Git LFS pointer, not the file: `git lfs pull` fetches it",
            ));
        }
        Err(FormatError::malformed(
            path,
            "neither a zip, a tar nor a tar.gz; unpack it where it lies",
        ))
    }

    fn zip(path: &Path, file: BufReader<File>) -> Result<Archive, FormatError> {
        let damaged =
            |error: zip::result::ZipError| FormatError::malformed(path, error.to_string());
        let zip = zip::ZipArchive::new(file).map_err(damaged)?;
        let name = |place| Some((place, Box::<str>::from(zip.name_for_index(place)?.ok()?)));
        let files = (0..zip.len()).filter_map(name).filter(|(_, name)| !name.ends_with('/'));
        let (places, names) = files.unzip();
        Ok(Archive::new(path, names, Content::Zip(Mutex::new(zip), places)))
    }

    fn new(path: &Path, names: Vec<Box<str>>, content: Content) -> Archive {
        // the last of two files of one name counts, as it would be if they were unpacked
        let positions = names.iter().cloned().zip(0..).collect();
        Archive { path: path.to_owned(), names, positions, content, dangling: Vec::new() }
    }

    /// Links of a tar that lead to no file in it, and where they lead; they are not among
    /// [`Archive::names`].
    pub fn dangling(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.dangling.iter().map(|(name, target)| (&**name, &**target))
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

    /// Where the content of a file lies, from which byte and how many, for whoever reads it on
    /// their own; none for a file of a zip or a tar.gz, which does not lie there as it is.
    pub fn place(&self, index: usize) -> Option<(u64, u64)> {
        match &self.content {
            Content::Tar(_, places) => places.get(index).copied(),
            Content::Zip(..) | Content::Stream(..) => None,
        }
    }

    /// The content of a file.
    ///
    /// In a tar.gz, files asked for in their own order come at the speed of the stream; one that
    /// lies more than 64 MB behind starts the stream again.
    ///
    /// # Errors
    /// There is no such file, it is encrypted or damaged, or larger than 1 GiB.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, FormatError> {
        match &self.content {
            Content::Tar(bytes, places) => {
                let (start, size) = *places.get(index).ok_or_else(|| self.missing(index))?;
                self.within_limit(index, size)?;
                Ok(bytes.read(start, size)?)
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
            Content::Stream(stream, places) => {
                let place = *places.get(index).ok_or_else(|| self.missing(index))?;
                self.read_stream(&mut lock(stream), place)
            }
        }
    }

    /// `index` counts the files of the stream.
    fn read_stream(&self, stream: &mut Stream, index: usize) -> Result<Vec<u8>, FormatError> {
        if let Some((_, bytes)) = stream.window.iter().find(|(passed, _)| *passed == index) {
            return Ok(bytes.clone());
        }
        if index < stream.next || stream.headers.is_none() {
            let file =
                clip_files::open(&self.path, u64::MAX).map_err(FormatError::read(&self.path))?;
            let headers = Headers::new(MultiGzDecoder::new(BufReader::new(file)), tar::pass);
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

    fn within_limit(&self, index: usize, size: u64) -> Result<(), FormatError> {
        if size <= MEMBER_LIMIT {
            return Ok(());
        }
        Err(FormatError::malformed(
            self.path_of(index),
            format!("{size} bytes, limit {MEMBER_LIMIT}"),
        ))
    }

    fn failed(&self, index: usize, reason: &impl ToString) -> FormatError {
        FormatError::malformed(self.path_of(index), reason.to_string())
    }

    fn missing(&self, index: usize) -> FormatError {
        FormatError::malformed(
            &self.path,
            format!("there is no file {index}; {} are listed", self.names.len()),
        )
    }

    /// `ARCHIVE/MEMBER`, for messages.
    fn path_of(&self, index: usize) -> PathBuf {
        self.path.join(self.names.get(index).map_or("", |name| name))
    }
}

/// What a tar holds.
#[derive(Default)]
struct Tar {
    /// Start and length of each file.
    files: Vec<(u64, u64)>,
    /// Names of files and of links, in the order they lie in, and the files they stand for.
    names: Vec<(Box<str>, usize)>,
    dangling: Vec<(Box<str>, Box<str>)>,
    /// Why reading ended before the end.
    damage: Option<String>,
}

impl Tar {
    /// Files that are whole: all of them end within `length` bytes.
    fn list<R: Read>(
        path: &Path,
        mut headers: Headers<R>,
        length: u64,
    ) -> Result<Tar, FormatError> {
        let mut tar = Tar::default();
        let mut members = Vec::new();
        loop {
            let member = match headers.next_member() {
                Ok(Some(member)) => member,
                Ok(None) => break,
                Err(error) if members.is_empty() => return Err(FormatError::read(path)(error)),
                Err(error) => {
                    tar.damage = Some(error.to_string());
                    // What lies before a header that cannot be read may be cut as well: a stream
                    // ends within it.
                    if length == u64::MAX {
                        members.pop();
                    }
                    break;
                }
            };
            if members.len() == COUNT_LIMIT {
                return Err(FormatError::malformed(path, format!("more than {COUNT_LIMIT} files")));
            }
            if member.start.saturating_add(member.size) > length {
                tar.damage = Some(format!("it ends inside {}", member.name));
                break;
            }
            members.push(member);
        }
        tar.resolve(members);
        Ok(tar)
    }

    /// Joins links with the files they lead to, by name.
    fn resolve(&mut self, members: Vec<tar::Member>) {
        let files = members.iter().filter(|member| member.link.is_none());
        let mut of_name: HashMap<Box<str>, usize> =
            files.map(|file| file.name.clone()).zip(0..).collect();
        for _ in 0..LINKS_IN_A_ROW {
            let links =
                members.iter().filter_map(|member| Some((&member.name, member.link.as_ref()?)));
            let found = links.filter(|(name, _)| !of_name.contains_key(*name));
            let found =
                found.filter_map(|(name, target)| Some((name.clone(), *of_name.get(target)?)));
            let found: Vec<(Box<str>, usize)> = found.collect();
            if found.is_empty() {
                break;
            }
            of_name.extend(found);
        }
        for member in members {
            match member.link {
                None => {
                    self.names.push((member.name, self.files.len()));
                    self.files.push((member.start, member.size));
                }
                Some(target) => match of_name.get(&target) {
                    Some(&file) => self.names.push((member.name, file)),
                    None => self.dangling.push((member.name, target)),
                },
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Number of files in a tar; for the fuzz target.
#[doc(hidden)]
pub fn count_tar(bytes: &[u8]) -> std::io::Result<usize> {
    tar::list(bytes).map(|files| files.len())
}
