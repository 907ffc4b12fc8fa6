//! Processes that share a run: `--shard`, or the ranks of `mpirun` (feature `mpi`).

use clip_eval::suite::Shard;

/// This process among all that do the same run.
pub(super) struct World {
    shard: Shard,
    #[cfg(feature = "mpi")]
    universe: Option<mpi::environment::Universe>,
}

impl World {
    /// `--shard` says which part is ours; else the rank does, where there is one.
    #[cfg(not(feature = "mpi"))]
    pub(super) fn join(shard: Option<Shard>) -> anyhow::Result<World> {
        if shard.is_none() && ranks().is_some_and(|ranks| ranks > 1) {
            anyhow::bail!(
                "started by mpirun, but built without MPI: build with `--features mpi`, or give `--shard i/n`"
            );
        }
        Ok(World { shard: shard.unwrap_or_default() })
    }

    /// `--shard` says which part is ours; else the rank does.
    #[cfg(feature = "mpi")]
    pub(super) fn join(shard: Option<Shard>) -> anyhow::Result<World> {
        use mpi::traits::Communicator;
        if shard.is_some() || ranks().is_none() {
            return Ok(World { shard: shard.unwrap_or_default(), universe: None });
        }
        let universe = mpi::initialize();
        let rank = universe.as_ref().map(|universe| universe.world());
        let shard = rank.map_or_else(Shard::default, |world| Shard {
            index: usize::try_from(world.rank()).unwrap_or_default(),
            of: usize::try_from(world.size()).unwrap_or(1),
        });
        Ok(World { shard, universe })
    }

    pub(super) fn shard(&self) -> Shard {
        self.shard
    }

    pub(super) fn is_alone(&self) -> bool {
        self.shard.of == 1
    }

    /// Whether this process speaks for all: `mpirun` ends every rank as soon as one ends with a
    /// code that is not 0.
    pub(super) fn is_main_process(&self) -> bool {
        #[cfg(feature = "mpi")]
        if self.universe.is_some() {
            return self.shard.index == 0;
        }
        true
    }

    /// Until all ranks are here, so that what is joined now is whole. Shards do not know of each
    /// other: the last to end joins everything.
    pub(super) fn wait(&self) {
        #[cfg(feature = "mpi")]
        if let Some(universe) = &self.universe {
            use mpi::traits::CommunicatorCollectives;
            universe.world().barrier();
        }
    }
}

/// How many processes `mpirun` started, if it did.
fn ranks() -> Option<usize> {
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"]
        .iter()
        .find_map(|name| std::env::var(name).ok()?.parse().ok())
}
