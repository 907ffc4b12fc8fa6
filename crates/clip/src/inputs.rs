//! What a person names as images: files, folders, patterns, standard input.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_image::{Format, Image, ImageError, Limits, Pixels, Preprocess, is_image_name};
use rayon::prelude::*;

use crate::content::ContentId;
use crate::error::Error;

/// Looked at before the rest of a file is read: what is no image is not read into memory.
const HEAD_BYTES: u64 = 4096;

/// One image: a file, or bytes that have a name.
///
/// As small as the name of a file: a list of a million of them is kept once.
#[derive(Debug, Clone)]
pub struct ImageInput(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// The file of this path.
    Named(Box<str>),
    Other(Box<(Box<str>, Source)>),
}

#[derive(Clone)]
enum Source {
    /// A file whose path is not Unicode, or could be taken for an escaped one: the name only shows
    /// it.
    File(Box<Path>),
    Bytes(Arc<[u8]>),
    /// Decoded already.
    Image(Arc<Image>),
    /// Read when it is used: a record of a larger file, a frame of a video.
    Lazy(Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Bytes(_) => "Bytes",
            Self::Image(_) => "Image",
            Self::Lazy(_) => "Lazy",
        })
    }
}

impl ImageInput {
    /// An image in a file; read when it is used. Its name is the path as [`clip_files::shown`]
    /// writes it: no two files have one name.
    pub fn file(path: &Path) -> ImageInput {
        ImageInput::from(path.to_owned())
    }

    /// An image in memory, called `name` in results and errors.
    pub fn bytes(name: &str, bytes: Vec<u8>) -> ImageInput {
        ImageInput::other(name, Source::Bytes(bytes.into()))
    }

    /// An image whose bytes `read` gives when it is used, called `name` in results and errors.
    /// `read` says in words why it cannot.
    pub fn lazy(
        name: &str,
        read: impl Fn() -> Result<Vec<u8>, String> + Send + Sync + 'static,
    ) -> ImageInput {
        ImageInput::other(name, Source::Lazy(Arc::new(read)))
    }

    /// An image that is decoded already, called `name` in results and errors.
    pub fn decoded(name: &str, image: Image) -> ImageInput {
        ImageInput::other(name, Source::Image(Arc::new(image)))
    }

    fn other(name: &str, source: Source) -> ImageInput {
        ImageInput(Kind::Other(Box::new((name.into(), source))))
    }

    /// What it is called in results and errors.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Named(name) => name,
            Kind::Other(other) => &other.0,
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// The file cannot be read, is no regular file (a pipe or device could block for ever), has
    /// more bytes than `limits` allow pixels for, or does not begin as an image does.
    pub fn read(&self, limits: &Limits) -> Result<Cow<'_, [u8]>, Error> {
        let failed = |source| Error::ReadImage { path: self.name().to_owned(), source };
        let path = match &self.0 {
            Kind::Named(name) => Path::new(&**name),
            Kind::Other(other) => match &other.1 {
                Source::File(path) => path,
                Source::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
                Source::Image(_) => {
                    return Err(failed(io::Error::other(
                        "it was decoded already: there is no file",
                    )));
                }
                Source::Lazy(read) => {
                    return read()
                        .map(Cow::Owned)
                        .map_err(|reason| failed(io::Error::other(reason)));
                }
            },
        };
        let mut file = clip_files::open(path, limits.file_bytes()).map_err(failed)?;
        let mut bytes = Vec::new();
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        Format::of_file(&bytes, path).map_err(|source| self.image_error(source))?;
        file.take(limits.file_bytes()).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Cow::Owned(bytes))
    }

    /// The 8-bit RGB pixels that a recipe makes of it.
    ///
    /// # Errors
    /// It cannot be read or decoded, or has more pixels than `limits` allow.
    pub fn pixels(&self, recipe: &Preprocess, limits: &Limits) -> Result<Pixels, Error> {
        Ok(self.pixels_and_content(recipe, limits)?.0)
    }

    /// What a recipe makes of it, and what it held.
    pub(crate) fn pixels_and_content(
        &self,
        recipe: &Preprocess,
        limits: &Limits,
    ) -> Result<(Pixels, ContentId), Error> {
        let (pixels, content) = match &self.0 {
            Kind::Other(other) if let Source::Image(image) = &other.1 => {
                (recipe.pixels_of(image, limits), ContentId::of_image(image))
            }
            _ => {
                let bytes = self.read(limits)?;
                (recipe.pixels(&bytes, limits), ContentId::of(&bytes))
            }
        };
        Ok((pixels.map_err(|source| self.image_error(source))?, content))
    }

    fn image_error(&self, source: ImageError) -> Error {
        Error::Image { path: self.name().to_owned(), source }
    }
}

