//! One JSON file per cell.
