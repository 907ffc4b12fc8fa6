//! A name for weights that does not depend on the file they came in.

use crate::sha256::sha256_of_bytes;
use crate::state_dict::StateDict;
use rayon::prelude::*;

/// SHA-256 over one line for each tensor, in alphabetical order of the reference's names:
/// `name dtype [sizes] sha256-of-its-bytes`. Files that hold the same tensors in the same element
/// types have the same digest whatever their layout and container (trap 9.41).
pub(super) fn of_tensors(state_dict: &StateDict) -> String {
    let tensors: Vec<_> = state_dict.iter().collect();
    let lines: Vec<String> = tensors
        .par_iter()
        .map(|(name, tensor)| {
            let digest = sha256_of_bytes(&tensor.to_contiguous());
            format!("{name} {} {:?} {digest}\n", tensor.dtype().name(), tensor.shape())
        })
        .collect();
    sha256_of_bytes(lines.concat().as_bytes())
}
