//! A user's own files: a folder for each class, a table, or shards in CLIP_benchmark's layout.
//!
//! ```text
//! folder:PATH       PATH/CLASS/*.jpg, or PATH/{train,val,test}/CLASS/*.jpg     folder
//! csv:PATH          columns file and label, or file and caption; perhaps split  csv ◀── header, dialect
//! webdataset:PATH   PATH/{train,test}/{nshards.txt,0.tar,1.tar,…}, or tars      webdataset ◀── shards, sample ◀── npy
//! ```
//!
//! Beside the classes or the table may lie `classnames.txt` and
//! `zeroshot_classification_templates.txt` (`{c}` for the name). Labels and names are joined by
//! what they say; splits go by what people call them. What is left out is counted, and what is
//! guessed is a note.

mod class_names;
pub(crate) mod csv;
pub(crate) mod folder;
mod labels;
mod split_names;
mod user_dataset;
pub(crate) mod webdataset;
