//! Writing: a temporary file beside the target, fsync, rename.

use crate::error::{CheckpointError, shown};
use crate::tensor::Tensor;
use clip_files::NewFile;
use clip_formats::safetensors;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::tensor::Dtype;

/// A tensor to be written, and the floating-point type it is to have in the file.
#[derive(Debug, Clone)]
pub struct WriteTensor {
    /// Its name in the file.
    pub name: String,
    /// Its values.
    pub tensor: Tensor,
    /// Element type in the file. Anything but the tensor's own must be f32, f16 or bf16, and the
    /// tensor floating point.
    pub dtype: Dtype,
}

impl WriteTensor {
    /// Written as it is.
    pub fn as_is(name: impl Into<String>, tensor: Tensor) -> Self {
        Self { name: name.into(), dtype: tensor.dtype(), tensor }
    }
}

/// Writes a safetensors file. It appears whole or not at all. Order as the usual writers have it:
/// wide elements first, then by name; one tensor at a time is in memory.
///
/// # Errors
/// [`CheckpointError::Write`]; [`CheckpointError::WrongDtype`] for a conversion that is not one
/// between floating-point types; [`CheckpointError::Malformed`] for two tensors of one name.
pub fn write(
    path: &Path,
    mut tensors: Vec<WriteTensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    tensors.sort_by(|a, b| b.dtype.size().cmp(&a.dtype.size()).then_with(|| a.name.cmp(&b.name)));
    check(path, &tensors)?;
    let described = tensors.iter().map(|t| (t.name.as_str(), t.dtype, t.tensor.shape()));
    let header = safetensors::header(metadata, described);
    let failed = |source| CheckpointError::Write { path: path.to_path_buf(), source };
    let file = NewFile::of(path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file());
    out.write_all(&header).map_err(failed)?;
    for tensor in &tensors {
        write_values(&mut out, tensor, path)?;
    }
    out.flush().map_err(failed)?;
    drop(out);
    file.keep().map_err(failed)
}

/// No name may stand twice, and only floating-point types are converted.
fn check(path: &Path, tensors: &[WriteTensor]) -> Result<(), CheckpointError> {
    let mut names = BTreeSet::new();
    for WriteTensor { name, tensor, dtype } in tensors {
        let converted =
            matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::Bf16) && tensor.dtype().is_float();
        if *dtype != tensor.dtype() && !converted {
            return Err(CheckpointError::WrongDtype {
                path: path.to_path_buf(),
                name: name.clone(),
                found: tensor.dtype().name().to_owned(),
                expected: "the element type to be written, or floating point for f32, f16 or bf16",
            });
        }
        if !names.insert(name) {
            let place = format!("tensor `{}`", shown(name));
            return Err(CheckpointError::malformed(path, place, "given twice"));
        }
    }
    Ok(())
}

fn write_values(
    out: &mut impl Write,
    tensor: &WriteTensor,
    path: &Path,
) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::Write { path: path.to_path_buf(), source };
    if tensor.dtype == tensor.tensor.dtype() {
        return out.write_all(&tensor.tensor.to_contiguous()).map_err(failed);
    }
    let values = tensor.tensor.to_f32();
    match tensor.dtype {
        Dtype::F16 => {
            let mut half = vec![f16::ZERO; values.len()];
            half.convert_from_f32_slice(&values);
            refuse_overflow(&values, |i| half[i].is_finite(), tensor, path)?;
            write_little_endian(out, half.iter().map(|v| v.to_le_bytes())).map_err(failed)
        }
        Dtype::Bf16 => {
            let mut half = vec![bf16::ZERO; values.len()];
            half.convert_from_f32_slice(&values);
            refuse_overflow(&values, |i| half[i].is_finite(), tensor, path)?;
            write_little_endian(out, half.iter().map(|v| v.to_le_bytes())).map_err(failed)
        }
        _ => write_little_endian(out, values.iter().map(|v| v.to_le_bytes())).map_err(failed),
    }
}

/// A finite value must not become infinite.
fn refuse_overflow(
    values: &[f32],
    is_finite: impl Fn(usize) -> bool,
    tensor: &WriteTensor,
    path: &Path,
) -> Result<(), CheckpointError> {
    match values.iter().enumerate().filter(|(i, value)| value.is_finite() && !is_finite(*i)).count()
    {
        0 => Ok(()),
        count => Err(CheckpointError::NotFinite {
            path: path.to_path_buf(),
            name: tensor.name.clone(),
            count,
        }),
    }
}

fn write_little_endian<const N: usize>(
    out: &mut impl Write,
    elements: impl Iterator<Item = [u8; N]>,
) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 16);
    for element in elements {
        buffer.extend_from_slice(&element);
        if buffer.len() >= 1 << 16 {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let values = Tensor::from_f32(&[2, 2], vec![1.0, -2.5, 0.5, 65504.0]);
        let half = WriteTensor { name: "half".into(), tensor: values.clone(), dtype: Dtype::F16 };
        let brain = WriteTensor {
            name: "brain".into(),
            tensor: values.transposed().unwrap(),
            dtype: Dtype::Bf16,
        };
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        write(&path, vec![half, brain, WriteTensor::as_is("full", values)], &metadata).unwrap();
        let file = super::super::open(&path).unwrap();
        assert_eq!(file.metadata, metadata);
        assert_eq!(file.tensors["full"].to_f32(), [1.0, -2.5, 0.5, 65504.0]);
        assert_eq!(file.tensors["half"].to_f32(), [1.0, -2.5, 0.5, 65504.0]);
        assert_eq!(file.tensors["brain"].to_f32(), [1.0, 0.5, -2.5, 65536.0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn values_beyond_f16_are_an_error_not_infinity() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let tensor = Tensor::from_f32(&[3], vec![1.0, 70000.0, f32::INFINITY]);
        let tensor = WriteTensor { name: "a".into(), tensor, dtype: Dtype::F16 };
        let error = write(&path, vec![tensor], &BTreeMap::new()).unwrap_err();
        assert!(matches!(error, CheckpointError::NotFinite { count: 1, .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        std::fs::write(&path, "old").unwrap();
        let twice = vec![WriteTensor::as_is("a", Tensor::from_f32(&[], vec![1.0])); 2];
        assert!(write(&path, twice, &BTreeMap::new()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
