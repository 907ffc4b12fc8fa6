//! What identifies an item: the BLAKE3 of all that its pixels are made from.

use std::path::Path;

use clip_data::formats::video;
use clip_data::{Border, Item, Items, Media};
use clip_rs::ImageLimits;
use rayon::prelude::*;

use crate::error::{EvalError, Result};
use crate::results::Skipped;

/// Bytes of a content's hash.
pub(crate) const HASH: usize = 32;
/// Items hashed between two reports of progress.
const CHUNK: usize = 256;

/// BLAKE3 of an item's content.
pub(crate) type Content = [u8; HASH];

/// BLAKE3 of all item ids and targets in order.
pub fn list_fingerprint(items: &Items) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in items.lines() {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// BLAKE3 of all item ids, targets and contents as they lie on disk now.
pub(crate) fn content_fingerprint(items: &Items) -> String {
    fingerprint_of(items, &contents_of(items).0)
}

pub(crate) fn fingerprint_of(items: &Items, contents: &[Option<Content>]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (line, content) in items.lines().zip(contents) {
        hasher.update(line.as_bytes());
        hasher.update(content.as_ref().map_or(b"unreadable".as_slice(), |content| content));
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// Hashes of all items; none for those that cannot be read, which are listed.
pub(crate) fn contents_of(items: &Items) -> (Vec<Option<Content>>, Vec<(usize, Skipped)>) {
    let hashed: Vec<Result<Content, Skipped>> = items
        .list
        .par_iter()
        .with_min_len(1)
        .with_max_len(CHUNK)
        .map(|item| {
            content_of(items, item).map_err(|error| Skipped {
                input: item.id(),
                stage: "read".to_owned(),
                reason: error.to_string(),
            })
        })
        .collect();
    let failure = |(item, hash): (usize, &Result<Content, Skipped>)| {
        Some((item, hash.as_ref().err()?.clone()))
    };
    let skipped = hashed.iter().enumerate().filter_map(failure).collect();
    (hashed.into_iter().map(Result::ok).collect(), skipped)
}

/// Why an item is left out whose files are being written to.
pub(crate) const CHANGED: &str = "changed while it was read";

/// The bytes of an item, if they are those that `content` stands for: between the hash and this a
/// file may have been replaced, and a row would be kept under another's hash for ever.
///
/// # Errors
/// They cannot be read, or are others; in words.
pub(super) fn bytes_of(items: &Items, item: &Item, content: &Content) -> Result<Vec<u8>, String> {
    let bytes = items.bytes(item).map_err(|error| error.to_string())?;
    let now = match &item.media {
        Media::Record { .. } => of_image(&bytes),
        Media::File { border, .. } if *border == Border::default() => of_image(&bytes),
        _ => content_of(items, item).map_err(|error| error.to_string())?,
    };
    if now == *content { Ok(bytes) } else { Err(CHANGED.to_owned()) }
}

/// Of a file that is an image and nothing is cut off.
fn of_image(bytes: &[u8]) -> Content {
    *blake3::Hasher::new().update(b"image").update(bytes).finalize().as_bytes()
}

/// BLAKE3 of what an item's pixels are made from.
pub(crate) fn content_of(items: &Items, item: &Item) -> Result<Content> {
    let mut hasher = blake3::Hasher::new();
    match &item.media {
        Media::Record { records, index } => return Ok(of_image(&records.bytes(*index)?)),
        Media::File { path, border } => {
            let plain = *border == Border::default();
            hasher.update(if plain { b"image".as_slice() } else { b"cut image" });
            if !plain {
                hasher.update(&border.all.to_le_bytes());
                hasher.update(&border.foot.to_le_bytes());
            }
            update_with_file(
                &mut hasher,
                &items.folder.join(&**path),
                ImageLimits::default().file_bytes(),
            )?;
        }
        Media::Video { path, span } => {
            hasher.update(b"middle frame");
            let (start, end) = span.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            hasher.update(&start.to_le_bytes());
            hasher.update(&end.to_le_bytes());
            let path = items.folder.join(&**path);
            let files = video::files(&path)?;
            for file in &files {
                if *file == path {
                    hasher.update(video::version()?.as_bytes()); // another one may give other pixels
                } else {
                    let length = std::fs::metadata(file).map_err(EvalError::io(file))?.len();
                    hasher.update(b"extracted frame").update(&length.to_le_bytes());
                }
                update_with_file(&mut hasher, file, u64::MAX)?;
            }
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

fn update_with_file(hasher: &mut blake3::Hasher, path: &Path, limit: u64) -> Result<()> {
    let file = clip_files::open(path, limit).map_err(EvalError::io(path))?;
    hasher.update_reader(file).map_err(EvalError::io(path))?;
    Ok(())
}
