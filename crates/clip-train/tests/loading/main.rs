//! Pairs of every kind of source, the batches made of them, and what happens to those that cannot
//! be used.

mod fixture;
mod hostile;
mod order;
mod parquet_files;
mod real_shards;
mod sources;
