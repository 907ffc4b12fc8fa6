//! Rows that a probe sees: of the splits it learns from, and of the one it is tested on.

use std::sync::Arc;

use clip_data::{Items, Split, Target};
use clip_rs::Features as Rows;
use clip_rs::model::ImageArchitecture;

use super::learned_rows::{Collector, LearnedRows};
use crate::context::{EvalContext, ItemList};
use crate::error::{EvalError, Result};
use crate::features::{SplitFeatures, content_fingerprint};
use crate::options::ProbeFeatures;
use crate::probe::Features;
use crate::progress::Step;
use crate::results::SplitRead;

/// Images whose rows are in memory at a time where a split has too many.
const BLOCK: usize = 16_384;

/// Rows of splits to learn from, one after another: in memory, or in a mapped file where they are
/// more than [`EvalContext::probe_memory`].
pub struct ProbeRows {
    pub(super) values: LearnedRows,
    pub(super) width: usize,
    /// The splits they are from.
    pub read: Vec<SplitRead>,
}

impl ProbeRows {
    /// `[rows, width]`
    pub fn features(&self) -> Features<'_> {
        Features::new(self.values.values(), self.width)
    }
}

/// Rows as splits are added.
pub struct RowCollector {
    kind: ProbeFeatures,
    width: usize,
    rows: Collector,
    read: Vec<SplitRead>,
}

/// Gets what is true of an item; the reason where nothing can be learned from it.
pub type TakeTarget<'a> = &'a mut dyn FnMut(&Target) -> Result<(), &'static str>;

impl RowCollector {
    /// Without rows.
    pub fn new(context: &EvalContext, kind: ProbeFeatures) -> RowCollector {
        let rows = Collector::new(context.cache.folder(), context.probe_memory);
        RowCollector { kind, width: 0, rows, read: Vec::new() }
    }

    /// Adds the rows of a split, at once where they fit in the memory of a probe, else block by
    /// block; returns how many of its items could be used.
    ///
    /// - `take`: called with the target of each row, in order
    ///
    /// # Errors
    /// No item of it can be used, or nothing can be learned from one.
    pub fn add(
        &mut self,
        context: &mut EvalContext,
        split: Split,
        take: TakeTarget<'_>,
    ) -> Result<usize> {
        let clip = &context.clip;
        let width = clip.embed_dim() + clip.architecture().image.penultimate_width();
        if size_of::<f32>() * width * split.items.len() <= context.probe_memory {
            let encoded = context.encode_split(split)?;
            self.read.push(encoded.read());
            let (items, rows) = (&encoded.list.items, &encoded.rows);
            return self.push(context, &encoded.list.dataset, items, rows, take);
        }
        context.tell(Step::Images(split.items.len()))?;
        let list = ItemList::from(split);
        let blake3 = content_fingerprint(&list.items);
        let mut usable = 0;
        for block in list.items.chunks(BLOCK) {
            let folder = list.items.folder.clone();
            let block = Arc::new(Items { list: block.to_vec(), folder });
            let rows = context.features_of(&block)?;
            usable += self.push(context, &list.dataset, &block, &rows, take)?;
        }
        if usable == 0 {
            let reason = "no item of its split can be used";
            return Err(EvalError::task("features", &list.dataset, reason));
        }
        self.read.push(SplitRead { dataset: list.dataset, split: list.split, blake3 });
        Ok(usable)
    }

    fn push(
        &mut self,
        context: &EvalContext,
        dataset: &str,
        items: &Items,
        rows: &SplitFeatures,
        take: TakeTarget<'_>,
    ) -> Result<usize> {
        for &item in &rows.usable {
            take(&items[item].target)
                .map_err(|reason| EvalError::task("linear_probe", dataset, reason))?;
        }
        let rows = probe_rows(context, rows, self.kind);
        self.width = rows.embed_dim();
        self.rows.push(rows.as_slice())?;
        Ok(rows.len())
    }

    /// All of them.
    ///
    /// # Errors
    /// Their file cannot be mapped.
    pub fn finish(self) -> Result<ProbeRows> {
        Ok(ProbeRows { values: self.rows.finish()?, width: self.width, read: self.read })
    }
}

/// The rows a probe sees of a split: before the projection for a ViT, unless `kind` asks for others.
/// PROTOCOL_EVAL 7.2.
pub fn probe_rows(context: &EvalContext, rows: &SplitFeatures, kind: ProbeFeatures) -> Rows {
    let image = &context.clip.architecture().image;
    let is_vit = matches!(image, ImageArchitecture::VisionTransformer { .. });
    match kind {
        ProbeFeatures::Paper if is_vit => rows.penultimate.clone(),
        ProbeFeatures::PreProjection => rows.penultimate.clone(),
        ProbeFeatures::Paper | ProbeFeatures::Projected => rows.features.clone(),
        ProbeFeatures::Normalized => {
            let rows = rows.features.clone().normalize();
            Rows::new(rows.embed_dim(), rows.as_slice().to_vec())
        }
    }
}
