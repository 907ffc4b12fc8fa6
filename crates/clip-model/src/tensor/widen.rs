//! Elements of any type as f32.

use clip_formats::Dtype;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// Elements of `dtype` as f32.
pub(super) fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => fill(bytes, out, f32::from_le_bytes),
        Dtype::F64 => fill(bytes, out, |b| f64::from_le_bytes(b) as f32),
        Dtype::F16 => widen_half(bytes, out, f16::from_le_bytes, |from, to| {
            from.convert_to_f32_slice(to);
        }),
        Dtype::Bf16 => widen_half(bytes, out, bf16::from_le_bytes, |from, to| {
            from.convert_to_f32_slice(to);
        }),
        Dtype::I64 => fill(bytes, out, |b| i64::from_le_bytes(b) as f32),
        Dtype::I32 => fill(bytes, out, |b| i32::from_le_bytes(b) as f32),
        Dtype::I16 => fill(bytes, out, |b| i16::from_le_bytes(b).into()),
        Dtype::I8 => fill(bytes, out, |b| i8::from_le_bytes(b).into()),
        Dtype::U8 | Dtype::Bool => fill(bytes, out, |[b]: [u8; 1]| b.into()),
    }
}

fn fill<const N: usize>(bytes: &[u8], out: &mut [f32], value: impl Fn([u8; N]) -> f32) {
    for (slot, &element) in out.iter_mut().zip(bytes.as_chunks().0) {
        *slot = value(element);
    }
}

/// Half-width elements through a small aligned buffer, so that whole slices are converted at once
/// (with the processor's instruction for it where there is one).
fn widen_half<H: Copy + Default>(
    bytes: &[u8],
    out: &mut [f32],
    value: impl Fn([u8; 2]) -> H,
    convert: impl Fn(&[H], &mut [f32]),
) {
    let mut buffer = [H::default(); 1024];
    for (out, bytes) in out.chunks_mut(1024).zip(bytes.chunks(2048)) {
        for (slot, &element) in buffer.iter_mut().zip(bytes.as_chunks().0) {
            *slot = value(element);
        }
        if let Some(from) = buffer.get(..out.len()) {
            convert(from, out);
        }
    }
}
