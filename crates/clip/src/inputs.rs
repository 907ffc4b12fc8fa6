//! What a person names as images: files, folders, patterns, standard input.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_image::{Format, ImageError, Limits};

use crate::error::Error;

/// Endings looked for inside folders. A file named outright is always tried, whatever its ending.
const IMAGE_ENDINGS: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "webp", "tif", "tiff", "pbm", "pgm",
    "ppm", "pnm",
];
/// Looked at before the rest of a file is read: what is no image is not read into memory.
const HEAD_BYTES: u64 = 4096;
/// Bytes a file may have for each pixel that an image may have: uncompressed RGB.
const BYTES_PER_PIXEL: u64 = 3;
/// Bytes a file may have for its headers and metadata.
const BYTES_OF_METADATA: u64 = 1 << 20;
/// Folders below folders, at most: deeper is a loop of links, not a collection.
const GREATEST_DEPTH: usize = 64;

/// One image: a file, or bytes that have a name.
#[derive(Debug, Clone)]
pub struct ImageInput {
    name: Box<str>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// The file that the name is the path of: a list of a million paths is kept once.
    Named,
    /// A file whose path is not Unicode: the name only shows it.
    File(Box<Path>),
    Bytes(Arc<[u8]>),
    /// Read when it is used: a record of a larger file, a frame of a video.
    Lazy(Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "Named",
            Self::File(_) => "File",
            Self::Bytes(_) => "Bytes",
            Self::Lazy(_) => "Lazy",
        })
    }
}

impl ImageInput {
    /// An image in a file; read when it is used.
    pub fn file(path: &Path) -> ImageInput {
        match path.to_str() {
            Some(name) => ImageInput { name: name.into(), source: Source::Named },
            None => ImageInput { name: path.display().to_string().into(), source: Source::File(path.into()) },
        }
    }

    /// An image in memory, called `name` in results and errors.
    pub fn bytes(name: &str, bytes: Vec<u8>) -> ImageInput {
        ImageInput { name: name.into(), source: Source::Bytes(bytes.into()) }
    }

    /// An image whose bytes `read` gives when it is used, called `name` in results and errors. `read` says in words
    /// why it cannot.
    pub fn lazy(
        name: &str,
        read: impl Fn() -> Result<Vec<u8>, String> + Send + Sync + 'static,
    ) -> ImageInput {
        ImageInput { name: name.into(), source: Source::Lazy(Arc::new(read)) }
    }

    /// What it is called in results and errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// The file cannot be read, is no regular file (a pipe or device could block for ever), has more bytes than
    /// `limits` allow pixels for, or does not begin as an image does.
    pub fn read(&self, limits: &Limits) -> Result<Cow<'_, [u8]>, Error> {
        let path = match &self.source {
            Source::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
            Source::Lazy(read) => {
                let failed = |reason| Error::ReadImage {
                    path: self.name.to_string(),
                    source: io::Error::other(reason),
                };
                return Ok(Cow::Owned(read().map_err(failed)?));
            }
            Source::Named => Path::new(&*self.name),
            Source::File(path) => path,
        };
        let failed = |source| Error::ReadImage { path: self.name.to_string(), source };
        let mut file = open_regular(path, limits).map_err(failed)?;
        let mut bytes = Vec::new();
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        Format::of(&bytes).map_err(|source| self.image_error(source))?;
        file.take(greatest_file(limits)).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Cow::Owned(bytes))
    }

    pub(crate) fn image_error(&self, source: ImageError) -> Error {
        Error::Image { path: self.name.to_string(), source }
    }
}

/// Asks for the kind before it opens: opening a pipe waits for its other end.
fn open_regular(path: &Path, limits: &Limits) -> io::Result<File> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a folder" } else { "not a regular file" };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, kind));
    }
    if metadata.len() > greatest_file(limits) {
        let (found, limit) = (metadata.len(), greatest_file(limits));
        let sizes = format!("has {found} bytes, limit {limit} for images of {} pixels", limits.max_pixels);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, sizes));
    }
    File::open(path)
}

fn greatest_file(limits: &Limits) -> u64 {
    limits.max_pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(BYTES_OF_METADATA)
}

/// Images below a path: every image of a folder and its sub-folders in order of their paths, or the file itself,
/// which is met, or missed, when it is read.
///
/// # Errors
/// A folder cannot be read or holds no image.
pub fn expand_inputs(path: &Path) -> Result<Vec<ImageInput>, Error> {
    if !path.is_dir() {
        return Ok(vec![ImageInput::file(path)]);
    }
    let no_input = |reason: String| Error::NoInput { pattern: path.display().to_string(), reason };
    let mut files = Vec::new();
    walk(path, GREATEST_DEPTH, &mut files).map_err(|error| no_input(error.to_string()))?;
    if files.is_empty() {
        return Err(no_input(format!("no image in this folder (endings: {})", IMAGE_ENDINGS.join(", "))));
    }
    files.sort();
    Ok(files.iter().map(|file| ImageInput::file(file)).collect())
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, files)?;
            }
        } else if has_image_ending(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn has_image_ending(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| IMAGE_ENDINGS.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_gives_its_images_sorted_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("b")).expect("a folder");
        for name in ["z.JPG", "b/a.png", "notes.txt"] {
            std::fs::write(folder.path().join(name), b"x").expect("a file");
        }
        let inputs = expand_inputs(folder.path()).expect("two images");
        let names: Vec<_> = inputs.iter().map(|i| i.name().rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(names, ["a.png", "z.JPG"]);
    }

    #[test]
    fn empty_folder_says_so_and_a_missing_file_when_it_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = expand_inputs(folder.path()).expect_err("no image").to_string();
        assert!(empty.contains("no image in this folder"), "{empty}");
        let gone = expand_inputs(&folder.path().join("gone")).expect("one input");
        assert!(matches!(gone[0].read(&Limits::default()), Err(Error::ReadImage { .. })));
    }

    #[test]
    fn file_that_is_too_large_or_no_image_is_refused_without_reading_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sparse.jpg");
        let file = File::create(&path).expect("a file");
        let limits = Limits::default();
        file.set_len(greatest_file(&limits)).expect("sparse");
        let error = ImageInput::file(&path).read(&limits).expect_err("zeros").to_string();
        assert!(error.contains("not an image"), "{error}");
        file.set_len(greatest_file(&limits) + 1).expect("sparse");
        let error = ImageInput::file(&path).read(&limits).expect_err("too large").to_string();
        assert!(error.contains("has 537919487 bytes, limit 537919486"), "{error}");
    }

    #[test]
    fn folder_as_an_image_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error =
            ImageInput::file(folder.path()).read(&Limits::default()).expect_err("a folder").to_string();
        assert!(error.contains("a folder"), "{error}");
    }
}
