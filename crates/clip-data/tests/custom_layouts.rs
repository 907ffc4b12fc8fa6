//! A user's own files as people lay them out: folders, tables and shards in the ways that are met.

mod fixture;

use clip_data::{ReadOptions, Split, Target, Task};
use fixture::{Fixture, named, tar};

fn open(fixture: &Fixture, name: &str, split: Option<&str>) -> Result<Split, String> {
    Split::open(name, fixture.root(), split, &ReadOptions::default())
        .map_err(|error| error.to_string())
}

/// `id = class name` of every item, the reasons of what was left out, and the notes.
fn seen(split: &Split) -> (Vec<String>, Vec<String>, String) {
    let items = match split.dataset.task {
        Task::Classification => {
            named(split).into_iter().map(|(id, name)| format!("{id} = {name}")).collect()
        }
        _ => split.items.iter().map(captioned).collect(),
    };
    let left =
        split.left_out.iter().map(|left| format!("{}: {}", left.input, left.reason)).collect();
    (items, left, split.notes.join("; "))
}

fn captioned(item: &clip_data::Item) -> String {
    match &item.target {
        Target::Captions(captions) => format!("{} = {}", item.id(), captions.join(" | ")),
        other => panic!("{other:?}"),
    }
}

struct FolderCase {
    files: &'static [&'static str],
    split: &'static str,
    items: &'static [&'static str],
    left_out: &'static [&'static str],
    /// Part of the notes.
    said: &'static str,
}

