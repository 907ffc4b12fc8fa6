//! A user's own files: folders, tables, shards.

mod fixture;

use std::path::Path;

use clip_data::{DataError, Presence, ReadOptions, Split, Target, Task};
use clip_testing::data as real;
use fixture::{Fixture, classes, named, owned, tar};

fn open(fixture: &Fixture, name: &str, split: Option<&str>) -> Result<Split, DataError> {
    Split::open(name, fixture.root(), split, &ReadOptions::default())
}

/// What was left out and why, a line each.
fn left_out(split: &Split) -> Vec<String> {
    split.left_out.iter().map(|left| format!("{}: {}", left.input, left.reason)).collect()
}

#[test]
fn folder_of_classes_is_a_data_set() {
    let fixture = Fixture::new();
    fixture.images(&["my set/red_fox/1.jpg", "my set/cat/2.png"]).file("my set/cat/notes.txt", "");
    let split = open(&fixture, "folder:my set", None).expect("readable");
    assert_eq!(named(&split), owned(&[("cat/2.png", "cat"), ("red_fox/1.jpg", "red fox")]));
    assert_eq!((&*split.dataset.id, &*split.info.name), ("my set", "all"));
    assert_eq!(split.prompts.templates, ["a photo of a {}."]);
    assert_eq!(split.notes, ["no images, left out: cat/notes.txt"]);
    assert_eq!(split.items.bytes(&split.items[0]).expect("a file"), b"P5 1 1 255\n\x80");
}

#[test]
fn folders_of_splits_share_their_classes() {
    let fixture = Fixture::new();
    fixture
        .images(&["x/train/10/a.jpg", "x/train/2/b.jpg", "x/val/10/c.jpg"])
        .file("x/classnames.txt", "two\nten\n")
        .file("x/zeroshot_classification_templates.txt", "a {c}!\nno {c}?\n");
    let split = open(&fixture, "folder:x", None).expect("readable");
    assert_eq!(&*split.info.name, "val");
    assert_eq!(named(&split), owned(&[("val/10/c.jpg", "ten")]));
    assert_eq!(split.prompts.templates, ["a {}!", "no {}?"]);
    assert_eq!(open(&fixture, "folder:x", Some("train")).expect("readable").items.len(), 2);
    assert!(matches!(
        open(&fixture, "folder:x", Some("test")),
        Err(DataError::UnknownSplit { .. })
    ));
    fixture.file("x/classnames.txt", "two\n");
    let message = open(&fixture, "folder:x", None).expect_err("a name is missing").to_string();
    assert!(message.contains("1 names for 2 classes"), "{message}");
}

#[test]
fn table_of_labels_or_captions_is_a_data_set() {
    let fixture = Fixture::new();
    fixture
        .file(
            "t/labels.csv",
            "file,label,split\n1.jpg,dog,test\n2.jpg,cat,test\n3.jpg,bird,train\n",
        )
        .file("t/captions.tsv", "caption\tfile\nA dog, running\t1.jpg\nA cat\t2.jpg\nDog\t1.jpg\n")
        .images(&["t/1.jpg", "t/2.jpg", "t/3.jpg"]);
    let split = open(&fixture, "csv:t/labels.csv", None).expect("readable");
    assert_eq!(named(&split), owned(&[("1.jpg", "dog"), ("2.jpg", "cat")]));
    assert_eq!(split.prompts.classes.len(), 3, "those of all splits");
    let split = open(&fixture, "csv:t/captions.tsv", None).expect("readable");
    assert_eq!(split.dataset.task, Task::Retrieval);
    assert_eq!(
        split.items[0].target,
        Target::Captions(["A dog, running".into(), "Dog".into()].into())
    );
    fixture.file("t/bad.csv", "file,breed\n1.jpg,dog\n");
    let message = open(&fixture, "csv:t/bad.csv", None).expect_err("no label").to_string();
    assert!(message.contains("bad.csv") && message.contains("`label`"), "{message}");
}

