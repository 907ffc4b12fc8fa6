//! Files that appear whole or not at all: written beside their target, then renamed.
//!
//! A file on its way is called `.clip-rs-new-XXXXXX` and locked. What a killed run left has the
//! name but not the lock, and the next run that writes into the folder removes it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile, TempDir};

/// Begins the name of everything that is on its way.
const PREFIX: &str = ".clip-rs-new-";
/// Random letters and digits behind it.
const RANDOM: usize = 6;

/// Writes a file whole or not at all: temporary file beside `path`, `content`, fsync, rename.
///
/// Where `path` is a link, the file that it leads to is replaced and the link stays; a device or a
/// pipe is written to.
///
/// # Errors
/// The folder cannot be written to, or `content` fails; then nothing is left behind.
pub fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let file = NewFile::of(path)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file.as_file());
    content(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.keep()
}

/// A file on its way to its name; gone if it is dropped before [`NewFile::keep`].
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Beside(NamedTempFile),
    /// A device, a pipe or a standard stream: nothing can stand beside it.
    Straight(File),
}

impl NewFile {
    /// Begins the file that will be called `path`, with the permissions an ordinary new file would
    /// get.
    ///
    /// # Errors
    /// Nothing can be written there; `path` is a folder.
    pub fn of(path: &Path) -> io::Result<NewFile> {
        if let Some(file) = standard(path)? {
            return Ok(NewFile { path: path.to_owned(), kind: Kind::Straight(file) });
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder, not a file"))
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(path)?;
                Ok(NewFile { path: path.to_owned(), kind: Kind::Straight(file) })
            }
            _ => {
                let path = target_of(path)?;
                let file = file_in(parent_of(&path))?;
                Ok(NewFile { path, kind: Kind::Beside(file) })
            }
        }
    }

    /// To write into.
    pub fn as_file(&self) -> &File {
        match &self.kind {
            Kind::Beside(file) => file.as_file(),
            Kind::Straight(file) => file,
        }
    }

    /// Gives the file its name, in place of what had it.
    ///
    /// # Errors
    /// It cannot be synced or renamed.
    pub fn keep(self) -> io::Result<()> {
        if let Kind::Beside(file) = self.kind {
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
        }
        Ok(())
    }
}

/// A folder on its way to its name; gone with all in it if it is dropped before
/// [`NewFolder::keep`].
#[derive(Debug)]
pub struct NewFolder {
    path: PathBuf,
    folder: TempDir,
    /// Open, and so locked, while it is on its way.
    _lock: Option<File>,
}

impl NewFolder {
    /// Begins the folder that will be called `path`, with the permissions an ordinary new folder
    /// would get.
    ///
    /// # Errors
    /// Nothing can be made there.
    pub fn of(path: &Path) -> io::Result<NewFolder> {
        let parent = parent_of(path);
        sweep(parent);
        let mut builder = Builder::new();
        builder.prefix(PREFIX).rand_bytes(RANDOM);
        #[cfg(unix)]
        permit(&mut builder, 0o777);
        loop {
            let folder = builder.tempdir_in(parent)?;
            let lock = lock_of(folder.path());
            if folder.path().is_dir() {
                return Ok(NewFolder { path: path.to_owned(), folder, _lock: lock });
            }
        }
    }

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its name; an empty folder there is replaced.
    ///
    /// # Errors
    /// It cannot be renamed, for instance because something is there.
    pub fn keep(self) -> io::Result<()> {
        std::fs::rename(self.folder.path(), &self.path)?;
        let _ = self.folder.keep(); // it has another name now
        Ok(())
    }
}

fn file_in(folder: &Path) -> io::Result<NamedTempFile> {
    sweep(folder);
    let mut builder = Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    permit(&mut builder, 0o666);
    loop {
        let file = builder.tempfile_in(folder)?;
        // Between its making and its locking another run may have taken it for a left one.
        let _ = file.as_file().lock();
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Standard output or standard error where `path` names it: what is written there goes behind what
/// already was.
fn standard(path: &Path) -> io::Result<Option<File>> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let is = |places: [&str; 3]| places.iter().any(|place| path == Path::new(place));
        if is(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
            return Ok(Some(io::stdout().as_fd().try_clone_to_owned()?.into()));
        }
        if is(["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"]) {
            return Ok(Some(io::stderr().as_fd().try_clone_to_owned()?.into()));
        }
    }
    Ok(None)
}

/// The process's umask takes its bits away from these.
#[cfg(unix)]
fn permit(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

/// Locks a folder, where the system can.
fn lock_of(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.lock().ok()?;
    Some(file)
}

/// Removes what killed runs left in `folder`: once a folder and process.
fn sweep(folder: &Path) {
    static SWEPT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
    if !SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_ours = is_on_its_way(&entry.file_name());
        let kind = entry.file_type();
        let Some(kind) = kind.ok().filter(|kind| is_ours && (kind.is_file() || kind.is_dir()))
        else {
            continue;
        };
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() {
            // A file that cannot be removed is only in the way of the disk's space.
            let _ = if kind.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
        }
    }
}

/// Whether a name is one of those that files have on their way.
fn is_on_its_way(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Where links lead, also to a file that is not there yet.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40; // as many as Linux follows
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = parent_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("readable").flatten();
        entries.map(|entry| entry.file_name().into_string().expect("plain")).collect()
    }

    #[test]
    fn failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let result = write_whole(&folder.path().join("a.npy"), |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(result.expect_err("failed").to_string().contains("disk full"));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_a_killed_run_left_is_cleared_and_what_is_on_its_way_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".clip-rs-new-killed"), "half").expect("written");
        std::fs::create_dir(folder.path().join(".clip-rs-new-folder")).expect("made");
        let on_its_way = File::create(folder.path().join(".clip-rs-new-locked")).expect("made");
        on_its_way.lock().expect("locked");
        std::fs::write(folder.path().join(".clip-rs-config"), "a person's").expect("written");
        write_whole(&folder.path().join("new"), |file| file.write_all(b"whole")).expect("written");
        let mut names = names(folder.path());
        names.sort();
        assert_eq!(names, [".clip-rs-config", ".clip-rs-new-locked", "new"]);
    }

    #[test]
    #[cfg(unix)]
    fn link_stays_and_its_target_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink("target", &link).expect("linked");
        for text in ["first", "second"] {
            write_whole(&link, |file| file.write_all(text.as_bytes())).expect("written");
            assert_eq!(std::fs::read_to_string(&target).expect("there"), text);
        }
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    }

    #[test]
    #[cfg(unix)]
    fn device_is_written_to() {
        write_whole(Path::new("/dev/null"), |file| file.write_all(b"gone")).expect("written");
    }
}
