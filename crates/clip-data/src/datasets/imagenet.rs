//! ImageNet (ILSVRC 2012): `{train,val}/WNID/*.JPEG`. PROTOCOL_EVAL 6.1.

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

use super::{Found, Source, folders};
use crate::error::DataError;
use crate::prompts::PromptSet;

pub(crate) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let mut found = Found::default();
    folders::class_folders(&mut found, source.folder, source.split, &source.dataset.id, &wnids()?)?;
    Ok(found)
}

/// ImageNet's 1000 wnids in ASCII order: the position is the class.
pub(crate) fn wnids() -> Result<Vec<String>, DataError> {
    wnids_in(&PromptSet::of("imagenet_wnids")?)
}

/// The list `wnids` of a prompt file.
pub(crate) fn wnids_in(prompts: &PromptSet) -> Result<Vec<String>, DataError> {
    let list = prompts.rest.get("wnids").and_then(serde_json::Value::as_array);
    let wnids = list.map(|list| list.iter().filter_map(|wnid| wnid.as_str().map(str::to_owned)).collect());
    wnids.ok_or_else(|| DataError::Prompts {
        dataset: prompts.id.clone(),
        reason: "it has no list `wnids`".to_owned(),
    })
}
