//! The tasks of an evaluation.

pub(crate) mod averaged;
mod coverage;
mod few_shot;
mod geolocation;
mod learned_rows;
mod linear_probe;
mod retrieval;
mod robustness;
pub(crate) mod scoring;
mod selection;
mod tables;
mod word_choice;
mod wrong_images;
pub(crate) mod zero_shot;
