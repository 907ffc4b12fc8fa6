//! Processes that share a run: `--shard`, or the ranks of `mpirun` (feature `mpi`).

use std::sync::Arc;

use clip_eval::suite::Shard;
use clip_train::distributed::{Collective, JoinError, Solo, join};

/// This process among all that do the same run.
pub(super) struct World {
    shard: Shard,
    ranks: Arc<dyn Collective>,
}

impl World {
    /// `--shard` says which part is ours; else the rank does.
    pub(super) fn join(shard: Option<Shard>) -> anyhow::Result<World> {
        if let Some(shard) = shard {
            return Ok(World { shard, ranks: Arc::new(Solo) });
        }
        let ranks = join().map_err(|error| match error {
            JoinError::BuiltWithoutMpi { .. } => {
                anyhow::anyhow!("{error}, or give `--shard i/n`")
            }
            error => error.into(),
        })?;
        Ok(World { shard: Shard { index: ranks.rank(), of: ranks.size() }, ranks })
    }

    pub(super) fn shard(&self) -> Shard {
        self.shard
    }

    pub(super) fn is_alone(&self) -> bool {
        self.shard.of == 1
    }

    /// Whether this process speaks for all: `mpirun` ends every rank as soon as one ends with a
    /// code that is not 0. Shards do not know of each other, and each speaks for itself.
    pub(super) fn is_main_process(&self) -> bool {
        self.ranks.is_main()
    }

    /// Until all ranks are here, so that what is joined now is whole. Of shards, the last to end
    /// joins everything.
    pub(super) fn wait(&self) -> anyhow::Result<()> {
        Ok(self.ranks.barrier()?)
    }
}
