//! Regular files only, and no more bytes than the caller can use.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read};
use std::path::Path;

/// Opens a regular file, or a link to one, that has at most `limit` bytes.
///
/// The kind is asked before the file is opened (opening a pipe waits for its other end), and again of what was opened.
///
/// # Errors
/// It is missing or unreadable; a folder, pipe or device; or larger than `limit`. The error says which.
pub fn open(path: &Path, limit: u64) -> io::Result<File> {
    refuse_irregular(&std::fs::metadata(path)?, limit)?;
    let file = File::open(path)?;
    refuse_irregular(&file.metadata()?, limit)?;
    Ok(file)
}

/// The bytes of a regular file, or of a pipe that the caller's shell has laid to this process: `/dev/stdin`,
/// `<(command)`.
///
/// # Errors
/// As [`open`]; or there are more than `limit` when they are read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = if is_inherited(path) { File::open(path)? } else { open(path, limit)? };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("has more than {limit} bytes, the limit")));
    }
    Ok(bytes)
}

/// The text of a regular UTF-8 file.
///
/// # Errors
/// As [`read`]; or it is not UTF-8, with the position of the first byte that is not.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(ErrorKind::InvalidData, format!("not UTF-8 at byte {at}"))
    })
}

/// The first bytes of a regular file of any size, at most `count`.
///
/// # Errors
/// As [`open`].
pub fn head(path: &Path, count: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, u64::MAX)?.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether `path` names a descriptor that this process was started with.
fn is_inherited(path: &Path) -> bool {
    ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|place| path.starts_with(place))
}

fn refuse_irregular(metadata: &std::fs::Metadata, limit: u64) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "a folder, not a file"));
    }
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file (a pipe or a device)"));
    }
    if metadata.len() > limit {
        return Err(too_large(metadata.len(), limit));
    }
    Ok(())
}

fn too_large(found: u64, limit: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("has {found} bytes, limit {limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_devices_and_large_files_are_refused_by_kind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("five");
        std::fs::write(&path, "12345").expect("written");
        let reason = |path: &Path, limit| read(path, limit).expect_err("refused").to_string();
        assert_eq!(read_text(&path, 5).expect("read"), "12345");
        assert_eq!(reason(&path, 4), "has 5 bytes, limit 4");
        assert_eq!(reason(folder.path(), 9), "a folder, not a file");
        #[cfg(unix)]
        assert_eq!(reason(Path::new("/dev/zero"), 9), "not a regular file (a pipe or a device)");
    }
}
