//! Rows that a probe learns from: in memory, or in a mapped file where they are more than it may
//! take.

use std::io::Write;
use std::path::{Path, PathBuf};

use clip_rs::model::map_file;
use clip_rs::model::tensor::SharedBytes;
use tempfile::NamedTempFile;

use crate::error::{EvalError, Result};

/// Rows that come block by block.
pub(crate) struct Collector {
    /// Where the file is made if there has to be one.
    folder: PathBuf,
    /// Bytes that rows may take in memory.
    most: usize,
    values: Vec<f32>,
    spilled: Option<NamedTempFile>,
}

/// All rows, one after another.
pub(crate) enum LearnedRows {
    Memory(Vec<f32>),
    /// The file is gone when the rows are.
    Mapped(SharedBytes, #[expect(dead_code, reason = "the map needs it to stay")] NamedTempFile),
}

impl Collector {
    pub(crate) fn new(folder: &Path, most: usize) -> Collector {
        Collector { folder: folder.to_owned(), most, values: Vec::new(), spilled: None }
    }

    /// # Errors
    /// The file cannot be made or written.
    pub(crate) fn push(&mut self, rows: &[f32]) -> Result<()> {
        let bytes = size_of::<f32>() * (self.values.len() + rows.len());
        if self.spilled.is_none() && bytes > self.most {
            let file = NamedTempFile::new_in(&self.folder).map_err(EvalError::io(&self.folder))?;
            self.spilled = Some(file);
            let before = std::mem::take(&mut self.values);
            self.write(&before)?;
        }
        if self.spilled.is_some() {
            return self.write(rows);
        }
        self.values.extend_from_slice(rows);
        Ok(())
    }

    fn write(&mut self, rows: &[f32]) -> Result<()> {
        match &mut self.spilled {
            Some(file) => {
                file.write_all(bytemuck::cast_slice(rows)).map_err(EvalError::io(file.path()))
            }
            None => Ok(()),
        }
    }

    /// # Errors
    /// The file cannot be mapped.
    pub(crate) fn finish(self) -> Result<LearnedRows> {
        let Some(mut file) = self.spilled else { return Ok(LearnedRows::Memory(self.values)) };
        file.flush().map_err(EvalError::io(file.path()))?;
        if file.as_file().metadata().map_err(EvalError::io(file.path()))?.len() == 0 {
            return Ok(LearnedRows::Memory(Vec::new())); // nothing can be mapped
        }
        let bytes = map_file(file.path()).map_err(|error| EvalError::result(file.path(), error))?;
        Ok(LearnedRows::Mapped(bytes, file))
    }
}

impl LearnedRows {
    pub(crate) fn values(&self) -> &[f32] {
        match self {
            LearnedRows::Memory(values) => values,
            // Maps begin on a page, and whole numbers were written.
            LearnedRows::Mapped(bytes, _) => bytemuck::cast_slice(bytes.as_slice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_in_memory_and_in_a_file_that_goes_with_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows: Vec<f32> = (0..3000).map(|value| value as f32 / 7.0).collect();
        for (most, in_file) in [(usize::MAX, false), (5000, true), (0, true)] {
            let mut collector = Collector::new(folder.path(), most);
            for block in rows.chunks(700) {
                collector.push(block).expect("taken");
            }
            let learned = collector.finish().expect("rows");
            assert_eq!(matches!(learned, LearnedRows::Mapped(..)), in_file);
            assert!(learned.values() == rows, "{most}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
        let nothing = Collector::new(folder.path(), 0).finish().expect("rows");
        assert!(nothing.values().is_empty());
    }
}
