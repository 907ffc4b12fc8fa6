//! What several readers share: class folders, lists, captions and splits in files, draws, clips.

mod caption_files;
mod class_folders;
mod class_list;
mod clips;
mod copies;
mod drawn;
mod lists;
mod split_file;

pub use self::caption_files::{
    Captioned, Coco, Karpathy, caption_table, comma_list, table_of_splits, token_file,
};
pub(crate) use self::class_folders::{
    class_folders, folders_in, images_in, images_or_none, is_image,
};
pub(crate) use self::class_list::class_list;
pub(crate) use self::clips::clips_below;
pub(crate) use self::copies::class_folders_of_a_copy;
pub(crate) use self::drawn::{drawn, of_class};
pub(crate) use self::lists::{at, csv_rows, table};
pub use self::lists::{columns, entries, folder_and_file, id_and_name, presence};
pub(crate) use self::split_file::chosen;