#[test]
fn shards_of_clip_benchmark_are_a_data_set() {
    let fixture = Fixture::new();
    let first = tar(&[
        ("s0000.cls", b"1"),
        ("s0000.jpg", b"one"),
        ("s0001.webp", b"two"),
        ("s0001.cls", b"10\n"),
    ]);
    let second = tar(&[
        ("sub/", b""),
        ("sub/s0002.png", b"three"),
        ("sub/s0002.cls", b"0"),
        ("s0003.cls", b"0"),
    ]);
    fixture
        .file("w/test/nshards.txt", "3\n")
        .file("w/test/0.tar", first)
        .file("w/test/1.tar", second)
        .file("w/classnames.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n")
        .file("w/zeroshot_classification_templates.txt", "a photo of {c}\n");
    let split = open(&fixture, "webdataset:w", None).expect("readable");
    let expected = [("0/s0000", "b"), ("0/s0001", "k"), ("1/sub/s0002", "a")];
    assert_eq!(named(&split), owned(&expected));
    let bytes: Vec<Vec<u8>> =
        split.items.iter().map(|item| split.items.bytes(item).expect("a member")).collect();
    assert_eq!(bytes, [&b"one"[..], b"two", b"three"]);
    assert_eq!(split.missing, ["test/2.tar"]);
    assert_eq!(left_out(&split), ["1/s0003: has no picture"]);
    fixture.file("w/classnames.txt", "a\n");
    let message = open(&fixture, "webdataset:w", None).expect_err("names are missing").to_string();
    assert!(message.contains("class 10 is used, 1 are named"), "{message}");
}

#[test]
fn shards_hold_captions_or_several_labels() {
    let fixture = Fixture::new();
    fixture
        .file("r/test/nshards.txt", "1")
        .file("r/test/0.tar", tar(&[("7.jpg", b"x"), ("7.txt", "A man\nTwo mén\n".as_bytes())]))
        .file("r/dataset_type.txt", "retrieval\n");
    let split = open(&fixture, "webdataset:r", Some("test")).expect("readable");
    assert_eq!(split.dataset.task, Task::Retrieval);
    assert_eq!(split.items[0].target, Target::Captions(["A man".into(), "Two mén".into()].into()));

    let mut npy =
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"
            .to_vec();
    npy.resize(10 + 0x46, b' ');
    npy.extend([0_i64, 1].iter().flat_map(|value| value.to_le_bytes()));
    fixture.file("m/test/0.tar", tar(&[("7.jpg", b"x"), ("7.npy", &npy)]));
    let split = open(&fixture, "webdataset:m", None).expect("readable");
    assert_eq!(split.dataset.task, Task::MultiLabel);
    assert_eq!(split.items[0].target, Target::Labels([Presence::Absent, Presence::Present].into()));
}

#[test]
fn cut_off_shard_is_read_up_to_the_cut_which_is_said() {
    let fixture = Fixture::new();
    let mut whole = tar(&[("6.jpg", b"x"), ("6.cls", b"0"), ("7.jpg", &[7; 600]), ("7.cls", b"0")]);
    whole.truncate(4 * 512 + 700);
    fixture.file("c/test/0.tar", &whole);
    let split = open(&fixture, "webdataset:c", None).expect("one is whole");
    assert_eq!(classes(&split), [("0/6".to_owned(), 0)]);
    assert_eq!(left_out(&split), ["0: the rest of it: it ends inside 7.jpg"]);
    whole.truncate(300);
    fixture.file("c/test/0.tar", &whole);
    let message = open(&fixture, "webdataset:c", None).expect_err("half a header").to_string();
    assert!(message.contains("0.tar"), "{message}");
}

#[test]
fn real_shards_of_the_webdataset_project_are_read() {
    let Some(root) = real("webdataset") else { return };
    let open = |name: &str| Split::open(name, &root, None, &ReadOptions::default());
    let split = open("webdataset:sample.tgz").expect("readable");
    assert_eq!(split.items.len(), 90);
    assert_eq!(classes(&split)[0].0, "sample/10");
    let png = split.items.bytes(&split.items[0]).expect("a picture");
    assert!(png.starts_with(b"\x89PNG") && png.len() == 306);
    let split = open("webdataset:compressed.tar").expect("readable");
    assert_eq!((split.items.len(), split.left_out.is_empty()), (0, false));
}

#[test]
fn missing_path_is_named() {
    let error =
        Split::open("folder:nowhere", Path::new("/nonexistent"), None, &ReadOptions::default());
    assert!(error.expect_err("nothing there").to_string().contains("/nonexistent/nowhere"));
}
