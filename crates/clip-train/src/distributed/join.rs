//! Finding the other ranks.

use std::sync::Arc;

use super::collective::Collective;
#[cfg(feature = "mpi")]
use super::mpi::Mpi;
use super::solo::Solo;

/// Why the ranks that were started cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// A program without MPI, started several times: each would train alone and save over the
    /// others.
    #[error("started as one of {ranks} ranks, but built without MPI: build with `--features mpi`")]
    BuiltWithoutMpi {
        /// How many were started.
        ranks: usize,
    },
    /// MPI cannot be used.
    #[error("MPI: {0}")]
    Mpi(&'static str),
}

/// The ranks that `mpirun`, or Slurm's `srun`, started, or this process alone. To be called once,
/// before anything else, by the main thread, which must also be the one that drops it.
///
/// # Errors
/// There are others, but no way to them.
pub fn join() -> Result<Arc<dyn Collective>, JoinError> {
    match started_ranks(|name| std::env::var(name).ok()) {
        None => Ok(Arc::new(Solo)),
        #[cfg(feature = "mpi")]
        Some(_) => Ok(Arc::new(Mpi::join().map_err(JoinError::Mpi)?)),
        #[cfg(not(feature = "mpi"))]
        Some(1) => Ok(Arc::new(Solo)),
        #[cfg(not(feature = "mpi"))]
        Some(ranks) => Err(JoinError::BuiltWithoutMpi { ranks }),
    }
}

/// How many processes the launcher started, if there was one.
fn started_ranks(variable: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let number = |name: &str| variable(name)?.parse().ok();
    // A batch script of Slurm has its variables too; only what `srun` starts has a rank of PMIx.
    let of_slurm = || variable("PMIX_RANK").and_then(|_| number("SLURM_NTASKS"));
    number("OMPI_COMM_WORLD_SIZE").or_else(|| number("PMI_SIZE")).or_else(of_slurm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_say_how_many_ranks_they_started() {
        let of = |set: &'static [(&str, &str)]| {
            started_ranks(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("OMPI_COMM_WORLD_SIZE", "2")]), Some(2));
        assert_eq!(of(&[("SLURM_NTASKS", "8"), ("PMIX_RANK", "3")]), Some(8));
        assert_eq!(of(&[("SLURM_NTASKS", "8")]), None, "the batch script itself");
    }
}
