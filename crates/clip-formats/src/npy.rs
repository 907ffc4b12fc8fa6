//! NumPy's `.npy`: magic, length of the header, a Python literal, raw values.

use crate::cursor::{Cursor, little_endian};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The values start at a multiple of this, so that readers may map the file.
const ALIGNMENT: usize = 64;

/// An array as its header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Npy<'a> {
    /// The element type, `<f4`; empty where there is none.
    pub descr: String,
    /// The sizes as they are written, `3, 512`.
    pub shape: String,
    /// The values.
    pub values: &'a [u8],
}

impl<'a> Npy<'a> {
    /// Reads a file of version 1, 2 or 3; none if it is no such file.
    pub fn parse(bytes: &'a [u8]) -> Option<Npy<'a>> {
        let mut cursor = Cursor::new(bytes.strip_prefix(MAGIC)?);
        let version = cursor.take(2)?.first()?;
        let length = little_endian(cursor.take(if *version == 1 { 2 } else { 4 })?);
        let head = String::from_utf8_lossy(cursor.take(usize::try_from(length).ok()?)?);
        let field = |name: &str, between: [char; 2]| {
            let value = head.split(name).nth(1).and_then(|rest| rest.split(between).nth(1));
            value.unwrap_or_default().to_owned()
        };
        let (descr, shape) = (field("'descr':", ['\''; 2]), field("'shape':", ['(', ')']));
        Some(Npy { descr, shape, values: cursor.rest() })
    }
}

/// What stands before the values, little-endian f32 row by row: format version 1.0.
pub fn header(rows: usize, columns: usize) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let before = MAGIC.len().saturating_add(4);
    while !before.saturating_add(text.len()).saturating_add(1).is_multiple_of(ALIGNMENT) {
        text.push(' ');
    }
    text.push('\n');
    // Fits: two numbers and forty characters around them.
    let length = (text.len() as u16).to_le_bytes();
    [MAGIC, b"\x01\x00", &length, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_aligned_states_the_shape_and_is_read_back() {
        let header = header(3, 512);
        assert_eq!(header.len() % ALIGNMENT, 0);
        let text = String::from_utf8_lossy(&header[10..]).into_owned();
        assert!(
            text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512), }"),
            "{text}"
        );
        assert_eq!(header.last(), Some(&b'\n'));
        let npy = Npy::parse(&header).expect("a header");
        assert_eq!((&*npy.descr, &*npy.shape, npy.values.len()), ("<f4", "3, 512", 0));
    }
}
