//! Results: one JSON file per record, its predictions beside it, and one table of all.

mod csv;
mod figure;
pub mod identity;
pub mod predictions;
mod record;
pub mod sealed;
pub(crate) mod store;
mod write;

pub use self::csv::write_csv;
pub use self::figure::{Figure, Unit};
pub use self::identity::Identity;
pub use self::record::*;
pub use self::store::{AUDIT, files_of_models, merge, read_all};
