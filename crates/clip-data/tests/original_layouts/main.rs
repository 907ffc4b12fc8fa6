//! Data sets in the formats they were published in: real subsets where they are beside the
//! checkout, and miniatures that these tests write byte by byte, one for each trap.

mod archives;
mod arrays;
mod clips;
mod house_numbers;
mod real_subsets;
mod scenes;
mod structs;
mod writers;

use std::path::Path;

use clip_data::{DataError, Item, ReadOptions, Split, Target};

fn read(id: &str, root: &Path, split: &str) -> Result<Split, DataError> {
    Split::read(clip_data::find(id)?, root, split, &ReadOptions::default())
}

/// The message of a reading that has to fail.
fn refusal(id: &str, root: &Path, split: &str) -> String {
    read(id, root, split).expect_err("a data set that cannot be read").to_string()
}

fn class(item: &Item) -> u32 {
    let Target::Class(class) = item.target else { panic!("{:?} is no class", item.target) };
    class
}

fn classes(split: &Split) -> Vec<u32> {
    split.items.iter().map(class).collect()
}

fn ids(split: &Split) -> Vec<String> {
    split.items.iter().map(Item::id).collect()
}

/// Files that stand for images; readers do not look inside.
fn images(root: &Path, paths: &[&str]) {
    paths.iter().for_each(|path| write(&root.join(path), "P5 1 1 255\n\0"));
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, bytes).expect("written");
}