impl From<PathBuf> for ImageInput {
    fn from(path: PathBuf) -> ImageInput {
        if matches!(clip_files::shown(&path), Cow::Owned(_)) {
            return ImageInput::other(&clip_files::shown(&path), Source::File(path.clone().into()));
        }
        let name = path.into_os_string().into_string().unwrap_or_default(); // shown as it is: Unicode
        ImageInput(Kind::Named(name.into()))
    }
}

/// What a path leads to.
#[derive(Debug, Default)]
pub struct Expanded {
    /// Images, in order of their paths.
    pub inputs: Vec<ImageInput>,
    /// Other files in folders: neither the ending nor the first bytes of an image.
    pub passed_over: usize,
    /// Folders that could not be read, and why.
    pub unread: Vec<(PathBuf, io::Error)>,
}

/// Images below a path: every image of a folder and its sub-folders in order of their paths, or the
/// file itself, which is met, or missed, when it is read.
///
/// In a folder, an image is what has the ending of one ([`is_image_name`]) or begins as one does;
/// formats that are not read are among them, to be refused by name. Hidden and system files are
/// passed over, folders that links reach twice taken once.
///
/// # Errors
/// A folder cannot be read or holds no image.
pub fn expand_inputs(path: &Path) -> Result<Expanded, Error> {
    if !path.is_dir() {
        return Ok(Expanded { inputs: vec![ImageInput::file(path)], ..Expanded::default() });
    }
    let no_input =
        |reason: String| Error::NoInput { pattern: clip_files::shown(path).into(), reason };
    let walk = clip_files::walk(path).map_err(|error| no_input(error.to_string()))?;
    let all = walk.files.len();
    let is_image = |file: &PathBuf| {
        is_image_name(file)
            || clip_files::head(file, HEAD_BYTES).is_ok_and(|head| Format::begins(&head))
    };
    let inputs: Vec<_> =
        walk.files.into_par_iter().filter(is_image).map(ImageInput::from).collect();
    let passed_over = all - inputs.len();
    if inputs.is_empty() && walk.unread.is_empty() {
        return Err(no_input(format!("no image in this folder ({passed_over} other files)")));
    }
    Ok(Expanded { inputs, passed_over, unread: walk.unread })
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
        let found = expand_inputs(folder.path()).expect("two images");
        let inputs = found.inputs;
        assert_eq!(found.passed_over, 1);
        let names: Vec<_> =
            inputs.iter().map(|i| i.name().rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(names, ["a.png", "z.JPG"]);
    }

    #[test]
    fn empty_folder_says_so_and_a_missing_file_when_it_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = expand_inputs(folder.path()).expect_err("no image").to_string();
        assert!(empty.contains("no image in this folder"), "{empty}");
        let gone = expand_inputs(&folder.path().join("gone")).expect("one input");
        assert!(matches!(gone.inputs[0].read(&Limits::default()), Err(Error::ReadImage { .. })));
    }

    #[test]
    fn file_that_is_too_large_or_no_image_is_refused_without_reading_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sparse.jpg");
        let file = std::fs::File::create(&path).expect("a file");
        let limits = Limits::default();
        file.set_len(limits.file_bytes()).expect("sparse");
        let error = ImageInput::file(&path).read(&limits).expect_err("zeros").to_string();
        assert!(error.contains("not an image"), "{error}");
        file.set_len(limits.file_bytes() + 1).expect("sparse");
        let error = ImageInput::file(&path).read(&limits).expect_err("too large").to_string();
        assert!(error.contains("has 537919487 bytes, limit 537919486"), "{error}");
    }

    #[test]
    fn what_a_file_holds_is_decided_by_its_content_and_what_is_not_read_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let files: [(&str, &[u8]); 9] = [
            ("a.HEIC", b"\xff\xd8\xff\xe0"),
            ("b", b"\xff\xd8\xff\xe0"),
            ("c.jpg_large", b"\x89PNG\r\n\x1a\n"),
            ("d.tga", b"\0\0\x02\0"),
            ("e.svg", b"<svg/>"),
            ("f.png", b""),
            ("g", b"no image"),
            ("h", b""),
            ("._a.jpg", b"\xff\xd8\xff\xe0"),
        ];
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
        let found = expand_inputs(folder.path()).expect("images");
        assert_eq!((found.inputs.len(), found.passed_over), (6, 2));
        let reason = |index: usize| {
            found.inputs[index].read(&Limits::default()).err().map(|e| e.to_string())
        };
        assert!((0..3).all(|index| reason(index).is_none()));
        for (index, expected) in
            [(3, "TGA is not supported"), (4, "SVG is not supported"), (5, "the file is empty")]
        {
            assert!(
                reason(index).is_some_and(|reason| reason.ends_with(expected)),
                "{:?}",
                reason(index)
            );
        }
    }

    #[test]
    fn folder_as_an_image_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = ImageInput::file(folder.path())
            .read(&Limits::default())
            .expect_err("a folder")
            .to_string();
        assert!(error.contains("a folder"), "{error}");
    }
}
