//! A probe on more rows than memory takes is the same probe.

use std::path::Path;

use clip_data::ReadOptions;
use clip_eval::tasks::{LinearProbe, Request, Task};
use clip_eval::{EvalContext, EvalOptions};
use clip_rs::{Clip, LoadOptions, Pixels};

/// Photos of nothing: stripes of three widths, one class each.
fn write_photos(root: &Path) {
    for (class, width) in [("narrow", 3_u32), ("medium", 9), ("wide", 31)] {
        for (split, photos) in [("train", 10), ("test", 4)] {
            let folder = root.join("stripes").join(split).join(class);
            std::fs::create_dir_all(&folder).expect("a folder");
            for photo in 0..photos {
                let value = |x: u32, y: u32| {
                    if ((x + y * photo / 5 + photo) / width).is_multiple_of(2) { 230 } else { 40 }
                };
                let pixel = |place: u32| [value(place % 64, place / 64), 90, 20 * photo as u8];
                let data = (0..64 * 64).flat_map(pixel).collect();
                let png =
                    Pixels { width: 64, height: 64, data, clipped: 0 }.to_png().expect("a picture");
                std::fs::write(folder.join(format!("{photo}.png")), png).expect("a file");
            }
        }
    }
}

#[test]
fn rows_beyond_memory_give_the_bits_of_rows_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    write_photos(folder.path());
    let load = LoadOptions { convert_first: true, penultimate: true, ..LoadOptions::default() };
    let clip = Clip::load_with("starter", &load).expect("built in");
    let cache = folder.path().join("features");
    let mut context = EvalContext::new(clip, &cache, "test").expect("a context");
    let request = Request {
        dataset: "folder:stripes".to_owned(),
        root: folder.path().to_owned(),
        asked: None,
        read: ReadOptions::default(),
        options: EvalOptions::default(),
    };
    let mut probe = |memory: usize| {
        context.probe_memory = memory;
        let test = request.open(None).expect("a split");
        LinearProbe.run(&mut context, &request, test).expect("a probe")
    };
    let (in_memory, mapped) = (probe(usize::MAX), probe(0));
    assert_eq!(in_memory.predictions, mapped.predictions, "predictions");
    assert_eq!(in_memory.read, mapped.read, "hashes of what was read");
    assert_eq!(in_memory.predictions.len(), 12);
    assert_eq!((in_memory.score, in_memory.details.search), (mapped.score, mapped.details.search));
}
