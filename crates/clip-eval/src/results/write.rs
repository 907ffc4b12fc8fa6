//! Files of results.

use std::io::Write;
use std::path::Path;

use crate::error::{EvalError, Result};

/// Writes a file whole or not at all, and the folders above it.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(EvalError::io(folder))?;
    }
    clip_files::write_whole(path, |file| file.write_all(bytes)).map_err(EvalError::io(path))
}
