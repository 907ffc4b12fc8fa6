//! Apache Parquet: a column of ids and a column of lists of floats.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::row_stream::RowStream;

/// Rows of one row group: 16 MB at 512 values a row.
const ROWS_PER_GROUP: usize = 8192;

const SCHEMA: &str = "
message embeddings {
  required binary id (STRING);
  required group embedding (LIST) {
    repeated group list {
      required float element;
    }
  }
}";

pub(super) fn write(file: &mut (impl Write + Send), rows: &mut RowStream<'_>) -> io::Result<()> {
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(other)?);
    // Embeddings look random: a dictionary only costs time and space.
    let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(false).build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).map_err(other)?;
    for start in (0..rows.ids.len()).step_by(ROWS_PER_GROUP) {
        let end = rows.ids.len().min(start + ROWS_PER_GROUP);
        write_group(&mut writer, rows, start, end)?;
    }
    writer.close().map_err(other)?;
    Ok(())
}

fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    rows: &mut RowStream<'_>,
    start: usize,
    end: usize,
) -> io::Result<()> {
    let ids: Vec<ByteArray> = rows.ids[start..end].iter().map(|&id| id.into()).collect();
    let mut values = Vec::with_capacity((end - start) * rows.embed_dim);
    for index in start..end {
        values.extend((rows.row)(index)?);
    }
    // A list's first element opens it (repetition 0), the others continue it (1); every element is
    // defined (1).
    let repetitions: Vec<i16> =
        (0..values.len()).map(|i| i16::from(i % rows.embed_dim != 0)).collect();
    let definitions = vec![1; values.len()];

    let mut group = writer.next_row_group().map_err(other)?;
    if let Some(mut column) = group.next_column().map_err(other)? {
        column.typed::<ByteArrayType>().write_batch(&ids, None, None).map_err(other)?;
        column.close().map_err(other)?;
    }
    if let Some(mut column) = group.next_column().map_err(other)? {
        column
            .typed::<FloatType>()
            .write_batch(&values, Some(&definitions), Some(&repetitions))
            .map_err(other)?;
        column.close().map_err(other)?;
    }
    group.close().map_err(other)?;
    Ok(())
}

fn other(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
