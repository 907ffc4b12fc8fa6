//! What holds of every split read from a user's own files: targets are classes there are, and every
//! item can be asked for its bytes.

use std::path::PathBuf;
use std::sync::OnceLock;

use clip_data::{ReadOptions, Split, Target};

/// A folder of this process with two pictures that tables may name.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        for name in ["1.pgm", "2.pgm"] {
            std::fs::write(folder.join(name), b"P5 1 1 255\n\x80").expect("a picture");
        }
        folder
    })
}

/// Writes `bytes` as `file` and reads it by `name`.
pub fn holds(name: &str, file: &str, bytes: &[u8]) {
    std::fs::write(folder().join(file), bytes).expect("a temporary file");
    let Ok(split) = Split::open(name, folder(), None, &ReadOptions::default()) else { return };
    let classes = split.prompts.classes.len();
    for item in &split.items {
        match &item.target {
            Target::Class(class) => assert!((*class as usize) < classes),
            Target::Labels(labels) => assert_eq!(labels.len(), classes),
            _ => {}
        }
    }
    for item in split.items.iter().take(4) {
        let _ = split.items.bytes(item);
    }
}
