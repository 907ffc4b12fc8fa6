//! File formats of data sets that no image decoder reads.

pub mod ppm;
pub mod video;
