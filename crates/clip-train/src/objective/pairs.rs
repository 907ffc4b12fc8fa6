//! The unit vectors of a batch: this rank's pairs among those of all ranks.

use crate::distributed::Collective;
use crate::error::TrainError;
use clip_kernels::{Targets, Train};

/// Unit vectors of both towers, `[pairs, width]` each.
pub(crate) struct Embeddings<'a, D: Train> {
    pub(crate) images: &'a D::Rows,
    pub(crate) texts: &'a D::Rows,
}

impl<D: Train> Clone for Embeddings<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Train> Copy for Embeddings<'_, D> {}

/// Unit vectors of all ranks, rank 0's first.
pub(super) struct Gathered<D: Train> {
    images: D::Rows,
    texts: D::Rows,
}

impl<D: Train> Gathered<D> {
    /// `None` for a rank alone: its own rows are all.
    pub(super) fn new(
        device: &D,
        collective: &dyn Collective,
        own: Embeddings<'_, D>,
        width: usize,
    ) -> Result<Option<Self>, TrainError> {
        if collective.size() == 1 {
            return Ok(None);
        }
        let gather = |rows: &D::Rows| -> Result<D::Rows, TrainError> {
            let all = collective.all_gather(&device.read(rows)?)?;
            Ok(device.to_device(all, width)?)
        };
        Ok(Some(Self { images: gather(own.images)?, texts: gather(own.texts)? }))
    }

    pub(super) fn embeddings(&self) -> Embeddings<'_, D> {
        Embeddings { images: &self.images, texts: &self.texts }
    }
}

/// What a loss compares: rows of this rank (queries) with those of all ranks (keys).
pub(super) struct Pairs<'a, D: Train> {
    pub(super) device: &'a D,
    pub(super) own: Embeddings<'a, D>,
    pub(super) all: Embeddings<'a, D>,
    /// Number of pairs of all ranks.
    pub(super) count: usize,
    /// Where this rank's pairs begin among them.
    pub(super) first: usize,
    /// Which keys each query belongs to, where that may be more than its own.
    pub(super) positives: Option<&'a [Vec<usize>]>,
}

impl<D: Train> Pairs<'_, D> {
    /// Which keys a query of either tower belongs to.
    pub(super) fn targets(&self) -> Targets<'_, D> {
        match self.positives {
            None => Targets::Diagonal { first: self.first },
            Some(positives) => Targets::Positives(positives),
        }
    }
}
