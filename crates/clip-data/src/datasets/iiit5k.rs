//! IIIT5K: words cropped from photos, each with its own lexicon of 1,000 words. PROTOCOL_EVAL 6.3.
//!
//! `testdata` is a struct array with `ImgName`, `GroundTruth`, `smallLexi` (50 words) and
//! `mediumLexi` (1,000 words); the latter is the paper's "1k". Words are compared without case by
//! the task.

use std::sync::Arc;

use crate::error::DataError;
use crate::formats::matlab::{self, Value};
use crate::item::Target;
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let name = format!("{}data", source.split);
    let path = source.folder.join(format!("{name}.mat"));
    let variables = matlab::read(&path, &[&name])?;
    let words = variables.get(&name).and_then(Value::structs);
    let words =
        words.ok_or_else(|| DataError::malformed(&path, format!("`{name}` is no struct array")))?;
    let mut without_truth = 0usize;
    let mut found = source.listing();
    for (number, index) in (1..).zip(0..words.len()) {
        let wrong = |what: &str| DataError::malformed(&path, format!("word {number}: no `{what}`"));
        let text =
            |field| words.field(index, field).and_then(Value::text).ok_or_else(|| wrong(field));
        let lexicon = words.field(index, "mediumLexi").and_then(Value::texts);
        let lexicon = lexicon.ok_or_else(|| wrong("mediumLexi"))?;
        let truth = text("GroundTruth")?;
        let holds_truth = lexicon.iter().any(|word| word.eq_ignore_ascii_case(truth));
        without_truth = without_truth.saturating_add(usize::from(!holds_truth));
        let candidates: Arc<[Box<str>]> = lexicon.into_iter().map(Box::from).collect();
        let target = Target::Word { truth: truth.into(), candidates };
        found.file(text("ImgName")?.to_owned(), target)?;
    }
    let what = "images whose own word is not in their lexicon; they count as wrong";
    found.count(without_truth, what);
    Ok(found)
}
