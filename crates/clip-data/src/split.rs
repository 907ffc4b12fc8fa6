//! A split with all its items, in an order that is the same on every machine.

use std::borrow::Cow;

use crate::catalogue::{Dataset, SplitInfo};
use crate::items::Items;
use crate::names::named;
use crate::prompts::PromptSet;
use crate::reader::{LeftOut, Listing, what_is_stray};

/// The items of one split.
#[derive(Debug, Clone)]
pub struct Split {
    /// What is known of the data set: an entry of the catalogue, or made for the files of a user.
    pub dataset: Cow<'static, Dataset>,
    /// What is known of the split.
    pub info: SplitInfo,
    /// Class names and templates; targets are positions in them.
    pub prompts: PromptSet,
    /// Its items in a fixed order, and the folder they lie below.
    pub items: Items,
    /// What was left out, guessed or drawn, in words; for people and for the results.
    pub notes: Vec<String>,
    /// Files and folders that its lists or classes name and that are not there.
    pub missing: Vec<String>,
    /// What else belongs to it and cannot be scored.
    pub left_out: Vec<LeftOut>,
}

impl Split {
    pub(crate) fn of(
        dataset: Cow<'static, Dataset>,
        info: SplitInfo,
        prompts: PromptSet,
        listing: Listing,
    ) -> Split {
        let Listing { folder, items: list, mut notes, missing, left_out, stray } = listing;
        notes.extend(what_is_stray(&stray));
        notes.extend((!missing.is_empty()).then(|| format!("not there: {}", named(&missing))));
        let items = Items { list, folder };
        Split { dataset, info, prompts, items, notes, missing, left_out }
    }
}