#[test]
fn folders_are_read_in_every_usual_layout() {
    let plain = FolderCase { files: &[], split: "all", items: &[], left_out: &[], said: "" };
    let cases = [
        FolderCase {
            files: &[
                "cat/1.jpg",
                "__MACOSX/cat/._1.jpg",
                ".ipynb_checkpoints/x.jpg",
                "@eaDir/x.jpg",
            ],
            items: &["cat/1.jpg = cat"],
            said: "one class alone",
            ..plain
        },
        FolderCase {
            files: &[
                "Train/cat/1.jpg",
                "Train/dog/2.jpg",
                "Test/cat/3.jpg",
                "Test/dog/4.jpg",
                "Meta/0.png",
            ],
            split: "Test",
            items: &["Test/cat/3.jpg = cat", "Test/dog/4.jpg = dog"],
            said: "passed over with their pictures: Meta",
            ..plain
        },
        FolderCase {
            files: &["Training/cat/1.jpg", "Testing/cat/3.jpg", "Testing/dog/4.jpg"],
            split: "Testing",
            items: &["Testing/cat/3.jpg = cat", "Testing/dog/4.jpg = dog"],
            said: "split Training has no picture of 1 of 2 classes: dog",
            ..plain
        },
        FolderCase {
            files: &["x/y/z/cat/1.jpg", "x/y/z/dog/2.jpg"],
            items: &["x/y/z/cat/1.jpg = cat", "x/y/z/dog/2.jpg = dog"],
            said: "classes are the folders in x/y/z",
            ..plain
        },
        FolderCase {
            files: &["x/y/Train/cat/1.jpg", "x/y/Validation/cat/3.jpg"],
            split: "Validation",
            items: &["x/y/Validation/cat/3.jpg = cat"],
            said: "classes are the folders in x/y",
            ..plain
        },
        FolderCase {
            files: &["cat/y/z/1.jpg", "cat/y/z/2.jpg"],
            items: &["cat/y/z/1.jpg = cat", "cat/y/z/2.jpg = cat"],
            said: "one class alone",
            ..plain
        },
        FolderCase {
            files: &["x/train/cat/1.jpg", "x/valid/cat/3.jpg"],
            split: "valid",
            items: &["x/valid/cat/3.jpg = cat"],
            said: "classes are the folders in x",
            ..plain
        },
        FolderCase {
            files: &[
                "train/cat/1.jpg",
                "test/cat/2.jpg",
                "set/train/cat/1.jpg",
                "set/test/cat/2.jpg",
            ],
            split: "test",
            items: &["test/cat/2.jpg = cat"],
            said: "passed over with their pictures: set",
            ..plain
        },
        FolderCase {
            files: &["seg_train/seg_train/cat/1.jpg", "seg_train/seg_train/dog/2.jpg"],
            split: "seg_train",
            items: &["seg_train/seg_train/cat/1.jpg = cat", "seg_train/seg_train/dog/2.jpg = dog"],
            said: "",
            ..plain
        },
        FolderCase {
            files: &["cat/1.jpg", "cat/more/deeper/2.jpg", "dog/images/3.JPEG", "dog/boxes.txt"],
            items: &["cat/1.jpg = cat", "cat/more/deeper/2.jpg = cat", "dog/images/3.JPEG = dog"],
            said: "counted with it: 2; no images, left out: dog/boxes.txt",
            ..plain
        },
        FolderCase {
            files: &["cat/train/1.jpg", "cat/test/2.jpg", "dog/train/3.jpg", "dog/test/4.jpg"],
            split: "test",
            items: &["cat/test/2.jpg = cat", "dog/test/4.jpg = dog"],
            ..plain
        },
        FolderCase {
            files: &["train/1.jpg", "bus/2.jpg"],
            items: &["bus/2.jpg = bus", "train/1.jpg = train"],
            ..plain
        },
        FolderCase {
            files: &["images/cat/1.jpg", "images/dog/2.jpg", "annotations/list.txt"],
            items: &["images/cat/1.jpg = cat", "images/dog/2.jpg = dog"],
            said: "classes are the folders in images",
            ..plain
        },
        FolderCase {
            files: &["cat/1.jpg", "dog/2.jpg", "3.jpg"],
            items: &["cat/1.jpg = cat", "dog/2.jpg = dog"],
            left_out: &["3.jpg: lies in no class folder"],
            ..plain
        },
        FolderCase {
            files: &["cat/1.jpg", "dog/2.avif", "dog/3.jpg_large", "dog/4"],
            items: &["cat/1.jpg = cat", "dog/2.avif = dog", "dog/3.jpg_large = dog", "dog/4 = dog"],
            ..plain
        },
        FolderCase {
            files: &["train/Red_Fox/1.jpg", "train/cat/1.jpg", "test/red fox/2.jpg"],
            split: "test",
            items: &["test/red fox/2.jpg = Red Fox"],
            said: "read as one class: Red_Fox = red fox",
            ..plain
        },
        FolderCase {
            files: &["train/caf\u{e9}/1.jpg", "train/bar/1.jpg", "test/cafe\u{301}/2.jpg"],
            split: "test",
            items: &["test/cafe\u{301}/2.jpg = caf\u{e9}"],
            ..plain
        },
        FolderCase {
            files: &["n02110341/1.jpg", "n04555897/2.jpg"],
            items: &["n02110341/1.jpg = Dalmatian", "n04555897/2.jpg = n04555897"],
            said: "no name is known of n04555897",
            ..plain
        },
    ];
    for case in cases {
        let fixture = Fixture::new();
        for file in case.files {
            fixture.file(
                &format!("s/{file}"),
                if file.ends_with(".txt") { "x" } else { "P5 1 1 255\n\u{7f}" },
            );
        }
        let split = open(&fixture, "folder:s", None)
            .unwrap_or_else(|error| panic!("{:?}: {error}", case.files));
        let (mut items, left_out, notes) = seen(&split);
        items.sort();
        assert_eq!((&*split.info.name, items), (case.split, owned(case.items)), "{:?}", case.files);
        assert_eq!(left_out, case.left_out, "{:?}", case.files);
        assert!(notes.contains(case.said), "{:?}: {notes}", case.files);
    }
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn folders_without_classes_say_where_the_pictures_lie() {
    for (files, reasons) in [
        (&["1.jpg", "2.jpg"][..], &["holds 2 pictures", "each class needs one"][..]),
        (&["train/1.jpg", "test/2.jpg"], &["split test holds 1 pictures"]),
        (
            &["Train/cat/1.jpg", "Test/2.jpg"],
            &["split Test holds 1 pictures", "`--split` takes another: Train"],
        ),
        (&["train/cat/1.jpg", "test_1/cat/2.jpg", "test-2/cat/3.jpg"], &["--split"]),
    ] {
        let fixture = Fixture::new();
        files.iter().for_each(|file| {
            fixture.images(&[&format!("s/{file}")]);
        });
        let message = open(&fixture, "folder:s", None).expect_err("no classes");
        assert!(reasons.iter().all(|reason| message.contains(reason)), "{files:?}: {message}");
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_listed_is_left_out_and_said() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let fixture = Fixture::new();
    fixture.images(&["s/cat/1.jpg", "s/dog/2.jpg"]);
    let odd = fixture.root().join("s/cat").join(OsStr::from_bytes(b"a\xff.jpg"));
    if std::fs::write(&odd, b"P5 1 1 255\n\x80").is_err() {
        return clip_testing::skipped("this file system knows names in UTF-8 alone");
    }
    let split = open(&fixture, "folder:s", None).expect("readable");
    assert_eq!(split.items.len(), 2);
    assert_eq!(seen(&split).1, ["cat/a\u{fffd}.jpg: the name is not UTF-8"]);
}

#[cfg(unix)]
#[test]
fn links_and_pipes_neither_repeat_nor_block() {
    let fixture = Fixture::new();
    fixture.images(&["s/cat/1.jpg", "s/dog/2.jpg"]);
    std::os::unix::fs::symlink(".", fixture.root().join("s/cat/again")).expect("a link");
    let made =
        std::process::Command::new("mkfifo").arg(fixture.root().join("s/dog/3.jpg")).status();
    assert!(made.expect("mkfifo").success());
    let split = open(&fixture, "folder:s", None).expect("readable");
    let bytes: Vec<bool> = split.items.iter().map(|item| split.items.bytes(item).is_ok()).collect();
    assert_eq!(bytes, [true, true, false], "{:?}", seen(&split).0);
}

#[test]
fn class_names_are_joined_by_label() {
    for (names, expected) in [
        ("watch\npizza\n", ["s/../pizza/1.jpg = pizza", "watch"]),
        ("pizza\ta slice\nwatch\ta clock\n", ["a slice", "a clock"]),
        ("a slice\na clock\n", ["a slice", "a clock"]),
    ] {
        let fixture = Fixture::new();
        fixture.images(&["s/watch/1.jpg", "s/pizza/1.jpg"]).file("s/classnames.txt", names);
        let split = open(&fixture, "folder:s", None).expect("readable");
        let found: Vec<&str> = named(&split).into_iter().map(|(_, name)| name).collect();
        let expected: Vec<&str> =
            expected.iter().map(|name| name.rsplit(" = ").next().unwrap_or_default()).collect();
        assert_eq!(found, expected, "{names}");
    }
    let fixture = Fixture::new();
    fixture
        .images(&["s/watch/1.jpg", "s/pizza/1.jpg"])
        .file("s/classnames.txt", "watch\na slice\n");
    let message = open(&fixture, "folder:s", None).expect_err("a clash");
    assert!(message.contains("`watch` stands at the place of `pizza`"), "{message}");
}

/// A table, what is read of it, what is left out, and what is said.
type TableCase<'a> = (&'a [u8], &'a [&'a str], &'a [&'a str], &'a str);
/// Shards, the split, what is read of it, what is left out, and what is said.
type ShardCase<'a> = (&'a [Shard<'a>], &'a str, &'a [&'a str], &'a [&'a str], &'a str);
/// Members of a shard, and why they are refused.
type RefusedShard<'a> = (&'a [(&'a str, &'a [u8])], &'a str);

