//! The tasks: one file and one line in the table for each.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) mod averaged;
mod coverage;
mod few_shot;
mod geolocation;
mod learned_rows;
mod linear_probe;
mod outcome;
mod probe_rows;
mod retrieval;
mod robustness;
mod scoring;
mod selection;
mod tables;
mod targets;
mod task;
mod train_val_split;
mod word_choice;
mod wrong_images;
mod zero_shot;

pub use self::averaged::usual_split;
pub use self::few_shot::FewShot;
pub use self::geolocation::Geolocation;
pub use self::linear_probe::LinearProbe;
pub use self::outcome::Outcome;
pub use self::probe_rows::{ProbeRows, RowCollector, TakeTarget, probe_rows};
pub use self::retrieval::Retrieval;
pub use self::robustness::Robustness;
pub use self::selection::Selection;
pub use self::tables::TableTask;
pub use self::task::{Averages, Request, Task};
pub use self::zero_shot::ZeroShot;

/// All tasks on data sets of the catalogue.
pub static TASKS: [&dyn Task; 5] = [&ZeroShot, &Retrieval, &LinearProbe, &FewShot, &Robustness];

impl PartialEq for dyn Task {
    fn eq(&self, other: &dyn Task) -> bool {
        self.name() == other.name()
    }
}

impl std::fmt::Debug for dyn Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for dyn Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for &'static dyn Task {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static NAMES: std::sync::LazyLock<Vec<&str>> =
            std::sync::LazyLock::new(|| TASKS.iter().map(|task| task.name()).collect());
        let name = String::deserialize(deserializer)?;
        let found = TASKS.into_iter().find(|task| task.name() == name);
        found.ok_or_else(|| serde::de::Error::unknown_variant(&name, &NAMES))
    }
}
