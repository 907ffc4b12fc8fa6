//! Small data in the layout of CIFAR-10's binary version.

use std::fs;
use std::path::Path;

/// Records of CIFAR-10's binary layout: a label, then three planes of 32 x 32. `records` of them in
/// the test split, 200 in the training split.
pub(crate) fn cifar10(root: &Path, records: usize) {
    let folder = root.join("cifar-10-batches-bin");
    fs::create_dir_all(&folder).expect("a folder");
    let record = |number: usize| {
        let shade =
            |place: usize| (number * 37 + place * (1 + number % 11) / 8 + place / 1024 * 61) as u8;
        std::iter::once((number % 10) as u8).chain((0..3072).map(shade)).collect::<Vec<u8>>()
    };
    for batch in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"] {
        let seed = usize::from(batch.as_bytes()[11]);
        let bytes: Vec<u8> = (0..40).flat_map(|number| record(number * 7 + seed)).collect();
        fs::write(folder.join(format!("{batch}.bin")), bytes).expect("a file");
    }
    fs::write(folder.join("test_batch.bin"), (0..records).flat_map(record).collect::<Vec<u8>>())
        .expect("a file");
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n";
    fs::write(folder.join("batches.meta.txt"), names).expect("a file");
}

/// A folder for each of two classes with `each` pictures, every one of another shade.
pub(crate) fn folders(root: &Path, each: usize, first: u8) {
    for (class, side) in [("cat", 9), ("dog", 12)] {
        let folder = root.join(class);
        fs::create_dir_all(&folder).expect("a folder");
        for number in 0..each {
            let shade = |place: usize| first.wrapping_add((number * 5 + place % side) as u8);
            let pixels: Vec<u8> = (0..side * side * 3).map(shade).collect();
            let file = [format!("P6\n{side} {side}\n255\n").as_bytes(), &pixels].concat();
            fs::write(folder.join(format!("{number:03}.ppm")), file).expect("a picture");
        }
    }
}
