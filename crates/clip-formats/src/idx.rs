//! IDX: the arrays of bytes of MNIST, plain or inside gzip.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::cursor::{Cursor, big_endian};
use crate::error::FormatError;

/// Bytes of an array at most; MNIST's largest has 47 MB.
const SIZE_LIMIT: u64 = 1 << 29;

/// An array of bytes, outermost dimension first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// `[60000, 28, 28]` for images, `[60000]` for labels.
    pub shape: Vec<u64>,
    /// Row-major.
    pub values: Vec<u8>,
}

/// Reads a file; gzip is recognised by its first bytes.
///
/// # Errors
/// It is no IDX file of bytes, or shorter or longer than it says.
pub fn read(path: &Path) -> Result<Idx, FormatError> {
    let mut file =
        BufReader::new(clip_files::open(path, u64::MAX).map_err(FormatError::read(path))?);
    parse(&mut file).map_err(|reason| FormatError::malformed(path, reason))
}

/// Reads a file from its beginning.
///
/// # Errors
/// In words.
pub fn parse(source: &mut dyn BufRead) -> Result<Idx, String> {
    let head = source.fill_buf().map_err(|error| error.to_string())?;
    if head.starts_with(&[0x1f, 0x8b]) {
        unpacked(&mut MultiGzDecoder::new(source))
    } else {
        unpacked(source)
    }
}

fn unpacked(mut source: impl Read) -> Result<Idx, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut magic = [0; 4];
    source.read_exact(&mut magic).map_err(failed)?;
    let [0, 0, 8, dimensions @ 1..=4] = magic else {
        return Err(format!(
            "not an IDX file of bytes: it begins with {magic:02x?}, expected 00 00 08 and 01 to 04"
        ));
    };
    let mut sizes = [0; 16];
    let sizes = sizes.get_mut(..usize::from(dimensions).saturating_mul(4)).unwrap_or_default();
    source.read_exact(sizes).map_err(failed)?;
    let mut cursor = Cursor::new(sizes);
    let shape: Vec<u64> = std::iter::from_fn(|| cursor.take(4)).map(big_endian).collect();
    let size = shape.iter().fold(1u64, |product, &size| product.saturating_mul(size));
    if size > SIZE_LIMIT {
        return Err(format!("an array of {shape:?} bytes, limit {SIZE_LIMIT}"));
    }
    let mut values = Vec::new();
    let read = source.take(size.saturating_add(1)).read_to_end(&mut values).map_err(failed)?;
    if read as u64 != size {
        let found =
            if (read as u64) < size { read.to_string() } else { format!("more than {size}") };
        return Err(format!("{found} bytes after the header, which says {shape:?}"));
    }
    Ok(Idx { shape, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_of_two_images_is_read() {
        let file = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
        let idx = parse(&mut &file[..]).expect("an IDX file");
        assert_eq!((idx.shape, idx.values), (vec![2, 1, 2], vec![1, 2, 3, 4]));
    }

    #[test]
    fn size_claimed_and_size_found_are_named() {
        for (tail, found) in [(&[1][..], "1 bytes"), (&[1, 2, 3][..], "more than 2 bytes")] {
            let file = [&[0, 0, 8, 1, 0, 0, 0, 2][..], tail].concat();
            let reason = parse(&mut &file[..]).expect_err("another size");
            assert!(reason.starts_with(found), "{reason}");
        }
    }

    #[test]
    fn huge_claim_is_refused_before_anything_is_read() {
        let file = [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255];
        let reason = parse(&mut &file[..]).expect_err("huge");
        assert!(reason.contains("limit"), "{reason}");
    }
}
