//! What several readers share: lists, class folders, splits and captions in files, clips.

pub mod caption_files;
pub(crate) mod class_folders;
pub(crate) mod clips;
pub(crate) mod copies;
pub mod lists;
pub(crate) mod split_file;
