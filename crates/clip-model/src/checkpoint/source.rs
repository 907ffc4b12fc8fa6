//! What a file is: which container by its first bytes (PROTOCOL 5.1), and its tensors under its own
//! names.

use super::contents::{Contents, Source};
use super::layout::Container;
use super::options::LoadOptions;
use super::preprocess_config::PreprocessConfig;
use super::torch;
use crate::error::CheckpointError;
use crate::safetensors;
use crate::tensor::SharedBytes;
use std::path::Path;

/// The configuration that [`crate::convert::convert`] writes into the metadata of single files.
pub(crate) const CONFIG_KEY: &str = "clip_rs.config";

/// Reads a file whose bytes are at hand.
pub(super) fn parse(
    path: &Path,
    bytes: SharedBytes,
    options: &LoadOptions,
) -> Result<Source, CheckpointError> {
    let contents = match recognize(path, bytes.as_slice())? {
        Format::Safetensors => read_safetensors(path, bytes)?,
        Format::Zip => torch::open_archive(path, bytes, options)?,
        Format::Legacy => torch::open_legacy(path, bytes)?,
    };
    let preprocess_config = contents
        .metadata_config
        .as_deref()
        .and_then(|json| PreprocessConfig::of_open_clip(path, json));
    Ok(Source {
        path: path.to_path_buf(),
        tensors: contents.tensors,
        container: contents.container,
        config: contents.metadata_config,
        preprocess_config,
        tokenizer_files: Vec::new(),
        released: false,
        warnings: contents.warnings,
        unbuilt: contents.unbuilt,
        files: vec![path.to_path_buf()],
    })
}

fn read_safetensors(path: &Path, bytes: SharedBytes) -> Result<Contents, CheckpointError> {
    let mut file = safetensors::parse(path, bytes)?;
    Ok(Contents {
        tensors: file.tensors.into_iter().collect(),
        container: Container::Safetensors,
        metadata_config: file.metadata.remove(CONFIG_KEY),
        warnings: Vec::new(),
        unbuilt: Vec::new(),
    })
}

pub(super) enum Format {
    Safetensors,
    Zip,
    Legacy,
}

/// By the first bytes; the extension only decides which error a broken safetensors file gets.
pub(super) fn recognize(path: &Path, bytes: &[u8]) -> Result<Format, CheckpointError> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Ok(Format::Zip);
    }
    if torch::is_legacy(bytes) {
        return Ok(Format::Legacy);
    }
    let named_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    if looks_like_safetensors(bytes) || (named_safetensors && bytes.get(8) == Some(&b'{')) {
        return Ok(Format::Safetensors);
    }
    match what_else(bytes) {
        Some(found) => Err(refused(path, found)),
        None if named_safetensors => Ok(Format::Safetensors),
        None => Err(refused(path, "no known checkpoint format")),
    }
}

fn refused(path: &Path, found: &str) -> CheckpointError {
    CheckpointError::NotACheckpoint { path: path.to_path_buf(), found: found.to_owned() }
}

/// A length, then `{`, possibly after spaces.
fn looks_like_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    let first = rest.iter().take(64).find(|&&byte| byte != b' ');
    u64::from_le_bytes(*length) <= rest.len() as u64 && first == Some(&b'{')
}

/// What people mistake for a checkpoint.
fn what_else(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 9] = [
        (
            b"version https://git-lfs",
            "a Git LFS pointer instead of the file (`git lfs pull` fetches it)",
        ),
        (b"\x1f\x8b", "a gzip-compressed file (decompress it first)"),
        (b"BZh", "a bzip2-compressed file (decompress it first)"),
        (b"\xfd7zXZ\0", "an xz-compressed file (decompress it first)"),
        (b"\x28\xb5\x2f\xfd", "a zstd-compressed file (decompress it first)"),
        (b"{", "a JSON file (give the folder it lies in)"),
        (b"<", "a web page or XML file"),
        (b"\x80", "a bare pickle, not a file of torch.save"),
        (b"\x89HDF", "an HDF5 file"),
    ];
    if let Some((_, what)) = starts.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(what);
    }
    let old_tar = bytes.get(257..262) == Some(b"ustar") || bytes.starts_with(b"sys_info\0");
    old_tar.then_some("the tar format of torch before 0.1.10 (re-save it with a newer torch)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as a clone without Git LFS or a browser leaves them.
    #[test]
    fn what_is_no_checkpoint_is_told_whatever_its_ending() {
        for (bytes, said) in [
            (
                &b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"[..],
                "a Git LFS pointer",
            ),
            (b"<!DOCTYPE html><html></html>", "a web page"),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "a gzip-compressed file"),
        ] {
            for name in ["model.safetensors", "model.bin"] {
                let error = recognize(Path::new(name), bytes).err().expect("refused").to_string();
                assert!(error.contains(name) && error.contains(said), "{error}");
            }
        }
        let cut_in_its_header = b"<\x01\0\0\0\0\0\0{\"a\"";
        assert!(matches!(
            recognize(Path::new("m.safetensors"), cut_in_its_header),
            Ok(Format::Safetensors)
        ));
    }
}
