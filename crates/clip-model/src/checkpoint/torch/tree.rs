//! Where the tensors are in a pickled object: a state dict, what trainers put around one, a whole
//! module, or TorchScript's tree of modules, whose attribute names joined by dots are the tensors'
//! names.

use super::super::names;
use crate::error::{CheckpointError, shown};
use clip_formats::pickle::{Id, Object, Pickle, Value};
use std::collections::{HashSet, VecDeque};
use std::path::Path;

/// How deep modules may be nested.
const DEPTH_LIMIT: usize = 32;
/// How deep a state dict is looked for.
const SEARCH_DEPTH: usize = 4;
/// Tensors and members of modules in all.
const TENSOR_LIMIT: usize = 100_000;
/// Containers looked into; what lies deeper than these is no state dict.
const CONTAINER_LIMIT: usize = 100_000;
/// Items of a list that are looked at.
const LIST_LIMIT: usize = 100;
/// Keys of the root that are told of.
const KEY_LIMIT: usize = 1000;
const NAME_LIMIT: usize = 1000;

/// What is in a pickle.
pub(super) struct Survey {
    /// Every dictionary and module that holds tensors, by its path.
    pub(super) places: Vec<Place>,
    /// The root's keys and what they stand for.
    pub(super) keys: Vec<(String, String)>,
}

/// One dictionary or module.
#[derive(Default)]
pub(super) struct Place {
    /// The keys that lead to it, joined by dots; empty for the root.
    pub(super) path: String,
    /// Names and indices into the pickle's tensors.
    pub(super) tensors: Vec<(String, usize)>,
    /// Entries that stand for objects which are not built: names and what they are.
    pub(super) unbuilt: Vec<(String, String)>,
    /// What stands where the name of a tensor should.
    unnamed: Option<&'static str>,
}

/// The state dict that is a CLIP's, else the nearest one.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) warnings: Vec<String>,
}

pub(super) fn find(path: &Path, pickle: &Pickle<'_>) -> Result<Found, CheckpointError> {
    let not_clip = |problem: String| CheckpointError::NotClip { path: path.to_path_buf(), problem };
    let mut survey = survey(pickle).map_err(not_clip)?;
    let is_clip = |place: &Place| place.tensors.iter().any(|(name, _)| names::is_token_table(name));
    let clips: Vec<usize> = survey
        .places
        .iter()
        .enumerate()
        .filter(|(_, place)| is_clip(place))
        .map(|(index, _)| index)
        .collect();
    let path_of = |&index: &usize| survey.places.get(index).map_or("", |place| place.path.as_str());
    let mut warnings = Vec::new();
    let chosen = match clips.as_slice() {
        [] => 0,
        &[only] => only,
        several => {
            let places: Vec<String> = several.iter().map(|index| label(path_of(index))).collect();
            // What open_clip and Lightning read, whatever stands beside it.
            let Some(&chosen) = several.iter().find(|index| path_of(index) == "state_dict") else {
                return Err(CheckpointError::SeveralModels { path: path.to_path_buf(), places });
            };
            let others: Vec<_> =
                places.iter().filter(|place| *place != "`state_dict`").cloned().collect();
            warnings.push(format!(
                "`state_dict` was taken, not the other weights under {}",
                others.join(", ")
            ));
            chosen
        }
    };
    if chosen >= survey.places.len() {
        return Err(not_clip(nothing(pickle, &survey.keys)));
    }
    let place = survey.places.swap_remove(chosen);
    if let Some(kind) = place.unnamed {
        return Err(not_clip(format!("{kind} as the name of a tensor")));
    }
    warnings.extend(said(pickle, &place));
    Ok(Found { place, warnings })
}

