//! NumPy's `.npy`, format version 1.0: magic, length of the header, a Python literal, raw values.

use std::io::{self, Write};

use super::row_stream::RowStream;

/// The values start at a multiple of this, so that readers may map the file.
const ALIGNMENT: usize = 64;

pub(super) fn write(file: &mut impl Write, rows: &mut RowStream<'_>) -> io::Result<()> {
    file.write_all(&header(rows.ids.len(), rows.embed_dim)?)?;
    for index in 0..rows.ids.len() {
        for value in (rows.row)(index)? {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}

fn header(rows: usize, embed_dim: usize) -> io::Result<Vec<u8>> {
    let magic = b"\x93NUMPY\x01\x00";
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {embed_dim}), }}");
    let unpadded = magic.len() + 2 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(io::Error::other)?;
    Ok([magic.as_slice(), &length.to_le_bytes(), text.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_aligned_and_states_the_shape() {
        let header = header(3, 512).expect("short");
        assert_eq!(header.len() % ALIGNMENT, 0);
        let text = String::from_utf8_lossy(&header[10..]).into_owned();
        assert!(
            text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512), }"),
            "{text}"
        );
        assert_eq!(header.last(), Some(&b'\n'));
    }
}
