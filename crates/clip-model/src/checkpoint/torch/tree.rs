//! Where the tensors are in a pickled object: a state dict, a training checkpoint around one, or
//! TorchScript's tree of modules, whose attribute names joined by dots are the tensors' names.

use super::super::pickle::{Pickle, Value};
use crate::error::CheckpointError;
use std::path::Path;

const DEPTH_LIMIT: usize = 32;
const MODULE_LIMIT: usize = 100_000;
const NAME_LIMIT: usize = 1000;

/// Names and indices into the pickle's tensors.
pub(super) struct Found {
    pub(super) tensors: Vec<(String, usize)>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn tensors(path: &Path, pickle: &Pickle<'_>) -> Result<Found, CheckpointError> {
    let not_clip = |problem: String| CheckpointError::NotClip { path: path.to_path_buf(), problem };
    match pickle.root() {
        Value::Object(attributes) => {
            Ok(Found { tensors: modules(pickle, attributes).map_err(not_clip)?, warnings: Vec::new() })
        }
        Value::Dict(pairs) => match pickle.entry(pairs, "state_dict") {
            None => Ok(Found { tensors: dictionary(pickle, pairs).map_err(not_clip)?, warnings: Vec::new() }),
            Some(Value::Dict(inner)) => {
                let warnings = vec![wrapper(pickle, pairs)];
                Ok(Found { tensors: dictionary(pickle, inner).map_err(not_clip)?, warnings })
            }
            Some(other) => Err(not_clip(format!("`state_dict` is {}, expected a dictionary", other.kind()))),
        },
        other => Err(not_clip(format!("holds {}, expected a state dict or a module", other.kind()))),
    }
}

/// Every key a string, every value a tensor.
fn dictionary(pickle: &Pickle<'_>, pairs: &[(u32, u32)]) -> Result<Vec<(String, usize)>, String> {
    let mut tensors = Vec::with_capacity(pairs.len());
    for &(key, value) in pairs {
        let Value::Str(name) = pickle.get(key) else {
            return Err(format!("{} as the name of a tensor", pickle.get(key).kind()));
        };
        let name = checked(name)?;
        match pickle.get(value) {
            Value::Tensor(index) => tensors.push((name, *index)),
            other => return Err(format!("`{name}` is {}, expected a tensor", other.kind())),
        }
    }
    Ok(tensors)
}

fn wrapper(pickle: &Pickle<'_>, pairs: &[(u32, u32)]) -> String {
    let epoch = match pickle.entry(pairs, "epoch") {
        Some(Value::Int(epoch)) => format!(" after epoch {epoch}"),
        _ => String::new(),
    };
    format!("the weights of a training checkpoint{epoch} were taken, everything else was ignored")
}

/// Walks the tree with its own stack; shared modules are legal, cycles meet the limits.
fn modules(pickle: &Pickle<'_>, root: &[(u32, u32)]) -> Result<Vec<(String, usize)>, String> {
    let mut tensors = Vec::new();
    let mut waiting = vec![(String::new(), root, 0usize)];
    let mut visited = 0usize;
    while let Some((prefix, attributes, depth)) = waiting.pop() {
        for &(key, value) in attributes {
            visited = visited.saturating_add(1);
            if visited > MODULE_LIMIT {
                return Err(format!("the tree of modules has more than {MODULE_LIMIT} attributes"));
            }
            let Value::Str(name) = pickle.get(key) else {
                return Err(format!("{} as the name of an attribute", pickle.get(key).kind()));
            };
            let name = checked(&match prefix.as_str() {
                "" => (*name).to_owned(),
                prefix => format!("{prefix}.{name}"),
            })?;
            match pickle.get(value) {
                Value::Tensor(index) => tensors.push((name, *index)),
                Value::Object(_) if depth >= DEPTH_LIMIT => {
                    return Err(format!("modules are nested deeper than {DEPTH_LIMIT}"));
                }
                Value::Object(attributes) => waiting.push((name, attributes, depth.saturating_add(1))),
                _ => {}
            }
        }
    }
    Ok(tensors)
}

/// Names end up in messages and files: no control characters, no absurd length.
fn checked(name: &str) -> Result<String, String> {
    if name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(format!(
            "a name of {} bytes with control characters or longer than {NAME_LIMIT}",
            name.len()
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::pickle;
    use super::*;

    fn find(bytes: &[u8]) -> Result<Vec<String>, CheckpointError> {
        let path = Path::new("m.pt");
        let pickle = pickle::load(path, "data.pkl", bytes, true)?;
        Ok(tensors(path, &pickle)?.tensors.into_iter().map(|(name, _)| name).collect())
    }

    /// A module; its attributes go behind the MARK.
    const MODULE: &[u8] = b"c__torch__.a.___torch_mangle_3\nM\n)\x81";

    /// A tensor of one f32.
    const TENSOR: &[u8] =
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0\x30\
        X\x03\0\0\0cpuK\x01tQK\0))\x89ccollections\nOrderedDict\n)RtR";

    #[test]
    fn names_are_the_paths_of_attributes() {
        let module = [
            b"\x80\x02",
            MODULE,
            b"}(X\x08\0\0\0training\x88X\x01\0\0\0b",
            TENSOR,
            b"X\x01\0\0\0m",
            MODULE,
            b"}X\x01\0\0\0w",
            TENSOR,
            b"sbX\x02\0\0\0-1",
            MODULE,
            b"}bub.",
        ]
        .concat();
        let mut names = find(&module).unwrap();
        names.sort();
        assert_eq!(names, ["b", "m.w"]);
    }

    #[test]
    fn a_module_that_contains_itself_meets_the_depth_limit() {
        let cycle = [b"\x80\x02", MODULE, b"q\0}X\x01\0\0\0ah\0sb."].concat();
        let error = find(&cycle).unwrap_err().to_string();
        assert_eq!(error, "m.pt: modules are nested deeper than 32");
    }

    #[test]
    fn modules_shared_again_and_again_meet_the_count_limit() {
        // The root lists 30 modules, each of which holds the one before twice: 2^30 paths.
        let mut bytes = [b"\x80\x02", MODULE, b"}(X\x01\0\0\0c", MODULE, b"q\0"].concat();
        for _ in 0..30 {
            bytes.extend([b"X\x01\0\0\0c", MODULE, b"}(X\x01\0\0\0ah\0X\x01\0\0\0bh\0ubq\0"].concat());
        }
        bytes.extend(b"ub.");
        let error = find(&bytes).unwrap_err().to_string();
        assert_eq!(error, "m.pt: the tree of modules has more than 100000 attributes");
    }
}