/// What a person should know of a file with more than tensors in it.
fn said(pickle: &Pickle<'_>, place: &Place) -> Vec<String> {
    let mut said = Vec::new();
    if !place.path.is_empty() {
        let epoch = match pickle.item("epoch") {
            Some(Value::Int(epoch)) => format!(" after epoch {epoch}"),
            _ => String::new(),
        };
        let path = shown(&place.path);
        said.push(format!(
            "the weights under `{path}` of a training checkpoint{epoch} were taken, everything else was ignored"
        ));
    }
    let shells: Vec<String> =
        pickle.shells().iter().map(|name| format!("`{}`", shown(name))).collect();
    if let Some((first, rest)) = shells.split_at_checked(shells.len().min(NAMED)) {
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} others", rest.len()) };
        if !first.is_empty() {
            let first = first.join(", ");
            said.push(format!(
                "only tensors were read: objects of {first}{more} were not built, nothing was executed"
            ));
        }
    }
    said
}

/// Names listed in a message.
const NAMED: usize = 6;

fn label(path: &str) -> String {
    if path.is_empty() { "the whole".to_owned() } else { format!("`{}`", shown(path)) }
}

fn nothing(pickle: &Pickle<'_>, keys: &[(String, String)]) -> String {
    let keys: Vec<String> =
        keys.iter().take(NAMED).map(|(key, what)| format!("`{}` ({what})", shown(key))).collect();
    match pickle.root() {
        Value::Dict(_) if keys.is_empty() => "holds no tensors: an empty dictionary".to_owned(),
        Value::Dict(_) => format!("holds no tensors under the keys {}", keys.join(", ")),
        root => format!("holds {}, expected a state dict or a module", pickle.describe(root)),
    }
}

/// Looks at every dictionary, list and module, the nearest first, each once.
pub(super) fn survey(pickle: &Pickle<'_>) -> Result<Survey, String> {
    let mut places = Vec::new();
    let mut seen = HashSet::from([pickle.root_id()]);
    let mut waiting = VecDeque::from([(String::new(), pickle.root_id(), 0usize)]);
    let mut budget = TENSOR_LIMIT;
    while let Some((path, id, depth)) = waiting.pop_front() {
        let mut place = Place { path, ..Place::default() };
        let mut children: Vec<(String, Id)> = Vec::new();
        match pickle.get(id) {
            Value::Dict(pairs) => entries(pickle, pairs, &mut place, &mut children, &mut budget)?,
            Value::Object(object) if is_module(pickle, object) => {
                modules(pickle, object, &mut place, &mut budget)?;
            }
            Value::Object(object) => {
                entries(pickle, &object.items, &mut place, &mut children, &mut budget)?;
                for &state in &object.states {
                    if let (Value::Dict(pairs), true) = (pickle.get(state), seen.insert(state)) {
                        entries(pickle, pairs, &mut place, &mut children, &mut budget)?;
                    }
                }
            }
            Value::List(items) => children.extend(numbered(items)),
            Value::Tuple(items) => children.extend(numbered(items)),
            _ => {}
        }
        for (name, child) in children {
            let is_container = matches!(
                pickle.get(child),
                Value::Dict(_) | Value::Object(_) | Value::List(_) | Value::Tuple(_)
            );
            let path = if place.path.is_empty() { name } else { format!("{}.{name}", place.path) };
            let is_near =
                depth < SEARCH_DEPTH && path.len() <= NAME_LIMIT && seen.len() < CONTAINER_LIMIT;
            if is_container && is_near && seen.insert(child) {
                waiting.push_back((path, child, depth.saturating_add(1)));
            }
        }
        if !place.tensors.is_empty() {
            places.push(place);
        }
    }
    Ok(Survey { places, keys: keys(pickle) })
}

fn numbered(items: &[Id]) -> impl Iterator<Item = (String, Id)> {
    items.iter().take(LIST_LIMIT).enumerate().map(|(index, &item)| (index.to_string(), item))
}

