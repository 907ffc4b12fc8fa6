//! UCF101: lists of three splits; the middle frame stands for a clip. PROTOCOL_EVAL 6.1, 7.7.
//!
//! Lines of the test lists have no class: it is the folder. Files of the folder `HandstandPushups` are called
//! `v_HandStandPushups_*`, so the class is never taken from the file's name.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use std::path::Path;

use super::lists::{at, entries, folder_and_file, id_and_name, text};
use super::{Found, Source};
use crate::error::DataError;
use crate::item::Target;
use crate::prompts::Classes;

pub(super) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let (part, number) = source.split.split_once('-').unwrap_or((source.split, "1"));
    let lists = source.folder.join("ucfTrainTestlist");
    let classes = source.prompts.classes()?;
    check_classes(&classes, &lists.join("classInd.txt"))?;
    let path = lists.join(format!("{part}list0{number}.txt"));
    let mut found = Found::default();
    for (number, line) in entries(&text(&path)?) {
        let file = line.split_ascii_whitespace().next().unwrap_or_default();
        let (class, _) = folder_and_file(file).map_err(at(&path, number))?;
        let target = Target::Class(classes.position(class, &path)?);
        found.clip(source.folder, format!("UCF-101/{file}"), None, target)?;
    }
    Ok(found)
}

/// `1 ApplyEyeMakeup`: every class of the data set is one of ours. Its number is not our position: the prompts
/// have HammerThrow before Hammering and JumpRope before JumpingJack.
fn check_classes(classes: &Classes<'_>, path: &Path) -> Result<(), DataError> {
    for (line_number, line) in entries(&text(path)?) {
        let (_, name) = id_and_name(line).map_err(at(path, line_number))?;
        classes.position(name, path)?;
    }
    Ok(())
}
