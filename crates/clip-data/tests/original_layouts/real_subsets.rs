//! Real bytes beside the checkout. Expected digests are of numpy's, scipy's, h5py's and Python's
//! own reading of the same files: MD5 of all images as PPM or PGM, one after another, and of the
//! classes as text with blanks between.

use std::path::Path;

use clip_data::{Split, Target};
use clip_testing::data as real;
use md5::{Digest, Md5};

use crate::{classes, images, read};

fn hex(digest: Md5) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_pixels(split: &Split) -> String {
    let mut digest = Md5::new();
    for item in &split.items {
        digest.update(
            split.items.bytes(item).unwrap_or_else(|error| panic!("{}: {error}", item.id())),
        );
    }
    hex(digest)
}

fn of_text(words: impl IntoIterator<Item = String>) -> String {
    hex(Md5::new_with_prefix(words.into_iter().collect::<Vec<_>>().join(" ")))
}

fn of_classes(split: &Split) -> String {
    of_text(classes(split).iter().map(ToString::to_string))
}

/// Folder, set, split, images, digest of pixels, digest of classes.
type Row = (&'static str, &'static str, &'static str, usize, &'static str, &'static str);

#[rustfmt::skip]
const ARRAYS: [Row; 14] = [
    ("cifar-10", "cifar10", "test", 500, "ef8a6e0db5bac477e04fa162ae23b36c", "91d6eede8be9ae75fa5a2226b0b7aa48"),
    ("cifar-10", "cifar10", "train", 250, "3a100e2076d0ad543a951fb714a7efb1", "0352ea0d238dbfcd25e7246a250f82f2"),
    ("cifar-100-layout", "cifar100", "test", 55, "a66eb7c2ed92bbc725b4699bad9b5031", "fb1b6045794e33d46425aded5504a3e1"),
    ("cifar-100-layout", "cifar100", "train", 15, "d3ce334b1b90228d34c518ea142f0174", "bd7b9c9ab8c3daf0212059a7727a1fdf"),
    ("mnist", "mnist", "test", 10000, "cf4dd05a0ac68eb3925e7498f849e02a", "d04c88dd201a87f36a5793dcf078ff80"),
    ("mnist", "mnist", "train", 2500, "56e813e1bf18919b07700375d416a313", "2f7d3bbc1ac090916332ee3029c7843c"),
    ("svhn-layout", "svhn", "test", 120, "d54ecad1b955da98d6e5daf5d4701bf8", "ec3670432df1bd792782a5305c25abf8"),
    ("stl10-layout", "stl10", "train", 10, "a7bd6a58a0822dd2f08febce28822031", "85b416a6500e9d7b032fa8d9f0a49697"),
    ("stl10-layout", "stl10", "fold-1", 5, "498486bdcab8e78d428d9409358f6681", "cbf7a796f4b4f9802716afe69b90ef44"),
    ("stl10-layout", "stl10", "test", 25, "9c7be64037f5bb4b0a0855a2dd0c30b3", "ea77772ba6869c34d238d93593b398b2"),
    ("pcam-layout", "pcam", "test", 8, "3ea3334d05c9c35da1251d6d30cd7a22", "cfd77919a3c74fcc2410819c1fc12d61"),
    ("pcam-layout", "pcam", "valid", 6, "9dc9540ec872169048073a5137272908", "9eaf557e79500b057798f8c6dc8ef37a"),
    ("fer2013-layout", "fer2013", "train", 8, "e1cf9be2fef4ca6a999d29eb44a52c7f", "a91d2c81164bce83f9e5cbe1aab59ca2"),
    ("fer2013-layout", "fer2013", "test", 4, "08477e0e7de33533dbba52eca01b1ae1", "6cda6b1810c5f6c547ec1fc2073f0f4c"),
];

#[test]
fn arrays_have_the_pixels_and_classes_that_python_reads() {
    for (folder, id, split, count, pixels, labels) in ARRAYS {
        let Some(root) = real(folder) else { return };
        let found = read(id, &root, split).unwrap_or_else(|error| panic!("{id} {split}: {error}"));
        assert_eq!(found.items.len(), count, "{id} {split}");
        assert_eq!(of_classes(&found), labels, "classes of {id} {split}");
        assert_eq!(of_pixels(&found), pixels, "pixels of {id} {split}");
    }
}

#[test]
fn pickles_have_the_pixels_and_classes_that_python_reads() {
    let rows = [
        (
            "cifar-10",
            "cifar-10-batches-py",
            "cifar10",
            "test",
            "6612794ca7c2911ae0a5e235540b5f52",
            "1b7cf7a928170afae9f3909680b05d13",
        ),
        (
            "cifar-10",
            "cifar-10-batches-py",
            "cifar10",
            "train",
            "c461ef1b38a8ff2a0d0ce3bb6c20dbb6",
            "c4629539249c1fabcdaa950b5f332fea",
        ),
        (
            "cifar-100-layout",
            "cifar-100-python",
            "cifar100",
            "test",
            "a66eb7c2ed92bbc725b4699bad9b5031",
            "fb1b6045794e33d46425aded5504a3e1",
        ),
    ];
    for (set, folder, id, split, pixels, labels) in rows {
        let Some(root) = real(set) else { return };
        let alone = tempfile::tempdir().expect("a folder"); // the binary edition would go first
        copy(&root.join(folder), &alone.path().join(folder));
        let found =
            read(id, alone.path(), split).unwrap_or_else(|error| panic!("{id} {split}: {error}"));
        assert_eq!(found.notes[0], "Python edition");
        assert_eq!(of_classes(&found), labels, "classes of {id} {split}");
        assert_eq!(of_pixels(&found), pixels, "pixels of {id} {split}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

/// A copy of lists whose images are not beside the checkout, with files that stand for those that
/// `split` names.
fn with_stand_ins(
    set: &str,
    lists: &str,
    id: &str,
    split: &str,
) -> Option<(tempfile::TempDir, Split)> {
    let root = real(set)?;
    let folder = tempfile::tempdir().expect("a folder");
    copy_files(&root.join(lists), &folder.path().join(lists));
    let without =
        read(id, folder.path(), split).unwrap_or_else(|error| panic!("{id} {split}: {error}"));
    assert!(without.items.is_empty(), "{id} {split}");
    without.missing.iter().for_each(|path| images(folder.path(), &[path]));
    let found = read(id, folder.path(), split).expect("read");
    assert!(found.missing.is_empty());
    Some((folder, found))
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder").filter_map(Result::ok) {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}

#[test]
fn flowers102_has_the_parts_that_scipy_reads() {
    let rows = [
        ("train", 1020, "e3ba93514f443aed45c5e4721b26b931", "jpg/image_06765.jpg"),
        ("val", 1020, "e3ba93514f443aed45c5e4721b26b931", "jpg/image_06773.jpg"),
        ("test", 6149, "b04199f4193c79c5cf06ff9fccb6bc5d", "jpg/image_06734.jpg"),
    ];
    for (split, count, labels, first) in rows {
        let Some((_folder, found)) = with_stand_ins("flowers102", ".", "flowers102", split) else {
            return;
        };
        assert_eq!((found.items.len(), found.items[0].id().as_str()), (count, first));
        assert_eq!(of_classes(&found), labels, "{split}");
    }
}

#[test]
fn stanford_cars_has_the_classes_that_scipy_reads_and_our_names() {
    let Some((folder, found)) = with_stand_ins("stanford-cars", "devkit", "stanford_cars", "train")
    else {
        return;
    };
    assert_eq!(
        (found.items.len(), found.items[8143].id().as_str()),
        (8144, "cars_train/08144.jpg")
    );
    assert_eq!(of_classes(&found), "c21ad1d88df73aeb7333d3a22f443e42");
    let error = read("stanford_cars", folder.path(), "test").expect_err("no labels").to_string();
    assert!(error.contains("withlabels"), "{error}");
}

#[test]
fn ucf101_has_the_classes_of_its_lists() {
    for (split, count, labels) in [
        ("train-1", 9537, "df3fc6c8b2442a2b539297ba10eb0aca"),
        ("test-1", 3783, "a40fc8c43d13da3a81a28fc6f15e8bdc"),
    ] {
        let Some((_folder, found)) = with_stand_ins("ucf101", "ucfTrainTestlist", "ucf101", split)
        else {
            return;
        };
        assert_eq!((found.items.len(), found.info.expected), (count, Some(count)));
        assert_eq!(of_classes(&found), labels, "{split}");
    }
}

#[test]
fn rareact_has_7607_rows_of_905_videos() {
    let Some(root) = real("rareact") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    copy_files(&root, folder.path());
    let without = read("rareact", folder.path(), "test").expect("read");
    assert_eq!((without.items.len(), without.missing.len()), (0, 7607));
    assert!(
        without.notes.contains(&"905 of 905 videos are missing".to_owned()),
        "{:?}",
        without.notes
    );
    for name in &without.missing {
        images(folder.path(), &[name.split('#').next().expect("a name")]);
    }
    let found = read("rareact", folder.path(), "test").expect("read");
    let word = |item: &clip_data::Item| match &item.target {
        Target::Segment { class, annotation, .. } => format!("{class}:{annotation}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(of_text(found.items.iter().map(word)), "c93b2e79bbdca490d05a6d0cd9f15e10");
}

#[test]
fn clevr_has_the_counts_that_one_sees() {
    let Some(root) = real("clevr") else { return };
    for split in ["val-all", "test"] {
        let found = read("clevr_counts", &root, split).expect("read");
        let names: Vec<&str> = classes(&found)
            .iter()
            .map(|&class| found.prompts.classes[class as usize][0].as_str())
            .collect();
        assert_eq!(names, ["5", "9", "6", "9", "6", "10", "9", "4"], "{split}");
        assert!(
            found.items.iter().all(|item| found
                .items
                .bytes(item)
                .expect("a file")
                .starts_with(b"\x89PNG"))
        );
    }
}

#[test]
fn kitti_has_a_frame_without_vehicles_and_one_with_a_car_far_off() {
    let Some(root) = real("kitti") else { return };
    let found = read("kitti_distance", &root, "all").expect("read");
    assert_eq!(classes(&found), [3, 2]); // a pedestrian alone; a car at 58.49 m, a truck at 69.44 m, a near cyclist
    assert!(found.items.bytes(&found.items[0]).expect("a file").starts_with(b"\x89PNG"));
}