fn keys(pickle: &Pickle<'_>) -> Vec<(String, String)> {
    let parts: Vec<&[(Id, Id)]> = match pickle.root() {
        Value::Dict(pairs) => vec![pairs],
        // The members of a module are in the names of its tensors.
        Value::Object(object) if !is_module(pickle, object) => pickle.parts(object).collect(),
        _ => Vec::new(),
    };
    let named = |&(key, value): &(Id, Id)| match pickle.get(key) {
        Value::Str(key) => Some(((*key).to_owned(), pickle.describe(pickle.get(value)))),
        _ => None,
    };
    parts.into_iter().flatten().filter_map(named).take(KEY_LIMIT).collect()
}

fn entries(
    pickle: &Pickle<'_>,
    pairs: &[(Id, Id)],
    place: &mut Place,
    children: &mut Vec<(String, Id)>,
    budget: &mut usize,
) -> Result<(), String> {
    for &(key, value) in pairs {
        let Value::Str(key) = pickle.get(key) else {
            if let Value::Tensor(_) = pickle.get(value) {
                place.unnamed = Some(pickle.get(key).kind());
            }
            continue;
        };
        match pickle.get(value) {
            Value::Tensor(index) => {
                spend(budget)?;
                place.tensors.push((checked(key)?, *index));
            }
            Value::Object(_) | Value::Dict(_) | Value::List(_) | Value::Tuple(_)
                if key.len() <= NAME_LIMIT && children.len() < CONTAINER_LIMIT =>
            {
                if let object @ Value::Object(_) = pickle.get(value) {
                    place.unbuilt.push(((*key).to_owned(), pickle.describe(object)));
                }
                children.push(((*key).to_owned(), value));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A module of TorchScript, or the shell of one of `torch.nn`.
fn is_module(pickle: &Pickle<'_>, object: &Object) -> bool {
    object.class.is_none() || matches!(pickle.attribute(object, "_modules"), Some(Value::Dict(_)))
}

/// Walks the tree with its own stack; shared modules are legal, cycles meet the limits.
fn modules(
    pickle: &Pickle<'_>,
    root: &Object,
    place: &mut Place,
    budget: &mut usize,
) -> Result<(), String> {
    let mut waiting = vec![(String::new(), root, 0usize)];
    while let Some((prefix, module, depth)) = waiting.pop() {
        let temporary = not_persistent(pickle, module);
        for pairs in members(pickle, module) {
            for &(key, value) in pairs {
                spend(budget)?;
                let Value::Str(key) = pickle.get(key) else {
                    return Err(format!("{} as the name of an attribute", pickle.get(key).kind()));
                };
                if temporary.contains(key) {
                    continue;
                }
                let name = joined(&prefix, key)?;
                match pickle.get(value) {
                    Value::Tensor(index) => place.tensors.push((name, *index)),
                    Value::Object(_) if depth >= DEPTH_LIMIT => {
                        return Err(format!("modules are nested deeper than {DEPTH_LIMIT}"));
                    }
                    Value::Object(child) if is_module(pickle, child) => {
                        waiting.push((name, child, depth.saturating_add(1)));
                    }
                    other @ Value::Object(_) => place.unbuilt.push((name, pickle.describe(other))),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// The attributes of a module that are tensors or modules, or may be.
fn members<'s>(pickle: &'s Pickle<'_>, module: &'s Object) -> Vec<&'s [(Id, Id)]> {
    if module.class.is_none() {
        return pickle.parts(module).collect();
    }
    let group = |name| match pickle.attribute(module, name) {
        Some(Value::Dict(pairs)) => Some(pairs.as_slice()),
        _ => None,
    };
    ["_parameters", "_buffers", "_modules"].into_iter().filter_map(group).collect()
}

/// Names of buffers that a state dict leaves out.
fn not_persistent<'s>(pickle: &'s Pickle<'_>, module: &Object) -> HashSet<&'s str> {
    let Some(Value::List(names)) = pickle.attribute(module, "_non_persistent_buffers_set") else {
        return HashSet::new();
    };
    let text = |&name: &Id| match pickle.get(name) {
        Value::Str(name) => Some(*name),
        _ => None,
    };
    names.iter().filter_map(text).collect()
}

fn spend(budget: &mut usize) -> Result<(), String> {
    *budget = budget
        .checked_sub(1)
        .ok_or_else(|| format!("has more than {TENSOR_LIMIT} tensors and members of modules"))?;
    Ok(())
}

fn joined(prefix: &str, name: &str) -> Result<String, String> {
    if prefix.is_empty() { checked(name) } else { checked(&format!("{prefix}.{name}")) }
}

fn checked(name: &str) -> Result<String, String> {
    match name.len() <= NAME_LIMIT {
        true => Ok(name.to_owned()),
        false => {
            Err(format!("a name of {} bytes, limit {NAME_LIMIT}: `{}`", name.len(), shown(name)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_formats::pickle;

    fn find(bytes: &[u8]) -> Result<Vec<String>, CheckpointError> {
        let path = Path::new("m.pt");
        let pickle = pickle::load(path, "data.pkl", bytes, pickle::Names::TorchScript)?;
        let found = super::find(path, &pickle)?;
        Ok(found.place.tensors.into_iter().map(|(name, _)| name).collect())
    }

    /// A module; its attributes go behind the MARK.
    const MODULE: &[u8] = b"c__torch__.a.___torch_mangle_3\nM\n)\x81";

    /// A tensor of one f32.
    const TENSOR: &[u8] =
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0\x30\
        X\x03\0\0\0cpuK\x01tQK\0))\x89ccollections\nOrderedDict\n)RtR";

    /// A key and the state dict of a CLIP, or of its token table.
    fn state_dict(key: &str) -> Vec<u8> {
        let table = "token_embedding.weight";
        let text = |text: &str| {
            [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
        };
        [&text(key), b"}".as_slice(), &text(table), TENSOR, b"s"].concat()
    }

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
    fn the_one_state_dict_is_found_wherever_it_stands_and_several_are_named() {
        let one = [b"\x80\x02}(X\x03\0\0\0run}", state_dict("net").as_slice(), b"su."].concat();
        assert_eq!(find(&one).unwrap(), ["token_embedding.weight"]);
        let two = |a: &str, b: &str| {
            [b"\x80\x02}(".to_vec(), state_dict(a), state_dict(b), b"u.".to_vec()].concat()
        };
        assert_eq!(find(&two("state_dict", "ema")).unwrap(), ["token_embedding.weight"]);
        let error = find(&two("student", "teacher")).unwrap_err().to_string();
        assert_eq!(error, "m.pt: holds the weights of several models: `student`, `teacher`");
    }

    #[test]
    fn long_logs_beside_the_weights_are_passed_over() {
        let long = [b"X".as_slice(), &2000u32.to_le_bytes(), &[b'a'; 2000], b"]"].concat();
        let mut bytes = [b"\x80\x02}(".as_slice(), &long].concat();
        for index in 0..u32::from(u16::MAX) * 2 {
            bytes.extend(
                [
                    b"X\x04\0\0\0".as_slice(),
                    format!("{index:04x}").get(..4).unwrap().as_bytes(),
                    b"]",
                ]
                .concat(),
            );
        }
        bytes.extend(state_dict("model"));
        bytes.extend(b"u.");
        assert!(find(&bytes).is_err(), "behind more containers than are looked into");
        let bytes = [b"\x80\x02}(".as_slice(), &long, &state_dict("model"), b"u."].concat();
        assert_eq!(find(&bytes).unwrap(), ["token_embedding.weight"]);
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
            bytes.extend(
                [b"X\x01\0\0\0c", MODULE, b"}(X\x01\0\0\0ah\0X\x01\0\0\0bh\0ubq\0"].concat(),
            );
        }
        bytes.extend(b"ub.");
        let error = find(&bytes).unwrap_err().to_string();
        assert_eq!(error, "m.pt: has more than 100000 tensors and members of modules");
    }
}
