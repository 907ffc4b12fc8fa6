//! Where checkpoints lie on this machine: our own cache folder, OpenAI's and Hugging Face's
//! (PROTOCOL 1.7). Other programs' folders are read, never written.

use crate::checkpoint::has_weights;
use std::ffi::OsString;
use std::path::PathBuf;

/// Bytes of a file that holds a commit.
const LONGEST_REFERENCE: u64 = 4096;

/// The cache folders of this machine. They need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheFolders {
    /// Ours: the only one that is written to.
    pub own: PathBuf,
    /// The reference's, flat: `~/.cache/clip`.
    pub openai: PathBuf,
    /// Hugging Face's, with a folder `models--owner--name` for each repository.
    pub hugging_face: PathBuf,
}

impl CacheFolders {
    /// As this process's environment says. `CLIP_RS_CACHE_DIR` moves ours.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// As an environment says: `$CLIP_RS_CACHE_DIR`, `$XDG_CACHE_HOME`, `$HF_HUB_CACHE`,
    /// `$HUGGINGFACE_HUB_CACHE`, `$HF_HOME`, and the home folder.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder =
            |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home =
            folder("HOME").or_else(|| folder("USERPROFILE")).unwrap_or_else(|| PathBuf::from("."));
        let dot_cache = home.join(".cache");
        let xdg = folder("XDG_CACHE_HOME");
        let system = xdg.clone().unwrap_or_else(|| match () {
            () if cfg!(target_os = "macos") => home.join("Library/Caches"),
            () if cfg!(windows) => folder("LOCALAPPDATA").unwrap_or_else(|| dot_cache.clone()),
            () => dot_cache.clone(),
        });
        let hub = folder("HF_HUB_CACHE")
            .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| folder("HF_HOME").map(|home| home.join("hub")))
            .unwrap_or_else(|| {
                xdg.unwrap_or_else(|| dot_cache.clone()).join("huggingface").join("hub")
            });
        Self {
            own: folder("CLIP_RS_CACHE_DIR").unwrap_or_else(|| system.join("clip-rs")),
            // The reference does not ask the environment.
            openai: dot_cache.join("clip"),
            hugging_face: hub,
        }
    }

    /// The newest snapshot of a repository in Hugging Face's cache, if it holds weights.
    pub fn snapshot(&self, repository: &RepositoryId) -> Option<PathBuf> {
        let folder =
            self.hugging_face.join(format!("models--{}--{}", repository.owner, repository.name));
        let commit =
            clip_files::read_text(&folder.join("refs").join("main"), LONGEST_REFERENCE).ok()?;
        let commit = commit.trim();
        let plain = commit.len() <= 64
            && !commit.is_empty()
            && commit.bytes().all(|b| b.is_ascii_hexdigit());
        let snapshot = plain.then(|| folder.join("snapshots").join(commit))?;
        has_weights(&snapshot).then_some(snapshot)
    }

    /// Our folder for a released file.
    pub fn own_file(&self, file: &str) -> PathBuf {
        self.own.join("models").join(file)
    }

    /// Our folder for a repository.
    pub fn own_repository(&self, repository: &RepositoryId) -> PathBuf {
        self.own.join("hub").join(&repository.owner).join(&repository.name)
    }
}

/// `owner/name` on a hub: letters, digits, `.`, `_` and `-` only, so that neither a path nor an
/// address can be made of it that leaves its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryId {
    /// Whose it is.
    pub owner: String,
    /// What it is called.
    pub name: String,
}

impl RepositoryId {
    /// Reads `owner/name`; `None` for anything else.
    pub fn parse(id: &str) -> Option<Self> {
        let (owner, name) = id.split_once('/')?;
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        (plain(owner) && plain(name))
            .then(|| Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

impl std::fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn folders(variables: &[(&str, &str)]) -> CacheFolders {
        CacheFolders::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn environment_moves_the_folders_in_the_documented_order() {
        let hub = |variables: &[(&str, &str)]| {
            folders(variables).hugging_face.to_str().unwrap().to_owned()
        };
        let mut variables = vec![("HOME", "/h")];
        assert_eq!(hub(&variables), "/h/.cache/huggingface/hub");
        for (name, value, expected) in [
            ("XDG_CACHE_HOME", "/x", "/x/huggingface/hub"),
            ("HF_HOME", "/f", "/f/hub"),
            ("HUGGINGFACE_HUB_CACHE", "/g", "/g"),
            ("HF_HUB_CACHE", "/c", "/c"),
        ] {
            variables.push((name, value));
            assert_eq!(hub(&variables), expected);
        }
        assert_eq!(folders(&variables).openai, Path::new("/h/.cache/clip"));
        assert_eq!(folders(&variables).own, Path::new("/x/clip-rs"));
        variables.push(("CLIP_RS_CACHE_DIR", "/o"));
        assert_eq!(folders(&variables).own, Path::new("/o"));
    }

    #[test]
    fn a_snapshot_is_found_through_its_reference() {
        let cache = tempfile::tempdir().unwrap();
        let folders = CacheFolders { hugging_face: cache.path().to_path_buf(), ..folders(&[]) };
        let id = RepositoryId::parse("timm/resnet50_clip.openai").unwrap();
        let repository = cache.path().join("models--timm--resnet50_clip.openai");
        let snapshot = repository.join("snapshots/0123abcd");
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(repository.join("refs")).unwrap();
        std::fs::write(repository.join("refs/main"), "0123abcd\n").unwrap();
        assert_eq!(folders.snapshot(&id), None, "no weights yet");
        std::fs::write(snapshot.join("open_clip_model.safetensors"), "x").unwrap();
        assert_eq!(folders.snapshot(&id), Some(snapshot));
        std::fs::write(repository.join("refs/main"), "../../../etc").unwrap();
        assert_eq!(folders.snapshot(&id), None, "not a commit");
    }

    #[test]
    fn repository_ids_cannot_leave_their_place() {
        assert!(RepositoryId::parse("openai/clip-vit-base-patch32").is_some());
        for id in ["a", "a/b/c", "../b", "a/..", "a/.b", "a b/c", "/b", "a/", "a/b?c", "a\\b/c"] {
            assert!(RepositoryId::parse(id).is_none(), "{id}");
        }
    }
}
