//! HDF5, as far as data sets use it: PatchCamelyon, and `digitStruct.mat` of SVHN (MATLAB 7.3).
//!
//! ```text
//! superblock ── root ──▶ object header: messages
//!                           ├─ group: a B-tree of names (version 1), or links in the header ──▶ object headers
//!                           └─ dataset: dataspace, datatype, filters, layout
//!                                          │
//!                    compact · contiguous · chunks found by a B-tree, each through deflate, shuffle, Fletcher-32
//! ```
//!
//! Datasets are read by rows, so that a file of gigabytes is never in memory. What the library's
//! newest layouts need (`libver="latest"`: dense groups, chunk indices of version 4) is refused by
//! name, and `h5repack --low=0 --high=1` rewrites it. Source: HDF5 File Format Specification 3.0.

mod dataset;
mod file;
mod filter;
mod group;
mod header;
mod tree;

pub use self::dataset::Dataset;
pub use self::file::Hdf5;
use crate::error::FormatError;

impl Hdf5 {
    /// The dataset at `path`, names with `/` between them.
    ///
    /// # Errors
    /// There is none, or it is of a kind that is not read.
    pub fn dataset(&self, path: &str) -> Result<Dataset, FormatError> {
        let mut object = self.root;
        for name in path.split('/') {
            let child = self.child(object, name)?;
            object = child
                .ok_or_else(|| self.malformed(format!("there is no `{path}`: no `{name}`")))?;
        }
        self.dataset_at(object)
    }

    /// The object called `name` of the group whose header is at `group`; none if it has none of
    /// that name.
    ///
    /// # Errors
    /// It is no group, or one that is not read.
    pub fn child(&self, group: u64, name: &str) -> Result<Option<u64>, FormatError> {
        group::child(self, group, name)
    }

    /// The dataset whose header is at `address`: what a reference points to.
    ///
    /// # Errors
    /// There is none, or it is of a kind that is not read.
    pub fn dataset_at(&self, address: u64) -> Result<Dataset, FormatError> {
        Dataset::open(self, address)
    }
}