#[test]
fn tables_are_read_in_every_usual_dialect() {
    let both = &["a/1.jpg = cat", "a/2.jpg = dog"][..];
    let utf16: Vec<u8> = "\u{feff}file,label\r\na/1.jpg,cat\r\na/2.jpg,dog\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [TableCase<'_>; 27] = [
        (
            b"\xef\xbb\xbf\"file\",\"label\"\r\n\"a/1.jpg\",\"cat\"\r\n\"a/2.jpg\",\"dog\"\r\n",
            both,
            &[],
            "",
        ),
        (b"file;label\na/1.jpg;cat\na/2.jpg;dog\n", both, &[], ""),
        (b"sep=;\r\nfile;label\r\na/1.jpg;cat\r\na/2.jpg;dog\r\n", both, &[], ""),
        (&utf16, both, &[], ""),
        (b"File,Label\na/1.jpg,cat\na/2.jpg,dog\n,\n,\n\n", both, &[], ""),
        (b"path,class\n./a/1.jpg,cat\na\\2.jpg,dog\n", both, &[], ""),
        (b"image name|category|set\na/1.jpg|cat|Test\na/2.jpg|dog|test\n", both, &[], ""),
        (
            b"file,label,split\na/1.jpg,cat,testing\na/2.jpg,dog,testing\na/3.jpg,dog,train\n",
            both,
            &[],
            "",
        ),
        (
            b"file,label,split\na/1.jpg,cat,eval\na/2.jpg,dog,eval\na/3.jpg,dog,train\n",
            both,
            &[],
            "",
        ),
        (b"file_name,label\n1.jpg,cat\n2.jpg,dog\n", both, &[], "paths of the table start in a/"),
        (
            b"file,label\na/1.jpg,cat\na/2.jpg,\"dog\n",
            both,
            &[],
            "line 3: a quote that is never closed; quotes are read as text",
        ),
        (
            b"file,label\na/1.jpg,Cat\na/3.jpg,cat\na/2.jpg,dog\n",
            &["a/1.jpg = Cat", "a/3.jpg = Cat", "a/2.jpg = dog"],
            &[],
            "read as one class: Cat = cat",
        ),
        (
            b"file,label\na/1.jpg,cat\na/2.jpg,\n,dog\na/4.jpg,dog\n",
            &["a/1.jpg = cat"],
            &[
                "a/2.jpg: has no label or caption",
                "line 4: names no file",
                "a/4.jpg: there is no such file",
            ],
            "",
        ),
        (
            b"file,label\na/1.jpg,cat\na/1.jpg,cat\na/2.jpg,dog\na/3.jpg,cat\na/3.jpg,dog\n",
            both,
            &["a/3.jpg: has two labels: cat in line 5, dog in line 6"],
            "say again what another says of their picture: 1",
        ),
        (
            b"file,label\na/1.jpg,10.0\na/2.jpg,2.0\n",
            &["a/1.jpg = 10.0", "a/2.jpg = 2.0"],
            &[],
            "are numbers",
        ),
        (
            b"file,label,phase\na/1.jpg,cat,test\na/2.jpg,dog,test\na/3.jpg,dog,train\n",
            both,
            &[],
            "from column phase",
        ),
        (
            b"file,label,is_train\na/1.jpg,cat,0\na/2.jpg,dog,1\n",
            both,
            &[],
            "no split is known from column is_train",
        ),
        (
            b"file,label\na/1.jpg,cat\na/2.jpg,dog\na/3.jpg,NaN\n",
            both,
            &["a/3.jpg: has no label or caption"],
            "",
        ),
        (
            b"file,label,label_name\na/1.jpg,0,cat\na/2.jpg,1,dog\n",
            both,
            &[],
            "label_name, not from label",
        ),
        (
            b"file,captions\na/1.jpg,\"[\"\"one\"\", \"\"two, three\"\"]\"\na/2.jpg,[not a list]\n",
            &["a/1.jpg = one | two, three", "a/2.jpg = [not a list]"],
            &[],
            "",
        ),
        (
            b"file,label,class\na/1.jpg,cat,1\na/2.jpg,dog,2\n",
            both,
            &[],
            "column label, not from class",
        ),
        (b"filepath\ttitle\na/1.jpg\ta cat\n", &["a/1.jpg = a cat"], &[], ""),
        (
            b"file\tcaption\na/1.jpg\t\"Best cat\na/2.jpg\ta dog\na/1.jpg\tagain\n",
            &["a/1.jpg = \"Best cat | again", "a/2.jpg = a dog"],
            &[],
            "line 2: a quote",
        ),
        (b"image,caption_1,caption_2\na/1.jpg,one,two\n", &["a/1.jpg = one | two"], &[], ""),
        (b"image,caption\na/1.jpg,\"one, two\nthree\"\n", &["a/1.jpg = one, two\nthree"], &[], ""),
        (
            b"image,caption\na/1.jpg,one\na/2.jpg,\n",
            &["a/1.jpg = one"],
            &["a/2.jpg: has no label or caption"],
            "",
        ),
        (
            b"image,caption\na/1.jpg,one\na/2.jpg,one\n",
            &["a/1.jpg = one", "a/2.jpg = one"],
            &[],
            "captions that stand at more than one picture: 1",
        ),
    ];
    for (text, items, left_out, said) in cases {
        let fixture = Fixture::new();
        fixture.images(&["a/1.jpg", "a/2.jpg", "a/3.jpg"]).file("t.csv", text);
        let shown = String::from_utf8_lossy(text);
        let split =
            open(&fixture, "csv:t.csv", None).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let (found, left, notes) = seen(&split);
        assert_eq!((found, left), (owned(items), owned(left_out)), "{shown}");
        assert!(notes.contains(said), "{shown}: {notes}");
        assert_eq!(split.dataset.id, "t");
    }
}

