//! The frozen model that a student learns from.

use crate::batch::Batch;
use crate::error::TrainError;
use crate::objective::Teaching;
use clip_kernels::Train;
use clip_model::{Architecture, ClipModel, ImageArchitecture};

/// Whether a teacher can read what a student reads.
///
/// # Errors
/// [`TrainError::Option`]: its pictures or texts are others.
pub(crate) fn check(teacher: &Architecture, student: &Architecture) -> Result<(), TrainError> {
    let fail = |reason| Err(TrainError::Option { option: "teacher", reason });
    let resolution = ImageArchitecture::resolution;
    let (theirs, ours) = (resolution(&teacher.image), resolution(&student.image));
    if theirs != ours {
        return fail(format!("it takes pictures of {theirs} pixels, the student of {ours}"));
    }
    let (theirs, ours) = (teacher.text.vocab_size, student.text.vocab_size);
    if theirs != ours {
        return fail(format!("its vocabulary has {theirs} tokens, the student's {ours}"));
    }
    let (theirs, ours) = (teacher.text.context_length, student.text.context_length);
    if theirs < ours {
        return fail(format!("its texts have at most {theirs} tokens, the student's {ours}"));
    }
    Ok(())
}

/// The teacher's unit vectors of a batch, in evaluation mode.
pub(crate) fn teach<D: Train>(
    teacher: &ClipModel<D>,
    device: &D,
    batch: &Batch,
) -> Result<Teaching<D>, TrainError> {
    let width = teacher.embed_dim();
    let unit = |features: Vec<f32>| device.normalize(&device.to_device(features, width)?);
    let texts: Vec<&[u32]> = batch.texts.iter().map(Vec::as_slice).collect();
    Ok(Teaching {
        images: unit(teacher.encode_images(&batch.pixels)?)?,
        texts: unit(teacher.encode_texts(&texts)?)?,
        width,
        scale: teacher.scale(),
    })
}
