//! SST-2's sentences as pictures of our own: for those who have the text and not Rendered SST2.
//!
//! Black on white, 448 x 448, as the released pictures are, but in another font and with other line
//! breaks: these decide the score, so that no figure of this set may stand beside a published one
//! (PROTOCOL_EVAL 6.1).

#[allow(clippy::arithmetic_side_effects, reason = "pixels of a picture of 448 x 448")]
mod picture;

use self::picture::picture;
use crate::error::DataError;
use crate::item::{Records, Target};
use crate::listing::{at, entries};
use crate::reader::{Listing, Source};
use crate::text::text;

/// Lines `sentence<tab>0|1` of `{train,dev,test}.tsv`; GLUE's edition has a header and no labels
/// for its test.
pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let name = if source.split == "valid" { "dev" } else { source.split };
    let list = source.first_of(&[&format!("{name}.tsv")])?;
    let classes = source.prompts.classes()?;
    let (mut sentences, mut targets) = (Vec::new(), Vec::new());
    for (number, line) in entries(&text(&list)?).filter(|(_, line)| *line != "sentence\tlabel") {
        let parts = line.rsplit_once('\t').ok_or_else(|| "is not `sentence<tab>label`".to_owned());
        let (sentence, label) = parts.map_err(at(&list, number))?;
        let label = match label {
            "0" => "negative",
            "1" => "positive",
            other => return Err(at(&list, number)(format!("label `{other}` is neither 0 nor 1"))),
        };
        sentences.push(Box::from(sentence));
        targets.push(Target::Class(classes.position(label, &list)?));
    }
    let pictures = Pictures { split: source.split.to_owned(), sentences };
    let mut found = source.records(pictures, targets);
    found.notes.push(
        "pictures of our own, not the released ones: not to be compared with published scores"
            .to_owned(),
    );
    Ok(found)
}

/// Sentences of a split, drawn when they are asked for.
#[derive(Debug)]
struct Pictures {
    split: String,
    sentences: Vec<Box<str>>,
}

impl Records for Pictures {
    fn name(&self, index: usize) -> String {
        format!("{}/{index:04}", self.split)
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let missing = || DataError::malformed(self.name(index), "there is no such sentence");
        self.sentences.get(index).map(|sentence| picture(sentence)).ok_or_else(missing)
    }
}
