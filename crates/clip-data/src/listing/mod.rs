//! What several readers share: class folders, lists, captions and splits in files, draws, clips.

pub mod caption_files;
pub(crate) mod class_folders;
pub(crate) mod class_list;
pub(crate) mod clips;
pub(crate) mod copies;
pub(crate) mod drawn;
pub mod lists;
pub(crate) mod split_file;
