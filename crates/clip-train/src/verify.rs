//! [`replay()`] with what an instruction set computes with.

use std::path::Path;

use clip_kernels::{Cpu, Reference};
use clip_rs::InstructionSet;

use crate::replay::{CaseReport, ReplayError, replay};

/// Replays the training references in a folder.
///
/// # Errors
/// As [`replay`].
pub fn replay_on(set: InstructionSet, path: &Path) -> Result<Vec<CaseReport>, ReplayError> {
    match set {
        InstructionSet::Cpu(isa) => replay(path, &Cpu::with_isa(isa)),
        InstructionSet::Reference => replay(path, &Reference),
    }
}