#[test]
fn table_that_is_not_plain_is_refused_with_the_place() {
    for (text, reason) in [
        (&b"a/1.jpg,cat\na/2.jpg,dog\n"[..], "no header line: write `file,label`"),
        (b"file,breed\na/1.jpg,cat\n", "the header `file,breed` needs"),
        (b"file,label\na/1.jpg,caf\xe9\n", "in line 2, is not UTF-8"),
        (b"f\0i\0l\0e\0,\0l\0a\0b\0e\0l\0", "UTF-16 without a mark: save it as UTF-8"),
        (b"\xff\xfe\0\0f\0\0\0", "is UTF-32"),
        (b"file,label\nhttps://example.org/1.jpg,cat\n", "is an address: fetch it"),
        (
            b"file,caption\na/1.jpg,\"['one', 'two']\"\n",
            "line 2: the text is a list as Python writes it",
        ),
        (b"file,label\na/1.jpg,a, b\n", "line 2: 3 cells for 2 columns"),
        (
            b"file,label,split\na/1.jpg,cat,one\na/2.jpg,dog,two\n",
            "which is scored? say `--split NAME`",
        ),
        (
            b"file,label\nb/1.jpg,cat\nb/2.jpg,cat\n",
            "no row of 2 can be scored; the first: b/1.jpg: there is no such file",
        ),
    ] {
        let fixture = Fixture::new();
        fixture.images(&["a/1.jpg", "a/2.jpg"]).file("t.csv", text);
        let message = open(&fixture, "csv:t.csv", None).expect_err("refused");
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn labels_and_captions_are_read_as_the_task_needs_them() {
    let fixture = Fixture::new();
    fixture.images(&["a/1.jpg", "a/2.jpg"]);
    fixture.file("both.csv", "file,label,caption\na/1.jpg,cat,one cat\na/2.jpg,dog,one dog\n");
    fixture
        .file("labels.csv", "file,label\na/1.jpg,cat\n")
        .file("captions.csv", "file,caption\na/1.jpg,one\n");
    let members: [(&str, &[u8]); 3] = [("a.jpg", b"x"), ("a.cls", b"1"), ("a.txt", b"one dog")];
    fixture.file("both/classnames.txt", "cat\ndog").file("both/test/0.tar", tar(&members));
    let read = |name: &str, task| {
        let options = ReadOptions { task: Some(task), ..Default::default() };
        Split::open(name, fixture.root(), None, &options).map_err(|error| error.to_string())
    };
    for (name, task, first) in [
        ("csv:both.csv", Task::Retrieval, "a/1.jpg = one cat"),
        ("csv:both.csv", Task::Classification, "a/1.jpg = cat"),
        ("webdataset:both", Task::Retrieval, "0/a = one dog"),
        ("webdataset:both", Task::Classification, "0/a = dog"),
    ] {
        let split = read(name, task).expect("readable");
        let (items, _, notes) = seen(&split);
        assert_eq!((split.dataset.task, &*items[0]), (task, first), "{name}");
        assert!(
            name.starts_with("web") || notes.contains("there are labels and captions"),
            "{notes}"
        );
    }
    let message = read("csv:labels.csv", Task::Retrieval).expect_err("no captions");
    assert!(message.contains("has labels and no captions: `eval zeroshot`"), "{message}");
    let message = read("csv:captions.csv", Task::Classification).expect_err("no labels");
    assert!(message.contains("has captions and no labels: `eval retrieval`"), "{message}");
}

#[test]
fn absolute_paths_and_paths_beside_the_table_are_files() {
    let fixture = Fixture::new();
    fixture.images(&["lists/a/1.jpg", "pictures/2.jpg"]);
    let root = fixture.root().canonicalize().expect("a folder");
    let outside = root.join("pictures/2.jpg").display().to_string();
    let table = format!(
        "file,label\n{}/lists/a/1.jpg,cat\n{outside},dog\n../pictures/2.jpg,dog\n",
        root.display()
    );
    fixture.file("lists/t.csv", table);
    let table = root.join("lists/t.csv").display().to_string();
    let split = Split::open(
        &format!("csv:{table}"),
        std::path::Path::new(""),
        None,
        &ReadOptions::default(),
    );
    let split = split.expect("readable");
    let ids: Vec<String> = split.items.iter().map(clip_data::Item::id).collect();
    assert_eq!(ids, ["a/1.jpg", &outside, "../pictures/2.jpg"]);
    assert!(split.items.iter().all(|item| split.items.bytes(item).is_ok()));
}

#[test]
fn numbers_are_lines_of_the_class_names() {
    let fixture = Fixture::new();
    fixture
        .images(&["1.jpg", "2.jpg"])
        .file("classnames.txt", "zero\none\n\nthree\n\n")
        .file("t.csv", "file,label\n1.jpg,3.0\n2.jpg,1.0\n");
    let split = open(&fixture, "csv:t.csv", None).expect("readable");
    let names: Vec<&str> = named(&split).into_iter().map(|(_, name)| name).collect();
    assert_eq!((names, split.prompts.classes.len()), (vec!["three", "one"], 4));
}

/// One shard as members of a tar.
type Shard<'a> = (&'a str, &'a [(&'a str, &'a [u8])]);

#[test]
fn shards_are_read_in_every_usual_layout() {
    let one: &[(&str, &[u8])] = &[("a.jpg", b"x"), ("a.cls", b"1")];
    let cases: [ShardCase<'_>; 13] = [
        (
            &[("set-train-0.tar", one), ("set-validation-0.tar", one)],
            "validation",
            &["set-validation-0/a = dog"],
            &[],
            "",
        ),
        (
            &[("00000.tar", one), ("00001.tar", &[("b.jpg", b"x"), ("b.cls", b"0")])],
            "all",
            &["00000/a = dog", "00001/b = cat"],
            &[],
            "",
        ),
        (&[("testing/0.tar", one)], "testing", &["0/a = dog"], &[], ""),
        (
            &[("test/val.00.tar", one), ("test/val.01.tar", one)],
            "test",
            &["val.00/a = dog", "val.01/a = dog"],
            &[],
            "",
        ),
        (&[("test/0.tar", &[("A.JPG", b"x"), ("A.CLS", b"1")])], "test", &["0/A = dog"], &[], ""),
        (
            &[("test/0.tar", &[("a.cls", b"1"), ("a.jpg", b"x"), ("a.mask.png", b"y")])],
            "test",
            &["0/a = dog"],
            &[],
            "",
        ),
        (
            &[(
                "test/0.tar",
                &[("i.0.jpg", b"x"), ("i.0.cls", b"1"), ("i.1.jpg", b"x"), ("i.1.cls", b"0")],
            )],
            "test",
            &["0/i.0 = dog", "0/i.1 = cat"],
            &[],
            "keys hold dots",
        ),
        (
            &[("test/0.tar", &[("a.jpg", b"x"), ("a.json", br#"{"label": 1, "name": "x"}"#)])],
            "test",
            &["0/a = dog"],
            &[],
            "",
        ),
        (&[("test/0.tar", &[("a.jpg", b"x"), ("a.cls", b"Dog")])], "test", &["0/a = dog"], &[], ""),
        (
            &[(
                "test/0.tar",
                &[("._a.jpg", b"x"), ("a.jpg", b"x"), ("a.cls", b"1"), ("__MACOSX/b.jpg", b"")],
            )],
            "test",
            &["0/a = dog"],
            &[],
            "",
        ),
        (
            &[(
                "test/0.tar",
                &[
                    ("a.jpg", b"x"),
                    ("a.cls", b"1"),
                    ("b.jpg", b"x"),
                    ("c.jpg", b"x"),
                    ("c.cls", b"-1"),
                    ("d.cls", b"0"),
                ],
            )],
            "test",
            &["0/a = dog"],
            &[
                "0/b: has no label (cls)",
                "0/c: its label is -1, which is no class",
                "0/d: has no picture",
            ],
            "",
        ),
        (
            &[(
                "0.tar",
                &[
                    ("a.jpg", b"x"),
                    ("a.txt", b"one\n\ntwo\r\n"),
                    ("a.json", br#"{"caption": "three"}"#),
                ],
            )],
            "all",
            &["0/a = one | two"],
            &[],
            "",
        ),
        (
            &[("0.tar", &[("a.jpg", b"x"), ("a.txt", b"one"), ("b.jpg", b"x"), ("b.txt", b"\n")])],
            "all",
            &["0/a = one"],
            &["0/b: its caption is empty"],
            "",
        ),
    ];
    for (shards, split_name, items, left_out, said) in cases {
        let fixture = Fixture::new();
        fixture.file("w/classnames.txt", "cat\ndog");
        for (path, members) in shards {
            fixture.file(&format!("w/{path}"), tar(members));
        }
        let split = open(&fixture, "webdataset:w", None)
            .unwrap_or_else(|error| panic!("{shards:?}: {error}"));
        let (found, left, notes) = seen(&split);
        assert_eq!(&*split.info.name, split_name, "{shards:?}");
        assert_eq!((found, left), (owned(items), owned(left_out)), "{shards:?}");
        assert!(notes.contains(said), "{shards:?}: {notes}");
    }
}

#[test]
fn shards_whose_meaning_is_not_plain_are_refused() {
    let npy = |values: &[u8]| {
        let head =
            format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}\n", values.len());
        let length = u16::try_from(head.len()).expect("short").to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], head.as_bytes(), values].concat()
    };
    let (three, five) = (npy(&[0, 1, 1]), npy(&[0, 5]));
    let cases: [RefusedShard<'_>; 8] = [
        (&[("a.jpg", b"x"), ("a.png", b"y"), ("a.cls", b"0")], "several pictures (jpg, png)"),
        (
            &[("a.jpg", b"x"), ("a.cls", b"0"), ("b.jpg", b"y"), ("a.jpg", b"z")],
            "holds `a.jpg` twice",
        ),
        (&[("a.jpg", b"x"), ("a.cls", b"2")], "class 2 is used, 2 are named"),
        (&[("a.jpg", b"x"), ("a.cls", b"bird")], "not named once: bird"),
        (&[("a.jpg", b"x"), ("a.cls", b"0.5")], "neither the number of a class nor a name"),
        (&[("a.jpg", b"x"), ("a.npy", &three)], "class 2 is used, 2 are named"),
        (&[("a.jpg", b"x"), ("a.npy", &five)], "other values than 0 and 1"),
        (&[("a.jpg", b"x"), ("a.json", b"{\"label\": [1]}")], "neither a number nor a text"),
    ];
    for (members, reason) in cases {
        let fixture = Fixture::new();
        fixture.file("w/classnames.txt", "cat\ndog").file("w/test/0.tar", tar(members));
        let message = open(&fixture, "webdataset:w", None).expect_err("refused");
        assert!(message.contains(reason), "{members:?}: {message}");
    }
    let fixture = Fixture::new();
    fixture
        .file("w/test/0.tar", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    assert!(open(&fixture, "webdataset:w", None).expect_err("a pointer").contains("git lfs pull"));
    fixture.file("z/test/0.tar.zst", "");
    assert!(
        open(&fixture, "webdataset:z", None).expect_err("zst").contains(".tar, .tar.gz or .tgz")
    );
    fixture.file("v/list.txt", "");
    assert!(open(&fixture, "webdataset:v", None).expect_err("no tar").contains("test/0.tar"));
}

#[test]
fn shards_beyond_the_count_and_those_missing_are_said() {
    let fixture = Fixture::new();
    for shard in [0, 2, 3] {
        fixture.file(&format!("w/test/{shard}.tar"), tar(&[("a.jpg", b"x"), ("a.cls", b"0")]));
    }
    fixture.file("w/test/nshards.txt", "3\n");
    let split = open(&fixture, "webdataset:w", None).expect("readable");
    assert_eq!((split.items.len(), &*split.missing), (2, &["test/1.tar".to_owned()][..]));
    assert_eq!(seen(&split).1, ["3.tar: nshards.txt counts 3 shards, from 0.tar"]);
}

#[test]
fn links_in_a_shard_are_the_files_they_lead_to() {
    let mut archive = tar(&[("x/0.jpg", b"one"), ("a.cls", b"0"), ("b.cls", b"0")]);
    archive.truncate(archive.len() - 1024);
    for (name, target) in [("a.jpg", "x/0.jpg"), ("b.jpg", "../x/9.jpg")] {
        let mut head = tar(&[(name, b"")])[..512].to_vec();
        head[156] = b'2';
        head[157..157 + target.len()].copy_from_slice(target.as_bytes());
        head[148..156].fill(b' ');
        let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(head);
    }
    archive.extend([0; 1024]);
    let packed = {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&archive).expect("in memory");
        packer.finish().expect("in memory")
    };
    for (name, bytes) in [("0.tar", archive), ("0.tar.gz", packed.clone()), ("0.tgz", packed)] {
        let fixture = Fixture::new();
        fixture.file(&format!("w/test/{name}"), bytes);
        let split = open(&fixture, "webdataset:w", None).expect("readable");
        assert_eq!(
            split.items.iter().map(clip_data::Item::id).collect::<Vec<_>>(),
            ["0/a"],
            "{name}"
        );
        assert_eq!(split.items.bytes(&split.items[0]).expect("a member"), b"one", "{name}");
        let left = seen(&split).1;
        assert!(
            left.iter().any(|left| left.contains("a link to x/9.jpg, which is not in the archive")),
            "{left:?}"
        );
    }
}
