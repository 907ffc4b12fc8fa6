//! Regular files only, and no more bytes than the caller can use.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read};
use std::path::Path;

/// Opens a regular file, or a link to one, that has at most `limit` bytes.
///
/// The kind is asked before the file is opened (opening a pipe waits for its other end), and again
/// of what was opened.
///
/// # Errors
/// It is missing or unreadable; a folder, pipe or device; or larger than `limit`. The error says
/// which.
pub fn open(path: &Path, limit: u64) -> io::Result<File> {
    refuse_irregular(&std::fs::metadata(path)?, limit)?;
    let file = File::open(path)?;
    refuse_irregular(&file.metadata()?, limit)?;
    Ok(file)
}

/// The bytes of a regular file, or of a pipe that the caller's shell has laid to this process:
/// `/dev/stdin`, `<(command)`.
///
/// # Errors
/// As [`open`]; or there are more than `limit` when they are read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = if is_inherited(path) { File::open(path)? } else { open(path, limit)? };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("has more than {limit} bytes, the limit"),
        ));
    }
    Ok(bytes)
}

/// The text of a regular UTF-8 file.
///
/// # Errors
/// As [`read`] and [`text_of`].
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text_of(read(path, limit)?)
}

/// Bytes as the UTF-8 text they are.
///
/// # Errors
/// They are not UTF-8, with the position of the first byte that is not; or they have a zero byte:
/// no text has one, and in UTF-16 every second byte of plain English is one.
pub fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    let refused = |reason: String| Err(Error::new(ErrorKind::InvalidData, reason));
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return refused("UTF-16, not UTF-8".to_owned());
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return refused(format!("a zero byte at byte {at}: UTF-16, or no text"));
    }
    String::from_utf8(bytes)
        .or_else(|error| refused(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
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

    #[test]
    fn text_of_another_encoding_is_refused_by_what_it_looks_like() {
        let reason = |bytes: &[u8]| text_of(bytes.to_vec()).expect_err("refused").to_string();
        assert_eq!(text_of("\u{feff}café\r\n".into()).expect("UTF-8"), "\u{feff}café\r\n");
        assert_eq!(reason(b"\xff\xfea\0"), "UTF-16, not UTF-8");
        assert_eq!(reason(b"\xfe\xff\0a"), "UTF-16, not UTF-8");
        assert_eq!(reason(b"a\0b\0"), "a zero byte at byte 1: UTF-16, or no text");
        assert_eq!(reason(b"caf\xe9"), "not UTF-8 at byte 3");
    }
}
