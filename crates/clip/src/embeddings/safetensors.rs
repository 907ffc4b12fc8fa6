//! safetensors (PROTOCOL 5.5): length, JSON header, raw values; one tensor `embeddings`.
//!
//! Not clip-model's writer: that one takes tensors in memory, this one rows as they are read back.

use std::io::{self, Write};

use super::row_stream::RowStream;

pub(super) fn write(file: &mut impl Write, rows: &mut RowStream<'_>) -> io::Result<()> {
    let (count, embed_dim) = (rows.ids.len(), rows.embed_dim);
    let header = serde_json::json!({
        "__metadata__": { "format": "pt" },
        "embeddings": { "dtype": "F32", "shape": [count, embed_dim], "data_offsets": [0, count * embed_dim * 4] },
    });
    let mut header = header.to_string();
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for index in 0..count {
        for value in (rows.row)(index)? {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}
